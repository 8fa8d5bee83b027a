/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of text_in. The first octet chooses the mode, the second the cuts. Asserts: cuts
 * change nothing, what comes out is CRLF text without NUL, the end is where the first CRLF.CRLF is,
 * and stuffed text comes back as it was.
 */
#include "proxy/text_in.h"

#include "lib/buf.h"

#include <stdint.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    struct text_in text;
    struct buf out;
    size_t taken;
    bool end;
};

static void collect(void *arg, const char *data, size_t len)
{
    CHECK(len > 0);
    buf_add(arg, data, len);
}

static struct result run(bool dotted, enum newline_policy policy, const char *in, size_t len,
                         size_t step)
{
    struct result r = {0};
    text_in_init(&r.text, dotted, policy);
    while (r.taken < len && !r.end) {
        size_t n = len - r.taken < step ? len - r.taken : step;
        r.taken += text_in_feed(&r.text, in + r.taken, n, collect, &r.out, &r.end);
    }
    if (!dotted)
        text_in_finish(&r.text, collect, &r.out);
    return r;
}

static void check_same(const struct result *a, const struct result *b)
{
    CHECK(a->taken == b->taken && a->end == b->end && buf_len(&a->out) == buf_len(&b->out));
    CHECK(memcmp(buf_data(&a->out), buf_data(&b->out), buf_len(&a->out)) == 0);
    const struct text_in *s = &a->text, *t = &b->text;
    CHECK(s->faults == t->faults && s->size == t->size && s->header_size == t->header_size);
    CHECK(s->received == t->received && s->header_done == t->header_done);
    CHECK(s->ends_in_crlf == t->ends_in_crlf && s->dot_lines == t->dot_lines);
    CHECK(s->eight_bit == t->eight_bit && s->place == t->place && s->crs == t->crs);
}

static void check_clean(const struct result *r)
{
    const char *out = buf_data(&r->out);
    size_t len = buf_len(&r->out);
    bool dot_lines = len > 0 && out[0] == '.', eight_bit = false;
    for (size_t i = 0; i < len; i++) {
        CHECK(out[i] != '\0');
        CHECK(out[i] != '\n' || (i > 0 && out[i - 1] == '\r'));
        CHECK(out[i] != '\r' || (i + 1 < len && out[i + 1] == '\n'));
        dot_lines |= out[i] == '.' && i > 0 && out[i - 1] == '\n';
        eight_bit |= (unsigned char)out[i] >= 0x80;
    }
    CHECK(r->text.size == len && r->text.header_size <= len);
    CHECK(r->text.dot_lines == dot_lines && r->text.eight_bit == eight_bit);
    CHECK(r->text.ends_in_crlf == (len == 0 || out[len - 1] == '\n'));
}

/* While refusing, the end is exactly the first CRLF.CRLF, the start counting as behind a CRLF. */
static void check_end(const struct result *r, const char *in, size_t len)
{
    struct buf whole = {0};
    buf_add(&whole, "\r\n", 2);
    buf_add(&whole, in, len);
    const char *base = buf_data(&whole);
    const char *end = memmem(base, buf_len(&whole), "\r\n.\r\n", 5);
    CHECK(r->end == (end != NULL));
    CHECK(r->taken == (end != NULL ? (size_t)(end - base) + 3 : len));
    buf_free(&whole);
}

static void check_round_trip(const struct result *r)
{
    struct buf wire = {0};
    bool line_start = true;
    size_t half = buf_len(&r->out) / 2;
    text_stuff(&wire, buf_data(&r->out), half, &line_start);
    text_stuff(&wire, buf_data(&r->out) + half, buf_len(&r->out) - half, &line_start);
    if (!line_start)
        buf_add(&wire, "\r\n", 2);
    buf_add(&wire, ".\r\n", 3);
    struct result back = run(true, NEWLINE_REJECT, buf_data(&wire), buf_len(&wire), buf_len(&wire));
    CHECK(back.end && back.text.faults == 0 && back.taken == buf_len(&wire));
    CHECK(buf_len(&back.out) == buf_len(&r->out) + (line_start ? 0 : 2));
    CHECK(memcmp(buf_data(&back.out), buf_data(&r->out), buf_len(&r->out)) == 0);
    buf_free(&wire);
    buf_free(&back.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bool dotted = (data[0] & 1) != 0;
    enum newline_policy policy = (data[0] & 2) != 0 ? NEWLINE_NORMALIZE : NEWLINE_REJECT;
    const char *in = (const char *)data + 2;
    size_t len = size - 2;
    struct result whole = run(dotted, policy, in, len, len);
    struct result cut = run(dotted, policy, in, len, (size_t)data[1] + 1);
    check_same(&whole, &cut);
    check_clean(&whole);
    if (dotted && policy == NEWLINE_REJECT)
        check_end(&whole, in, len);
    check_round_trip(&whole);
    buf_free(&whole.out);
    buf_free(&cut.out);
    return 0;
}
