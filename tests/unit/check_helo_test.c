/* SPDX-License-Identifier: ISC */
/* check_helo_test: what each way of calling oneself comes to, and what DNS has to say in it. */
#include "policy/check_names.h"

#include "tests/unit/support/check_rig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define NO_DOMAIN  " your HELO is neither a domain nor an address literal (5.5.2)\n"
#define NO_ADDRESS " your HELO name has no address\n"
#define NOT_FULL   " your HELO is not a fully qualified name (5.5.2)\n"
#define NOT_YOURS  " the address in your HELO is not yours\n"

static void the_form_is_judged_without_asking(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "nothing", .helo = "", .said = ""},
        {.name = "a colon",
         .helo = "a:b.example",
         .said = "found 2 helo.syntax [a:b.example]" NO_DOMAIN},
        {.name = "an empty label",
         .helo = "a..example",
         .said = "found 2 helo.syntax [a..example]" NO_DOMAIN},
        {.name = "a dot at the end",
         .helo = "a.example.",
         .said = "found 2 helo.syntax [a.example.]" NO_DOMAIN},
        {.name = "a hyphen in front",
         .helo = "-a.example",
         .said = "found 2 helo.syntax [-a.example]" NO_DOMAIN},
        {.name = "a number for a domain",
         .helo = "mx.12",
         .said = "found 2 helo.syntax [mx.12]" NO_DOMAIN},
        {.name = "an open bracket",
         .helo = "[192.0.2.17",
         .said = "found 2 helo.syntax [[192.0.2.17]" NO_DOMAIN},
        {.name = "nothing in brackets", .helo = "[]", .said = "found 2 helo.syntax [[]]" NO_DOMAIN},
        {.name = "no address in brackets",
         .helo = "[mx]",
         .said = "found 2 helo.syntax [[mx]]" NO_DOMAIN},
        {.name = "IPv6 without its tag",
         .helo = "[2001:db8::1]",
         .said = "found 2 helo.syntax [[2001:db8::1]]" NO_DOMAIN},
        {.name = "IPv4 with the tag of IPv6",
         .helo = "[IPv6:192.0.2.17]",
         .said = "found 2 helo.syntax [[IPv6:192.0.2.17]]" NO_DOMAIN},
        {.name = "an address without brackets",
         .helo = "192.0.2.17",
         .said =
             "found 2 helo.syntax [192.0.2.17] your HELO is an address without brackets (5.5.2)\n"},
        {.name = "IPv6 without brackets",
         .helo = "2001:db8::1",
         .said = "found 2 helo.syntax [2001:db8::1] your HELO is an address without brackets "
                 "(5.5.2)\n"},
        {.name = "one label", .helo = "pc17", .said = "found 1 helo.not-fqdn [pc17]" NOT_FULL},
        {.name = "localhost",
         .helo = "localhost",
         .said = "found 1 helo.not-fqdn [localhost]" NOT_FULL},
        {.name = "a special-use name",
         .helo = "pc17.local",
         .said = "found 1 helo.unresolved [special-use name]" NO_ADDRESS},
        {.name = "other scores",
         .config = "score = 4.5 not-fqdn = 0.5",
         .helo = "a..b",
         .said = "found 4.5 helo.syntax [a..b]" NO_DOMAIN},
        {.name = "other scores, one label",
         .config = "score = 4.5 not-fqdn = 0.5",
         .helo = "pc",
         .said = "found 0.5 helo.not-fqdn [pc]" NOT_FULL},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

static void a_literal_must_be_the_clients(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "its own", .helo = "[192.0.2.17]", .said = ""},
        {.name = "its own IPv6",
         .client = "2001:db8::1",
         .helo = "[IPv6:2001:DB8:0::1]",
         .said = ""},
        {.name = "the tag in any case",
         .client = "2001:db8::1",
         .helo = "[ipv6:2001:db8::1]",
         .said = ""},
        {.name = "mapped", .helo = "[IPv6:::ffff:192.0.2.17]", .said = ""},
        {.name = "another",
         .helo = "[192.0.2.18]",
         .said = "found 3 helo.literal [[192.0.2.18]]" NOT_YOURS},
        {.name = "of the other family",
         .helo = "[IPv6:2001:db8::1]",
         .said = "found 3 helo.literal [[IPv6:2001:db8::1]]" NOT_YOURS},
        {.name = "another score",
         .config = "literal = 6",
         .helo = "[127.0.0.1]",
         .said = "found 6 helo.literal [[127.0.0.1]]" NOT_YOURS},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

