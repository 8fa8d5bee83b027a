/* SPDX-License-Identifier: ISC */
/*
 * Tests of received: the field's text, its protocol words and dates, and that nothing a peer says
 * breaks it.
 */
#include "proxy/received.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT    1795341600 /* Sun, 22 Nov 2026 10:00:00 +0000 */
#define DATE  "Sun, 22 Nov 2026 10:00:00 +0000\r\n"
#define PLAIN .hostname = "mx.example.org", .session = "S1", .time = AT

struct field_case {
    const char *name;
    const char *ip;
    struct received field;
    const char *want;
};

static const struct field_case cases[] = {
    {"everything",
     "192.0.2.1",
     {PLAIN, .helo = "helo.example", .client_name = "rdns.example", .esmtp = true, .tls = true,
      .tls_version = "TLSv1.3", .tls_cipher = "TLS_AES_256_GCM_SHA384", .tls_bits = 256,
      .recipient = "x@example.org"},
     "Received: from helo.example (rdns.example [192.0.2.1])\r\n"
     "\tby mx.example.org with ESMTPS id S1\r\n"
     "\t(TLSv1.3 cipher TLS_AES_256_GCM_SHA384 256 bits)\r\n"
     "\tfor <x@example.org>; " DATE},
    {"the least",
     "192.0.2.1",
     {PLAIN, .helo = "h"},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with SMTP id S1;\r\n\t" DATE},
    {"TLS, several recipients",
     "192.0.2.1",
     {PLAIN, .helo = "h", .esmtp = true, .tls = true, .auth = true, .tls_version = "TLSv1.2",
      .tls_cipher = "ECDHE-RSA-AES128-GCM-SHA256", .tls_bits = 128},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with ESMTPSA id S1\r\n"
     "\t(TLSv1.2 cipher ECDHE-RSA-AES128-GCM-SHA256 128 bits);\r\n\t" DATE},
    {"IPv6 and a literal as HELO",
     "2001:db8::1",
     {PLAIN, .helo = "[IPv6:2001:db8::1]", .esmtp = true},
     "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
     "\tby mx.example.org with ESMTP id S1;\r\n\t" DATE},
    {"no address, no HELO",
     NULL,
     {PLAIN, .helo = "", .esmtp = true},
     "Received: from unknown (unknown)\r\n\tby mx.example.org with ESMTP id S1;\r\n\t" DATE},
    {"a HELO that would break out",
     "192.0.2.1",
     {PLAIN, .helo = "a(b)\r\nX: <y>;\t\"z\\\xc3\xa4_-."},
     "Received: from a?b???X???y????z???_-. ([192.0.2.1])\r\n"
     "\tby mx.example.org with SMTP id S1;\r\n\t" DATE},
    {"brackets that are no literal",
     "192.0.2.1",
     {PLAIN, .helo = "[a]b]"},
     "Received: from ?a?b? ([192.0.2.1])\r\n\tby mx.example.org with SMTP id S1;\r\n\t" DATE},
    {"a reverse name that would break out",
     "192.0.2.1",
     {PLAIN, .helo = "h", .client_name = "x) y\n"},
     "Received: from h (x??y? [192.0.2.1])\r\n\tby mx.example.org with SMTP id S1;\r\n\t" DATE},
    {"a quoted recipient",
     "192.0.2.1",
     {PLAIN, .helo = "h", .recipient = "\"a b>\"@example.org"},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with SMTP id S1\r\n"
     "\tfor <\"a b>\"@example.org>; " DATE},
    {"a recipient with controls is not named",
     "192.0.2.1",
     {PLAIN, .helo = "h", .recipient = "a\r\nX: y@example.org"},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with SMTP id S1;\r\n\t" DATE},
    {"a UTF-8 recipient in an SMTPUTF8 message",
     "192.0.2.1",
     {PLAIN, .helo = "h", .recipient = "\xc3\xa4@example.org", .esmtp = true, .utf8 = true},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with UTF8SMTP id S1\r\n"
     "\tfor <\xc3\xa4@example.org>; " DATE},
    {"a UTF-8 recipient in another message",
     "192.0.2.1",
     {PLAIN, .helo = "h", .recipient = "\xc3\xa4@example.org", .esmtp = true},
     "Received: from h ([192.0.2.1])\r\n\tby mx.example.org with ESMTP id S1;\r\n\t" DATE},
};

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static char *written(const struct received *field)
{
    struct buf out = {0};
    received_write(field, &out);
    char *text = mem_strndup(buf_data(&out), buf_len(&out));
    assert_int_equal(strlen(text), buf_len(&out));
    buf_free(&out);
    return text;
}

static void fields_read_as_promised(void **state)
{
    (void)state;
    set_zone("UTC0");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr client = {0};
        struct received field = cases[i].field;
        if (cases[i].ip != NULL)
            assert_true(addr_parse_ip(cases[i].ip, &client));
        field.client = &client;
        char *text = written(&field);
        if (strcmp(text, cases[i].want) != 0)
            fail_msg("%s:\n%s", cases[i].name, text);
        free(text);
    }
}

static void protocol_words_are_registered_ones(void **state)
{
    (void)state;
    static const char *const words[] = {
        " SMTP ",     " SMTP ",      " SMTP ",      " SMTP ",      /* HELO */
        " ESMTP ",    " ESMTPS ",    " ESMTPA ",    " ESMTPSA ",   /* EHLO */
        " UTF8SMTP ", " UTF8SMTPS ", " UTF8SMTPA ", " UTF8SMTPSA " /* SMTPUTF8 */
    };
    for (unsigned i = 0; i < 12; i++) {
        struct received field = {PLAIN, .helo = "h", .tls_version = "v", .tls_cipher = "c"};
        field.tls = (i & 1) != 0;
        field.auth = (i & 2) != 0;
        field.esmtp = i >= 4;
        field.utf8 = i >= 8;
        char *text = written(&field);
        if (strstr(text, words[i]) == NULL)
            fail_msg("%s not in %s", words[i], text);
        free(text);
    }
}

struct date_case {
    const char *zone;
    time_t time;
    const char *want;
};

static void dates_are_local_with_their_offset(void **state)
{
    (void)state;
    static const struct date_case dates[] = {
        {"UTC0", AT, "Sun, 22 Nov 2026 10:00:00 +0000\r\n"},
        {"XXX-05:30", AT, "Sun, 22 Nov 2026 15:30:00 +0530\r\n"},
        {"XXX03:30", AT, "Sun, 22 Nov 2026 06:30:00 -0330\r\n"},
        {"XXX00:30", AT, "Sun, 22 Nov 2026 09:30:00 -0030\r\n"},
        {"XXX-14", AT, "Mon, 23 Nov 2026 00:00:00 +1400\r\n"},
        {"UTC0", 0, "Thu, 01 Jan 1970 00:00:00 +0000\r\n"},
        {"UTC0", 1709210096, "Thu, 29 Feb 2024 12:34:56 +0000\r\n"},
    };
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        set_zone(dates[i].zone);
        struct received field = {PLAIN, .helo = "h"};
        field.time = dates[i].time;
        char *text = written(&field);
        const char *date = strstr(text, ";\r\n\t");
        assert_non_null(date);
        assert_string_equal(date + 4, dates[i].want);
        free(text);
    }
}

static void lines_stay_short(void **state)
{
    (void)state;
    char *helo = mem_alloc(5001);
    memset(helo, 'h', 5000);
    struct received field = {PLAIN, .helo = helo, .client_name = helo, .recipient = helo};
    struct addr client;
    assert_true(addr_parse_ip("2001:db8:1111:2222:3333:4444:5555:6666", &client));
    field.client = &client;
    char *text = written(&field);
    assert_null(strstr(text, "for <"));
    for (const char *p = text; *p != '\0';) {
        const char *end = strstr(p, "\r\n");
        assert_true(end - p < 998);
        p = end + 2;
    }
    free(text);
    free(helo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_read_as_promised),
        cmocka_unit_test(protocol_words_are_registered_ones),
        cmocka_unit_test(dates_are_local_with_their_offset),
        cmocka_unit_test(lines_stay_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
