/* SPDX-License-Identifier: ISC */
/* Tests of dns/name: what may be asked for and how it is spelt, addresses turned into names; and of
 * the tests' own fake_dns, since the policy's tests stand on it. */
#include "dns/name.h"

#include "tests/unit/support/fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define L63      "a23456789b123456789c123456789d123456789e123456789f123456789g123"

static const struct {
    const char *name, *normal; /* NULL: cannot be asked for */
} normal_cases[] = {
    {"example.org", "example.org"},
    {"Example.ORG.", "example.org"},
    {"com", "com"},
    {"_25._tcp.MX.example", "_25._tcp.mx.example"},
    {"a/b'c!d~.example", "a/b'c!d~.example"},
    {"@[`{.example", "@[`{.example"}, /* beside the letters */
    {"", NULL},
    {".", NULL},
    {"..", NULL},
    {".example", NULL},
    {"a..example", NULL},
    {"example..", NULL},
    {"a\\.example", NULL},
    {"a b.example", "a b.example"}, /* SPF macros make such */
    {"a\tb.example", NULL},
    {"a\x7f.example", NULL},
    {"b\xc3\xbc.example", NULL},
    {L63 ".example", L63 ".example"},
    {L63 "x.example", NULL},
    {L63 "." L63 "." L63 "." L63, NULL}, /* 255 */
    {L63 "." L63 "." L63 ".a23456789b123456789c123456789d123456789e123456789f123456789g1", L63
     "." L63 "." L63 ".a23456789b123456789c123456789d123456789e123456789f123456789g1"}, /* 253 */
    {L63 "." L63 "." L63 ".a23456789b123456789c123456789d123456789e123456789f123456789g1.",
     L63 "." L63 "." L63 ".a23456789b123456789c123456789d123456789e123456789f123456789g1"},
    {L63 "." L63 "." L63 ".a23456789b123456789c123456789d123456789e123456789f123456789g12",
     NULL}, /* 254 */
};

static void a_name_has_one_normal_form_or_cannot_be_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(normal_cases); i++) {
        char out[DNS_NAME_MAX + 1];
        const char *want = normal_cases[i].normal;
        bool ok = dns_name_normal(normal_cases[i].name, out);
        if (ok != (want != NULL) || (ok && strcmp(out, want) != 0))
            fail_msg("%s: %s", normal_cases[i].name, ok ? out : "refused");
    }
}

static const struct {
    const char *address, *reverse, *arpa;
} reverse_cases[] = {
    {"192.0.2.1", "1.2.0.192", "1.2.0.192.in-addr.arpa"},
    {"255.100.10.0", "0.10.100.255", "0.10.100.255.in-addr.arpa"},
    {"99.9.200.250", "250.200.9.99", "250.200.9.99.in-addr.arpa"},
    {"2001:db8::89ab:cdef", "f.e.d.c.b.a.9.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
     "f.e.d.c.b.a.9.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
};

static void an_address_is_reversed_by_octets_or_nibbles(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reverse_cases); i++) {
        struct addr address;
        char reverse[DNS_REVERSE_MAX], arpa[DNS_NAME_MAX + 1];
        assert_true(addr_parse_ip(reverse_cases[i].address, &address));
        dns_name_reverse(&address, reverse);
        dns_name_arpa(&address, arpa);
        assert_string_equal(reverse, reverse_cases[i].reverse);
        assert_string_equal(arpa, reverse_cases[i].arpa);
    }
}

static void names_are_joined_if_they_fit(void **state)
{
    (void)state;
    char out[DNS_NAME_MAX + 1], zone[400], front[400];
    assert_true(dns_name_join("2.0.0.127", "zen.example", out));
    assert_string_equal(out, "2.0.0.127.zen.example");
    memset(zone, 'z', sizeof zone);
    zone[DNS_NAME_MAX - 2] = '\0';
    assert_true(dns_name_join("a", zone, out));
    assert_int_equal(strlen(out), DNS_NAME_MAX);
    assert_false(dns_name_join("ab", zone, out));
    zone[DNS_NAME_MAX - 2] = 'z';
    zone[sizeof zone - 1] = '\0';
    memcpy(front, zone, sizeof front);
    assert_false(dns_name_join("a", zone, out));
    assert_false(dns_name_join(front, "a", out));
}

/* ---- fake_dns ---- */

struct heard {
    size_t times;
    enum dns_status status;
    uint32_t ttl;
    char text[200];
    struct dns *ask_again;
};

static void note(const struct dns_answer *answer, void *arg);

static void note_record(const struct dns_answer *a, size_t i, char *out, size_t size)
{
    char text[ADDR_TEXT_MAX];
    switch (a->type) {
    case DNS_A:
    case DNS_AAAA:
        snprintf(out, size, "%s", addr_ip_text(&a->addr[i], text));
        break;
    case DNS_PTR:
        snprintf(out, size, "%s", a->name[i]);
        break;
    case DNS_MX:
        snprintf(out, size, "%u/%s", a->mx[i].preference, a->mx[i].host);
        break;
    case DNS_TXT:
        snprintf(out, size, "%zu/%s", a->txt[i].len, a->txt[i].text);
        break;
    case DNS_TLSA:
        snprintf(out, size, "%u%u%u/%zu/%02x", a->tlsa[i].usage, a->tlsa[i].selector,
                 a->tlsa[i].matching, a->tlsa[i].len, a->tlsa[i].data[0]);
        break;
    }
}

