/* SPDX-License-Identifier: ISC */
/*
 * Tests of backend_reply: what is a reply, what is malformed, that no cut changes the answer, and
 * how a reply is written for the client.
 */
#include "proxy/backend_reply.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IN(s) s, sizeof(s) - 1

struct reply_case {
    const char *name;
    const char *in;
    size_t len;
    int code; /* 0: malformed, -1: more */
    size_t used;
    size_t lines;
    const char *text; /* of the reply, or why it is malformed */
};

static const struct reply_case cases[] = {
    {"one line", IN("250 2.0.0 Ok\r\n"), 250, 14, 1, "2.0.0 Ok"},
    {"code only", IN("354\r\n"), 354, 5, 1, ""},
    {"code and space", IN("354 \r\n"), 354, 6, 1, ""},
    {"many lines", IN("250-a\r\n250-\r\n250 b\r\n"), 250, 20, 3, "a\n\nb"},
    {"code only ends it", IN("250-a\r\n250\r\n"), 250, 12, 2, "a\n"},
    {"the next reply is left", IN("250 a\r\n550 b\r\n"), 250, 7, 1, "a"},
    {"lowest code", IN("200 a\r\n"), 200, 7, 1, "a"},
    {"highest code", IN("599 a\r\n"), 599, 7, 1, "a"},
    {"controls are hidden, UTF-8 is not", IN("250 a\tb\0c\x1b[\x7f\xc3\xa4\r\n"), 250, 16, 1,
     "a?b?c?[?\xc3\xa4"},
    {"a text that starts with blanks", IN("250   a\r\n"), 250, 9, 1, "  a"},
    {"nothing yet", IN(""), -1, 0, 0, NULL},
    {"no line end yet", IN("250 a"), -1, 0, 0, NULL},
    {"no LF yet", IN("250 a\r"), -1, 0, 0, NULL},
    {"no last line yet", IN("250-a\r\n"), -1, 0, 0, NULL},
    {"1xx", IN("150 a\r\n"), 0, 7, 0, "not a reply code"},
    {"600", IN("600 a\r\n"), 0, 7, 0, "not a reply code"},
    {"no code", IN("HTTP/1.1 400 Bad\r\n"), 0, 18, 0, "not a reply code"},
    {"two digits", IN("25\r\n"), 0, 4, 0, "not a reply code"},
    {"a blank before the code", IN(" 250 a\r\n"), 0, 8, 0, "not a reply code"},
    {"an empty line", IN("\r\n"), 0, 2, 0, "not a reply code"},
    {"four digits", IN("2500 a\r\n"), 0, 8, 0, "no space or hyphen behind the code"},
    {"a tab behind the code", IN("250\ta\r\n"), 0, 7, 0, "no space or hyphen behind the code"},
    {"codes differ", IN("250-a\r\n550 b\r\n"), 0, 14, 0, "the lines have different codes"},
    {"bare LF", IN("250 a\n"), 0, 6, 0, "a bare LF in the reply"},
    {"bare LF in the first line", IN("250-a\n250 b\r\n"), 0, 6, 0, "a bare LF in the reply"},
    {"only LF", IN("\n"), 0, 1, 0, "a bare LF in the reply"},
    {"bare CR", IN("250 a\rb\r\n"), 0, 9, 0, "a bare CR in the reply"},
    {"CR CR LF", IN("250 a\r\r\n"), 0, 8, 0, "a bare CR in the reply"},
    {"bare CR in an earlier line", IN("250-\ra\r\n250 b\r\n"), 0, 15, 0, "a bare CR in the reply"},
};

static void check_whole(const struct reply_case *c)
{
    struct backend_reply reply;
    size_t used;
    const char *why = NULL;
    enum backend_reply_result result = backend_reply_parse(c->in, c->len, &reply, &used, &why);
    enum backend_reply_result want = c->code > 0    ? BACKEND_REPLY_OK
                                     : c->code == 0 ? BACKEND_REPLY_MALFORMED
                                                    : BACKEND_REPLY_MORE;
    if (result != want || used != c->used)
        fail_msg("%s: result %d (want %d), used %zu", c->name, (int)result, (int)want, used);
    if (result == BACKEND_REPLY_OK) {
        assert_int_equal(reply.code, c->code);
        assert_int_equal(reply.lines, c->lines);
        assert_string_equal(reply.text, c->text);
    } else if (result == BACKEND_REPLY_MALFORMED) {
        assert_string_equal(why, c->text);
    }
    assert_true((reply.text != NULL) == (result == BACKEND_REPLY_OK));
    backend_reply_clear(&reply);
    assert_null(reply.text);
}

