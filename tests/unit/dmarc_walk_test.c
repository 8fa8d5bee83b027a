/* SPDX-License-Identifier: ISC */
/*
 * Tests of dmarc_walk: which names are asked in which order, whose record applies, which domain is
 * the organisational one, and what a fault of DNS leaves open (RFC 9989 4.10; RFC 7489 6.6.3).
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"
#include "tests/unit/support/asked_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct walk_case {
    const char *name;
    const char *domain;
    const char *dns;
    const char *found; /* as found_text() writes it */
    const char *asked; /* NULL: not looked at */
};

/* What a callback was told. */
struct told {
    unsigned times;
    char text[1024];
};

static void found_text(const struct dmarc_found *f, char *out, size_t size)
{
    static const char *const status[] = {"policy", "none", "NXDOMAIN?", "tempfail"};
    int n = snprintf(out, size, "%s", status[f->status]);
    if (f->status == DNS_FOUND && f->at[0] != '\0')
        n += snprintf(out + n, size - (size_t)n, " %s at %s%s%s", dmarc_policy_name(f->policy),
                      f->at, f->inherited ? " inherited" : "", f->absent ? " absent" : "");
    n += snprintf(out + n, size - (size_t)n, " org %s%s", f->org, f->org_open ? "?" : "");
    if (f->why[0] != '\0')
        snprintf(out + n, size - (size_t)n, " (%s)", f->why);
}

