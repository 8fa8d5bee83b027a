/* SPDX-License-Identifier: ISC */
/*
 * Tests of author: whose message it is, for every way to name one domain, none, or two.
 */
#include "policy/auth/author.h"

#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const status_name[] = {"one", "none", "empty", "many", "invalid"};

static void find(const char *text, struct author *author)
{
    struct header *header = header_new(10000, 100);
    assert_int_equal(header_add(header, text, strlen(text)), strlen(text));
    header_end(header);
    author_find(header, author);
    header_free(header);
}

struct author_case {
    const char *header; /* the last line's CRLF is added */
    enum author_status status;
    const char *domain;
    size_t mailboxes;
};

static void check(const struct author_case *c)
{
    struct author author;
    struct buf text = {0};
    buf_printf(&text, "Subject: x\r\n%s\r\n", c->header);
    buf_add(&text, "", 1);
    find(buf_data(&text), &author);
    if (author.status != c->status || strcmp(author.domain, c->domain) != 0 ||
        (c->status == AUTHOR_ONE && author.mailboxes != c->mailboxes))
        fail_msg("%s: %s %s (%zu)", c->header, status_name[author.status], author.domain,
                 author.mailboxes);
    buf_free(&text);
}

static void check_all(const struct author_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}

static void one_domain_in_any_writing(void **state)
{
    (void)state;
    static const struct author_case cases[] = {
        {"From: a@example.org", AUTHOR_ONE, "example.org", 1},
        {"FROM:A B <a@EXAMPLE.Org>", AUTHOR_ONE, "example.org", 1},
        {"From : a@example.org", AUTHOR_ONE, "example.org", 1},
        {"From:\r\n =?utf-8?q?x?=\r\n\t<a@example.org> (c)", AUTHOR_ONE, "example.org", 1},
        {"From: \"b@example.net\" <a@example.org>", AUTHOR_ONE, "example.org", 1},
        {"From: \"a b\"@example.org", AUTHOR_ONE, "example.org", 1},
        {"From: <@example.net:a@example.org>", AUTHOR_ONE, "example.org", 1},
        {"From: a@example.org.", AUTHOR_ONE, "example.org", 1},
        {"From: a@example . org", AUTHOR_ONE, "example.org", 1},
        {"From: a@localhost", AUTHOR_ONE, "localhost", 1},
        {"From: a@example.org, B <b@Example.ORG>", AUTHOR_ONE, "example.org", 2},
        {"From: G: a@example.org, b@example.org;", AUTHOR_ONE, "example.org", 2},
        {"From: Doe, John <a@example.org>", AUTHOR_ONE, "example.org", 2},
        {"From: a@example.org <a@example.org>", AUTHOR_ONE, "example.org", 2},
        {"From: a@b\xc3\xbc"
         "cher.example",
         AUTHOR_ONE, "xn--bcher-kva.example", 1},
        {"From: a@B\xc3\x9c"
         "CHER.example, b@xn--bcher-kva.EXAMPLE",
         AUTHOR_ONE, "xn--bcher-kva.example", 2},
        {"From: a@\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.\xd1\x80\xd1\x84", AUTHOR_ONE,
         "xn--e1afmkfd.xn--p1ai", 1},
    };
    check_all(cases, COUNT(cases));
}

static void nobody_is_named(void **state)
{
    (void)state;
    static const struct author_case cases[] = {
        {"Sender: a@example.org", AUTHOR_NONE, "", 0},
        {"X-From: a@example.org", AUTHOR_NONE, "", 0},
        {"From:", AUTHOR_EMPTY, "", 0},
        {"From: (nobody)", AUTHOR_EMPTY, "", 0},
        {"From: undisclosed:;", AUTHOR_EMPTY, "", 0},
        {"From: <>", AUTHOR_EMPTY, "", 0},
        {"From: root", AUTHOR_EMPTY, "", 0},
        {"From: Mail Delivery System", AUTHOR_EMPTY, "", 0},
        {"From: a@[192.0.2.1]", AUTHOR_EMPTY, "", 0},
    };
    check_all(cases, COUNT(cases));
}

