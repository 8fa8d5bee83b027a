/* SPDX-License-Identifier: ISC */
/* Tests of ctl_verify_text: which octets of a file are the message. */
#include "admin/ctl_verify_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void collect(const char *data, size_t len, void *arg)
{
    buf_add(arg, data, len);
}

static const struct {
    const char *name, *in, *out;
} cases[] = {
    {"LF becomes CRLF", "A: b\n\nc\nd\n", "A: b\r\n\r\nc\r\nd\r\n"},
    {"CRLF stays", "A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n"},
    {"a bare LF behind CRLF was signed", "A: b\r\n\r\nc\nd\r\n", "A: b\r\n\r\nc\nd\r\n"},
    {"a CRLF behind LF stays", "A: b\n\r\nc\r\n", "A: b\r\n\r\nc\r\n"},
    {"a CR alone stays", "A: b\n\nc\rd\n", "A: b\r\n\r\nc\rd\r\n"},
    {"no end of line", "A: b", "A: b"},
    {"nothing", "", ""},
    {"an empty line first", "\nc\n", "\r\nc\r\n"},
    {"the line of a mailbox is left out", "From a@b Sun\nA: b\n\nc\n", "A: b\r\n\r\nc\r\n"},
    {"the same with CRLF", "From a@b Sun\r\nA: b\r\n", "A: b\r\n"},
    {"nothing but that line", "From a@b", ""},
    {"the field is no such line", "From: a@b\n", "From: a@b\r\n"},
    {"nor is one further down", "A: b\n\nFrom here\n", "A: b\r\n\r\nFrom here\r\n"},
};

static void what_comes_in_any_cut_is_the_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 1; cut <= strlen(cases[i].in) + 1; cut++) {
            struct buf out = {0};
            struct ctl_verify_text text = {.fn = collect, .arg = &out};
            size_t len = strlen(cases[i].in);
            for (size_t at = 0; at < len; at += cut)
                ctl_verify_text_add(&text, cases[i].in + at, len - at < cut ? len - at : cut);
            ctl_verify_text_end(&text);
            if (buf_len(&out) != strlen(cases[i].out) ||
                memcmp(buf_data(&out), cases[i].out, buf_len(&out)) != 0)
                fail_msg("%s, by %zu: \"%.*s\"", cases[i].name, cut, (int)buf_len(&out),
                         buf_data(&out));
            buf_free(&out);
        }
}

static void a_line_without_end_is_not_kept(void **state)
{
    (void)state;
    struct buf out = {0};
    struct ctl_verify_text text = {.fn = collect, .arg = &out};
    char part[4096];
    memset(part, 'x', sizeof part);
    for (int i = 0; i < 64; i++)
        ctl_verify_text_add(&text, part, sizeof part);
    assert_int_equal(buf_len(&out), 64 * sizeof part);
    ctl_verify_text_end(&text);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_in_any_cut_is_the_message),
        cmocka_unit_test(a_line_without_end_is_not_kept),
    };
    return cmocka_run_group_tests_name("ctl_verify_text", tests, NULL, NULL);
}