static void on_found(const struct dmarc_found *found, void *arg)
{
    struct told *told = arg;
    told->times++;
    assert_true(found->queries <= DMARC_QUERIES_MOST + 1);
    assert_true(found->inherited ==
                (found->at[0] != '\0' && strcmp(found->at, found->domain) != 0));
    found_text(found, told->text, sizeof told->text);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void check(const struct walk_case *c, enum dmarc_discovery how, bool want_policy)
{
    struct asked_dns dns;
    struct told told = {0};
    asked_dns_open(&dns, c->dns);
    char *domain = mem_strdup(c->domain);
    struct dmarc_walk *walk = dmarc_walk_ask(&dns.dns, domain, how, want_policy, on_found, &told);
    free(domain);
    assert_non_null(walk);
    assert_int_equal(told.times, 0); /* never from within the asking */
    asked_dns_run(&dns);
    if (told.times != 1 || strcmp(told.text, c->found) != 0)
        fail_msg("%s: %u: %s, not %s", c->name, told.times, told.text, c->found);
    const char *asked = asked_dns_text(&dns);
    if (c->asked != NULL && strcmp(asked, c->asked) != 0)
        fail_msg("%s: asked\n%sinstead of\n%s", c->name, asked, c->asked);
    assert_true(lines_of(asked) <= DMARC_QUERIES_MOST + 1);
    asked_dns_close(&dns);
}

/* Cancelled after each number of answers: nothing stays open and nothing is said. */
static void check_cancel(const struct walk_case *c, enum dmarc_discovery how)
{
    for (size_t answers = 0;; answers++) {
        struct asked_dns dns;
        struct told told = {0};
        asked_dns_open(&dns, c->dns);
        struct dmarc_walk *walk = dmarc_walk_ask(&dns.dns, c->domain, how, true, on_found, &told);
        for (size_t i = 0; i < answers; i++)
            (void)fake_dns_run(dns.fake);
        bool over = told.times == 1;
        if (!over) {
            dmarc_walk_cancel(walk);
            asked_dns_run(&dns);
            assert_int_equal(told.times, 0);
        }
        asked_dns_close(&dns);
        if (over)
            break;
    }
}

static void check_all(const struct walk_case *cases, size_t count, enum dmarc_discovery how)
{
    for (size_t i = 0; i < count; i++) {
        check(&cases[i], how, true);
        check_cancel(&cases[i], how);
    }
}

static void the_walk_asks_what_the_rfc_says_and_no_more(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"one label", "com", "", "none org com", "TXT _dmarc.com\n"},
        {"three labels", "a.example.com", "", "none org a.example.com",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"seven labels", "a.b.c.d.e.example.com", "", "none org a.b.c.d.e.example.com",
         "TXT _dmarc.a.b.c.d.e.example.com\nTXT _dmarc.b.c.d.e.example.com\n"
         "TXT _dmarc.c.d.e.example.com\nTXT _dmarc.d.e.example.com\nTXT _dmarc.e.example.com\n"
         "TXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"eight labels", "a.b.c.d.e.f.example.com", "", "none org a.b.c.d.e.f.example.com",
         "TXT _dmarc.a.b.c.d.e.f.example.com\nTXT _dmarc.b.c.d.e.f.example.com\n"
         "TXT _dmarc.c.d.e.f.example.com\nTXT _dmarc.d.e.f.example.com\n"
         "TXT _dmarc.e.f.example.com\nTXT _dmarc.f.example.com\nTXT _dmarc.example.com\n"
         "TXT _dmarc.com\n"},
        {"the RFC's own example", "a.b.c.d.e.f.g.h.i.j.mail.example.com", "",
         "none org a.b.c.d.e.f.g.h.i.j.mail.example.com",
         "TXT _dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com\nTXT _dmarc.g.h.i.j.mail.example.com\n"
         "TXT _dmarc.h.i.j.mail.example.com\nTXT _dmarc.i.j.mail.example.com\n"
         "TXT _dmarc.j.mail.example.com\nTXT _dmarc.mail.example.com\nTXT _dmarc.example.com\n"
         "TXT _dmarc.com\n"},
        {"a record at the top of a deep name", "a.b.c.d.e.f.g.h.i.j.mail.example.com",
         "TXT _dmarc.example.com v=DMARC1; p=reject",
         "policy reject at example.com inherited org example.com", NULL},
        {"a name that cannot be asked", "a..example.com", "TXT _dmarc.example.com v=DMARC1; p=none",
         "policy none at example.com inherited org example.com", NULL},
        {"no name", "", "", "none org ", "TXT \n"},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void the_record_of_the_domain_then_of_its_organisation_then_of_its_suffix(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"own", "example.com", "TXT _dmarc.example.com v=DMARC1; p=reject; sp=none; np=none",
         "policy reject at example.com org example.com",
         "TXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"own before the organisation's", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=quarantine\n"
         "TXT _dmarc.example.com v=DMARC1; p=reject",
         "policy quarantine at a.example.com org example.com", NULL},
        {"the organisation's, not one between", "a.b.example.com",
         "TXT _dmarc.b.example.com v=DMARC1; p=quarantine\n"
         "TXT _dmarc.example.com v=DMARC1; p=reject",
         "policy reject at example.com inherited org example.com", NULL},
        {"a top-level domain without psd is the shortest", "a.example",
         "TXT _dmarc.a.example v=DMARC1; p=none\nTXT _dmarc.example v=DMARC1; p=reject",
         "policy none at a.example org example", NULL},
        {"the suffix's where the organisation has none", "a.b.bank.example",
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y",
         "policy reject at bank.example inherited org b.bank.example",
         "TXT _dmarc.a.b.bank.example\nTXT _dmarc.b.bank.example\nTXT _dmarc.bank.example\n"},
        {"the organisation's below a suffix", "a.b.bank.example",
         "TXT _dmarc.b.bank.example v=DMARC1; p=none\n"
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y",
         "policy none at b.bank.example inherited org b.bank.example", NULL},
        {"one between the domain and its organisation below a suffix", "a.b.c.bank.example",
         "TXT _dmarc.b.c.bank.example v=DMARC1; p=none\n"
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y",
         "policy reject at bank.example inherited org c.bank.example", NULL},
        {"a suffix itself", "bank.example", "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y",
         "policy reject at bank.example org bank.example", "TXT _dmarc.bank.example\n"},
        {"right below a suffix", "b.bank.example",
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y",
         "policy reject at bank.example inherited org b.bank.example", NULL},
        {"below a suffix at a name that is not asked", "a.b.c.d.e.f.g.h.bank.example",
         "TXT _dmarc.d.e.f.g.h.bank.example v=DMARC1; p=reject; psd=y",
         "policy reject at d.e.f.g.h.bank.example inherited org c.d.e.f.g.h.bank.example", NULL},
        {"psd=n ends the walk", "a.b.example.com",
         "TXT _dmarc.b.example.com v=DMARC1; p=reject; psd=n\n"
         "TXT _dmarc.example.com v=DMARC1; p=none",
         "policy reject at b.example.com inherited org b.example.com",
         "TXT _dmarc.a.b.example.com\nTXT _dmarc.b.example.com\n"},
        {"psd=n of its own", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=none; psd=n\n"
         "TXT _dmarc.example.com v=DMARC1; p=reject",
         "policy none at a.example.com org a.example.com", "TXT _dmarc.a.example.com\n"},
        {"psd=n above its own record", "a.b.example.com",
         "TXT _dmarc.a.b.example.com v=DMARC1; p=none\n"
         "TXT _dmarc.b.example.com v=DMARC1; p=reject; psd=n",
         "policy none at a.b.example.com org b.example.com", NULL},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void what_is_no_single_record_is_passed_over(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"other texts", "a.example.com",
         "TXT _dmarc.a.example.com v=spf1 -all|hello\nTXT _dmarc.example.com x|v=DMARC1; "
         "p=reject|y",
         "policy reject at example.com inherited org example.com", NULL},
        {"two of one's own", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=none|v=DMARC1; p=reject\n"
         "TXT _dmarc.example.com v=DMARC1; p=reject",
         "policy reject at example.com inherited org example.com (there are several records)",
         NULL},
        {"three, one of them bad, with psd", "example.com",
         "TXT _dmarc.example.com v=DMARC1; p=none; psd=n|v=DMARC1|v=DMARC1; p=reject; psd=y",
         "none org example.com (there are several records)",
         "TXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"a bad one of its own is not inherited past", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=rejct\nTXT _dmarc.example.com v=DMARC1; p=reject",
         "none org a.example.com (the record's p is no policy)", "TXT _dmarc.a.example.com\n"},
        {"a bad one above is", "a.b.example.com",
         "TXT _dmarc.b.example.com v=DMARC1; p=rejct\nTXT _dmarc.example.com v=DMARC1; p=reject",
         "policy reject at example.com inherited org example.com (the record's p is no policy)",
         NULL},
        {"a bad one with psd=n", "a.b.example.com",
         "TXT _dmarc.b.example.com v=DMARC1; psd=n\nTXT _dmarc.example.com v=DMARC1; p=reject",
         "none org b.example.com (the record has no p)", NULL},
        {"a bad one with psd=y", "a.b.example", "TXT _dmarc.example v=DMARC1; psd=y",
         "none org b.example (the record has no p)", NULL},
        {"no p, but reports", "example.com",
         "TXT _dmarc.example.com v=DMARC1; rua=mailto:a@example.com",
         "policy none at example.com org example.com", NULL},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

#define NP "TXT _dmarc.example.com v=DMARC1; p=reject; sp=quarantine; np=none\n"

static void np_is_for_domains_that_do_not_exist(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"NXDOMAIN", "a.example.com", NP,
         "policy none at example.com inherited absent org example.com",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\nA a.example.com\n"},
        {"an address", "a.example.com", NP "A a.example.com 192.0.2.1",
         "policy quarantine at example.com inherited org example.com", NULL},
        {"something else", "a.example.com", NP "MX a.example.com 10 mx.example.com",
         "policy quarantine at example.com inherited org example.com", NULL},
        {"its _dmarc exists, so it does", "a.example.com", NP "TXT _dmarc.a.example.com hello",
         "policy quarantine at example.com inherited org example.com",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"its _dmarc has another type", "a.example.com", NP "A _dmarc.a.example.com 192.0.2.1",
         "policy quarantine at example.com inherited org example.com", NULL},
        {"a fault: the milder", "a.example.com", NP "A a.example.com !TEMPFAIL timeout",
         "policy none at example.com inherited org example.com "
         "(whether the domain exists: timeout)",
         NULL},
        {"np as sp: not asked", "a.example.com",
         "TXT _dmarc.example.com v=DMARC1; p=none; sp=reject; np=reject",
         "policy reject at example.com inherited org example.com",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"the domain's own record: p, not asked", "example.com", NP,
         "policy reject at example.com org example.com", NULL},
        {"eight queries and one", "a.b.c.d.e.f.g.h.example.com", NP,
         "policy none at example.com inherited absent org example.com", NULL},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void a_fault_ends_the_walk_and_is_no_answer(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"at once", "a.example.com",
         "TXT _dmarc.a.example.com !TEMPFAIL SERVFAIL\nTXT _dmarc.example.com v=DMARC1; p=reject",
         "tempfail org a.example.com? (SERVFAIL)", "TXT _dmarc.a.example.com\n"},
        {"above", "a.example.com", "TXT _dmarc.example.com !TEMPFAIL timeout",
         "tempfail org a.example.com? (timeout)",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\n"},
        {"above one that does not apply for sure", "a.b.example.com",
         "TXT _dmarc.b.example.com v=DMARC1; p=reject\n"
         "TXT _dmarc.example.com !TEMPFAIL timeout",
         "tempfail org b.example.com? (timeout)", NULL},
        {"above the domain's own, which stands", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=reject\nTXT _dmarc.example.com !TEMPFAIL timeout",
         "policy reject at a.example.com org a.example.com? (timeout)", NULL},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void only_the_organisation_may_be_wanted(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"none", "a.example.com", "", "policy org a.example.com", NULL},
        {"its parent", "a.example.com", NP, "policy org example.com",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"past a bad one of its own", "a.example.com", "TXT _dmarc.a.example.com v=DMARC1\n" NP,
         "policy org example.com (the record has no p)", NULL},
        {"below a suffix", "a.b.example", "TXT _dmarc.example v=DMARC1; p=none; psd=y",
         "policy org b.example", NULL},
        {"a fault", "a.example.com", "TXT _dmarc.example.com !TEMPFAIL timeout",
         "tempfail org a.example.com? (timeout)", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check(&cases[i], DMARC_TREE_WALK, false);
}

static void by_the_list_two_names_are_asked_at_most(void **state)
{
    (void)state;
    static const struct walk_case cases[] = {
        {"own", "a.b.example.com", "TXT _dmarc.a.b.example.com v=DMARC1; p=none",
         "policy none at a.b.example.com org example.com", "TXT _dmarc.a.b.example.com\n"},
        {"the organisation's, none between", "a.b.example.co.uk",
         "TXT _dmarc.b.example.co.uk v=DMARC1; p=none\n"
         "TXT _dmarc.example.co.uk v=DMARC1; p=none; sp=reject; np=none",
         "policy reject at example.co.uk inherited org example.co.uk",
         "TXT _dmarc.a.b.example.co.uk\nTXT _dmarc.example.co.uk\n"},
        {"psd and the suffix mean nothing", "a.example.co.uk",
         "TXT _dmarc.example.co.uk v=DMARC1; p=reject; psd=y\n"
         "TXT _dmarc.co.uk v=DMARC1; p=none; psd=y",
         "policy reject at example.co.uk inherited org example.co.uk", NULL},
        {"none", "example.com", "", "none org example.com", "TXT _dmarc.example.com\n"},
        {"a public suffix", "co.uk", "TXT _dmarc.co.uk v=DMARC1; p=none",
         "policy none at co.uk org co.uk", "TXT _dmarc.co.uk\n"},
        {"several end it", "a.example.com",
         "TXT _dmarc.a.example.com v=DMARC1; p=none|v=DMARC1; p=none\n" NP,
         "none org example.com (there are several records)", "TXT _dmarc.a.example.com\n"},
        {"a bad one ends it", "a.example.com", "TXT _dmarc.a.example.com v=DMARC1; p=x\n" NP,
         "none org example.com (the record's p is no policy)", "TXT _dmarc.a.example.com\n"},
        {"a bad one of the organisation", "a.example.com", "TXT _dmarc.example.com v=DMARC1",
         "none org example.com (the record has no p)", NULL},
        {"a fault", "a.example.com", "TXT _dmarc.a.example.com !TEMPFAIL timeout\n" NP,
         "tempfail org example.com (timeout)", "TXT _dmarc.a.example.com\n"},
        {"a fault above", "a.example.com", "TXT _dmarc.example.com !TEMPFAIL timeout",
         "tempfail org example.com (timeout)", NULL},
    };
    static const struct walk_case only = {"only the organisation", "a.example.com", NP,
                                          "policy org example.com", "TXT _dmarc.a.example.com\n"};
    check_all(cases, COUNT(cases), DMARC_PSL);
    check(&only, DMARC_PSL, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_asks_what_the_rfc_says_and_no_more),
        cmocka_unit_test(the_record_of_the_domain_then_of_its_organisation_then_of_its_suffix),
        cmocka_unit_test(what_is_no_single_record_is_passed_over),
        cmocka_unit_test(np_is_for_domains_that_do_not_exist),
        cmocka_unit_test(a_fault_ends_the_walk_and_is_no_answer),
        cmocka_unit_test(only_the_organisation_may_be_wanted),
        cmocka_unit_test(by_the_list_two_names_are_asked_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
