/* SPDX-License-Identifier: ISC */
/* pseudonym_test: what is replaced in a text, and what stays. */
#include "policy/pseudonym.h"

#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct mac_key key = {{1}}, other_key = {{2}};

/* Of a text, with every pseudonym written as <m> (a local part or a label) or <c> (a client). */
static char *told(const char *text)
{
    static char out[8192];
    struct buf got = {0};
    pseudonym_text(&key, text, strlen(text), &got);
    buf_add(&got, "", 1);
    const char *from = buf_data(&got);
    char *to = out;
    while (*from != '\0') {
        size_t len = 0;
        if (strncmp(from, "anon-", 5) == 0 && strspn(from + 5, "0123456789abcdef") >= 16) {
            to = stpcpy(to, "<m>");
            len = 5 + 16;
        } else if (strncmp(from, "100::", 5) == 0) {
            to = stpcpy(to, "<c>");
            len = 5 + strspn(from + 5, "0123456789abcdef:");
            len -= from[len - 1] == ':';
        } else {
            *to++ = *from;
            len = 1;
        }
        from += len;
    }
    *to = '\0';
    buf_free(&got);
    return out;
}

static void addresses_in_a_text_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *told;
    } cases[] = {
        {"nothing", "", ""},
        {"no address", "250 2.0.0 OK", "250 2.0.0 OK"},
        {"a mail address", "user@example.org", "<m>@example.org"},
        {"in angles", "550 <a.b+c@example.org>: no", "550 <<m>@example.org>: no"},
        {"several", "a@x.example, b@y.example", "<m>@x.example, <m>@y.example"},
        {"quoted", "to \"a b\\\"c\"@x.example", "to <m>@x.example"},
        {"with an address literal", "a@[192.0.2.1]", "<m>@[<c>]"},
        {"UTF-8", "j\xc3\xb6rg@b\xc3\xbc.example", "<m>@b\xc3\xbc.example"},
        {"a sentence's end", "from a@x.example.", "from <m>@x.example."},
        {"an '@' alone", "a @ b @", "a @ b @"},
        {"no local part", "@example.org", "@example.org"},
        {"no domain", "a@ b", "a@ b"},
        {"two '@'", "a@b@c.example", "<m>@<m>@c.example"},
        {"IPv4", "192.0.2.1", "<c>"},
        {"IPv4 with a port", "192.0.2.1:2525", "[<c>]:2525"},
        {"IPv6", "2001:db8::1", "<c>"},
        {"IPv6 with a port", "[2001:db8::1]:25", "[<c>]:25"},
        {"an IPv6 literal", "[IPv6:2001:db8::1]", "[IPv6:<c>]"},
        {"before a full stop", "from 192.0.2.1.", "from <c>."},
        {"before a colon", "2001:db8::1: no", "<c>: no"},
        {"in a URL", "https://x.example/ip/192.0.2.1?q", "https://x.example/ip/<c>?q"},
        {"in a name, dashed", "host-192-0-2-1.example.net", "host-<m>.example.net"},
        {"in a name, dotted", "192.0.2.1.example.net", "<m>.example.net"},
        {"a network stays", "192.0.2.0/24 2001:db8::/32", "192.0.2.0/24 2001:db8::/32"},
        {"a network of one does not", "192.0.2.1/32", "<c>/32"},
        {"what a list answers stays", "zen.example 127.0.0.4 +6", "zen.example 127.0.0.4 +6"},
        {"loopback stays", "::1 127.0.0.1 :: 0.0.0.0", "::1 127.0.0.1 :: 0.0.0.0"},
        {"a status code stays", "550 5.7.1 no", "550 5.7.1 no"},
        {"of five numbers the last four", "1.2.3.4.5", "1.<c>"},
        {"a number too great stays", "256.1.1.1", "256.1.1.1"},
        {"a time stays", "10:20:30", "10:20:30"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        assert_string_equal(told(cases[i].text), cases[i].told);
    }
}

static const char *of(const struct mac_key *k, const char *address, char *out)
{
    return pseudonym_mailbox(k, address, out);
}

static void equal_addresses_have_equal_pseudonyms(void **state)
{
    (void)state;
    char a[PSEUDONYM_MAILBOX_SIZE], b[PSEUDONYM_MAILBOX_SIZE];
    static const struct {
        const char *name, *one, *two;
        bool same;
    } cases[] = {
        {"case", "User@Example.org", "user@example.ORG", true},
        {"another local part", "user@example.org", "users@example.org", false},
        {"another domain", "info@a.example", "info@b.example", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        of(&key, cases[i].one, a);
        of(&key, cases[i].two, b);
        assert_true((strncmp(a, b, 21) == 0) == cases[i].same);
    }
    assert_string_not_equal(of(&key, "user@example.org", a), of(&other_key, "user@example.org", b));
}

static void a_pseudonym_is_its_own(void **state)
{
    (void)state;
    char once[PSEUDONYM_MAILBOX_SIZE], twice[PSEUDONYM_MAILBOX_SIZE];
    struct addr client, first, second;
    of(&key, "user@example.org", once);
    assert_string_equal(of(&other_key, once, twice), once);
    assert_true(addr_parse_ip("192.0.2.1", &client));
    pseudonym_client(&key, &client, &first);
    assert_int_equal(first.family, AF_INET6);
    pseudonym_client(&other_key, &first, &second);
    assert_true(addr_same_ip(&first, &second));
    pseudonym_client(&other_key, &client, &second);
    assert_false(addr_same_ip(&first, &second));
}

static void a_text_and_an_address_agree(void **state)
{
    (void)state;
    char one[PSEUDONYM_MAILBOX_SIZE], text[ADDR_TEXT_MAX];
    struct buf out = {0};
    struct addr client;
    pseudonym_text(&key, "<user@example.org> 192.0.2.1", 28, &out);
    buf_add(&out, "", 1);
    assert_non_null(strstr(buf_data(&out), of(&key, "user@example.org", one)));
    assert_true(addr_parse_ip("192.0.2.1", &client));
    pseudonym_client(&key, &client, &client);
    assert_non_null(strstr(buf_data(&out), addr_ip_text(&client, text)));
    buf_free(&out);
}

static void what_is_no_address_stays(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "<>", "postmaster", "example.org", "@example.org"};
    char out[PSEUDONYM_MAILBOX_SIZE];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(of(&key, cases[i], out), cases[i]);
}

static void what_is_not_likely_is_not_replaced(void **state)
{
    (void)state;
    static const char *const cases[] = {"pass", "reject", "250",     "mx.example.org",
                                        "a@b",  "::2",    "1.2.3.4", "a-1-2-3-4.example"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = {0};
        pseudonym_text(&key, cases[i], strlen(cases[i]), &out);
        bool same = buf_len(&out) == strlen(cases[i]) &&
                    memcmp(buf_data(&out), cases[i], buf_len(&out)) == 0;
        assert_true(same || pseudonym_likely(cases[i], strlen(cases[i])));
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_in_a_text_are_replaced),
        cmocka_unit_test(equal_addresses_have_equal_pseudonyms),
        cmocka_unit_test(a_pseudonym_is_its_own),
        cmocka_unit_test(a_text_and_an_address_agree),
        cmocka_unit_test(what_is_no_address_stays),
        cmocka_unit_test(what_is_not_likely_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
