/* SPDX-License-Identifier: ISC */
/*
 * Tests of relay and name_set: which recipients pass, for whom, in every disguise a domain or a
 * local part can wear, and what is said about a wrong entry.
 */
#include "policy/relay.h"

#include "lib/mem.h"
#include "policy/name_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct relay_rule *rule_of(const char *const *domains, const char *const *recipients)
{
    struct relay_rule *rule = relay_new();
    const char *why = NULL;
    for (size_t i = 0; domains[i] != NULL; i++)
        if (!relay_add_domain(rule, domains[i], &why))
            fail_msg("%s: %s", domains[i], why);
    for (size_t i = 0; recipients != NULL && recipients[i] != NULL; i++)
        if (!relay_add_recipient(rule, recipients[i], &why))
            fail_msg("%s: %s", recipients[i], why);
    return rule;
}

struct judge_case {
    const char *local, *domain;
    enum relay_answer stranger, trusted;
};

static void check(const struct relay_rule *rule, const struct judge_case *c)
{
    enum relay_answer one = relay_judge(rule, c->local, strlen(c->local), c->domain, false);
    enum relay_answer two = relay_judge(rule, c->local, strlen(c->local), c->domain, true);
    if (one != c->stranger || two != c->trusted)
        fail_msg("<%s@%s>: stranger %d, trusted %d", c->local, c->domain, (int)one, (int)two);
}