static void nobody_else_is_called_as_we_are(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "our name",
         .helo = "MX.example.ORG",
         .said = "found 5 helo.own-name [MX.example.ORG] your HELO is our own\n"},
        {.name = "our address",
         .helo = "[198.51.100.25]",
         .said = "found 5 helo.own-name [[198.51.100.25]] your HELO is our own\n"},
        {.name = "another score",
         .config = "own-name = 10",
         .helo = "mx.example.org",
         .said = "found 10 helo.own-name [mx.example.org] your HELO is our own\n"},
        {.name = "we",
         .client = "198.51.100.25",
         .helo = "mx.example.org",
         .dns = "A mx.example.org 198.51.100.25",
         .said = ""},
        {.name = "we, by address",
         .client = "198.51.100.25",
         .helo = "[198.51.100.25]",
         .said = ""},
        {.name = "a name below ours",
         .helo = "a.mx.example.org",
         .dns = "A a.mx.example.org 192.0.2.17",
         .said = ""},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

static void a_name_must_have_an_address(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "it has",
         .helo = "mail.example",
         .dns = "A mail.example 192.0.2.99",
         .said = "",
         .asked = 1},
        {.name = "an underscore",
         .helo = "win_server.example",
         .dns = "A win_server.example 192.0.2.99",
         .said = "",
         .asked = 1},
        {.name = "IPv6 only",
         .helo = "mail.example",
         .dns = "AAAA mail.example 2001:db8::1",
         .said = "",
         .asked = 2},
        {.name = "an IPv6 client",
         .client = "2001:db8::1",
         .helo = "mail.example",
         .dns = "AAAA mail.example 2001:db8::1",
         .said = "",
         .asked = 1},
        {.name = "an IPv6 client with an IPv4 name",
         .client = "2001:db8::1",
         .helo = "mail.example",
         .dns = "A mail.example 192.0.2.1",
         .said = "",
         .asked = 2},
        {.name = "nothing of either",
         .helo = "mail.example",
         .dns = "MX mail.example 10 mx.example",
         .said = "found 1 helo.unresolved [mail.example A NODATA, AAAA NODATA]" NO_ADDRESS,
         .asked = 2},
        {.name = "no such name",
         .helo = "mail.example",
         .dns = NULL,
         .said = "found 1 helo.unresolved [mail.example A NXDOMAIN, AAAA NXDOMAIN]" NO_ADDRESS,
         .asked = 2},
        {.name = "an IPv6 client without",
         .client = "2001:db8::1",
         .helo = "mail.example",
         .dns = "AAAA mail.example !NODATA\nA mail.example !NXDOMAIN",
         .said = "found 1 helo.unresolved [mail.example A NXDOMAIN, AAAA NODATA]" NO_ADDRESS,
         .asked = 2},
        {.name = "a server that denies wrongly",
         .helo = "mail.example",
         .dns = "A mail.example !NXDOMAIN\nAAAA mail.example 2001:db8::1",
         .said = "",
         .asked = 2},
        {.name = "another score",
         .config = "unresolved = 2.25",
         .helo = "mail.example",
         .dns = NULL,
         .said = "found 2.25 helo.unresolved [mail.example A NXDOMAIN, AAAA NXDOMAIN]" NO_ADDRESS},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

static void without_an_answer_nothing_is_found(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "A",
         .helo = "mail.example",
         .dns = "A mail.example !TEMPFAIL timeout",
         .said = "abstain helo [timeout]\n"},
        {.name = "AAAA",
         .helo = "mail.example",
         .dns = "A mail.example !NODATA\nAAAA mail.example !TEMPFAIL SERVFAIL",
         .said = "abstain helo [SERVFAIL]\n"},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

static void of_private_and_trusted_clients_only_the_form_is_judged(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "a name",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "pc.lan.example",
         .said = ""},
        {.name = "our name",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "mx.example.org",
         .said = ""},
        {.name = "our address",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "[198.51.100.25]",
         .said = ""},
        {.name = "another's address",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "[192.168.0.1]",
         .said = ""},
        {.name = "a special-use name",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "pc.local",
         .said = ""},
        {.name = "one label",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "pc",
         .said = "found 1 helo.not-fqdn [pc]" NOT_FULL},
        {.name = "no name",
         .no_lookup = true,
         .client = "10.0.0.1",
         .helo = "a..b",
         .said = "found 2 helo.syntax [a..b]" NO_DOMAIN},
    };
    rig_cases(&check_helo, cases, COUNT(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_is_judged_without_asking),
        cmocka_unit_test(a_literal_must_be_the_clients),
        cmocka_unit_test(nobody_else_is_called_as_we_are),
        cmocka_unit_test(a_name_must_have_an_address),
        cmocka_unit_test(without_an_answer_nothing_is_found),
        cmocka_unit_test(of_private_and_trusted_clients_only_the_form_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
