/* SPDX-License-Identifier: ISC */
/* check_sender_domain_test: what DNS says of the sender's domain, and what comes of each answer at
 * each step. */
#include "policy/check_names.h"

#include "tests/unit/support/check_rig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define UNRESOLVED " no mail can be sent to your sender's domain (5.1.8)\n"
#define PRIVATE    " mail to your sender's domain goes to a private address (5.1.8)\n"

static void a_domain_that_takes_mail_is_fine(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "the null sender", .said = ""},
        {.name = "MX and A",
         .domain = "d.example",
         .dns = "MX d.example 10 mx.d.example\nA mx.d.example 192.0.2.1",
         .said = "",
         .asked = 2},
        {.name = "MX and AAAA",
         .domain = "d.example",
         .dns = "MX d.example 10 mx.d.example\nAAAA mx.d.example 2001:db8::1",
         .said = "",
         .asked = 3},
        {.name = "no MX, A",
         .domain = "d.example",
         .dns = "A d.example 192.0.2.1",
         .said = "",
         .asked = 2},
        {.name = "no MX, AAAA",
         .domain = "d.example",
         .dns = "AAAA d.example 2001:db8::1",
         .said = "",
         .asked = 3},
        {.name = "the first MX does not exist",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example 20 b.d.example\nA b.d.example 192.0.2.1",
         .said = "",
         .asked = 4},
        {.name = "the first MX is private",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example 20 b.d.example\nA a.d.example 10.0.0.1\nA b.d.example "
                "192.0.2.1",
         .said = ""},
        {.name = "one address of several is public",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example\nA a.d.example 10.0.0.1 192.0.2.1",
         .said = "",
         .asked = 2},
        {.name = "A is private, AAAA is public",
         .domain = "d.example",
         .dns = "A d.example 10.0.0.1\nAAAA d.example 2001:db8::1",
         .said = ""},
        {.name = "the first MX could not be told",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example 20 b.d.example\nA a.d.example !TEMPFAIL timeout\nA "
                "b.d.example 192.0.2.1",
         .said = ""},
        {.name = "a null MX beside another",
         .domain = "d.example",
         .dns = "MX d.example 0 . 10 mx.d.example\nA mx.d.example 192.0.2.1",
         .said = ""},
        {.name = "localhost beside another",
         .domain = "d.example",
         .dns = "MX d.example 0 localhost 10 mx.d.example\nA mx.d.example 192.0.2.1",
         .said = "",
         .asked = 2},
        {.name = "a literal", .domain = "[192.0.2.99]", .said = ""},
        {.name = "a literal of IPv6", .domain = "[ipv6:2001:db8::1]", .said = ""},
        {.name = "a literal of another kind", .domain = "[x400:abc]", .said = ""},
    };
    rig_cases(&check_sender_domain, cases, COUNT(cases));
}

static void one_that_cannot_take_mail_is_found(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "no such domain",
         .domain = "d.example",
         .said = "found 3 sender-domain.unresolved [NXDOMAIN]" UNRESOLVED,
         .asked = 1},
        {.name = "no record of use",
         .domain = "d.example",
         .dns = "TXT d.example v=spf1 -all",
         .said = "found 3 sender-domain.unresolved [d.example NODATA]" UNRESOLVED,
         .asked = 3},
        {.name = "MX that do not exist",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example 20 b.d.example",
         .said = "found 3 sender-domain.unresolved [b.d.example NXDOMAIN]" UNRESOLVED,
         .asked = 5},
        {.name = "MX without an address",
         .domain = "d.example",
         .dns = "MX d.example 10 a.d.example\nTXT a.d.example x",
         .said = "found 3 sender-domain.unresolved [a.d.example NODATA]" UNRESOLVED},
        {.name = "localhost",
         .domain = "localhost",
         .said = "found 3 sender-domain.unresolved [special-use name]" UNRESOLVED},
        {.name = "below localhost",
         .domain = "a.localhost",
         .said = "found 3 sender-domain.unresolved [special-use name]" UNRESOLVED},
        {.name = "invalid",
         .domain = "a.invalid",
         .said = "found 3 sender-domain.unresolved [special-use name]" UNRESOLVED},
        {.name = "local",
         .domain = "host.local",
         .said = "found 3 sender-domain.unresolved [special-use name]" UNRESOLVED},
        {.name = "onion",
         .domain = "abc.onion",
         .said = "found 3 sender-domain.unresolved [special-use name]" UNRESOLVED},
        {.name = "another score",
         .config = "score = 1.25",
         .domain = "d.example",
         .said = "found 1.25 sender-domain.unresolved [NXDOMAIN]" UNRESOLVED},
        {.name = "null MX",
         .domain = "d.example",
         .dns = "MX d.example 0 .\nA d.example 192.0.2.1",
         .said = "found 6 sender-domain.null-mx [MX 0 .] sender address has null MX (5.7.27)\n",
         .asked = 1},
        {.name = "null MX, another score",
         .config = "null-mx = 2",
         .domain = "d.example",
         .dns = "MX d.example 0 .",
         .said = "found 2 sender-domain.null-mx [MX 0 .] sender address has null MX (5.7.27)\n"},
    };
    rig_cases(&check_sender_domain, cases, COUNT(cases));
}