static void check_all(const struct relay_rule *rule, const struct judge_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(rule, &cases[i]);
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const own[] = {"example.org",
                                  ".sub.example.net",
                                  "Example.COM.",
                                  "b\xc3\xbc"
                                  "cher.example",
                                  "[192.0.2.1]",
                                  "[IPv6:2001:db8::1]",
                                  "localhost",
                                  NULL};

static void domains_are_own_in_any_spelling(void **state)
{
    (void)state;
    static const struct judge_case cases[] = {
        {"u", "example.org", RELAY_OWN, RELAY_OWN},
        {"u", "EXAMPLE.Org", RELAY_OWN, RELAY_OWN},
        {"u", "example.org.", RELAY_OWN, RELAY_OWN},
        {"u", "example.com", RELAY_OWN, RELAY_OWN},
        {"u", "localhost", RELAY_OWN, RELAY_OWN},
        {"u", "a.sub.example.net", RELAY_OWN, RELAY_OWN},
        {"u", "a.b.SUB.example.net", RELAY_OWN, RELAY_OWN},
        {"u",
         "b\xc3\xbc"
         "cher.example",
         RELAY_OWN, RELAY_OWN},
        {"u",
         "B\xc3\x9c"
         "CHER.example",
         RELAY_OWN, RELAY_OWN},
        {"u",
         "bu\xcc\x88"
         "cher.example",
         RELAY_OWN, RELAY_OWN}, /* not in NFC */
        {"u", "xn--bcher-kva.example", RELAY_OWN, RELAY_OWN},
        {"u", "XN--BCHER-KVA.EXAMPLE", RELAY_OWN, RELAY_OWN},
        {"u", "[192.0.2.1]", RELAY_OWN, RELAY_OWN},
        {"u", "[IPv6:2001:DB8:0::1]", RELAY_OWN, RELAY_OWN},
        {"u", "[ipv6:::ffff:192.0.2.1]", RELAY_OWN, RELAY_OWN},
        {"postmaster", "", RELAY_OWN, RELAY_OWN},
        {"PostMaster", "", RELAY_OWN, RELAY_OWN},
    };
    struct relay_rule *rule = rule_of(own, NULL);
    check_all(rule, cases, COUNT(cases));
    relay_unref(rule);
}

static void all_other_domains_are_foreign(void **state)
{
    (void)state;
    static const struct judge_case cases[] = {
        {"u", "example.edu", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "a.example.org", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "sub.example.net", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "xsub.example.net", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "example.net", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "org", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "example.org..", RELAY_DENIED, RELAY_TRUSTED},
        {"u", ".example.org", RELAY_DENIED, RELAY_TRUSTED},
        {"u", ".sub.example.net", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "example.org ", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "xexample.org", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "[192.0.2.2]", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "192.0.2.1", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "[example.org]", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "\xff.example.org", RELAY_DENIED, RELAY_TRUSTED},
        {"u%example.org", "example.edu", RELAY_DENIED, RELAY_TRUSTED},
        {"postmaster", "example.edu", RELAY_DENIED, RELAY_TRUSTED},
        {"u", "", RELAY_DENIED, RELAY_TRUSTED},
    };
    struct relay_rule *rule = rule_of(own, NULL);
    check_all(rule, cases, COUNT(cases));
    relay_unref(rule);
}

static void local_parts_that_are_routed_on_need_trust(void **state)
{
    (void)state;
    static const struct judge_case cases[] = {
        {"u%example.edu", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"example.edu!u", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"u@example.edu\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"u%example.edu\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"u\\@example.edu\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"a!b\"", "a.sub.example.net", RELAY_SUSPICIOUS, RELAY_OWN},
        {"/dev/null", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"|cat", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"/dev/null\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"|cat\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"\"\\|cat\"", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"u%example.edu", "[192.0.2.1]", RELAY_SUSPICIOUS, RELAY_OWN},
        {"a/b", "example.org", RELAY_OWN, RELAY_OWN},
        {"a|b", "example.org", RELAY_OWN, RELAY_OWN},
        {"\"a b\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"\"\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"", "example.org", RELAY_OWN, RELAY_OWN},
    };
    struct relay_rule *rule = rule_of(own, NULL);
    check_all(rule, cases, COUNT(cases));
    relay_unref(rule);
}

static void the_recipients_file_holds_for_own_domains(void **state)
{
    (void)state;
    static const char *const recipients[] = {"User@example.org",
                                             "\"a b\"@example.org",
                                             "@a.sub.example.net",
                                             "x%y@example.org",
                                             "u@b\xc3\xbc"
                                             "cher.example",
                                             NULL};
    static const struct judge_case cases[] = {
        {"user", "example.org", RELAY_OWN, RELAY_OWN},
        {"USER", "Example.ORG.", RELAY_OWN, RELAY_OWN},
        {"\"user\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"\"u\\ser\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"\"a b\"", "example.org", RELAY_OWN, RELAY_OWN},
        {"anybody", "a.sub.example.net", RELAY_OWN, RELAY_OWN},
        {"u", "xn--bcher-kva.example", RELAY_OWN, RELAY_OWN},
        {"nobody", "example.org", RELAY_NO_SUCH, RELAY_NO_SUCH},
        {"user", "example.com", RELAY_NO_SUCH, RELAY_NO_SUCH},
        {"anybody", "b.sub.example.net", RELAY_NO_SUCH, RELAY_NO_SUCH},
        {"", "example.org", RELAY_NO_SUCH, RELAY_NO_SUCH},
        {"x%y", "example.org", RELAY_SUSPICIOUS, RELAY_OWN},
        {"x%z", "example.org", RELAY_SUSPICIOUS, RELAY_NO_SUCH},
        {"postmaster", "example.com", RELAY_OWN, RELAY_OWN},
        {"postmaster", "", RELAY_OWN, RELAY_OWN},
        {"user", "example.edu", RELAY_DENIED, RELAY_TRUSTED},
    };
    struct relay_rule *rule = rule_of(own, recipients);
    check_all(rule, cases, COUNT(cases));
    char local[300];
    memset(local, 'x', sizeof local);
    assert_int_equal(relay_judge(rule, local, sizeof local, "example.org", false), RELAY_NO_SUCH);
    relay_unref(rule);
}

struct bad_case {
    const char *entry;
    const char *why; /* part of it */
};

static void wrong_domains_are_named(void **state)
{
    (void)state;
    static const struct bad_case cases[] = {
        {"", "not a domain name"},
        {".", "not a domain name"},
        {"..org", "not a domain name"},
        {"a..org", "not a domain name"},
        {"a b.org", "not a domain name"},
        {"exa/mple.org", "not a domain name"},
        {"\xff.org", "not a domain name"},
        {".[192.0.2.1]", "not a domain name"},
        {"*.example.org", "\".example.org\""},
        {"u@example.org", "an address where"},
        {"192.0.2.1", "in brackets"},
        {"2001:db8::1", "in brackets"},
        {"[192.0.2.1", "address literal"},
        {"[]", "address literal"},
    };
    struct relay_rule *rule = relay_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = NULL;
        if (relay_add_domain(rule, cases[i].entry, &why) || strstr(why, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].entry, why);
    }
    relay_unref(rule);
}

static void wrong_recipients_are_named(void **state)
{
    (void)state;
    static const struct bad_case cases[] = {
        {"", "not an address"},
        {"user", "not an address"},
        {"a b@example.org", "not an address"},
        {"User <u@example.org>", "not an address"},
        {"<u@example.org>", "not an address"},
        {"\"\"@example.org", "not an address"},
        {"u@", "no domain name"},
        {"u@.example.org", "no domain name"},
        {"u@exa mple.org", "no domain name"},
        {"0123456789012345678901234567890123456789012345678901234567890123x@example.org", "64"},
    };
    struct relay_rule *rule = relay_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *why = NULL;
        if (relay_add_recipient(rule, cases[i].entry, &why) || strstr(why, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].entry, why);
    }
    relay_unref(rule);
}

