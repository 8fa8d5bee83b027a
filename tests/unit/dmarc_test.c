/* SPDX-License-Identifier: ISC */
/*
 * Tests of dmarc: which identifiers are aligned, what a message is said to be, what that costs, and
 * that no fault of DNS changes a pass, nor hides a fail that is one in any case (RFC 9989 5.3).
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"
#include "tests/unit/support/asked_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct dmarc_case {
    const char *name;
    const char *domain;
    const char *dns;
    const char *spf;  /* of MAIL FROM; "?" in front: temperror; NULL: none */
    const char *dkim; /* domains apart by blanks, likewise; "?" alone: nobody knows whose */
    const char *said;
    const char *asked; /* beyond the walk of the author's domain; NULL: not looked at */
};

struct told {
    unsigned times;
};

static void on_changed(void *arg)
{
    ((struct told *)arg)->times++;
}

static void said_text(const struct dmarc_answer *a, char *out, size_t size)
{
    int n = snprintf(out, size, "%s", dmarc_result_name(a->result));
    if (a->at[0] != '\0')
        n += snprintf(out + n, size - (size_t)n, " %s/%s at %s org %s",
                      dmarc_policy_name(a->policy), dmarc_policy_name(a->published), a->at, a->org);
    n += snprintf(out + n, size - (size_t)n, "%s%s%s", a->testing ? " t" : "",
                  a->dkim_aligned ? " dkim" : "", a->spf_aligned ? " spf" : "");
    if (a->why[0] != '\0')
        snprintf(out + n, size - (size_t)n, " (%s)", a->why);
}

/* The identifiers of a case, in memory that goes away. */
static void end(struct dmarc *dmarc, const struct dmarc_case *c)
{
    const char *pass[32], *unsure[32];
    char *text = mem_strdup(c->dkim != NULL ? c->dkim : ""), *rest = text, *word;
    char *spf = mem_strdup(c->spf != NULL ? c->spf : "");
    struct dmarc_identifiers who = {.dkim_domain = pass, .dkim_unsure = unsure};
    who.spf_temperror = spf[0] == '?';
    who.spf_domain = spf + who.spf_temperror;
    while ((word = strsep(&rest, " ")) != NULL) {
        if (*word == '?')
            who.dkim_temperror = true;
        if (*word == '?' && word[1] != '\0')
            unsure[who.dkim_unsures++] = word + 1;
        else if (*word != '?' && *word != '\0')
            pass[who.dkim_domains++] = word;
    }
    dmarc_end(dmarc, &who);
    free(text);
    free(spf);
}

static void compare(const struct dmarc_case *c, const char *how, const struct dmarc *dmarc)
{
    char said[1024];
    if (!dmarc_settled(dmarc))
        fail_msg("%s (%s): not settled", c->name, how);
    said_text(dmarc_answer(dmarc), said, sizeof said);
    if (strcmp(said, c->said) != 0)
        fail_msg("%s (%s): %s, not %s", c->name, how, said, c->said);
}

/* `early`: the identifiers are known before the policy is. */
static void check(const struct dmarc_case *c, enum dmarc_discovery how, bool early)
{
    struct asked_dns dns;
    struct told told = {0};
    asked_dns_open(&dns, c->dns);
    char *domain = mem_strdup(c->domain);
    struct dmarc *dmarc = dmarc_new(&dns.dns, domain, how, on_changed, &told);
    free(domain);
    assert_false(dmarc_settled(dmarc));
    if (!early)
        asked_dns_run(&dns);
    assert_int_equal(told.times, 0);
    size_t before = fake_dns_asked(dns.fake);
    end(dmarc, c);
    bool at_once = dmarc_settled(dmarc);
    asked_dns_run(&dns);
    compare(c, early ? "early" : "late", dmarc);
    assert_int_equal(told.times, at_once ? 0 : 1);
    assert_int_equal(dmarc_answer(dmarc)->queries, fake_dns_asked(dns.fake));
    if (!early && c->asked != NULL) {
        const char *asked = asked_dns_text(&dns);
        for (; before > 0; before--)
            asked = strchr(asked, '\n') + 1;
        if (strcmp(asked, c->asked) != 0)
            fail_msg("%s: asked\n%sinstead of\n%s", c->name, asked, c->asked);
    }
    dmarc_free(dmarc);
    asked_dns_close(&dns);
}