static void replies_are_parsed_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_whole(&cases[i]);
}

static void fewer_bytes_mean_more_to_come_or_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct reply_case *c = &cases[i];
        for (size_t len = 0; len < c->used; len++) {
            struct backend_reply reply;
            size_t used;
            const char *why = NULL;
            char *copy = mem_strndup(c->in, len);
            if (backend_reply_parse(copy, len, &reply, &used, &why) != BACKEND_REPLY_MORE)
                fail_msg("%s: an answer after %zu octets", c->name, len);
            free(copy);
        }
    }
}

/* A reply of `size` octets in lines of `line` octets, the last one whole. */
static struct buf big_reply(size_t size, size_t line)
{
    struct buf b = {0};
    while (buf_len(&b) < size) {
        size_t left = size - buf_len(&b);
        bool last = left <= line;
        buf_add_str(&b, last ? "250 " : "250-");
        for (size_t n = (left < line ? left : line) - 6; n > 0; n--)
            buf_add_str(&b, "x");
        buf_add_str(&b, "\r\n");
    }
    return b;
}

static void a_reply_is_bounded(void **state)
{
    (void)state;
    struct backend_reply reply;
    size_t used;
    const char *why = NULL;
    struct buf b = big_reply(BACKEND_REPLY_MAX, 64);
    assert_int_equal(buf_len(&b), BACKEND_REPLY_MAX);
    assert_int_equal(backend_reply_parse(buf_data(&b), buf_len(&b), &reply, &used, &why),
                     BACKEND_REPLY_OK);
    assert_int_equal(used, BACKEND_REPLY_MAX);
    assert_int_equal(reply.lines, BACKEND_REPLY_MAX / 64);
    backend_reply_clear(&reply);
    buf_free(&b);
    b = big_reply(BACKEND_REPLY_MAX + 64, 64);
    for (size_t len = BACKEND_REPLY_MAX; len <= buf_len(&b); len += 32) {
        assert_int_equal(backend_reply_parse(buf_data(&b), len, &reply, &used, &why),
                         BACKEND_REPLY_MALFORMED);
        assert_string_equal(why, "the reply is too long");
    }
    assert_int_equal(backend_reply_parse(buf_data(&b), BACKEND_REPLY_MAX - 1, &reply, &used, &why),
                     BACKEND_REPLY_MORE);
    buf_free(&b);
}

static void check_written(int code, const char *text, const char *want)
{
    char *copy = mem_strdup(text);
    struct backend_reply reply = {.code = code, .text = copy};
    struct buf out = {0};
    backend_reply_write(&reply, &out);
    assert_int_equal(buf_len(&out), strlen(want));
    assert_memory_equal(buf_data(&out), want, strlen(want));
    buf_free(&out);
    free(copy);
}

static void a_reply_is_written_for_the_client(void **state)
{
    (void)state;
    check_written(250, "2.0.0 Ok", "250 2.0.0 Ok\r\n");
    check_written(250, "", "250 \r\n");
    check_written(451, NULL, "451 \r\n");
    check_written(550, "a\n\nb", "550-a\r\n550-\r\n550 b\r\n");
    check_written(550, "a\n", "550-a\r\n550 \r\n");
}

static void long_lines_are_cut_between_characters(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        char *text = mem_alloc(700);
        memset(text, 'x', 600);
        for (size_t i = lead; i + 2 <= 600; i += 2)
            memcpy(text + i, "\xc3\xa4", 2);
        struct backend_reply reply = {.code = 250, .text = text};
        struct buf out = {0};
        backend_reply_write(&reply, &out);
        assert_int_equal(buf_len(&out), lead % 2 == 0 ? 512 : 511);
        assert_int_equal((unsigned char)buf_data(&out)[buf_len(&out) - 3], 0xa4);
        buf_free(&out);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_parsed_strictly),
        cmocka_unit_test(fewer_bytes_mean_more_to_come_or_the_same),
        cmocka_unit_test(a_reply_is_bounded),
        cmocka_unit_test(a_reply_is_written_for_the_client),
        cmocka_unit_test(long_lines_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