static void note(const struct dns_answer *answer, void *arg)
{
    struct heard *heard = arg;
    heard->times++;
    heard->status = answer->status;
    heard->ttl = answer->ttl;
    heard->text[0] = '\0';
    for (size_t i = 0; i < answer->count; i++) {
        char one[100];
        note_record(answer, i, one, sizeof one);
        size_t len = strlen(heard->text);
        snprintf(heard->text + len, sizeof heard->text - len, "%s%s", i > 0 ? ";" : "", one);
    }
    if (answer->why != NULL)
        snprintf(heard->text, sizeof heard->text, "%s", answer->why);
    if (heard->ask_again != NULL)
        dns_ask(heard->ask_again, DNS_A, "again.example", note, heard);
}

static const struct {
    enum dns_type type;
    const char *name;
    enum dns_status status;
    const char *text;
} fake_cases[] = {
    {DNS_A, "2.0.0.127.ZEN.example.", DNS_FOUND, "127.0.0.4;127.0.0.2"},
    {DNS_AAAA, "2.0.0.127.zen.example", DNS_NODATA, ""},
    {DNS_AAAA, "six.example", DNS_FOUND, "2001:db8::1"},
    {DNS_PTR, "1.2.0.192.in-addr.arpa", DNS_FOUND, "mail.example;a\\032b.example"},
    {DNS_MX, "example.org", DNS_FOUND, "10/mx.example;20/mx2.example"},
    {DNS_MX, "null.example", DNS_FOUND, "0/"},
    {DNS_TXT, "example.org", DNS_FOUND, "14/v=spf1 mx -all;3/two"},
    {DNS_TLSA, "_25._tcp.example", DNS_FOUND, "311/2/00"},
    {DNS_A, "slow.example", DNS_TEMPFAIL, "timeout"},
    {DNS_A, "unknown.example", DNS_NXDOMAIN, ""},
    {DNS_A, "not..a.name", DNS_NXDOMAIN, ""},
};

static struct dns *fake_with_table(void)
{
    struct dns *dns = fake_dns_new();
    fake_dns_set(dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.4 127.0.0.2");
    fake_dns_set(dns, DNS_AAAA, "six.example", "2001:db8::1");
    fake_dns_set(dns, DNS_PTR, "1.2.0.192.in-addr.arpa", "mail.example a\\032b.example");
    fake_dns_set(dns, DNS_MX, "example.org", "20 mx2.example 10 mx.example");
    fake_dns_set(dns, DNS_MX, "null.example", "0 .");
    fake_dns_set(dns, DNS_TXT, "example.org", "v=spf1 mx -all\ntwo");
    fake_dns_set(dns, DNS_TLSA, "_25._tcp.example", "3 1 1 00ff");
    fake_dns_status(dns, DNS_A, "slow.example", DNS_TEMPFAIL, "timeout");
    return dns;
}

static void fake_dns_answers_from_its_table(void **state)
{
    (void)state;
    struct dns *dns = fake_with_table();
    for (size_t i = 0; i < COUNT(fake_cases); i++) {
        struct heard heard = {.times = 0};
        dns_ask(dns, fake_cases[i].type, fake_cases[i].name, note, &heard);
        assert_int_equal(heard.times, 0);
        assert_int_equal(fake_dns_run(dns), 1);
        if (heard.times != 1 || heard.status != fake_cases[i].status || heard.ttl != 300 ||
            strcmp(heard.text, fake_cases[i].text) != 0)
            fail_msg("%s: %d \"%s\"", fake_cases[i].name, (int)heard.status, heard.text);
    }
    assert_int_equal(fake_dns_asked(dns), COUNT(fake_cases));
    assert_int_equal(fake_dns_asked_for(dns, DNS_A, "SLOW.example"), 1);
    fake_dns_free(dns);
}

static void fake_dns_runs_rounds_holds_and_forgets_the_cancelled(void **state)
{
    (void)state;
    struct dns *dns = fake_with_table();
    struct heard held = {.times = 0}, again = {.ask_again = dns}, never = {.times = 0};
    fake_dns_hold(dns, DNS_A, "held.example");
    dns_ask(dns, DNS_A, "held.example", note, &held);
    dns_ask(dns, DNS_A, "slow.example", note, &again);
    dns_cancel(dns_ask(dns, DNS_A, "slow.example", note, &never));
    assert_int_equal(fake_dns_run(dns), 1);
    assert_int_equal(again.times, 1);
    assert_int_equal(fake_dns_open(dns), 2);
    again.ask_again = NULL;
    assert_int_equal(fake_dns_run_for(dns, DNS_A, "other.example"), 0);
    assert_int_equal(fake_dns_run_for(dns, DNS_A, "again.example"), 1);
    assert_int_equal(held.times, 0);
    fake_dns_set(dns, DNS_A, "held.example", "192.0.2.1");
    fake_dns_ttl(dns, DNS_A, "held.example", 7);
    assert_int_equal(fake_dns_run(dns), 1);
    assert_int_equal(held.ttl, 7);
    assert_int_equal(never.times, 0);
    assert_int_equal(fake_dns_asked_for(dns, DNS_A, "slow.example"), 2);
    fake_dns_free(dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_normal_form_or_cannot_be_asked_for),
        cmocka_unit_test(an_address_is_reversed_by_octets_or_nibbles),
        cmocka_unit_test(names_are_joined_if_they_fit),
        cmocka_unit_test(fake_dns_answers_from_its_table),
        cmocka_unit_test(fake_dns_runs_rounds_holds_and_forgets_the_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
