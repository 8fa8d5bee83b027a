/* SPDX-License-Identifier: ISC */
/*
 * name_pattern_test: which names look like dial-in lines and which do not, modelled on what
 * providers and mail services use; the admin's own patterns; and names that hold an address.
 */
#include "policy/name_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct name_pattern *built_in(void)
{
    size_t index;
    char *why;
    struct name_pattern *patterns = name_pattern_new(NULL, 0, &index, &why);
    assert_non_null(patterns);
    assert_null(why);
    return patterns;
}

static void all_of(const char *const *name, size_t count, bool dynamic)
{
    struct name_pattern *patterns = built_in();
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        const char *found = name_pattern_match(patterns, name[i]);
        if ((found != NULL) != dynamic) {
            print_error("%s: %s\n", name[i], found != NULL ? found : "no pattern matches");
            wrong++;
        }
    }
    name_pattern_free(patterns);
    assert_int_equal(wrong, 0);
}

static void lines_of_customers_look_dynamic(void **state)
{
    (void)state;
    static const char *const names[] = {
        "pool-71-123-45-67.nycmny.fios.isp.example",
        "POOL-71-123-45-67.Nycmny.Fios.isp.EXAMPLE",
        "adsl-75-1-2-3.dsl.pltn13.isp.example",
        "dslb-088-064-001-002.088.064.pools.isp.example",
        "p4fc1a2b3.dip0.isp.example",
        "p5b0c1d2e.dip.dialin.example",
        "x4d0a1b2c.dyn.isp.example",
        "cpc12345-sgyl1-2-0-cust123.18-2.cable.isp.example",
        "arennes-1-2-3.abo.isp.example",
        "lfbn-idf1-1-123-45.w86-1.abo.isp.example",
        "82-64-1-2.subs.isp.example",
        "1.2.3.4.dynamic.isp.example",
        "123.red-80-1-2.dynamicip.isp.example",
        "dsl-189-1-2-3-dyn.isp.com.example",
        "201-1-2-3.dsl.isp.net.example",
        "189-1-2-3.user.isp.com.example",
        "node-abc.pool-101-108.dynamic.isp.example",
        "kd106001002003.ppp-bb.isp.example",
        "ppp91-1-2-3.pppoe.isp.example",
        "pppoe-1-2-3.spb.isp.example",
        "95-24-1-2.broadband.isp.example",
        "broadband-1-2-3-4.ip.moscow.isp.example",
        "dynamic-077-001-002-003.77.1.pool.isp.example",
        "dhcp-077-250-1-2.isp.example.net",
        "84-1-2-3.cable.dynamic.v4.isp.example",
        "ptr-abc.dyn.user.isp.example",
        "ptr-7h2k9.dyn.user.isp.example",
        "77-1-2-3.adsl.isp.example",
        "mobile-166-1-2-3.isp.example.net",
        "user-12l1abc.cable.isp.example",
        "m83-1-2-3.cust.isp.example",
        "c-1a2b3c4d.021-123-6b6c756.bbcust.isp.example",
        "h-1-2-3-4.a123.priv.isp.example",
        "host-1-2-3-4.homerun.isp.example",
        "dynamic-adsl-84-1-2-3.clienti.isp.example",
        "host1-2-dynamic.3-4-r.retail.isp.example",
        "net-93-1-2-3.cust.isp.example",
        "dialup-4.1.2.3.dial1.denver1.isp.example",
        "1-2-3-4.dynamic-ip.isp.example",
        "mx-ll-171.6.1.2.dynamic.isp.example",
        "cpe-76-1-2-3.socal.res.isp.example",
        "user5678.dsl.isp.example",
        "2.3.wireless.dyn.isp.example",
        "cm-115-1-2-3.revip18.isp.example",
        "ftth-10-20.city.isp.example",
        "wifi-12-34.campus.example.edu",
        "dhcp-12-34.campus.example.edu",
        "1-2-3-4.nat.isp.example",
        "dyndsl-085-016-001-002.isp.example.de",
    };
    all_of(names, COUNT(names), true);
}

