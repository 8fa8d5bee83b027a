/* SPDX-License-Identifier: ISC */
/*
 * Tests of dmarc_record: what is a DMARC record, what its tags mean in any writing, and what
 * becomes of faults in it.
 */
#include "policy/auth/dmarc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const reading_name[] = {"record", "no record", "bad record"};

/* "p sp np" and what else is not as by default: t, adkim, aspf, psd=y, psd=n, rua. */
static void show(const struct dmarc_record *r, char *out, size_t size)
{
    snprintf(out, size, "%s %s %s%s%s%s%s%s", dmarc_policy_name(r->p), dmarc_policy_name(r->sp),
             dmarc_policy_name(r->np), r->testing ? " t" : "", r->strict_dkim ? " adkim" : "",
             r->strict_spf ? " aspf" : "",
             r->psd == DMARC_PSD_YES  ? " psd=y"
             : r->psd == DMARC_PSD_NO ? " psd=n"
                                      : "",
             r->has_rua ? " rua" : "");
}

struct record_case {
    const char *text;
    enum dmarc_reading reading;
    const char *shown; /* "" of no record */
    const char *why;
};

static void check(const struct record_case *c)
{
    struct dmarc_record record;
    const char *why = NULL;
    char shown[96] = "";
    /* Exactly as long as it is, so that reading on shows. */
    size_t len = strlen(c->text);
    char *text = malloc(len + 1);
    memcpy(text, c->text, len);
    enum dmarc_reading reading = dmarc_record_parse(text, len, &record, &why);
    if (reading != DMARC_NO_RECORD)
        show(&record, shown, sizeof shown);
    if (reading != c->reading || strcmp(shown, c->shown) != 0 ||
        strcmp(why, c->why != NULL ? c->why : "") != 0)
        fail_msg("%s: %s [%s] (%s)", c->text, reading_name[reading], shown, why);
    free(text);
}

static void check_all(const struct record_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&cases[i]);
}

