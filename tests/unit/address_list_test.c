/* SPDX-License-Identifier: ISC */
/*
 * Tests of address_list: every form an address may have in a field, what is taken beyond the
 * grammar, and what is refused.
 */
#include "policy/auth/address_list.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct list_case {
    const char *text;
    const char *found; /* "name|local|domain", with " g" behind in a group; apart by blanks */
    bool good;
};

static void on_mailbox(const struct mailbox *m, void *arg)
{
    struct buf *found = arg;
    buf_printf(found, "%s%.*s|%.*s|%.*s%s", buf_len(found) > 0 ? " " : "", (int)m->name_len,
               m->name, (int)m->local_len, m->local, (int)m->domain_len, m->domain,
               m->in_group ? " g" : "");
}

static void check(const struct list_case *c)
{
    struct buf found = {0};
    size_t len = strlen(c->text);
    char *text = malloc(len + 1); /* so that reading on shows */
    memcpy(text, c->text, len);
    bool good = address_list_parse(text, len, on_mailbox, &found);
    free(text);
    buf_add(&found, "", 1);
    if (good != c->good || strcmp(buf_data(&found), c->found) != 0)
        fail_msg("%s: %s, %s, not %s", c->text, good ? "good" : "bad", buf_data(&found), c->found);
    buf_free(&found);
}

static void check_all(const struct list_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}

static void addresses_have_names_or_none(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"", "", true},
        {" a@x.org ", "|a|x.org", true},
        {"<a@x.org>", "|a|x.org", true},
        {"J. Q. Smith <a@x.org>", "J. Q. Smith|a|x.org", true},
        {"\"Smith, \\\"J\\\"\" <a@x.org>", "Smith, \"J\"|a|x.org", true},
        {"A\"b\"c <a@x.org>", "A b c|a|x.org", true},
        {"=?utf-8?q?J=C3=B6rg?= <a@x.org>", "=?utf-8?q?J=C3=B6rg?=|a|x.org", true},
        {"J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc"
         "cher.example>",
         "J\xc3\xb6rg|j\xc3\xb6rg|b\xc3\xbc"
         "cher.example",
         true},
        {"a@x.org,b@y.org", "|a|x.org |b|y.org", true},
        {", ,a@x.org,,<b@y.org>,", "|a|x.org |b|y.org", true},
        {"\"a b\"@x.org", "|a b|x.org", true},
        {"\"\"@x.org", "||x.org", true},
        {"\"a\".b.\"c d\"@x.org", "|a.b.c d|x.org", true},
        {"a@[192.0.2.1]", "|a|[192.0.2.1]", true},
        {"a@[IPv6: 2001:db8::1 ]", "|a|[IPv6: 2001:db8::1 ]", true},
        {"a@x.org.", "|a|x.org.", true},
    };
    check_all(cases, COUNT(cases));
}

static void groups_hold_mailboxes(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"undisclosed:;", "", true},
        {"A group : a@x.org, B <b@y.org> ;", "|a|x.org g B|b|y.org g", true},
        {"a@x.org, G: b@y.org;, c@z.org", "|a|x.org |b|y.org g |c|z.org", true},
        {"\"G\":(nobody);", "", true},
        {"One: a@x.org; Two: b@y.org; c@z.org", "|a|x.org g |b|y.org g |c|z.org", true},
        {"G: a@x.org", "|a|x.org g", false},
        {"G: H: a@x.org;;", "", false},
        {": a@x.org;", "", false},
    };
    check_all(cases, COUNT(cases));
}

static void comments_and_folding_are_taken_out(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"a@x.org (A (nested (deep)) name)", "|a|x.org", true},
        {"(b@y.org) a@x.org", "|a|x.org", true},
        {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete|silly.test",
         true},
        {"a (c) @ (c) x (c) . (c) org", "|a|x.org", true},
        {"A\r\n B\r\n\t<a@x\r\n .org>", "A B|a|x.org", true},
        {"\"A\r\n B\" <a@x.org>", "A B|a|x.org", true},
        {"(a\r\n b\\\r\n c) a@x.org", "|a|x.org", true},
        {"(a@x.org", "", false},
        {"a@x.org (()", "|a|x.org", false},
        {"a@x.org )", "|a|x.org", false},
        {"a@x.org\r\nb@y.org", "|a|x.org", false},
        {"a@x.org\n", "|a|x.org", false},
        {"a\n@x.org", "", false},
        {"\"a\nb\" <a@x.org>", "", false},
        {"(a\rb) a@x.org", "", false},
    };
    check_all(cases, COUNT(cases));
}