/* Freed, or given up, after each number of answers. */
static void check_end(const struct dmarc_case *c, enum dmarc_discovery how, bool give_up)
{
    bool over = false;
    for (size_t answers = 0; !over; answers++) {
        struct asked_dns dns;
        struct told told = {0};
        asked_dns_open(&dns, c->dns);
        struct dmarc *dmarc = dmarc_new(&dns.dns, c->domain, how, on_changed, &told);
        end(dmarc, c);
        for (size_t i = 0; i < answers; i++)
            (void)fake_dns_run(dns.fake);
        over = dmarc_settled(dmarc);
        if (give_up && !over) {
            dmarc_give_up(dmarc);
            assert_true(dmarc_settled(dmarc));
            assert_int_not_equal(dmarc_answer(dmarc)->result, DMARC_FAIL);
            assert_int_equal(fake_dns_open(dns.fake), 0);
            assert_int_equal(told.times, 0);
            dmarc_give_up(dmarc);
        }
        dmarc_free(dmarc);
        asked_dns_close(&dns);
    }
}

static void check_all(const struct dmarc_case *cases, size_t count, enum dmarc_discovery how)
{
    for (size_t i = 0; i < count; i++) {
        check(&cases[i], how, false);
        check(&cases[i], how, true);
        check_end(&cases[i], how, false);
        check_end(&cases[i], how, true);
    }
}

#define REJECT  "TXT _dmarc.example.com v=DMARC1; p=reject"
#define STRICT  "TXT _dmarc.example.com v=DMARC1; p=reject; adkim=s; aspf=s"
#define AT_FULL " reject/reject at example.com org example.com"
#define NOBODY  " (no aligned identifier passes)"

static void alignment_shows_at_sight_where_it_can(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"nobody", "example.com", REJECT, NULL, NULL, "fail" AT_FULL NOBODY, ""},
        {"spf, the same", "example.com", REJECT, "example.com", NULL, "pass" AT_FULL " spf", ""},
        {"dkim, the same", "example.com", REJECT, NULL, "example.com", "pass" AT_FULL " dkim", ""},
        {"both", "example.com", REJECT, "example.com", "example.com", "pass" AT_FULL " dkim spf",
         ""},
        {"the organisation's", "a.example.com", REJECT, NULL, "example.com", "pass" AT_FULL " dkim",
         ""},
        {"the organisation's, for a record between", "a.b.example.com",
         REJECT "\nTXT _dmarc.a.b.example.com v=DMARC1; p=none", "example.com", NULL,
         "pass none/none at a.b.example.com org example.com spf", ""},
        {"strangers", "example.com", REJECT, "example.org", "example.net xexample.com com",
         "fail" AT_FULL NOBODY, ""},
        {"strict: the same", "example.com", STRICT, "example.com", "example.com",
         "pass" AT_FULL " dkim spf", ""},
        {"strict: below", "example.com", STRICT, "a.example.com", "a.example.com",
         "fail" AT_FULL NOBODY, ""},
        {"strict: above", "a.example.com", STRICT, "example.com", "example.com",
         "fail" AT_FULL NOBODY, ""},
        {"strict for one only", "a.example.com",
         "TXT _dmarc.example.com v=DMARC1; p=reject; adkim=s", "example.com", "example.com",
         "pass" AT_FULL " spf", ""},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void what_lies_below_the_organisation_is_walked_for(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"below", "example.com", REJECT, NULL, "a.example.com", "pass" AT_FULL " dkim",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"beside", "b.example.com", REJECT, "a.example.com", NULL, "pass" AT_FULL " spf",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"the same twice is walked for once", "example.com", REJECT, "a.example.com",
         "a.example.com a.example.com", "pass" AT_FULL " dkim spf",
         "TXT _dmarc.a.example.com\nTXT _dmarc.example.com\nTXT _dmarc.com\n"},
        {"an organisation of its own below", "example.com",
         REJECT "\nTXT _dmarc.a.example.com v=DMARC1; p=none; psd=n", "b.a.example.com",
         "a.example.com", "fail" AT_FULL NOBODY, NULL},
        {"below a suffix: neighbours", "giant.bank.example",
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y\n"
         "TXT _dmarc.giant.bank.example v=DMARC1; p=quarantine",
         "mail.giant.bank.example", "mail.mega.bank.example",
         "pass quarantine/quarantine at giant.bank.example org giant.bank.example spf",
         "TXT _dmarc.mail.giant.bank.example\nTXT _dmarc.giant.bank.example\n"
         "TXT _dmarc.bank.example\n"},
        {"below a suffix without a record: neighbours", "giant.bank.example",
         "TXT _dmarc.bank.example v=DMARC1; p=reject; psd=y", "mega.bank.example", "bank.example",
         "fail reject/reject at bank.example org giant.bank.example" NOBODY, ""},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void nothing_is_walked_for_without_a_policy(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"no record", "example.com", "", "a.example.com", "a.example.com", "none (no record)", ""},
        {"a bad one", "example.com", "TXT _dmarc.example.com v=DMARC1; p=x", "a.example.com", NULL,
         "none (the record's p is no policy)", ""},
        {"no author", "", REJECT, "example.com", "example.com",
         "none (the message names no author's domain)", ""},
        {"a fault", "example.com", "TXT _dmarc.example.com !TEMPFAIL timeout", "example.com",
         "example.com", "temperror (timeout)", ""},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void testing_lowers_the_policy_by_one(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"reject", "example.com", "TXT _dmarc.example.com v=DMARC1; p=reject; t=y", NULL, NULL,
         "fail quarantine/reject at example.com org example.com t" NOBODY, NULL},
        {"quarantine", "example.com", "TXT _dmarc.example.com v=DMARC1; p=quarantine; t=y", NULL,
         NULL, "fail none/quarantine at example.com org example.com t" NOBODY, NULL},
        {"none", "example.com", "TXT _dmarc.example.com v=DMARC1; p=none; t=y", NULL, NULL,
         "fail none/none at example.com org example.com t" NOBODY, NULL},
        {"of what is inherited", "a.example.com",
         "TXT _dmarc.example.com v=DMARC1; p=none; sp=reject; t=y", NULL, NULL,
         "fail quarantine/reject at example.com org example.com t" NOBODY, NULL},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

