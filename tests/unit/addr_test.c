/* SPDX-License-Identifier: ISC */
/* addr_test: addresses and networks as text and from the kernel, as lib/addr.h promises. */
#include "lib/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct ip_case {
    const char *name, *text, *shown; /* NULL: refused */
} ip_cases[] = {
    {"IPv4", "192.0.2.1", "192.0.2.1"},
    {"IPv6 shortened", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
    {"mapped is IPv4", "::ffff:192.0.2.1", "192.0.2.1"},
    {"mapped in hex is IPv4", "::ffff:c000:201", "192.0.2.1"},
    {"compatible is not mapped", "::192.0.2.1", "::192.0.2.1"},
    {"unspecified", "::", "::"},
    {"empty", "", NULL},
    {"three parts", "192.0.2", NULL},
    {"leading zero", "192.0.02.1", NULL},
    {"hex part", "0x7f.0.0.1", NULL},
    {"256", "256.0.0.1", NULL},
    {"space", " 192.0.2.1", NULL},
    {"trailing text", "192.0.2.1x", NULL},
    {"brackets", "[::1]", NULL},
    {"scope", "fe80::1%lo", NULL},
    {"two gaps", "1::2::3", NULL},
    {"a name", "localhost", NULL},
};

static void addresses_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ip_cases); i++) {
        const struct ip_case *c = &ip_cases[i];
        struct addr a;
        char text[ADDR_TEXT_MAX];
        bool ok = addr_parse_ip(c->text, &a);
        if (ok != (c->shown != NULL))
            fail_msg("%s", c->name);
        assert_string_equal(addr_ip_text(&a, text), ok ? c->shown : "unknown");
        assert_int_equal(a.port, 0);
    }
}

static void private_addresses_are_told_from_public_ones(void **state)
{
    (void)state;
    static const char *const private[] = {
        "127.0.0.1",   "10.1.2.3",   "172.16.0.1",      "172.31.255.255",
        "192.168.1.1", "100.64.0.1", "100.127.255.255", "169.254.1.1",
        "0.0.0.0",     "224.0.0.1",  "255.255.255.255", "::1",
        "::",          "fe80::1",    "fc00::1",         "fdff::1",
        "ff02::1"};
    static const char *const public[] = {"192.0.2.1",     "198.51.100.1",    "203.0.113.1",
                                         "172.32.0.1",    "100.63.255.255",  "100.128.0.0",
                                         "9.255.255.255", "223.255.255.255", "2001:db8::1",
                                         "::2",           "fec0::1"};
    struct addr a;
    for (size_t i = 0; i < COUNT(private); i++) {
        assert_true(addr_parse_ip(private[i], &a));
        if (!addr_is_private(&a))
            fail_msg("%s", private[i]);
    }
    for (size_t i = 0; i < COUNT(public); i++) {
        assert_true(addr_parse_ip(public[i], &a));
        if (addr_is_private(&a))
            fail_msg("%s", public[i]);
    }
    assert_true(addr_is_private(&(struct addr){0}));
}

static const struct ip_case port_cases[] = {
    {"IPv4", "192.0.2.1:25", "192.0.2.1:25"},
    {"IPv6", "[2001:db8::1]:65535", "[2001:db8::1]:65535"},
    {"mapped", "[::ffff:192.0.2.1]:25", "192.0.2.1:25"},
    {"the longest", "[2001:db80:1111:2222:3333:4444:5555:6666]:65535",
     "[2001:db80:1111:2222:3333:4444:5555:6666]:65535"},
    {"no port", "192.0.2.1", NULL},
    {"no port, brackets", "[::1]", NULL},
    {"empty port", "192.0.2.1:", NULL},
    {"port 0", "192.0.2.1:0", NULL},
    {"port too large", "192.0.2.1:65536", NULL},
    {"port with sign", "192.0.2.1:+25", NULL},
    {"port with leading zero", "192.0.2.1:025", NULL},
    {"port with space", "192.0.2.1: 25", NULL},
    {"a name for a port", "192.0.2.1:smtp", NULL},
    {"IPv6 without brackets", "2001:db8::1:25", NULL},
    {"IPv4 in brackets", "[192.0.2.1]:25", NULL},
    {"half a bracket", "[::1:25", NULL},
    {"nothing in brackets", "[]:25", NULL},
    {"only a colon", ":", NULL},
    {"very long", "[2001:db80:1111:2222:3333:4444:5555:6666:2001:db80:1111:2222:3333:4444]:25",
     NULL},
};

