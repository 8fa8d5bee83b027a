/* SPDX-License-Identifier: ISC */
/*
 * Tests of text_in: only CRLF.CRLF ends a message, smuggling forms are refused or normalised, and
 * no cut of the input changes anything. Each case runs at every cut, one octet at a time, and
 * behind clean text of many lengths, so that the fast way is taken as well.
 */
#include "proxy/text_in.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NO_END ((size_t)-1)
#define IN(s)  s, sizeof(s) - 1

enum mode { DATA_REJECT, DATA_NORMALIZE, BDAT_REJECT, BDAT_NORMALIZE };

struct text_case {
    const char *name;
    enum mode mode;
    const char *in;
    size_t in_len;
    const char *out;
    size_t out_len;
    unsigned faults;
    size_t end; /* octets taken when the end is found, or NO_END */
};

struct result {
    struct text_in text;
    struct buf out;
    size_t end;
};

static void collect(void *arg, const char *data, size_t len)
{
    assert_true(len > 0);
    buf_add(arg, data, len);
}

/* Feeds one piece, in fresh memory of its very size; true at the end of data. */
static bool feed_piece(struct result *r, const char *data, size_t len)
{
    bool end = false;
    char *copy = mem_strndup(data, len);
    size_t used = text_in_feed(&r->text, copy, len, collect, &r->out, &end);
    free(copy);
    if (r->end == NO_END)
        r->end = 0;
    r->end += used;
    assert_true(end || used == len);
    return end;
}

/* The whole input in pieces of `first`, then `step` octets each. */
static struct result run(enum mode mode, const char *in, size_t len, size_t first, size_t step)
{
    struct result r = {.end = NO_END};
    bool dotted = mode == DATA_REJECT || mode == DATA_NORMALIZE;
    bool normalize = mode == DATA_NORMALIZE || mode == BDAT_NORMALIZE;
    text_in_init(&r.text, dotted, normalize ? NEWLINE_NORMALIZE : NEWLINE_REJECT);
    bool end = false;
    for (size_t at = 0, n = first; at < len && !end; at += n, n = step) {
        n = n < len - at ? n : len - at;
        end = feed_piece(&r, in + at, n);
    }
    if (!end)
        r.end = NO_END;
    if (!dotted)
        text_in_finish(&r.text, collect, &r.out);
    return r;
}

static void check(const struct text_case *c, const struct result *r, const char *out,
                  size_t out_len, size_t end)
{
    if (r->end != end || buf_len(&r->out) != out_len || r->text.faults != c->faults ||
        memcmp(buf_data(&r->out), out, out_len) != 0)
        fail_msg("%s: end %zd (want %zd), faults %u (want %u), %zu octets: '%.*s'", c->name,
                 (ssize_t)r->end, (ssize_t)end, r->text.faults, c->faults, buf_len(&r->out),
                 (int)buf_len(&r->out), buf_data(&r->out));
    assert_int_equal(r->text.size, out_len);
    assert_int_equal(r->text.ends_in_crlf,
                     out_len == 0 || (out_len >= 2 && memcmp(out + out_len - 2, "\r\n", 2) == 0));
}

/* The case behind `pad` octets of clean text, itself at every cut. */
static void check_padded(const struct text_case *c, size_t pad)
{
    struct buf in = {0}, out = {0};
    for (size_t i = 0; i + 2 < pad; i++)
        buf_add(&in, i % 70 == 68 ? "\r" : i % 70 == 69 ? "\n" : "x", 1);
    if (pad > 0) {
        while (buf_len(&in) > 0 && strchr("\r\n", buf_data(&in)[buf_len(&in) - 1]) != NULL)
            in.end--;
        buf_add(&in, IN("\r\n"));
    }
    size_t head = buf_len(&in);
    buf_add(&out, buf_data(&in), head);
    buf_add(&in, c->in, c->in_len);
    buf_add(&out, c->out, c->out_len);
    size_t len = buf_len(&in);
    size_t end = c->end == NO_END ? NO_END : c->end + head;
    for (size_t cut = head; cut <= len; cut++) {
        struct result r = run(c->mode, buf_data(&in), len, cut, len);
        check(c, &r, buf_data(&out), buf_len(&out), end);
        buf_free(&r.out);
    }
    struct result r = run(c->mode, buf_data(&in), len, 1, 1);
    check(c, &r, buf_data(&out), buf_len(&out), end);
    buf_free(&r.out);
    buf_free(&in);
    buf_free(&out);
}