static void two_are_named(void **state)
{
    (void)state;
    static const struct author_case cases[] = {
        {"From: a@example.org\r\nFrom: a@example.org", AUTHOR_MANY, "", 0},
        {"From: a@example.org\r\nX: y\r\nfrom : <", AUTHOR_MANY, "", 0},
        {"From: a@example.org, b@example.net", AUTHOR_MANY, "", 0},
        {"From: a@example.org, b@sub.example.org", AUTHOR_MANY, "", 0},
        {"From: a@example.org, G: b@example.net;", AUTHOR_MANY, "", 0},
        {"From: a@example.org <b@example.net>", AUTHOR_MANY, "", 0},
        {"From: a@example.org, b@[192.0.2.1]", AUTHOR_MANY, "", 0},
        {"From: a@example.org, b@example.net, <", AUTHOR_MANY, "", 0},
    };
    check_all(cases, COUNT(cases));
}

static void what_cannot_be_read_names_nobody_for_sure(void **state)
{
    (void)state;
    static const struct author_case cases[] = {
        {"From: a@example.org b@example.net", AUTHOR_INVALID, "", 0},
        {"From: <a@example.org", AUTHOR_INVALID, "", 0},
        {"From: \"a@example.org", AUTHOR_INVALID, "", 0},
        {"From: a@example.org\nFrom: b@example.net", AUTHOR_INVALID, "", 0},
        {"From: a@example..org", AUTHOR_INVALID, "", 0},
        {"From: a@.example.org", AUTHOR_INVALID, "", 0},
        {"From: a@exa*mple.org", AUTHOR_INVALID, "", 0},
        {"From: a@=?utf-8?q?example.org?=", AUTHOR_INVALID, "", 0},
        {"From: a@b\xfc"
         "cher.example",
         AUTHOR_INVALID, "", 0},
        {"From: a@example.org, b@example..net", AUTHOR_INVALID, "", 0},
        {"From: a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.org",
         AUTHOR_INVALID, "", 0},
    };
    check_all(cases, COUNT(cases));
}

static void a_domain_of_any_length_fits_or_is_none(void **state)
{
    (void)state;
    for (size_t len = 100; len < 5000; len += len < 400 ? 1 : 500) {
        struct author author;
        struct buf text = {0};
        buf_add_str(&text, "From: a@");
        for (size_t i = 0; i < len; i++)
            buf_add(&text, i % 50 == 49 && i + 1 < len ? "." : "x", 1);
        buf_add(&text, "\r\n", 3);
        find(buf_data(&text), &author);
        assert_int_equal(author.status, len <= 255 ? AUTHOR_ONE : AUTHOR_INVALID);
        assert_int_equal(strlen(author.domain), len <= 255 ? len : 0);
        buf_free(&text);
    }
}

/* Each costs a conversion by IDNA. */
static void domains_in_utf8_are_read_two_hundred_times(void **state)
{
    (void)state;
    for (size_t count = 200; count <= 201; count++) {
        struct author author;
        struct buf text = {0};
        buf_add_str(&text, "From: a@xn--tda.example");
        for (size_t i = 0; i < count; i++)
            buf_add_str(&text, ",\r\n a@\xc3\xbc.example");
        buf_add(&text, "\r\n", 3);
        find(buf_data(&text), &author);
        assert_int_equal(author.status, count == 200 ? AUTHOR_ONE : AUTHOR_INVALID);
        assert_int_equal(author.mailboxes, count + 1);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_domain_in_any_writing),
        cmocka_unit_test(nobody_is_named),
        cmocka_unit_test(two_are_named),
        cmocka_unit_test(what_cannot_be_read_names_nobody_for_sure),
        cmocka_unit_test(a_domain_of_any_length_fits_or_is_none),
        cmocka_unit_test(domains_in_utf8_are_read_two_hundred_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