static void addresses_with_port_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(port_cases); i++) {
        const struct ip_case *c = &port_cases[i];
        struct addr a;
        char text[ADDR_TEXT_MAX];
        bool ok = addr_parse_port(c->text, &a);
        if (ok != (c->shown != NULL))
            fail_msg("%s", c->name);
        assert_string_equal(addr_text(&a, text), ok ? c->shown : "unknown");
    }
}

static void the_kernel_gives_and_takes(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1:25", "[2001:db8::1]:465"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct addr a, back;
        struct sockaddr_storage ss;
        char text[ADDR_TEXT_MAX];
        assert_true(addr_parse_port(texts[i], &a));
        socklen_t len = addr_to_sockaddr(&a, &ss);
        assert_int_equal(len, i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        addr_from_sockaddr((struct sockaddr *)&ss, &back);
        assert_memory_equal(&a, &back, sizeof a);
        assert_string_equal(addr_text(&back, text), texts[i]);
    }
}

static void a_mapped_address_of_the_kernel_is_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(25)};
    struct addr a, v4;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:127.0.0.5", &in6.sin6_addr), 1);
    addr_from_sockaddr((struct sockaddr *)&in6, &a);
    assert_true(addr_parse_port("127.0.0.5:9", &v4));
    assert_true(addr_same_ip(&a, &v4));
    assert_int_equal(a.port, 25);
    assert_true(addr_is_loopback(&a));
}

static void no_address_is_told_apart(void **state)
{
    (void)state;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_storage ss;
    struct addr a;
    struct cidr all;
    const char *why;
    addr_from_sockaddr((struct sockaddr *)&un, &a);
    assert_int_equal(a.family, AF_UNSPEC);
    assert_int_equal(addr_to_sockaddr(&a, &ss), 0);
    assert_false(addr_is_loopback(&a));
    assert_true(cidr_parse("0.0.0.0/0", &all, &why));
    assert_false(cidr_match(&all, &a));
}