static void mail_servers_do_not(void **state)
{
    (void)state;
    static const char *const names[] = {
        "mail-wr1-f53.google.com",
        "mail-ed1-x534.google.com",
        "mail-am6eur05on2071.outbound.protection.outlook.com",
        "mail-eopbgr50071.outbound.protection.outlook.com",
        "mx01.t-online.de",
        "mailout11.t-online.de",
        "mout.kundenserver.de",
        "mout-xforward.gmx.net",
        "a8-23.smtp-out.amazonses.com",
        "a14-95.smtp-out.eu-west-1.amazonses.com",
        "sonic314-20.consmr.mail.ne1.yahoo.com",
        "o1.email.example.com",
        "xtrwkhkc.outbound-mail.sendgrid.net",
        "mail133-23.atl131.mandrillapp.com",
        "mta-65-104.sparkpostmail.com",
        "out1-smtp.messagingengine.com",
        "wout3-smtp.messagingengine.com",
        "bounce-12-34.mailing.users.example.com",
        "relay6-d.mail.gandi.net",
        "smtp-1908.mail.infomaniak.ch",
        "mailrelay2.rz.uni-city.example",
        "forward501a.mail.yandex.net",
        "fallback12.m.smailru.net",
        "static.88-198-1-2.clients.your-server.de",
        "123.red-80-1-2.staticip.isp.example",
        "static-1-2-3-4.dsl.isp.example",
        "1-2-3-4.static.cable.isp.example",
        "cust-12-34.business.isp.example",
        "vps-1a2b3c4d.vps.hoster.example",
        "ns3012345.ip-1-2-3.eu",
        "mail.pool-supplies.example",
        "mail2.pool-supplies.example",
        "mx1.cable-car.example",
        "dynamics-company.example",
        "mail.dynamics-company.example",
        "smtp1.dynamics-company.co.example",
        "mail.dynamic.example",
        "mx12.dynamic.co.example",
        "smtp-out1.dynamic.co.example",
        "mail.broadband.example",
        "smtp2.broadband.isp.example",
        "mx1-2.dsl.isp.example",
        "mx.mobile.example",
        "mxout34.mobile.isp.example",
        "client.example",
        "users.example.org",
        "web12.hosting-pool.example",
        "lists.poolside.example.org",
        "host.pppointer.example.org",
        "srv42.dialogue.example.org",
        "s7.resource.example.org",
        "gw1.customs.example.org",
        "node1-2.mobility.example.org",
        "dsl.example.org",
        "dynamic",
        "pool-1-2-3-4",
        "",
        ".",
        "1.2.3.4",
    };
    all_of(names, COUNT(names), false);
}

static void own_patterns_take_the_place_of_the_built_in(void **state)
{
    (void)state;
    static const char *const own[] = {"^lan\\d+\\.", "guest"};
    size_t index;
    char *why;
    struct name_pattern *patterns = name_pattern_new(own, COUNT(own), &index, &why);
    assert_non_null(patterns);
    assert_string_equal(name_pattern_match(patterns, "lan12.example.org"), own[0]);
    assert_string_equal(name_pattern_match(patterns, "a.GUESTS.example.org"), own[1]);
    assert_null(name_pattern_match(patterns, "pool-71-123-45-67.nycmny.fios.isp.example"));
    name_pattern_free(patterns);
}