struct normal_case {
    const char *in, *out; /* out NULL: none */
};

static void domains_have_one_normal_form(void **state)
{
    (void)state;
    static const struct normal_case cases[] = {
        {"Example.ORG.", "example.org"},
        {"b\xc3\xbc"
         "cher.Example",
         "xn--bcher-kva.example"},
        {"b\xc3\xbc"
         "cher\xe3\x80\x82"
         "example",
         "xn--bcher-kva.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"},
        {"_dmarc.example", "_dmarc.example"},
        {"[IPv6:2001:0DB8::0001]", "[ipv6:2001:db8::1]"},
        {"[192.0.2.1]", "[192.0.2.1]"},
        {"[Tag:X]", "[tag:x]"},
        {"", NULL},
        {".", NULL},
        {"a..b", NULL},
        {"a b", NULL},
        {"[", NULL},
        {"[a", NULL},
        {"[a\x7f]", NULL},
        {"\xc3.example", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123.example", NULL},
    };
    char out[256];
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool ok = relay_domain_normal(cases[i].in, out, sizeof out);
        if (ok != (cases[i].out != NULL) || (ok && strcmp(out, cases[i].out) != 0))
            fail_msg("%s: %s", cases[i].in, ok ? out : "none");
    }
    assert_false(relay_domain_normal("example.org", out, 11));
    assert_true(relay_domain_normal("example.org", out, 12));
}