static void loopback_is_127_and_1(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {{"127.0.0.1", true},  {"127.255.0.9", true},
                 {"::1", true},        {"128.0.0.1", false},
                 {"::2", false},       {"::", false},
                 {"126.0.0.1", false}, {"::ffff:127.0.0.1", true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addr a;
        assert_true(addr_parse_ip(cases[i].text, &a));
        assert_int_equal(addr_is_loopback(&a), cases[i].loopback);
    }
}

static const struct net_case {
    const char *name, *net, *inside, *outside, *why; /* why: part of the reason it is refused */
} net_cases[] = {
    {"/24", "192.0.2.0/24", "192.0.2.255", "192.0.3.0", NULL},
    {"/23", "192.0.2.0/23", "192.0.3.1", "192.0.4.0", NULL},
    {"/32", "192.0.2.1/32", "192.0.2.1", "192.0.2.2", NULL},
    {"one address", "192.0.2.1", "192.0.2.1", "192.0.2.0", NULL},
    {"all of IPv4 is not IPv6", "0.0.0.0/0", "255.1.2.3", "::1", NULL},
    {"all of IPv6 is not IPv4", "::/0", "2001:db8::1", "192.0.2.1", NULL},
    {"IPv4 matches the mapped form", "192.0.2.0/24", "::ffff:192.0.2.9", "::ffff:192.0.3.9", NULL},
    {"a mapped network", "::ffff:192.0.2.0/120", "192.0.2.9", "192.0.3.9", NULL},
    {"all mapped addresses", "::ffff:0:0/96", "10.0.0.1", "::1", NULL},
    {"/33 of IPv6", "2001:db8:8000::/33", "2001:db8:ffff::1", "2001:db8:7fff::1", NULL},
    {"/128", "2001:db8::1/128", "2001:db8::1", "2001:db8::2", NULL},
    {"one IPv6 address", "::1", "::1", "::2", NULL},
    {"host bits", "192.0.2.1/24", NULL, NULL, "bits set"},
    {"host bits inside an octet", "192.0.2.64/25", NULL, NULL, "bits set"},
    {"host bits of IPv6", "2001:db8::1/64", NULL, NULL, "bits set"},
    {"a mapped network too wide", "::ffff:0:0/95", NULL, NULL, "bits set"},
    {"too long for IPv4", "192.0.2.0/33", NULL, NULL, "from 0 to 32"},
    {"too long for IPv6", "2001:db8::/129", NULL, NULL, "from 0 to 128"},
    {"no length", "192.0.2.0/", NULL, NULL, "from 0 to 32"},
    {"negative length", "192.0.2.0/-1", NULL, NULL, "from 0 to 32"},
    {"a mask", "192.0.2.0/255.255.255.0", NULL, NULL, "from 0 to 32"},
    {"two lengths", "192.0.2.0/24/24", NULL, NULL, "from 0 to 32"},
    {"a huge length", "192.0.2.0/99999999999999999999", NULL, NULL, "from 0 to 32"},
    {"short address", "192.0.2/24", NULL, NULL, "not an address"},
    {"a name", "example.org", NULL, NULL, "not an address"},
    {"empty", "", NULL, NULL, "not an address"},
    {"very long",
     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8", NULL,
     NULL, "not an address"},
};

static void networks_match_or_say_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(net_cases); i++) {
        const struct net_case *c = &net_cases[i];
        struct cidr net;
        struct addr in, out;
        const char *why;
        bool ok = cidr_parse(c->net, &net, &why);
        if (ok != (c->why == NULL) || (!ok && strstr(why, c->why) == NULL))
            fail_msg("%s: %s", c->name, ok ? "accepted" : why);
        if (!ok)
            continue;
        assert_null(why);
        assert_true(addr_parse_ip(c->inside, &in) && addr_parse_ip(c->outside, &out));
        if (!cidr_match(&net, &in) || cidr_match(&net, &out))
            fail_msg("%s", c->name);
    }
}

static void a_set_matches_by_any_member(void **state)
{
    (void)state;
    struct cidr item[2];
    const char *why;
    struct cidr_set set = {item, COUNT(item)}, none = {NULL, 0};
    struct addr a;
    assert_true(cidr_parse("10.0.0.0/8", &item[0], &why));
    assert_true(cidr_parse("2001:db8::/32", &item[1], &why));
    assert_true(addr_parse_ip("2001:db8::9", &a));
    assert_true(cidr_set_match(&set, &a));
    assert_false(cidr_set_match(&none, &a));
    assert_true(addr_parse_ip("11.0.0.1", &a));
    assert_false(cidr_set_match(&set, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_strictly),
        cmocka_unit_test(private_addresses_are_told_from_public_ones),
        cmocka_unit_test(addresses_with_port_are_read_strictly),
        cmocka_unit_test(the_kernel_gives_and_takes),
        cmocka_unit_test(a_mapped_address_of_the_kernel_is_ipv4),
        cmocka_unit_test(no_address_is_told_apart),
        cmocka_unit_test(loopback_is_127_and_1),
        cmocka_unit_test(networks_match_or_say_why),
        cmocka_unit_test(a_set_matches_by_any_member),
    };
    return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