static void the_version_is_exact_and_first(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1;p=none", DMARC_RECORD, "none none none", NULL},
        {"v = DMARC1 ; p = none ", DMARC_RECORD, "none none none", NULL},
        {"v\t=\tDMARC1\t;p=none", DMARC_RECORD, "none none none", NULL},
        {"V=DMARC1; p=none", DMARC_RECORD, "none none none", NULL},
        {"", DMARC_NO_RECORD, "", NULL},
        {"v", DMARC_NO_RECORD, "", NULL},
        {"v=", DMARC_NO_RECORD, "", NULL},
        {"v=DMARC", DMARC_NO_RECORD, "", NULL},
        {"v=dmarc1; p=none", DMARC_NO_RECORD, "", NULL},
        {"v=DMARC1x; p=none", DMARC_NO_RECORD, "", NULL},
        {"v=DMARC2; p=none", DMARC_NO_RECORD, "", NULL},
        {"v=DMARC1 p=none", DMARC_NO_RECORD, "", NULL},
        {"v=DMARC1, p=none", DMARC_NO_RECORD, "", NULL},
        {" v=DMARC1; p=none", DMARC_NO_RECORD, "", NULL},
        {";v=DMARC1; p=none", DMARC_NO_RECORD, "", NULL},
        {"p=none; v=DMARC1", DMARC_NO_RECORD, "", NULL},
        {"DMARC1; p=none", DMARC_NO_RECORD, "", NULL},
        {"\"v=DMARC1; p=none\"", DMARC_NO_RECORD, "", NULL},
        {"v=spf1 -all", DMARC_NO_RECORD, "", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void policies_fall_back_np_to_sp_to_p(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1; p=reject", DMARC_RECORD, "reject reject reject", NULL},
        {"v=DMARC1; p=reject; sp=none", DMARC_RECORD, "reject none none", NULL},
        {"v=DMARC1; p=reject; np=none", DMARC_RECORD, "reject reject none", NULL},
        {"v=DMARC1; np=reject; sp=quarantine; p=none", DMARC_RECORD, "none quarantine reject",
         NULL},
        {"v=DMARC1; P=Reject; SP=NONE", DMARC_RECORD, "reject none none", NULL},
        {"v=DMARC1; p=none; p=reject", DMARC_RECORD, "none none none", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void tags_mean_the_same_in_any_writing(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1; p=none; t=y", DMARC_RECORD, "none none none t", NULL},
        {"v=DMARC1; p=none; T = Y", DMARC_RECORD, "none none none t", NULL},
        {"v=DMARC1; p=none; t=n", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; adkim=s; aspf=r", DMARC_RECORD, "none none none adkim", NULL},
        {"v=DMARC1; p=none; adkim=r; aspf=S", DMARC_RECORD, "none none none aspf", NULL},
        {"v=DMARC1; p=none; psd=y", DMARC_RECORD, "none none none psd=y", NULL},
        {"v=DMARC1; p=none; PSD=N", DMARC_RECORD, "none none none psd=n", NULL},
        {"v=DMARC1; p=none; psd=u", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=mailto:a@example.com", DMARC_RECORD, "none none none rua", NULL},
        {"v=DMARC1;;; p=none;; psd=y ; ", DMARC_RECORD, "none none none psd=y", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void what_has_no_meaning_is_not_there(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1; p=reject; pct=0; rf=afrf; ri=1", DMARC_RECORD, "reject reject reject", NULL},
        {"v=DMARC1; p=reject; pct=banana; foo=bar; =; x", DMARC_RECORD, "reject reject reject",
         NULL},
        {"v=DMARC1; p=reject; adkim=bob; aspf=; t=yes; psd=x", DMARC_RECORD, "reject reject reject",
         NULL},
        {"v=DMARC1; adkim s; p=reject", DMARC_RECORD, "reject reject reject", NULL},
        {"v=DMARC1; p=reject; \x01\xff=\x80; aspf=s", DMARC_RECORD, "reject reject reject aspf",
         NULL},
        {"v=DMARC1; p=reject; v=DMARC2", DMARC_RECORD, "reject reject reject", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void a_faulty_policy_is_none_with_reports_and_nothing_without(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1", DMARC_BAD_RECORD, "none none none", "the record has no p"},
        {"v=DMARC1; psd=n", DMARC_BAD_RECORD, "none none none psd=n", "the record has no p"},
        {"v=DMARC1; sp=reject", DMARC_BAD_RECORD, "none none none", "the record has no p"},
        {"v=DMARC1; p=; rua=", DMARC_BAD_RECORD, "none none none", "the record's p is no policy"},
        {"v=DMARC1; p=n", DMARC_BAD_RECORD, "none none none", "the record's p is no policy"},
        {"v=DMARC1; p=re ject", DMARC_BAD_RECORD, "none none none", "the record's p is no policy"},
        {"v=DMARC1; p=reject; sp=bob", DMARC_BAD_RECORD, "none none none",
         "the record's sp is no policy"},
        {"v=DMARC1; p=reject; np=bob", DMARC_BAD_RECORD, "none none none",
         "the record's np is no policy"},
        {"v=DMARC1; rua=mailto:a@example.com", DMARC_RECORD, "none none none rua", NULL},
        {"v=DMARC1; p=reject; sp=bob; rua=mailto:a@example.com", DMARC_RECORD, "none none none rua",
         NULL},
        {"v=DMARC1; p=bob; adkim=s; t=y; rua=mailto:a@example.com", DMARC_RECORD,
         "none none none t adkim rua", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void one_uri_that_looks_like_one_is_enough(void **state)
{
    (void)state;
    static const struct record_case cases[] = {
        {"v=DMARC1; p=none; rua=mailto:a@b.c!10m", DMARC_RECORD, "none none none rua", NULL},
        {"v=DMARC1; p=none; rua=nonsense , mailto:a@b.c", DMARC_RECORD, "none none none rua", NULL},
        {"v=DMARC1; p=none; rua=,,https://b.c/x,", DMARC_RECORD, "none none none rua", NULL},
        {"v=DMARC1; p=none; rua=a@b.c", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=mailto:", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=:a@b.c", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=1x:a@b.c", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=mail to:a@b.c", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=mailto:a b", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; rua=mailto:<a@b.c>", DMARC_RECORD, "none none none", NULL},
        {"v=DMARC1; p=none; ruf=mailto:a@b.c", DMARC_RECORD, "none none none", NULL},
    };
    check_all(cases, COUNT(cases));
}

static void octets_0_end_nothing(void **state)
{
    (void)state;
    struct dmarc_record record;
    const char *why;
    static const char inside[] = "v=DMARC1; p=none\0; p=reject";
    static const char in_uri[] = "v=DMARC1; rua=m\0:x";
    assert_int_equal(dmarc_record_parse(inside, sizeof inside - 1, &record, &why),
                     DMARC_BAD_RECORD);
    assert_int_equal(dmarc_record_parse(in_uri, sizeof in_uri - 1, &record, &why),
                     DMARC_BAD_RECORD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_exact_and_first),
        cmocka_unit_test(policies_fall_back_np_to_sp_to_p),
        cmocka_unit_test(tags_mean_the_same_in_any_writing),
        cmocka_unit_test(what_has_no_meaning_is_not_there),
        cmocka_unit_test(a_faulty_policy_is_none_with_reports_and_nothing_without),
        cmocka_unit_test(one_uri_that_looks_like_one_is_enough),
        cmocka_unit_test(octets_0_end_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