static char *file_with(const char *text, size_t len)
{
    char *path = mem_strdup("/tmp/relay_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    return path;
}

static void files_have_one_entry_a_line(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# own ones\n\n  example.org  # this\r\n.example.net\n"
                               "\t\nlast.example";
    static const struct judge_case cases[] = {
        {"u", "example.org", RELAY_OWN, RELAY_OWN},
        {"u", "a.example.net", RELAY_OWN, RELAY_OWN},
        {"u", "last.example", RELAY_OWN, RELAY_OWN},
        {"u", "this", RELAY_DENIED, RELAY_TRUSTED},
    };
    struct relay_rule *rule = relay_new();
    char *why = NULL;
    char *path = file_with(text, sizeof text - 1);
    if (!relay_add_domain_file(rule, path, &why))
        fail_msg("%s", why);
    check_all(rule, cases, COUNT(cases));
    unlink(path);
    free(path);
    path = file_with("a#b@example.org\n#x@example.org\n", 31);
    assert_true(relay_add_recipient_file(rule, path, &why));
    assert_int_equal(relay_judge(rule, "a#b", 3, "example.org", false), RELAY_OWN);
    assert_int_equal(relay_judge(rule, "x", 1, "example.org", false), RELAY_NO_SUCH);
    unlink(path);
    free(path);
    relay_unref(rule);
}

static void faults_in_files_have_their_line(void **state)
{
    (void)state;
    static const char bad[] = "example.org\n\n*.example.org\n";
    static const char nul[] = "example.org\nexa\0mple.org\n";
    struct relay_rule *rule = relay_new();
    char *why = NULL;
    char *path = file_with(bad, sizeof bad - 1);
    assert_false(relay_add_domain_file(rule, path, &why));
    assert_memory_equal(why, path, strlen(path));
    assert_memory_equal(why + strlen(path), ":3: \"*.example.org\": ", 21);
    free(why);
    unlink(path);
    free(path);
    path = file_with(nul, sizeof nul - 1);
    assert_false(relay_add_domain_file(rule, path, &why));
    assert_non_null(strstr(why, ":2: \"exa\": a NUL octet"));
    free(why);
    unlink(path);
    free(path);
    assert_false(relay_add_recipient_file(rule, "/nonexistent/file", &why));
    assert_string_equal(why, "/nonexistent/file: cannot be opened: No such file or directory");
    free(why);
    assert_false(relay_add_domain_file(rule, "/tmp", &why));
    assert_string_equal(why, "/tmp:1: cannot be read");
    free(why);
    relay_unref(rule);
}

static void an_empty_recipients_file_names_nobody(void **state)
{
    (void)state;
    struct relay_rule *rule = rule_of(own, NULL);
    char *why = NULL;
    assert_true(relay_add_recipient_file(rule, "/dev/null", &why));
    assert_int_equal(relay_judge(rule, "u", 1, "example.org", false), RELAY_NO_SUCH);
    relay_unref(rule);
}

static void own_networks_are_trusted(void **state)
{
    (void)state;
    static const char *const networks[] = {"192.0.2.0/24", "2001:db8::/32", "127.0.0.1"};
    static const struct {
        const char *client;
        bool trusted;
    } clients[] = {
        {"192.0.2.77", true},       {"192.0.3.1", false}, {"2001:db8:5::1", true},
        {"2001:db9::1", false},     {"127.0.0.1", true},  {"127.0.0.2", false},
        {"::ffff:192.0.2.1", true},
    };
    struct relay_rule *rule = relay_new();
    struct addr client;
    struct cidr network;
    const char *why;
    assert_true(addr_parse_ip("192.0.2.1", &client));
    assert_false(relay_client_trusted(rule, &client));
    for (size_t i = 0; i < COUNT(networks); i++) {
        assert_true(cidr_parse(networks[i], &network, &why));
        relay_add_network(rule, &network);
    }
    struct relay_rule *shared = relay_ref(rule);
    relay_unref(rule);
    for (size_t i = 0; i < COUNT(clients); i++) {
        assert_true(addr_parse_ip(clients[i].client, &client));
        assert_int_equal(relay_client_trusted(shared, &client), clients[i].trusted);
    }
    relay_unref(shared);
    relay_unref(NULL);
}

static void a_rule_without_entries_denies_all(void **state)
{
    (void)state;
    struct relay_rule *rule = relay_new();
    assert_int_equal(relay_judge(rule, "u", 1, "example.org", false), RELAY_DENIED);
    relay_unref(rule);
}

static void a_name_set_holds_what_was_added(void **state)
{
    (void)state;
    enum { NAMES = 100000 };
    struct name_set *set = name_set_new();
    char name[64];
    assert_false(name_set_has(set, "", 0));
    for (unsigned i = 0; i < NAMES; i++) {
        int len = snprintf(name, sizeof name, "user%u@example%u.org", i, i % 7);
        assert_true(name_set_add(set, name, (size_t)len));
        assert_true(name_set_add(set, name, (size_t)len));
    }
    for (unsigned i = 0; i < 2 * NAMES; i++) {
        int len = snprintf(name, sizeof name, "user%u@example%u.org", i, i % 7);
        assert_int_equal(name_set_has(set, name, (size_t)len), i < NAMES);
        assert_false(name_set_has(set, name, (size_t)len - 1));
    }
    assert_true(name_set_add(set, "", 0));
    assert_true(name_set_has(set, "", 0));
    static char long_name[600];
    assert_false(name_set_add(set, long_name, 513));
    assert_true(name_set_add(set, long_name, 512));
    assert_true(name_set_has(set, long_name, 512));
    assert_false(name_set_has(set, long_name, 511));
    name_set_free(set);
    name_set_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_are_own_in_any_spelling),
        cmocka_unit_test(all_other_domains_are_foreign),
        cmocka_unit_test(local_parts_that_are_routed_on_need_trust),
        cmocka_unit_test(the_recipients_file_holds_for_own_domains),
        cmocka_unit_test(wrong_domains_are_named),
        cmocka_unit_test(wrong_recipients_are_named),
        cmocka_unit_test(domains_have_one_normal_form),
        cmocka_unit_test(files_have_one_entry_a_line),
        cmocka_unit_test(faults_in_files_have_their_line),
        cmocka_unit_test(an_empty_recipients_file_names_nobody),
        cmocka_unit_test(own_networks_are_trusted),
        cmocka_unit_test(a_rule_without_entries_denies_all),
        cmocka_unit_test(a_name_set_holds_what_was_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
