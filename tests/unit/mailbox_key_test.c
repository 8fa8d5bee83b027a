/* SPDX-License-Identifier: ISC */
/* mailbox_key_test: what is one sender in memory, and what stays two people. */
#include "policy/mailbox_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN          "abcdefghij"
#define LOCAL64      TEN TEN TEN TEN TEN TEN "abcd"

static void what_changes_is_taken_out(void **state)
{
    (void)state;
    static const struct {
        const char *name, *address, *key;
    } cases[] = {
        {"null sender", "", ""},
        {"a person", "user@example.org", "user@example.org"},
        {"case", "John.Doe@EXAMPLE.org", "john.doe@example.org"},
        {"a trailing dot", "user@example.org.", "user@example.org"},
        {"A-labels",
         "user@b\xc3\xbc"
         "cher.example",
         "user@xn--bcher-kva.example"},
        {"an address literal", "user@[192.0.2.1]", "user@[192.0.2.1]"},
        {"no domain", "postmaster", "postmaster"},
        {"no local part", "@example.org", "@example.org"},
        {"a local part in quotes", "\"A+b c\"@example.org", "\"a+b c\"@example.org"},
        {"plus tag", "user+news@example.org", "user@example.org"},
        {"a tag alone", "+news@example.org", "+news@example.org"},
        {"an empty tag", "user+@example.org", "user@example.org"},
        {"numbers of people stay", "john-1985@example.org", "john-1985@example.org"},
        {"a phone's number stays", "13912345678@example.org", "13912345678@example.org"},
        {"a year stays", "sales.2026@example.org", "sales.2026@example.org"},
        {"hex that is a name stays", "deadbeef@example.org", "deadbeef@example.org"},
        {"BATV", "prvs=0123abcdef=user@example.org", "user@example.org"},
        {"BATV in capitals", "PRVS=0123ABCDEF=User@example.org", "user@example.org"},
        {"BATV with a plus tag", "prvs=0123abcdef=user+x@example.org", "user@example.org"},
        {"BATV without a user", "prvs=0123abcdef=@example.org", "prvs=0123abcdef=@example.org"},
        {"BATV without a tag", "prvs==user@example.org", "prvs==user@example.org"},
        {"not BATV", "prvs@example.org", "prvs@example.org"},
        {"another signature", "msprvs1=17543abc=user@example.org", "user@example.org"},
        {"a third", "btv1==0123abc456==user@example.org", "user@example.org"},
        {"SRS0", "SRS0=HHH=TT=example.net=user@example.org", "srs=example.net=user@example.org"},
        {"SRS0 with a plus", "SRS0+HHHH=T2=example.net=user@f.example",
         "srs=example.net=user@f.example"},
        {"SRS0 with a minus", "SRS0-HHHH=T2=example.net=user@f.example",
         "srs=example.net=user@f.example"},
        {"SRS1", "SRS1=XXX=first.example==HHH=TT=example.net=user@f.example",
         "srs=first.example=example.net=user@f.example"},
        {"SRS as Exchange writes it", "box+SRS=hIJk2=QQ=example.net=user@tenant.example",
         "srs=example.net=user@tenant.example"},
        {"SRS of bounces", "bounces+SRS=hIJk2=QQ@tenant.example", "bounces@tenant.example"},
        {"SRS0 cut short", "SRS0=HHH=TT=example.net@f.example",
         "srs0=hhh=tt=example.net@f.example"},
        {"SRS0 and nothing", "SRS0=@f.example", "srs0=@f.example"},
        {"SRS1 and nothing", "SRS1=XXX=@f.example", "srs1=xxx=@f.example"},
        {"SRS0 of a list", "SRS0=HHH=TT=example.net=bounce-77@f.example",
         "srs=example.net=bounce-#@f.example"},
        {"VERP", "bounce-12345-user=example.org@list.example", "bounce-#-#@list.example"},
        {"VERP of ezmlm", "list-return-123-user=example.org@list.example",
         "list-return-#-#@list.example"},
        {"VERP of another recipient", "list-return-7-joe=example.com@list.example",
         "list-return-#-#@list.example"},
        {"VERP with a plus", "bounces+4711-ab12-user=example.org@em.example", "bounces@em.example"},
        {"VERP by its number", "news-4711-user=example.org@shop.example", "news-#-#@shop.example"},
        {"VERP with a point", "bounce-mc.us1_1234.5678-user=example.org@mail.example",
         "bounce-mc.us1_#.#-#@mail.example"},
        {"numbers behind a word of machines", "bounce.20261122@list.example",
         "bounce.#@list.example"},
        {"hex behind one", "return-a1b2c3@list.example", "return-#@list.example"},
        {"numbers below a domain of bounces", "m.4711@bounces.example", "m.#@bounces.example"},
        {"a long token", "0100018c1234abcd-7a7a7a7a-1234-4321-abcd-1234567890ab-000000@ses.example",
         "#-#-#-#-abcd-#-#@ses.example"},
        {"a token without a word", "m-5f3a9c2b7d1e@shop.example", "m-#@shop.example"},
        {"a forwarded address stays", "user=example.org@f.example", "user=example.org@f.example"},
        {"one behind a name stays", "fwd-user=example.org@f.example",
         "fwd-user=example.org@f.example"},
        {"the longest local part", LOCAL64 "@example.org", LOCAL64 "@example.org"},
        {"one that is cut", LOCAL64 "e@example.org", LOCAL64 "@example.org"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char key[MAILBOX_KEY_SIZE];
        if (strcmp(mailbox_key_sender(cases[i].address, key), cases[i].key) != 0)
            fail_msg("%s: %s", cases[i].name, key);
    }
}

static void two_people_stay_two(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"john-1985@example.org", "john-1986@example.org"},
        {"a@example.org", "a@example.net"},
        {"user=example.org@f.example", "user=example.net@f.example"},
        {"SRS0=A=B=example.net=joe@f.example", "SRS0=A=B=example.net=jim@f.example"},
        {"SRS0=A=B=example.net=joe@f.example", "SRS0=A=B=example.com=joe@f.example"},
        {"prvs=0123abcdef=joe@example.org", "prvs=0123abcdef=jim@example.org"},
        {"SRS0=A=B=example.net=joe@f.example", "joe@f.example"},
        {"bounce-joe@list.example", "bounce-jim@list.example"},
        {"13912345678@example.org", "13912345679@example.org"},
        {"\"a b\"@example.org", "\"a c\"@example.org"},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        char a[MAILBOX_KEY_SIZE], b[MAILBOX_KEY_SIZE];
        if (strcmp(mailbox_key_sender(pairs[i][0], a), mailbox_key_sender(pairs[i][1], b)) == 0)
            fail_msg("%s: %s", pairs[i][0], a);
    }
}

static void a_recipient_keeps_its_tag(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"User+Tag@Example.ORG", "user+tag@example.org"},
        {"bounce-12345-user=example.org@list.example",
         "bounce-12345-user=example.org@list.example"},
        {"postmaster", "postmaster"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char key[MAILBOX_KEY_SIZE];
        assert_string_equal(mailbox_key_recipient(cases[i][0], key), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_is_taken_out),
        cmocka_unit_test(two_people_stay_two),
        cmocka_unit_test(a_recipient_keeps_its_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
