/* SPDX-License-Identifier: ISC */
/* reply_test: every row of the reply table is a well-formed reply that says one thing. */
#include "proxy/reply.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LAST REPLY_TLS_INJECTION

/* Replies that carry no enhanced code (RFC 2034 section 3): the greetings and the answer to EHLO
 * and HELO; 354, for which there is no class. */
static bool bare(enum reply reply)
{
    return reply == REPLY_BANNER || reply == REPLY_HELO || reply == REPLY_XCLIENT_OK ||
           reply == REPLY_START_DATA;
}

/* Replies whose enhanced code is in the argument, since the policy chooses it. */
static bool coded_by_argument(enum reply reply)
{
    return reply == REPLY_LIMITED || reply == REPLY_DEFERRED || reply == REPLY_NOT_NOW ||
           reply == REPLY_REFUSED;
}

static const char *text_of(enum reply reply, const char *argument)
{
    static char text[2048];
    struct buf out = {0};
    reply_write(reply, argument, &out);
    assert_true(buf_len(&out) < sizeof text);
    memcpy(text, buf_data(&out), buf_len(&out));
    text[buf_len(&out)] = '\0';
    buf_free(&out);
    return text;
}

static void test_every_reply_is_one_line_of_its_code(void **state)
{
    (void)state;
    for (int i = 0; i <= LAST; i++) {
        const char *text = text_of((enum reply)i, "argument");
        char code[8];
        snprintf(code, sizeof code, "%d ", reply_code((enum reply)i));
        if (strncmp(text, code, 4) != 0 || strlen(code) != 4)
            fail_msg("row %d: %s", i, text);
        size_t len = strlen(text);
        assert_true(len > 6 && len <= 512);
        assert_string_equal(text + len - 2, "\r\n");
        for (size_t at = 0; at < len - 2; at++)
            assert_true(isprint((unsigned char)text[at]));
    }
}

static void test_enhanced_codes_have_the_class_of_their_code(void **state)
{
    (void)state;
    for (int i = 0; i <= LAST; i++) {
        char coded[32];
        snprintf(coded, sizeof coded, "%d.7.1 argument", reply_code((enum reply)i) / 100);
        const char *text =
            text_of((enum reply)i, coded_by_argument((enum reply)i) ? coded : "argument");
        unsigned class = 0, subject = 0, detail = 0;
        int end = 0;
        int found = sscanf(text + 4, "%1u.%3u.%3u %n", &class, &subject, &detail, &end);
        if (bare((enum reply)i)) {
            assert_int_not_equal(found, 3);
            continue;
        }
        if (found != 3 || class != (unsigned)(text[0] - '0') || subject > 7 || end == 0)
            fail_msg("row %d: %s", i, text);
        assert_true(strlen(text + 4 + end) > 2); /* and words behind it */
    }
}

static void test_the_codes_are_those_of_smtp(void **state)
{
    static const int known[] = {214, 220, 221, 250, 252, 354, 421, 450, 451, 452, 454,
                                500, 501, 502, 503, 504, 550, 552, 553, 554, 555};
    (void)state;
    for (int i = 0; i <= LAST; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            found = found || known[k] == reply_code((enum reply)i);
        if (!found)
            fail_msg("row %d: %d", i, reply_code((enum reply)i));
    }
}

static void test_faults_between_us_and_the_backend_are_temporary(void **state)
{
    static const enum reply temporary[] = {
        REPLY_FAULT,      REPLY_SPOOL_FULL,        REPLY_SHUTTING_DOWN, REPLY_TIMEOUT,
        REPLY_NO_CLIENT,  REPLY_TOO_MANY_SESSIONS, REPLY_TOO_SLOW,      REPLY_OTHER_ROUTE,
        REPLY_AUTH_LIMIT, REPLY_TLS_UNAVAILABLE,   REPLY_OTHER_CLASS};
    (void)state;
    for (size_t i = 0; i < sizeof temporary / sizeof *temporary; i++)
        assert_int_equal(reply_code(temporary[i]) / 100, 4);
    assert_int_equal(reply_code(REPLY_TOO_MANY_RECIPIENTS), 452); /* RFC 5321 4.5.3.1.10 */
}

static void test_an_argument_stands_in_its_place_and_is_cut(void **state)
{
    char argument[2000];
    (void)state;
    assert_string_equal(text_of(REPLY_BANNER, "mx.example.org"), "220 mx.example.org ESMTP\r\n");
    assert_string_equal(text_of(REPLY_CHUNK_OK, "12"), "250 2.0.0 12 octets received\r\n");
    assert_string_equal(text_of(REPLY_OK, NULL), "250 2.0.0 Ok\r\n");
    assert_string_equal(text_of(REPLY_HELO, NULL), "250 \r\n");
    assert_string_equal(text_of(REPLY_SYNTAX, "100% %s %n"), "501 5.5.4 Syntax: 100% %s %n\r\n");
    memset(argument, 'a', sizeof argument - 1);
    argument[sizeof argument - 1] = '\0';
    for (int i = 0; i <= LAST; i++)
        assert_true(strlen(text_of((enum reply)i, argument)) <= 512); /* RFC 5321 4.5.3.1.5 */
    const char *text = text_of(REPLY_BAD_PARAMETER, argument);
    assert_string_equal(text + strlen(text) - 3, "a\r\n");
}

static void test_a_line_that_another_follows(void **state)
{
    (void)state;
    struct buf out = {0};
    reply_write_more(REPLY_BANNER, "mx.example.org", &out);
    assert_int_equal(buf_len(&out), strlen("220-mx.example.org ESMTP\r\n"));
    assert_memory_equal(buf_data(&out), "220-mx.example.org ESMTP\r\n", buf_len(&out));
    buf_free(&out);
}

static void test_replies_are_appended(void **state)
{
    struct buf out = {0};
    (void)state;
    reply_write(REPLY_OK, NULL, &out);
    reply_write(REPLY_CLOSING, NULL, &out);
    assert_int_equal(buf_len(&out), strlen("250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"));
    assert_memory_equal(buf_data(&out), "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n", buf_len(&out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reply_is_one_line_of_its_code),
        cmocka_unit_test(test_enhanced_codes_have_the_class_of_their_code),
        cmocka_unit_test(test_the_codes_are_those_of_smtp),
        cmocka_unit_test(test_faults_between_us_and_the_backend_are_temporary),
        cmocka_unit_test(test_an_argument_stands_in_its_place_and_is_cut),
        cmocka_unit_test(test_a_line_that_another_follows),
        cmocka_unit_test(test_replies_are_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
