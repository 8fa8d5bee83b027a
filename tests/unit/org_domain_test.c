/* SPDX-License-Identifier: ISC */
/* org_domain_test: organisational domains; the Public Suffix List's own suite is in
 * tests/system/test_conformance_pure.py. */
#include "policy/org_domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN          "abcdefghij"
#define LABEL63      TEN TEN TEN TEN TEN TEN "abc"
#define NAME249      LABEL63 "." LABEL63 "." LABEL63 "." TEN TEN TEN TEN TEN "abcdefg"

static void every_name_has_one_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *name, *domain;
    } cases[] = {
        {"example.com", "example.com"},
        {"mail.a.example.com", "example.com"},
        {"MAIL.Example.COM", "Example.COM"},
        {"www.example.co.uk", "example.co.uk"},
        {"co.uk", NULL},
        {"com", NULL},
        {"a.b.unlisted", "b.unlisted"},
        {"unlisted", NULL},
        {"www.ck", "www.ck"},
        {"a.b.c.ck", "b.c.ck"},
        {"me.github.io", "me.github.io"}, /* the private section */
        {"github.io", NULL},
        {"www.xn--85x722f.com.cn", "xn--85x722f.com.cn"},
        {"a.xn--55qx5d.cn", "a.xn--55qx5d.cn"},
        {"xn--55qx5d.cn", NULL},
        {"_dmarc.example.com", "example.com"},
        {"", NULL},
        {".", NULL},
        {".example.com", NULL},
        {"example.com.", NULL},
        {"a..example.com", NULL},
        {"192.0.2.1", NULL},
        {"1", NULL},
        {NAME249 ".com", LABEL63 /* cut below */},
        {NAME249 "x.com", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *want = cases[i].domain;
        const char *got = org_domain(cases[i].name);
        if (want != NULL && strcmp(want, LABEL63) == 0)
            want = TEN TEN TEN TEN TEN "abcdefg.com";
        if ((want == NULL) != (got == NULL) || (want != NULL && strcmp(want, got) != 0))
            fail_msg("%s: %s", cases[i].name, got != NULL ? got : "none");
    }
}

static void same_means_both_have_one(void **state)
{
    (void)state;
    assert_true(org_domain_same("a.example.com", "b.c.Example.com"));
    assert_false(org_domain_same("a.example.com", "a.example.net"));
    assert_false(org_domain_same("a.github.io", "b.github.io"));
    assert_false(org_domain_same("com", "com"));
    assert_false(org_domain_same("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_one_or_none),
        cmocka_unit_test(same_means_both_have_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
