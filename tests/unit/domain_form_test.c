/* SPDX-License-Identifier: ISC */
/* domain_form_test: names, literals and what is neither, at the limits of each. */
#include "policy/domain_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define TEN      "abcdefghij"
#define LABEL63  TEN TEN TEN TEN TEN TEN "abc"
#define NAME253  LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN TEN "a"

static void every_text_has_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum domain_form form;
        const char *literal;
    } cases[] = {
        {"mx.example", DOMAIN_FULL, NULL},
        {"MX_1.a-b.example", DOMAIN_FULL, NULL},
        {"xn--bcher-kva.example", DOMAIN_FULL, NULL},
        {"1.2.3.4.example", DOMAIN_FULL, NULL},
        {"0x1f.example", DOMAIN_FULL, NULL},
        {"a", DOMAIN_SHORT, NULL},
        {LABEL63, DOMAIN_SHORT, NULL},
        {LABEL63 "d", DOMAIN_WRONG, NULL},
        {NAME253, DOMAIN_FULL, NULL},
        {NAME253 "b", DOMAIN_WRONG, NULL},
        {"", DOMAIN_WRONG, NULL},
        {".", DOMAIN_WRONG, NULL},
        {".example", DOMAIN_WRONG, NULL},
        {"example.", DOMAIN_WRONG, NULL},
        {"a..b", DOMAIN_WRONG, NULL},
        {"-a.example", DOMAIN_WRONG, NULL},
        {"a-.example", DOMAIN_WRONG, NULL},
        {"a b.example", DOMAIN_WRONG, NULL},
        {"a\\b.example", DOMAIN_WRONG, NULL},
        {"b\xc3\xbc"
         "cher.example",
         DOMAIN_WRONG, NULL},
        {"1.2.3", DOMAIN_WRONG, NULL},
        {"123", DOMAIN_WRONG, NULL},
        {"1.2.3.4.5", DOMAIN_WRONG, NULL},
        {"1.2.3.256", DOMAIN_WRONG, NULL},
        {"192.0.2.1", DOMAIN_ADDRESS, "192.0.2.1"},
        {"2001:db8::1", DOMAIN_ADDRESS, "2001:db8::1"},
        {"[192.0.2.1]", DOMAIN_LITERAL, "192.0.2.1"},
        {"[IPv6:2001:db8::1]", DOMAIN_LITERAL, "2001:db8::1"},
        {"[ipv6:2001:db8::1]", DOMAIN_LITERAL, "2001:db8::1"},
        {"[IPv6:::ffff:192.0.2.1]", DOMAIN_LITERAL, "192.0.2.1"},
        {"[", DOMAIN_WRONG, NULL},
        {"[]", DOMAIN_WRONG, NULL},
        {"[IPv6:]", DOMAIN_WRONG, NULL},
        {"[IPv6:192.0.2.1]", DOMAIN_WRONG, NULL},
        {"[2001:db8::1]", DOMAIN_WRONG, NULL},
        {"[192.0.2.1", DOMAIN_WRONG, NULL},
        {"[192.0.2.1]a", DOMAIN_WRONG, NULL},
        {"[192.0.2.1]]", DOMAIN_WRONG, NULL},
        {"[192.0.2.01]", DOMAIN_WRONG, NULL},
        {"[" TEN TEN TEN TEN TEN TEN TEN "]", DOMAIN_WRONG, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addr literal;
        struct addr right = {0};
        enum domain_form form = domain_form(cases[i].text, &literal);
        if (cases[i].literal != NULL)
            assert_true(addr_parse_ip(cases[i].literal, &right));
        if (form != cases[i].form || !addr_same_ip(&literal, &right))
            fail_msg("%s: form %d", cases[i].text, (int)form);
    }
}

static void special_use_names_are_known(void **state)
{
    (void)state;
    static const char *const special[] = {"localhost",   "LOCALHOST",     "a.localhost",
                                          "a.b.Invalid", "printer.local", "abc.onion"};
    static const char *const common[] = {
        "localhost.example", "local.example", "alocalhost", "mx.example", "a.test", "locals", ""};
    for (size_t i = 0; i < COUNT(special); i++)
        assert_true(domain_form_special(special[i]));
    for (size_t i = 0; i < COUNT(common); i++)
        assert_false(domain_form_special(common[i]));
}

static void names_of_hosts_have_no_other_octets(void **state)
{
    (void)state;
    static const char *const host[] = {"mx.example", "1.2.example", "a-b", "_dmarc.example",
                                       "xn--a"};
    static const char *const other[] = {"",          "a b",  "A.example",  "a\\.example",
                                        "b\xc3\xbc", "a/24", "[192.0.2.1]"};
    for (size_t i = 0; i < COUNT(host); i++)
        assert_true(domain_form_host(host[i]));
    for (size_t i = 0; i < COUNT(other); i++)
        assert_false(domain_form_host(other[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_has_one_form),
        cmocka_unit_test(special_use_names_are_known),
        cmocka_unit_test(names_of_hosts_have_no_other_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