static void routes_are_passed_over(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"<@n.org:a@x.org>", "|a|x.org", true},
        {"A <@n.org, @m.org,,@[192.0.2.1]:a@x.org>", "A|a|x.org", true},
        {"<,@n.org:a@x.org>", "|a|x.org", true},
        {"<@n.org>", "", false},
        {"<@n.org:>", "||", true},
        {"<@:a@x.org>", "", false},
        {"@n.org:a@x.org", "", false},
    };
    check_all(cases, COUNT(cases));
}

static void what_is_usual_and_names_no_other_domain_is_taken(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"root", "|root|", true},
        {"<root>", "|root|", true},
        {"MAILER-DAEMON <>", "MAILER-DAEMON||", true},
        {"Mail Delivery System", "Mail Delivery System||", true},
        {"Doe, John <a@x.org>", "|Doe| John|a|x.org", true},
        {"A [b] c <a@x.org>", "A [b] c|a|x.org", true},
        {"a..b.@x.org", "|a..b.|x.org", true},
        {"a@x.org; b@y.org;", "|a|x.org |b|y.org", true},
        {"=?utf-8?q?a@x.org?= <b@y.org>", "=?utf-8?q?a@x.org?=|b|y.org", true},
        {"a@x.org <b@y.org>", "|a|x.org a@x.org|b|y.org", true},
        {"G: a@x.org <b@y.org>;", "|a|x.org g a@x.org|b|y.org g", true},
    };
    check_all(cases, COUNT(cases));
}

static void what_readers_could_differ_about_is_refused(void **state)
{
    (void)state;
    static const struct list_case cases[] = {
        {"a@x.org b@y.org", "|a|x.org", false},
        {"<a@x.org> <b@y.org>", "|a|x.org", false},
        {"<a@x.org> Name", "|a|x.org", false},
        {"<a@x.org>b@y.org", "|a|x.org", false},
        {"<<a@x.org>>", "", false},
        {"<a@x.org", "", false},
        {"a@x.org>", "|a|x.org", false},
        {"A B@x.org", "", false},
        {"<A B>", "", false},
        {"a@b@x.org", "|a|b", false},
        {"a@", "", false},
        {"@x.org", "", false},
        {"<@>", "", false},
        {"a@x org", "|a|x", false},
        {"a@\"x.org\"", "", false},
        {"a@[x]y", "|a|[x]", false},
        {"a@x[y]", "|a|x", false},
        {"a@x.[y]", "", false},
        {"a@[x", "", false},
        {"[a]@x.org", "", false},
        {"\"a@x.org", "", false},
        {"a\\b@x.org", "", false},
        {"<a:b@x.org>", "", false},
        {"<mailto:a@x.org>", "", false},
        {"a\x01@x.org", "", false},
        {"=?utf-8?q?a@b?=@x.org", "", false},
        {"=?utf-8?a@b?= <c@x.org>", "|=?utf-8?a|b?= =?utf-8?a@b?=|c|x.org", true},
        {"=?u?q?,b@y.org?= <a@x.org>", "|=?u?q?| |b|y.org?= b@y.org?=|a|x.org", true},
    };
    check_all(cases, COUNT(cases));
}

static void an_octet_0_ends_nothing(void **state)
{
    (void)state;
    static const char text[] = "a@x.org\0,b@y.org", quoted[] = "\"a\0b\"@x.org";
    struct buf found = {0};
    assert_false(address_list_parse(text, sizeof text - 1, on_mailbox, &found));
    assert_false(address_list_parse(quoted, sizeof quoted - 1, on_mailbox, &found));
    buf_free(&found);
}

static void count(const struct mailbox *mailbox, void *arg)
{
    (void)mailbox;
    ++*(size_t *)arg;
}

/* A megabyte of what could be read again and again, or called into. */
static void a_long_field_costs_its_length(void **state)
{
    (void)state;
    static const char *const unit[] = {"(",     "((\\)", "\"",  "a@b,", "<",  "[",  ".", "=?",
                                       "=?.a?", "a ",    "G:;", "(c)",  "\\", "a@", "@", ","};
    for (size_t i = 0; i < COUNT(unit); i++) {
        struct buf text = {0};
        size_t mailboxes = 0;
        while (buf_len(&text) < 1000000)
            buf_add_str(&text, unit[i]);
        (void)address_list_parse(buf_data(&text), buf_len(&text), count, &mailboxes);
        assert_true(mailboxes <= buf_len(&text) / 2);
        buf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_names_or_none),
        cmocka_unit_test(groups_hold_mailboxes),
        cmocka_unit_test(comments_and_folding_are_taken_out),
        cmocka_unit_test(routes_are_passed_over),
        cmocka_unit_test(what_is_usual_and_names_no_other_domain_is_taken),
        cmocka_unit_test(what_readers_could_differ_about_is_refused),
        cmocka_unit_test(an_octet_0_ends_nothing),
        cmocka_unit_test(a_long_field_costs_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