static void a_wrong_pattern_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *why;
    } cases[] = {
        {"a(b", "\"a(b\" is no pattern: missing closing parenthesis at character 4"},
        {"*", "\"*\" is no pattern: quantifier does not follow a repeatable item at character 1"},
        {"(*UTF)x", "\"(*UTF)x\" is no pattern: using UTF is disabled by the application at "
                    "character 7"},
        {"\\C", "\"\\C\" is no pattern: using \\C is disabled by the application at character 3"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const list[] = {"fine", cases[i].pattern, "(fine"};
        size_t index = 99;
        char *why = NULL;
        assert_null(name_pattern_new(list, COUNT(list), &index, &why));
        assert_string_equal(why, cases[i].why);
        assert_int_equal(index, 1);
        free(why);
    }
    name_pattern_free(NULL);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_name_costs_bounded_work(void **state)
{
    (void)state;
    static const char *const own[] = {"(a+)+$", "(.*)*b(.*)*c", "(a|aa)+$"};
    char name[4096];
    size_t index;
    char *why;
    struct name_pattern *evil = name_pattern_new(own, COUNT(own), &index, &why);
    assert_non_null(evil);
    memset(name, 'a', sizeof name);
    name[252] = '!';
    name[253] = '\0';
    double before = cpu_seconds();
    assert_null(name_pattern_match(evil, name));
    assert_true(cpu_seconds() - before < 2); /* they would take longer than the universe has */
    name_pattern_free(evil);

    struct name_pattern *patterns = built_in();
    name[252] = 'a';
    memcpy(name, "dyn-1-2.", 8);
    memcpy(name + 245, ".b.c.d", 6);
    assert_non_null(name_pattern_match(patterns, name)); /* as long as a name may be */
    name[253] = 'a';
    name[254] = '\0';
    assert_null(name_pattern_match(patterns, name)); /* no name at all */
    name_pattern_free(patterns);
}

/* The longest names still find their match within the steps. */
static void long_names_are_judged_like_short_ones(void **state)
{
    (void)state;
    static const char *const fill[] = {"a-", "1-", "x.", "9.", "aa1-", "cust1", "w"};
    struct name_pattern *patterns = built_in();
    for (size_t i = 0; i < COUNT(fill); i++) {
        char name[254] = "1-2-";
        while (strlen(name) + strlen(fill[i]) < 253 - strlen(".dyn.isp.example"))
            memcpy(name + strlen(name), fill[i], strlen(fill[i]) + 1);
        memcpy(name + strlen(name), ".dyn.isp.example", sizeof ".dyn.isp.example");
        if (name_pattern_match(patterns, name) == NULL)
            fail_msg("%s: no pattern matches", name);
    }
    name_pattern_free(patterns);
}

/* ---- names that hold the address ---------------------------------------------------------------
 */

struct held {
    const char *address, *name;
};

static void check_held(const struct held *cases, size_t count, bool holds)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct addr address;
        assert_true(addr_parse_ip(cases[i].address, &address));
        if (name_holds_address(cases[i].name, &address) != holds) {
            print_error("%s in %s: %s\n", cases[i].address, cases[i].name,
                        holds ? "not found" : "found");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void names_that_hold_the_address_are_found(void **state)
{
    (void)state;
    static const struct held cases[] = {
        {"192.0.2.17", "192.0.2.17"},
        {"192.0.2.17", "192-0-2-17.isp.example"},
        {"192.0.2.17", "ip192-0-2-17.isp.example"},
        {"192.0.2.17", "host-192-0-2-17.isp.example"},
        {"192.0.2.17", "17.2.0.192.isp.example"},
        {"192.0.2.17", "17-2-0-192.isp.example"},
        {"192.0.2.17", "192_0_2_17.isp.example"},
        {"192.0.2.17", "192-000-002-017.isp.example"},
        {"192.0.2.17", "192.000.002.017.isp.example"},
        {"192.0.2.17", "cpc1-192-0-2-17-5.isp.example"},
        {"192.0.2.17", "17.red-192-0-2.isp.example"},
        {"192.0.2.17", "host17-2-dynamic.0-192-r.isp.example"},
        {"192.0.2.17", "lfbn-2-17.w192-0.abo.isp.example"},
        {"192.0.2.17", "softbank192000002017.isp.example"},
        {"192.0.2.17", "017002000192.isp.example"},
        {"192.0.2.17", "h1920217.isp.example"},
        {"192.0.2.17", "h1720192.isp.example"},
        {"192.0.2.17", "c0000211.isp.example"},
        {"192.0.2.17", "xC0000211.isp.example"},
        {"192.0.2.17", "dC0000211.isp.example"},
        {"192.0.2.17", "ip-c0000211.isp.example"},
        {"192.0.2.17", "110200c0.isp.example"},
        {"192.0.2.17", "c0-00-02-11.isp.example"},
        {"192.0.2.17", "c0.00.02.11.isp.example"},
        {"192.0.2.17", "ec2-192-0-2-17.compute.example"},
        {"1.2.3.4", "1.2.3.4.dynamic.isp.example"},
        {"1.2.3.4", "01020304.isp.example"},
        {"1.2.3.4", "9-1-2-3-4-9.isp.example"},
        {"1.2.3.4", "isp.example.1-2-3-4"},
        {"2001:db8::1", "2001-db8--1.isp.example"},
        {"2001:db8::1", "x-2001-DB8--1.isp.example"},
        {"2001:db8::1", "2001-db8-0-0-0-0-0-1.isp.example"},
        {"2001:db8::1", "2001.db8.0.0.0.0.0.1.isp.example"},
        {"2001:db8::1", "ip6-2001-0db8-0000-0000-0000-0000-0000-0001.isp.example"},
        {"2001:db8::1", "1-0-0-0-0-0-db8-2001.isp.example"},
        {"2001:db8::1", "20010db8000000000000000000000001.isp.example"},
        {"2001:db8::1", "p20010db8000000000000000000000001.isp.example"},
        {"2001:db8::1",
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.example"},
        {"2001:db8::1",
         "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.isp.example"},
        {"2001:db8:1:2:a:b:c:d", "2001-db8-1-2-a-b-c-d.isp.example"},
        {"2001:db8:1:2:a:b:c:d", "d.c.b.a.2.1.db8.2001.isp.example"},
    };
    check_held(cases, COUNT(cases), true);
}

static void names_that_do_not_are_not(void **state)
{
    (void)state;
    static const struct held cases[] = {
        {"1.2.3.4", "11.2.3.4.isp.example"},
        {"1.2.3.4", "1.2.3.45.isp.example"},
        {"1.2.3.4", "21-2-3-4.isp.example"},
        {"1.2.3.4", "1-2-3-40.isp.example"},
        {"1.2.3.4", "1-2-3.isp.example"},
        {"1.2.3.4", "1-3-2-4.isp.example"},
        {"1.2.3.4", "a1b2c3d4.isp.example"},
        {"1.2.3.4", "1234.isp.example"},
        {"1.2.3.4", "mail1234.isp.example"},
        {"1.2.3.4", "9001002003004.isp.example"},
        {"1.2.3.4", "0010020030045.isp.example"},
        {"1.2.3.4", "001020304.isp.example"},
        {"1.2.3.4", "010203045.isp.example"},
        {"1.2.3.4", "mail1-2.example"},
        {"192.0.2.17", "mx1.example.org"},
        {"192.0.2.17", "192-0-3-17.isp.example"},
        {"192.0.2.17", "192-0-2-171.isp.example"},
        {"192.0.2.17", "1192-0-2-17.isp.example"},
        {"192.0.2.17", "ac0000211f.isp.example"},
        {"192.0.2.17", "00c0000211.isp.example"},
        {"192.0.2.17", "192-0.isp.example"},
        {"192.0.2.17", ""},
        {"192.0.2.17", "mail-wr1-f53.google.com"},
        {"192.0.2.17", "300-0-2-17.isp.example"},
        {"192.0.2.17", "99999999999999999999-0-2-17.isp.example"},
        {"2001:db8::1", "2001-db8--12.isp.example"},
        {"2001:db8::1", "12001-db8--1.isp.example"},
        {"2001:db8::1", "2001-db8-0-0-0-0-1.isp.example"},
        {"2001:db8::1", "2001-db8-0-0-0-0-0-12.isp.example"},
        {"2001:db8::1", "20010db80000000000000000000000012.isp.example"},
        {"2001:db8::1", "020010db8000000000000000000000001.isp.example"},
        {"2001:db8::1", "20010db800000000000000000000000.isp.example"},
        {"2001:db8::1", "mx1.example.org"},
        {"2001:db8::1", "2001-00db8-0-0-0-0-0-1.isp.example"},
        {"2001:db8::1", ""},
    };
    check_held(cases, COUNT(cases), false);
}

static void no_address_is_in_no_name(void **state)
{
    (void)state;
    const struct addr none = {0};
    assert_false(name_holds_address("0-0-0-0.isp.example", &none));
    assert_false(name_holds_address("", &none));
}

/* Every address in every form that is promised, whatever its numbers. */
static void every_form_is_found_for_any_address(void **state)
{
    (void)state;
    static const char *const form[] = {
        "%1$u.%2$u.%3$u.%4$u.isp.example",      "x%1$u-%2$u-%3$u-%4$u.isp.example",
        "%4$u.%3$u.%2$u.%1$u.isp.example",      "%1$03u-%2$03u-%3$03u-%4$03u.isp.example",
        "%1$03u%2$03u%3$03u%4$03u.isp.example", "ip%4$03u%3$03u%2$03u%1$03u.isp.example",
        "%1$02x%2$02x%3$02x%4$02x.isp.example", "p%4$02X%3$02X%2$02X%1$02X.isp.example",
    };
    uint32_t any = 0x12345678;
    for (unsigned round = 0; round < 2000; round++) {
        any = any * 1664525 + 1013904223;
        struct addr address = {.family = AF_INET};
        for (unsigned i = 0; i < 4; i++)
            address.ip[i] = (uint8_t)(any >> (8 * i + (round & 1) * 2));
        for (size_t i = 0; i < COUNT(form); i++) {
            char name[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(name, sizeof name, form[i], address.ip[0], address.ip[1], address.ip[2],
                     address.ip[3]);
#pragma GCC diagnostic pop
            if (!name_holds_address(name, &address))
                fail_msg("not found in %s", name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_customers_look_dynamic),
        cmocka_unit_test(mail_servers_do_not),
        cmocka_unit_test(own_patterns_take_the_place_of_the_built_in),
        cmocka_unit_test(a_wrong_pattern_is_named_with_its_place),
        cmocka_unit_test(a_name_costs_bounded_work),
        cmocka_unit_test(long_names_are_judged_like_short_ones),
        cmocka_unit_test(names_that_hold_the_address_are_found),
        cmocka_unit_test(names_that_do_not_are_not),
        cmocka_unit_test(no_address_is_in_no_name),
        cmocka_unit_test(every_form_is_found_for_any_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