static void one_whose_mail_stays_private_is_found(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "A",
         .domain = "d.example",
         .dns = "A d.example 127.0.0.1",
         .said = "found 3 sender-domain.private [d.example 127.0.0.1]" PRIVATE},
        {.name = "AAAA",
         .domain = "d.example",
         .dns = "AAAA d.example ::1",
         .said = "found 3 sender-domain.private [d.example ::1]" PRIVATE},
        {.name = "MX to localhost",
         .domain = "d.example",
         .dns = "MX d.example 0 localhost",
         .said = "found 3 sender-domain.private [localhost]" PRIVATE,
         .asked = 1},
        {.name = "MX to a private address",
         .domain = "d.example",
         .dns = "MX d.example 10 mx.d.example\nA mx.d.example 192.168.1.1",
         .said = "found 3 sender-domain.private [mx.d.example 192.168.1.1]" PRIVATE,
         .asked = 3},
        {.name = "all of several",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example 30 localhost\nA a.example 10.0.0.1\nA "
                "b.example 127.0.0.2 10.1.1.1",
         .said = "found 3 sender-domain.private [localhost]" PRIVATE},
        {.name = "one private, one not there",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example\nA a.example 10.0.0.1",
         .said = "found 3 sender-domain.private [a.example 10.0.0.1]" PRIVATE},
        {.name = "a literal",
         .domain = "[127.0.0.1]",
         .said = "found 3 sender-domain.private [[127.0.0.1]]" PRIVATE},
        {.name = "a literal of IPv6",
         .domain = "[ipv6:fe80::1]",
         .said = "found 3 sender-domain.private [[ipv6:fe80::1]]" PRIVATE},
        {.name = "another score",
         .config = "private = 0.5",
         .domain = "d.example",
         .dns = "A d.example 10.0.0.1",
         .said = "found 0.5 sender-domain.private [d.example 10.0.0.1]" PRIVATE},
    };
    rig_cases(&check_sender_domain, cases, COUNT(cases));
}

static void what_could_not_be_told_is_no_finding(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "MX",
         .domain = "d.example",
         .dns = "MX d.example !TEMPFAIL timeout",
         .said = "abstain sender-domain [timeout]\n"},
        {.name = "A",
         .domain = "d.example",
         .dns = "MX d.example !NODATA\nA d.example !TEMPFAIL SERVFAIL",
         .said = "abstain sender-domain [d.example: SERVFAIL]\n"},
        {.name = "AAAA",
         .domain = "d.example",
         .dns = "MX d.example !NODATA\nA d.example 10.0.0.1\nAAAA d.example !TEMPFAIL SERVFAIL",
         .said = "abstain sender-domain [d.example: SERVFAIL]\n"},
        {.name = "the first of two MX",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example\nA a.example !TEMPFAIL timeout\nA "
                "b.example 10.0.0.1",
         .said = "abstain sender-domain [a.example: timeout]\n"},
        {.name = "the last of two MX",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example\nAAAA b.example !TEMPFAIL timeout",
         .said = "abstain sender-domain [b.example: timeout]\n"},
        {.name = "more MX than are looked at",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example 30 c.example 40 d.d.example 50 e.example "
                "60 f.example\n"
                "A f.example 192.0.2.1",
         .said = "abstain sender-domain [more MX hosts than are looked at]\n",
         .asked = 11},
        {.name = "more MX, the fifth is fine",
         .domain = "d.example",
         .dns = "MX d.example 10 a.example 20 b.example 30 c.example 40 d.d.example 50 e.example "
                "60 f.example\n"
                "A e.example 192.0.2.1",
         .said = "",
         .asked = 10},
    };
    rig_cases(&check_sender_domain, cases, COUNT(cases));
}

static void senders_of_private_and_trusted_clients_are_not_looked_up(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "a domain",
         .no_lookup = true,
         .client = "10.0.0.1",
         .domain = "d.example",
         .said = ""},
        {.name = "localhost",
         .no_lookup = true,
         .client = "10.0.0.1",
         .domain = "localhost",
         .said = ""},
        {.name = "a literal",
         .no_lookup = true,
         .client = "10.0.0.1",
         .domain = "[10.0.0.1]",
         .said = ""},
    };
    rig_cases(&check_sender_domain, cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_that_takes_mail_is_fine),
        cmocka_unit_test(one_that_cannot_take_mail_is_found),
        cmocka_unit_test(one_whose_mail_stays_private_is_found),
        cmocka_unit_test(what_could_not_be_told_is_no_finding),
        cmocka_unit_test(senders_of_private_and_trusted_clients_are_not_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