#define KEY " (a signature's key is not known)"

static void a_fault_matters_only_if_it_may_have_hidden_a_pass(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"spf of the author's", "example.com", REJECT, "?example.com", NULL,
         "temperror" AT_FULL " (SPF is not known)", ""},
        {"spf below", "example.com", REJECT, "?a.example.com", NULL,
         "temperror" AT_FULL " (SPF is not known)", ""},
        {"spf of a stranger", "example.com", REJECT, "?example.net", NULL, "fail" AT_FULL NOBODY,
         ""},
        {"spf below, strict", "example.com", STRICT, "?a.example.com", NULL, "fail" AT_FULL NOBODY,
         ""},
        {"dkim of the author's", "example.com", REJECT, NULL, "?example.com",
         "temperror" AT_FULL KEY, ""},
        {"dkim of a stranger", "example.com", REJECT, NULL, "?example.net", "fail" AT_FULL NOBODY,
         ""},
        {"dkim of anybody", "example.com", REJECT, NULL, "?", "temperror" AT_FULL KEY, ""},
        {"but another passes", "example.com", REJECT, "?example.com", "? example.com",
         "pass" AT_FULL " dkim", ""},
        {"one of its own passes", "example.com", REJECT, "example.com", "?example.com",
         "pass" AT_FULL " spf", ""},
        {"an identifier's walk", "example.com", REJECT "\nTXT _dmarc.a.example.com !TEMPFAIL x",
         "a.example.com", NULL,
         "temperror" AT_FULL " (an organisational domain could not be found)", NULL},
        {"an identifier's walk, but another passes", "example.com",
         REJECT "\nTXT _dmarc.a.example.com !TEMPFAIL x", "a.example.com", "b.example.com",
         "pass" AT_FULL " dkim", NULL},
        {"the author's organisation is hidden", "example.com",
         REJECT "\nTXT _dmarc.com !TEMPFAIL x", "a.example.com", NULL,
         "temperror" AT_FULL " (an organisational domain could not be found)", ""},
        {"hidden, but the same", "example.com", REJECT "\nTXT _dmarc.com !TEMPFAIL x",
         "example.com", NULL, "pass" AT_FULL " spf", ""},
        {"hidden, and a stranger", "example.com", REJECT "\nTXT _dmarc.com !TEMPFAIL x",
         "other.com", "?evil.com", "fail" AT_FULL NOBODY, ""},
        {"hidden, but strict", "example.com", STRICT "\nTXT _dmarc.com !TEMPFAIL x",
         "a.example.com", NULL, "fail" AT_FULL NOBODY, ""},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

