/* SPDX-License-Identifier: ISC */
/* check_reverse_dns_test: what the name of an address comes to, with one name and with several, and
 * what comes of each answer at each step. */
#include "policy/check_names.h"

#include "tests/unit/support/check_rig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define PTR     "PTR 17.2.0.192.in-addr.arpa "
#define NONE    " your address has no reverse DNS name (5.7.25)\n"
#define FORGED  " your reverse DNS name does not lead back to your address (5.7.25)\n"
#define DYNAMIC " your reverse DNS name looks dynamically assigned\n"
#define HOLDS   " your reverse DNS name is made of your address\n"

static void an_address_without_a_name_is_found(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "NXDOMAIN",
         .said = "reverse none\nfound 2 reverse-dns.none [NXDOMAIN]" NONE,
         .asked = 1},
        {.name = "NODATA",
         .dns = PTR "!NODATA",
         .said = "reverse none\nfound 2 reverse-dns.none [NODATA]" NONE},
        {.name = "odd characters",
         .dns = PTR "mail\\032server.example",
         .said = "reverse none\nfound 2 reverse-dns.none [mail\\032server.example]" NONE,
         .asked = 1},
        {.name = "another score",
         .config = "score = 0.75",
         .said = "reverse none\nfound 0.75 reverse-dns.none [NXDOMAIN]" NONE},
        {.name = "IPv6",
         .client = "2001:db8::1",
         .said = "reverse none\nfound 2 reverse-dns.none [NXDOMAIN]" NONE},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void a_confirmed_name_is_fine(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "IPv4",
         .dns = PTR "mx.d.example\nA mx.d.example 192.0.2.17",
         .said = "reverse mx.d.example confirmed\n",
         .asked = 2},
        {.name = "one of several addresses",
         .dns = PTR "mx.d.example\nA mx.d.example 192.0.2.1 192.0.2.17 192.0.2.2",
         .said = "reverse mx.d.example confirmed\n"},
        {.name = "IPv6",
         .client = "2001:db8::1",
         .dns = "PTR 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa "
                "mx.d.example\n"
                "AAAA mx.d.example 2001:db8::1",
         .said = "reverse mx.d.example confirmed\n",
         .asked = 2},
        {.name = "an underscore",
         .dns = PTR "mx_1.d.example\nA mx_1.d.example 192.0.2.17",
         .said = "reverse mx_1.d.example confirmed\n"},
        {.name = "odd characters beside it",
         .dns = PTR "a\\000b.example mx.d.example\nA mx.d.example 192.0.2.17",
         .said = "reverse mx.d.example confirmed\n",
         .asked = 2},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void an_unconfirmed_name_is_found(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "another address",
         .dns = PTR "mx.d.example\nA mx.d.example 192.0.2.18 192.0.2.19",
         .said = "reverse mx.d.example unconfirmed\n"
                 "found 1 reverse-dns.unconfirmed [mx.d.example 192.0.2.18]" FORGED},
        {.name = "no address",
         .dns = PTR "mx.d.example\nA mx.d.example !NODATA",
         .said = "reverse mx.d.example unconfirmed\n"
                 "found 1 reverse-dns.unconfirmed [mx.d.example NODATA]" FORGED},
        {.name = "no such name",
         .dns = PTR "mx.d.example",
         .said = "reverse mx.d.example unconfirmed\n"
                 "found 1 reverse-dns.unconfirmed [mx.d.example NXDOMAIN]" FORGED},
        {.name = "IPv6 for an IPv4 client only",
         .dns = PTR "mx.d.example\nAAAA mx.d.example 2001:db8::1",
         .said = "reverse mx.d.example unconfirmed\n"
                 "found 1 reverse-dns.unconfirmed [mx.d.example NODATA]" FORGED},
        {.name = "another score",
         .config = "unconfirmed = 4",
         .dns = PTR "mx.d.example",
         .said = "reverse mx.d.example unconfirmed\n"
                 "found 4 reverse-dns.unconfirmed [mx.d.example NXDOMAIN]" FORGED},
        {.name = "and dynamic",
         .dns = PTR "dyn-1-2.isp.example",
         .said = "reverse dyn-1-2.isp.example unconfirmed\n"
                 "found 1 reverse-dns.unconfirmed [dyn-1-2.isp.example NXDOMAIN]" FORGED
                 "found 1.5 reverse-dns.dynamic [dyn-1-2.isp.example]" DYNAMIC},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void signs_of_a_name_count_once(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "dynamic",
         .dns = PTR "dyn-1-2.isp.example\nA dyn-1-2.isp.example 192.0.2.17",
         .said = "reverse dyn-1-2.isp.example confirmed\nfound 1.5 reverse-dns.dynamic "
                 "[dyn-1-2.isp.example]" DYNAMIC},
        {.name = "holds the address",
         .dns = PTR "192-0-2-17.isp.example\nA 192-0-2-17.isp.example 192.0.2.17",
         .said = "reverse 192-0-2-17.isp.example confirmed\nfound 1 reverse-dns.holds-address "
                 "[192-0-2-17.isp.example]" HOLDS},
        {.name = "both",
         .dns = PTR "dyn-192-0-2-17.isp.example\nA dyn-192-0-2-17.isp.example 192.0.2.17",
         .said = "reverse dyn-192-0-2-17.isp.example confirmed\nfound 1.5 reverse-dns.dynamic "
                 "[dyn-192-0-2-17.isp.example]" DYNAMIC},
        {.name = "both, the other higher",
         .config = "dynamic = 1 holds-address = 2",
         .dns = PTR "dyn-192-0-2-17.isp.example\nA dyn-192-0-2-17.isp.example 192.0.2.17",
         .said = "reverse dyn-192-0-2-17.isp.example confirmed\nfound 2 reverse-dns.holds-address "
                 "[dyn-192-0-2-17.isp.example]" HOLDS},
        {.name = "own patterns",
         .config = "patterns = {'^guest', 'visitor'}",
         .dns = PTR "guest.d.example\nA guest.d.example 192.0.2.17",
         .said = "reverse guest.d.example confirmed\nfound 1.5 reverse-dns.dynamic "
                 "[guest.d.example]" DYNAMIC},
        {.name = "own patterns instead of ours",
         .config = "patterns = {'^guest', 'visitor'}",
         .dns = PTR "dyn-1-2.isp.example\nA dyn-1-2.isp.example 192.0.2.17",
         .said = "reverse dyn-1-2.isp.example confirmed\n"},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void of_several_names_the_kindest_counts(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "the confirmed one",
         .dns = PTR "a.d.example b.d.example c.d.example\nA b.d.example 192.0.2.17",
         .said = "reverse b.d.example confirmed\n"},
        {.name = "the one without a sign",
         .dns = PTR "dyn-1-2.isp.example mx.d.example\nA dyn-1-2.isp.example 192.0.2.17\nA "
                    "mx.d.example 192.0.2.17",
         .said = "reverse mx.d.example confirmed\n"},
        {.name = "not one that is unconfirmed",
         .dns = PTR "dyn-1-2.isp.example mx.d.example\nA dyn-1-2.isp.example 192.0.2.17\nA "
                    "mx.d.example 192.0.2.18",
         .said = "reverse dyn-1-2.isp.example confirmed\nfound 1.5 reverse-dns.dynamic "
                 "[dyn-1-2.isp.example]" DYNAMIC},
        {.name = "the lesser sign",
         .dns = PTR "dyn-1-2.isp.example 192-0-2-17.isp.example\nA dyn-1-2.isp.example "
                    "192.0.2.17\nA 192-0-2-17.isp.example 192.0.2.17",
         .said = "reverse 192-0-2-17.isp.example confirmed\nfound 1 reverse-dns.holds-address "
                 "[192-0-2-17.isp.example]" HOLDS},
        {.name = "none confirmed",
         .dns = PTR "dyn-1-2.isp.example mx.d.example\nA mx.d.example 192.0.2.18",
         .said = "reverse mx.d.example unconfirmed\nfound 1 reverse-dns.unconfirmed [mx.d.example "
                 "192.0.2.18]" FORGED},
        {.name = "the third",
         .dns = PTR "a.example b.example c.example d.example\nA c.example 192.0.2.17",
         .said = "reverse c.example confirmed\n",
         .asked = 4},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void what_could_not_be_told_is_no_finding(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "PTR",
         .dns = PTR "!TEMPFAIL timeout",
         .said = "reverse none\nabstain reverse-dns [timeout]\n"},
        {.name = "A",
         .dns = PTR "mx.d.example\nA mx.d.example !TEMPFAIL SERVFAIL",
         .said =
             "reverse mx.d.example unconfirmed\nabstain reverse-dns [mx.d.example: SERVFAIL]\n"},
        {.name = "one of two",
         .dns = PTR "a.example b.example\nA a.example !TEMPFAIL SERVFAIL\nA b.example 192.0.2.18",
         .said = "reverse a.example unconfirmed\nabstain reverse-dns [a.example: SERVFAIL]\n"},
        {.name = "one of two, the other is fine",
         .dns = PTR "a.example b.example\nA a.example !TEMPFAIL SERVFAIL\nA b.example 192.0.2.17",
         .said = "reverse b.example confirmed\n"},
        {.name = "a kinder name than the confirmed one",
         .dns = PTR "dyn-1-2.isp.example mx.d.example\nA dyn-1-2.isp.example 192.0.2.17\nA "
                    "mx.d.example !TEMPFAIL timeout",
         .said = "reverse dyn-1-2.isp.example confirmed\n"},
        {.name = "the name itself was told",
         .dns = PTR "dyn-1-2.isp.example\nA dyn-1-2.isp.example !TEMPFAIL timeout",
         .said = "reverse dyn-1-2.isp.example unconfirmed\nabstain reverse-dns "
                 "[dyn-1-2.isp.example: timeout]\n"
                 "found 1.5 reverse-dns.dynamic [dyn-1-2.isp.example]" DYNAMIC},
        {.name = "more names than are looked at",
         .dns = PTR "a.example b.example c.example d.example\nA d.example 192.0.2.17",
         .said =
             "reverse a.example unconfirmed\nabstain reverse-dns [more names than are looked at]\n",
         .asked = 4},
    };
    rig_cases(&check_reverse_dns, cases, COUNT(cases));
}

static void private_and_trusted_clients_are_not_looked_up(void **state)
{
    (void)state;
    static const struct rig_case c = {
        .name = "private", .no_lookup = true, .client = "10.0.0.1", .said = "reverse none\n"};
    rig_case(&check_reverse_dns, &c);
}

static void a_wrong_pattern_is_a_fault_at_its_line(void **state)
{
    (void)state;
    struct rig_config *config = rig_config_new(&check_reverse_dns, "patterns = {'fine',\n'a(b'}");
    char *faults = conf_faults(config->conf);
    assert_string_equal(faults, "test.conf:3: patterns: \"a(b\" is no pattern: missing closing "
                                "parenthesis at character 4\n");
    free(faults);
    rig_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_without_a_name_is_found),
        cmocka_unit_test(a_confirmed_name_is_fine),
        cmocka_unit_test(an_unconfirmed_name_is_found),
        cmocka_unit_test(signs_of_a_name_count_once),
        cmocka_unit_test(of_several_names_the_kindest_counts),
        cmocka_unit_test(what_could_not_be_told_is_no_finding),
        cmocka_unit_test(private_and_trusted_clients_are_not_looked_up),
        cmocka_unit_test(a_wrong_pattern_is_a_fault_at_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
