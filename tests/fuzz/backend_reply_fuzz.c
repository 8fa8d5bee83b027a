/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of backend_reply. Asserts: a prefix gives MORE or the same answer, the text holds no
 * control, and what is written for the client is a reply of the same code and as many lines.
 */
#include "proxy/backend_reply.h"

#include <stdint.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ok(const struct backend_reply *reply)
{
    CHECK(reply->code >= 200 && reply->code <= 599);
    size_t lines = 1;
    for (const char *p = reply->text; *p != '\0'; p++) {
        lines += *p == '\n';
        CHECK(*p == '\n' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
    }
    CHECK(lines == reply->lines);
    struct buf out = {0};
    backend_reply_write(reply, &out);
    struct backend_reply again;
    size_t used;
    const char *why = NULL;
    if (buf_len(&out) <= BACKEND_REPLY_MAX) {
        CHECK(backend_reply_parse(buf_data(&out), buf_len(&out), &again, &used, &why) ==
              BACKEND_REPLY_OK);
        CHECK(used == buf_len(&out) && again.code == reply->code && again.lines == lines);
        backend_reply_clear(&again);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *in = (const char *)data;
    struct backend_reply whole, part;
    size_t used, part_used;
    const char *why = NULL;
    enum backend_reply_result result = backend_reply_parse(in, size, &whole, &used, &why);
    CHECK((result == BACKEND_REPLY_OK) == (whole.text != NULL));
    CHECK(result != BACKEND_REPLY_MALFORMED || why != NULL);
    CHECK(used <= size && (result == BACKEND_REPLY_MORE) == (used == 0));
    if (result == BACKEND_REPLY_OK)
        check_ok(&whole);
    for (size_t len = 0; len < size; len += 1 + size / 64) {
        enum backend_reply_result partial = backend_reply_parse(in, len, &part, &part_used, &why);
        CHECK(partial == BACKEND_REPLY_MORE || partial == result);
        CHECK(partial != BACKEND_REPLY_OK || part_used == used);
        backend_reply_clear(&part);
    }
    backend_reply_clear(&whole);
    return 0;
}