static void by_the_list_no_identifier_costs_a_question(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"below", "example.com", REJECT, "b.a.example.com", NULL, "pass" AT_FULL " spf", ""},
        {"beside", "b.example.com", REJECT, NULL, "a.example.com", "pass" AT_FULL " dkim", ""},
        {"psd=n means nothing", "example.com",
         REJECT "\nTXT _dmarc.a.example.com v=DMARC1; p=none; psd=n", "a.example.com", NULL,
         "pass" AT_FULL " spf", ""},
        {"neighbours", "a.co.uk", "TXT _dmarc.a.co.uk v=DMARC1; p=none", "b.co.uk", "co.uk",
         "fail none/none at a.co.uk org a.co.uk" NOBODY, ""},
        {"a public suffix", "co.uk", "TXT _dmarc.co.uk v=DMARC1; p=none", "a.co.uk", "co.uk",
         "pass none/none at co.uk org co.uk dkim", ""},
    };
    check_all(cases, COUNT(cases), DMARC_PSL);
}

static void identifiers_have_a_bound(void **state)
{
    (void)state;
    static const struct dmarc_case cases[] = {
        {"sixteen are walked for", "example.com", REJECT, NULL,
         "1.x 2.x 3.x 4.x 5.x 6.x 7.x 8.x 9.x 10.x 11.x 12.x 13.x 14.x 15.x a.example.com",
         "pass" AT_FULL " dkim", NULL},
        {"not seventeen", "example.com", REJECT, NULL,
         "1.x 2.x 3.x 4.x 5.x 6.x 7.x 8.x 9.x 10.x 11.x 12.x 13.x 14.x 15.x 16.x a.example.com",
         "fail" AT_FULL NOBODY, ""},
    };
    check_all(cases, COUNT(cases), DMARC_TREE_WALK);
}

/* Who has had no answer in time has no fail, but a pass that shows is one. */
static void giving_up_keeps_what_is_known(void **state)
{
    (void)state;
    static const struct dmarc_case c = {"",
                                        "example.com",
                                        REJECT "\nTXT _dmarc.a.example.com !HOLD",
                                        "a.example.com",
                                        "example.com",
                                        "pass" AT_FULL " dkim",
                                        NULL};
    static const struct dmarc_case none = {"",
                                           "example.com",
                                           REJECT "\nTXT _dmarc.a.example.com !HOLD",
                                           "a.example.com",
                                           NULL,
                                           "temperror" AT_FULL
                                           " (an organisational domain could not be found)",
                                           NULL};
    static const struct dmarc_case held = {"",
                                           "example.com",
                                           "TXT _dmarc.example.com !HOLD",
                                           "example.com",
                                           NULL,
                                           "temperror (no answer in time)",
                                           NULL};
    const struct dmarc_case *const cases[] = {&c, &none, &held};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct asked_dns dns;
        struct told told = {0};
        asked_dns_open(&dns, cases[i]->dns);
        struct dmarc *dmarc =
            dmarc_new(&dns.dns, cases[i]->domain, DMARC_TREE_WALK, on_changed, &told);
        end(dmarc, cases[i]);
        asked_dns_run(&dns);
        assert_false(dmarc_settled(dmarc));
        dmarc_give_up(dmarc);
        compare(cases[i], "given up", dmarc);
        dmarc_free(dmarc);
        asked_dns_close(&dns);
    }
}

static void giving_up_before_the_end(void **state)
{
    (void)state;
    static const char *const zones[] = {REJECT, "", "TXT _dmarc.example.com !HOLD"};
    static const enum dmarc_result result[] = {DMARC_TEMPERROR, DMARC_NONE, DMARC_TEMPERROR};
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct asked_dns dns;
        struct told told = {0};
        asked_dns_open(&dns, zones[i]);
        struct dmarc *dmarc =
            dmarc_new(&dns.dns, "example.com", DMARC_TREE_WALK, on_changed, &told);
        asked_dns_run(&dns);
        dmarc_give_up(dmarc);
        assert_int_equal(dmarc_answer(dmarc)->result, result[i]);
        end(dmarc, &(struct dmarc_case){.spf = "example.com"});
        assert_int_equal(dmarc_answer(dmarc)->result, result[i]);
        assert_int_equal(told.times, 0);
        dmarc_free(dmarc);
        asked_dns_close(&dns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignment_shows_at_sight_where_it_can),
        cmocka_unit_test(what_lies_below_the_organisation_is_walked_for),
        cmocka_unit_test(nothing_is_walked_for_without_a_policy),
        cmocka_unit_test(testing_lowers_the_policy_by_one),
        cmocka_unit_test(a_fault_matters_only_if_it_may_have_hidden_a_pass),
        cmocka_unit_test(by_the_list_no_identifier_costs_a_question),
        cmocka_unit_test(identifiers_have_a_bound),
        cmocka_unit_test(giving_up_keeps_what_is_known),
        cmocka_unit_test(giving_up_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