static const struct text_case cases[] = {
    {"plain text", DATA_REJECT, IN("a\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"), 0, 9},
    {"what follows the end is not taken", DATA_REJECT, IN("a\r\n.\r\nQUIT\r\n"), IN("a\r\n"), 0, 6},
    {"an empty message", DATA_REJECT, IN(".\r\n"), IN(""), 0, 3},
    {"an empty line only", DATA_REJECT, IN("\r\n.\r\n"), IN("\r\n"), 0, 5},
    {"dots undone", DATA_REJECT, IN("..\r\n..a\r\n.b\r\na.b\r\n.\r\n"),
     IN(".\r\n.a\r\nb\r\na.b\r\n"), 0, 21},
    {"dots of BDAT stay, nothing ends it", BDAT_REJECT, IN("..\r\n.\r\na"), IN("..\r\n.\r\na"), 0,
     NO_END},
    {"no end", DATA_REJECT, IN("a\r\n."), IN("a\r\n"), 0, NO_END},
    {"8-bit and controls pass", DATA_REJECT, IN("\xff\x01\x7f\t\r\n.\r\n"),
     IN("\xff\x01\x7f\t\r\n"), 0, 9},
    /* what shall never end a message, and the legal end behind it */
    {"LF.LF", DATA_REJECT, IN("a\n.\nb\r\n.\r\n"), IN("a"), TEXT_BARE_LF, 10},
    {"LF.CR", DATA_REJECT, IN("a\n.\rb\r\n.\r\n"), IN("a"), TEXT_BARE_LF | TEXT_BARE_CR, 10},
    {"CR.LF", DATA_REJECT, IN("a\r.\nb\r\n.\r\n"), IN("a"), TEXT_BARE_LF | TEXT_BARE_CR, 10},
    {"CR.CR", DATA_REJECT, IN("a\r.\rb\r\n.\r\n"), IN("a"), TEXT_BARE_CR, 10},
    {"LF.CRLF", DATA_REJECT, IN("a\n.\r\nb\r\n.\r\n"), IN("a"), TEXT_BARE_LF, 11},
    {"CR.CRLF", DATA_REJECT, IN("a\r.\r\nb\r\n.\r\n"), IN("a"), TEXT_BARE_CR, 11},
    {"CRLF NUL.CRLF", DATA_REJECT, IN("a\r\n\0.\r\nb\r\n.\r\n"), IN("a\r\n"), TEXT_NUL, 13},
    {"CRLF.NUL CRLF", DATA_REJECT, IN("a\r\n.\0\r\nb\r\n.\r\n"), IN("a\r\n"), TEXT_NUL, 13},
    {"CRLF.CRCRLF", DATA_REJECT, IN("a\r\n.\r\r\nb\r\n.\r\n"), IN("a\r\n"), TEXT_BARE_CR, 13},
    {"CRCRLF.CRCRLF", DATA_REJECT, IN("a\r\r\n.\r\r\nb\r\n.\r\n"), IN("a"), TEXT_BARE_CR, 14},
    {"CRLF.LF", DATA_REJECT, IN("a\r\n.\nb\r\n.\r\n"), IN("a\r\n"), TEXT_BARE_LF, 11},
    {"CRLF.CR", DATA_REJECT, IN("a\r\n.\rb\r\n.\r\n"), IN("a\r\n"), TEXT_BARE_CR, 11},
    {"CRLF.CR then CRLF.CRLF", DATA_REJECT, IN("a\r\n.\r\r\n.\r\n"), IN("a\r\n"), TEXT_BARE_CR, 10},
    {"CRCRLF.CRLF holds the legal end", DATA_REJECT, IN("a\r\r\n.\r\n"), IN("a"), TEXT_BARE_CR, 7},
    {"a bare LF at the very end", DATA_REJECT, IN("a\r\n.\n"), IN("a\r\n"), TEXT_BARE_LF, NO_END},
    {"BDAT: bare LF", BDAT_REJECT, IN("a\nb"), IN("a"), TEXT_BARE_LF, NO_END},
    {"BDAT: bare CR", BDAT_REJECT, IN("a\rb"), IN("a"), TEXT_BARE_CR, NO_END},
    {"BDAT: a CR at the end", BDAT_REJECT, IN("a\r"), IN("a"), TEXT_BARE_CR, NO_END},
    {"BDAT: NUL", BDAT_REJECT, IN("a\0b"), IN("a"), TEXT_NUL, NO_END},
    /* the same, normalised */
    {"norm: clean text", DATA_NORMALIZE, IN("a\r\n..b\r\n.\r\n"), IN("a\r\n.b\r\n"), 0, 11},
    {"norm: LF", DATA_NORMALIZE, IN("a\nb\n\nc\r\n.\r\n"), IN("a\r\nb\r\n\r\nc\r\n"), TEXT_BARE_LF,
     11},
    {"norm: CR", DATA_NORMALIZE, IN("a\rb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_CR, 8},
    {"norm: CRCRLF is one", DATA_NORMALIZE, IN("a\r\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_CR,
     10},
    {"norm: CRCRCRLF is two", DATA_NORMALIZE, IN("a\r\r\r\nb\r\n.\r\n"), IN("a\r\n\r\nb\r\n"),
     TEXT_BARE_CR, 11},
    {"norm: CRCR is two", DATA_NORMALIZE, IN("a\r\rb\r\n.\r\n"), IN("a\r\n\r\nb\r\n"), TEXT_BARE_CR,
     9},
    {"norm: LF.LF", DATA_NORMALIZE, IN("a\n.\nb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_LF, 10},
    {"norm: LF.CR", DATA_NORMALIZE, IN("a\n.\rb\r\n.\r\n"), IN("a\r\nb\r\n"),
     TEXT_BARE_LF | TEXT_BARE_CR, 10},
    {"norm: CR.LF", DATA_NORMALIZE, IN("a\r.\nb\r\n.\r\n"), IN("a\r\nb\r\n"),
     TEXT_BARE_LF | TEXT_BARE_CR, 10},
    {"norm: CR.CR", DATA_NORMALIZE, IN("a\r.\rb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_CR, 10},
    {"norm: LF.CRLF", DATA_NORMALIZE, IN("a\n.\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_LF, 11},
    {"norm: CR.CRLF", DATA_NORMALIZE, IN("a\r.\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_CR, 11},
    {"norm: NUL is refused", DATA_NORMALIZE, IN("a\r\n\0.\r\nb\r\n.\r\n"), IN("a\r\n"), TEXT_NUL,
     13},
    {"norm: CRLF.CRCRLF", DATA_NORMALIZE, IN("a\r\n.\r\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"),
     TEXT_BARE_CR, 13},
    {"norm: CRCRLF.CRCRLF", DATA_NORMALIZE, IN("a\r\r\n.\r\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"),
     TEXT_BARE_CR, 14},
    {"norm: CRCRLF.CRLF", DATA_NORMALIZE, IN("a\r\r\n.\r\nb\r\n.\r\n"), IN("a\r\nb\r\n"),
     TEXT_BARE_CR, 13},
    {"norm: CRLF.LF", DATA_NORMALIZE, IN("a\r\n.\nb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_LF, 11},
    {"norm: CRLF.CR", DATA_NORMALIZE, IN("a\r\n.\rb\r\n.\r\n"), IN("a\r\nb\r\n"), TEXT_BARE_CR, 11},
    {"norm: the dot behind a dropped dot", DATA_NORMALIZE, IN("a\n.\r\n.\r\n"), IN("a\r\n"),
     TEXT_BARE_LF, 8},
    {"norm: a dot behind LF is undone", DATA_NORMALIZE, IN("a\n..b\r\n.\r\n"), IN("a\r\n.b\r\n"),
     TEXT_BARE_LF, 10},
    {"norm: BDAT keeps lone dots", BDAT_NORMALIZE, IN("a\n.\nb"), IN("a\r\n.\r\nb"), TEXT_BARE_LF,
     NO_END},
    {"norm: BDAT, CR at the end", BDAT_NORMALIZE, IN("a\r"), IN("a\r\n"), TEXT_BARE_CR, NO_END},
    {"norm: BDAT, CRCR at the end", BDAT_NORMALIZE, IN("a\r\r"), IN("a\r\n\r\n"), TEXT_BARE_CR,
     NO_END},
};

static void every_case_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_padded(&cases[i], 0);
}

static void every_case_behind_clean_text_of_any_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t pad = 120; pad < 400; pad += 7)
            check_padded(&cases[i], pad);
}

struct header_case {
    const char *name;
    const char *in;
    size_t header_size;
    size_t received;
    bool done, dot_lines, eight_bit;
};

static const struct header_case header_cases[] = {
    {"fields counted to the empty line",
     "Received: a\r\nreceived : b\r\nRECEIVED\t:c\r\nSubject: d\r\n\r\nReceived: e\r\n", 52, 3,
     true, false, false},
    {"not fields",
     "X-Received: a\r\nReceivedX: b\r\n Received: c\r\nReceive: d\r\nReceived x: e\r\n", 70, 0,
     false, false, false},
    {"no header at all", "\r\nReceived: a\r\n", 0, 0, true, false, false},
    {"a folded field is one", "Received: a\r\n\tReceived: b\r\nA: b\r\n\r\n", 33, 1, true, false,
     false},
    {"no empty line", "A: b\r\n", 6, 0, false, false, false},
    {"a lone name", "Received\r\n\r\n", 10, 0, true, false, false},
    {"dots and 8 bits are seen", "A: b\r\n\r\n.\xc3\xa4\r\n", 6, 0, true, true, true},
    {"a dot within a line is none", "A: .b\r\n", 7, 0, false, false, false},
};

static void check_header(const struct header_case *c, bool dotted)
{
    size_t len = strlen(c->in);
    struct buf in = {0};
    bool line_start = true;
    if (dotted)
        text_stuff(&in, c->in, len, &line_start);
    else
        buf_add(&in, c->in, len);
    for (size_t cut = 0; cut <= buf_len(&in); cut++) {
        enum mode mode = dotted ? DATA_REJECT : BDAT_REJECT;
        struct result r = run(mode, buf_data(&in), buf_len(&in), cut, buf_len(&in));
        if (r.text.header_size != c->header_size || r.text.received != c->received)
            fail_msg("%s: header of %d octets, %zu Received", c->name, (int)r.text.header_size,
                     r.text.received);
        assert_int_equal(r.text.header_done, c->done);
        assert_int_equal(r.text.dot_lines, c->dot_lines);
        assert_int_equal(r.text.eight_bit, c->eight_bit);
        buf_free(&r.out);
    }
    buf_free(&in);
}

static void the_header_section_is_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        check_header(&header_cases[i], true);
        check_header(&header_cases[i], false);
    }
}

static void a_crlf_may_lie_in_two_chunks(void **state)
{
    (void)state;
    struct result r = run(BDAT_REJECT, "a\r\nb\r\n", 6, 2, 3);
    assert_int_equal(r.text.faults, 0);
    assert_memory_equal(buf_data(&r.out), "a\r\nb\r\n", 6);
    buf_free(&r.out);
}

static void the_fast_way_sees_dots_and_eight_bits(void **state)
{
    (void)state;
    char text[4096];
    memset(text, 'x', sizeof text);
    struct result r = run(BDAT_REJECT, text, sizeof text, sizeof text, 1);
    assert_false(r.text.dot_lines);
    assert_false(r.text.eight_bit);
    buf_free(&r.out);
    for (size_t at = 1; at < 600; at += 13) {
        memset(text, 'x', sizeof text);
        memcpy(text + at, "\xe4\r\n.", 4);
        r = run(BDAT_REJECT, text, sizeof text, sizeof text, 1);
        assert_true(r.text.dot_lines);
        assert_true(r.text.eight_bit);
        assert_int_equal(buf_len(&r.out), sizeof text);
        assert_memory_equal(buf_data(&r.out), text, sizeof text);
        buf_free(&r.out);
    }
}

struct stuff_case {
    const char *in, *out;
};

static void stuffing_doubles_dots_at_line_starts(void **state)
{
    (void)state;
    static const struct stuff_case stuff[] = {
        {"", ""},
        {".", ".."},
        {"a.b\r\n", "a.b\r\n"},
        {".\r\n..\r\n.a\r\n", "..\r\n...\r\n..a\r\n"},
        {"\r\n.\r\n", "\r\n..\r\n"},
    };
    for (size_t i = 0; i < sizeof stuff / sizeof stuff[0]; i++) {
        size_t len = strlen(stuff[i].in);
        for (size_t cut = 0; cut <= len; cut++) {
            struct buf out = {0};
            bool line_start = true;
            text_stuff(&out, stuff[i].in, cut, &line_start);
            text_stuff(&out, stuff[i].in + cut, len - cut, &line_start);
            assert_int_equal(buf_len(&out), strlen(stuff[i].out));
            assert_memory_equal(buf_data(&out), stuff[i].out, buf_len(&out));
            buf_free(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_at_every_cut),
        cmocka_unit_test(every_case_behind_clean_text_of_any_length),
        cmocka_unit_test(the_header_section_is_measured),
        cmocka_unit_test(a_crlf_may_lie_in_two_chunks),
        cmocka_unit_test(the_fast_way_sees_dots_and_eight_bits),
        cmocka_unit_test(stuffing_doubles_dots_at_line_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
