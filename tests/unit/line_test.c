/* SPDX-License-Identifier: ISC */
/* Unit tests of proxy/line: a table of inputs, each cut at every byte as well. */
#include "proxy/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct line_case {
    const char *name;
    const char *data;
    size_t len;
    size_t max;
    enum line_result result;
    size_t line_len;
    size_t used;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct line_case cases[] = {
    {"nothing yet", BYTES(""), 10, LINE_MORE, 0, 0},
    {"no end yet", BYTES("NOOP"), 10, LINE_MORE, 0, 0},
    {"a CR alone may still become CRLF", BYTES("NOOP\r"), 10, LINE_MORE, 0, 0},
    {"a whole line", BYTES("NOOP\r\n"), 10, LINE_OK, 4, 6},
    {"an empty line", BYTES("\r\n"), 10, LINE_OK, 0, 2},
    {"only the first of two lines", BYTES("NOOP\r\nQUIT\r\n"), 10, LINE_OK, 4, 6},
    {"faults of the next line do not count", BYTES("NOOP\r\n\n\0\r"), 10, LINE_OK, 4, 6},
    {"spaces and 8-bit octets are the parser's", BYTES(" \xc3\xa9 \r\n"), 10, LINE_OK, 4, 6},
    {"LF without CR", BYTES("NOOP\n"), 10, LINE_BARE_LF, 4, 5},
    {"a lone LF", BYTES("\n"), 10, LINE_BARE_LF, 0, 1},
    {"LF CR ends at the LF", BYTES("a\n\rb\r\n"), 10, LINE_BARE_LF, 1, 2},
    {"CR CR LF", BYTES("NOOP\r\r\n"), 10, LINE_BARE_CR, 5, 7},
    {"CR in the middle", BYTES("NO\rOP\r\n"), 10, LINE_BARE_CR, 5, 7},
    {"CR in the middle, ended by a bare LF", BYTES("NO\rOP\n"), 10, LINE_BARE_CR, 5, 6},
    {"CR first", BYTES("\rNOOP\r\n"), 10, LINE_BARE_CR, 5, 7},
    {"a NUL", BYTES("NO\0OP\r\n"), 10, LINE_NUL, 5, 7},
    {"NUL is told before bare LF", BYTES("NO\0OP\n"), 10, LINE_NUL, 5, 6},
    {"NUL is told before bare CR", BYTES("NO\r\0\r\n"), 10, LINE_NUL, 4, 6},
    {"just as long as allowed", BYTES("12345678\r\n"), 10, LINE_OK, 8, 10},
    {"just as long as allowed, bare LF", BYTES("123456789\n"), 10, LINE_BARE_LF, 9, 10},
    {"the LF is one too far", BYTES("123456789\r\n"), 10, LINE_TOO_LONG, 0, 11},
    {"full and no end", BYTES("1234567890"), 10, LINE_TOO_LONG, 0, 10},
    {"one below full and no end", BYTES("123456789"), 10, LINE_MORE, 0, 0},
    {"too long is told before NUL",
     BYTES("\0"
           "23456789\r\n"),
     10, LINE_TOO_LONG, 0, 11},
    {"too long drops only to the LF", BYTES("12345678901\nQUIT\r\n"), 10, LINE_TOO_LONG, 0, 12},
    {"too long without an LF drops all", BYTES("1234567890123"), 10, LINE_TOO_LONG, 0, 13},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct line_case *c = &cases[i];
        size_t line_len = 99;
        size_t used = 99;

        print_message("  %s\n", c->name);
        assert_int_equal(line_split(c->data, c->len, c->max, &line_len, &used), c->result);
        assert_int_equal(line_len, c->line_len);
        assert_int_equal(used, c->used);
    }
}

/* Whatever part of the bytes has come, the answer is "more" or the final one. */
static void test_cut_does_not_change_the_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct line_case *c = &cases[i];
        for (size_t cut = 0; cut < c->len; cut++) {
            size_t line_len;
            size_t used;
            enum line_result r = line_split(c->data, cut, c->max, &line_len, &used);

            if (r == LINE_MORE)
                continue;
            assert_int_equal(r, c->result);
            assert_int_equal(line_len, c->line_len);
            assert_true(used <= cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_cut_does_not_change_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
