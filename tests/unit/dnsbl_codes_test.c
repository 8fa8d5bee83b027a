/* SPDX-License-Identifier: ISC */
/*
 * dnsbl_codes_test: which texts are codes, what each answer of a list means with them, and that no
 * error ever counts.
 */
#include "policy/dnsbl_codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void texts_are_taken_or_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* NULL: taken */
    } cases[] = {
        {"127.0.0.2", NULL},
        {"127.0.0.2=4", NULL},
        {"127.0.0.2=-4", NULL},
        {"127.0.0.2=0", NULL},
        {"127.0.0.2=0.5", NULL},
        {"127.0.0.2=1.25", NULL},
        {"127.0.0.2=1000", NULL},
        {"127.0.0.2=-1000", NULL},
        {"127.0.0.4-127.0.0.7=6", NULL},
        {"127.0.0.4-127.0.0.4", NULL},
        {"127.0.0.0-127.255.254.255=1", NULL},
        {"127.0.*.3=-2", NULL},
        {"127.*.*.*=1", NULL},
        {"", "write a code"},
        {"127", "write a code"},
        {"127.0.0", "write a code"},
        {"127.0.0.", "write a code"},
        {"127.0.0.256", "write a code"},
        {"127.0.0.4294967298", "write a code"},
        {"127.0.0.02", "write a code"},
        {"127.0.0.-2", "write a code"},
        {"127.0.0.2-", "write a code"},
        {"127.0.0.2-7", "write a code"},
        {"127.0.0.2-128.0.0.2", "write a code"},
        {"128.0.0.2", "write a code"},
        {"*.0.0.2", "write a code"},
        {"192.0.2.1=1", "write a code"},
        {"::2", "write a code"},
        {" 127.0.0.2", "write a code"},
        {"0x7f.0.0.2", "write a code"},
        {"127.0.0.2-127.0.0.*=1", "has no '*'"},
        {"127.0.*.2-127.0.0.4=1", "has no '*'"},
        {"127.0.0.7-127.0.0.4=6", "ends before"},
        {"127.0.0.2=", "score from"},
        {"127.0.0.2=x", "score from"},
        {"127.0.0.2=4x", "score from"},
        {"127.0.0.2= 4", "score from"},
        {"127.0.0.2 =4", "score from"},
        {"127.0.0.2=1.", "score from"},
        {"127.0.0.2=.5", "score from"},
        {"127.0.0.2=1.234", "score from"},
        {"127.0.0.2=1001", "score from"},
        {"127.0.0.2=1000.01", "score from"},
        {"127.0.0.2=99999999999999999999", "score from"},
        {"127.0.0.2=--4", "score from"},
        {"127.0.0.2=+4", "score from"},
        {"127.0.0.2*", "score from"},
        {"127.0.0.2/31", "score from"},
        {"127.0.0.1=4", "errors of every list"},
        {"127.255.255.254=4", "errors of every list"},
        {"127.255.255.*=4", "errors of every list"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dnsbl_codes codes = {0};
        const char *why = NULL;
        bool taken = dnsbl_codes_add(&codes, cases[i].text, &why);
        if (taken != (cases[i].why == NULL) || codes.count != (size_t)taken ||
            (why != NULL && (taken || strstr(why, cases[i].why) == NULL)))
            fail_msg("\"%s\": taken %d, %s", cases[i].text, taken, why != NULL ? why : "-");
        dnsbl_codes_clear(&codes);
        assert_null(codes.item);
    }
}

static void there_is_a_bound_of_codes(void **state)
{
    (void)state;
    struct dnsbl_codes codes = {0};
    const char *why = NULL;
    for (size_t i = 0; i < DNSBL_CODES_MOST; i++)
        assert_true(dnsbl_codes_add(&codes, "127.0.0.2=1", &why));
    assert_false(dnsbl_codes_add(&codes, "127.0.0.2=1", &why));
    assert_non_null(strstr(why, "too many"));
    dnsbl_codes_clear(&codes);
}

/* Texts apart by blanks. */
static struct dnsbl_codes codes_of(const char *texts)
{
    struct dnsbl_codes codes = {0};
    char copy[512];
    char *rest = copy;
    const char *why = NULL;
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *one = strsep(&rest, " "); one != NULL && one[0] != '\0'; one = strsep(&rest, " "))
        if (!dnsbl_codes_add(&codes, one, &why))
            fail_msg("%s: %s", one, why);
    return codes;
}

static size_t answers_of(const char *texts, struct addr out[static 8])
{
    char copy[512];
    char *rest = copy;
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", texts);
    for (char *one = strsep(&rest, " "); one != NULL && one[0] != '\0'; one = strsep(&rest, " "))
        assert_true(addr_parse_ip(one, &out[count++]));
    return count;
}

#define ZEN   "127.0.0.2=3 127.0.0.3=4 127.0.0.4-127.0.0.7=6 127.0.0.9=7 127.0.0.10-127.0.0.11=8"
#define DNSWL "127.0.*.0=-2 127.0.*.1=-4 127.0.*.2=-6 127.0.*.3=-8"

struct judge_case {
    const char *codes;
    score_t score; /* below 0: an allow zone */
    const char *answer;
    enum dnsbl_meaning meaning;
    score_t out;
    size_t which;
};

static void judge_all(const struct judge_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct judge_case *c = &cases[i];
        struct dnsbl_codes codes = codes_of(c->codes);
        struct addr answer[8];
        size_t answers = answers_of(c->answer, answer);
        score_t out = 12345;
        size_t which = 12345;
        enum dnsbl_meaning meaning =
            dnsbl_judge(&codes, c->score, c->score < 0, answer, answers, &out, &which);
        if (meaning != c->meaning || out != c->out || which != c->which)
            fail_msg("[%s] %d, %s: meaning %d, score %d, which %zu", c->codes, (int)c->score,
                     c->answer, (int)meaning, (int)out, which);
        dnsbl_codes_clear(&codes);
    }
}

static void listings_count_what_their_codes_say(void **state)
{
    (void)state;
    static const struct judge_case cases[] = {
        /* Without codes any code is the block's score. */
        {"", 400, "127.0.0.2", DNSBL_LISTED, 400, 0},
        {"", 400, "127.9.8.7", DNSBL_LISTED, 400, 0},
        {"", 400, "127.0.0.2 127.0.0.4", DNSBL_LISTED, 400, 0},
        {"", 400, "", DNSBL_NOT_LISTED, 0, 0},
        {"", 0, "127.0.0.2", DNSBL_NOT_LISTED, 0, 0},
        {"", -400, "127.0.0.2", DNSBL_LISTED, -400, 0},
        /* Of blocks 127.0.0.255 and 127.0.10.x are codes like any other. */
        {"", 400, "127.0.0.255", DNSBL_LISTED, 400, 0},
        {"", 400, "127.0.10.3", DNSBL_LISTED, 400, 0},
        /* With codes the others count nothing. */
        {ZEN, 100, "127.0.0.2", DNSBL_LISTED, 300, 0},
        {ZEN, 100, "127.0.0.4", DNSBL_LISTED, 600, 0},
        {ZEN, 100, "127.0.0.7", DNSBL_LISTED, 600, 0},
        {ZEN, 100, "127.0.0.8", DNSBL_NOT_LISTED, 0, 0},
        {ZEN, 100, "127.0.0.12", DNSBL_NOT_LISTED, 0, 0},
        {ZEN, 100, "127.1.0.2", DNSBL_NOT_LISTED, 0, 0},
        /* The highest of several. */
        {ZEN, 100, "127.0.0.2 127.0.0.11 127.0.0.4", DNSBL_LISTED, 800, 1},
        {ZEN, 100, "127.0.0.20 127.0.0.2", DNSBL_LISTED, 300, 1},
        {ZEN, 100, "127.0.0.20 127.0.0.21", DNSBL_NOT_LISTED, 0, 0},
        /* A code without a score counts the block's; the first that names an address decides. */
        {"127.0.0.2 127.0.0.3=1", 450, "127.0.0.2", DNSBL_LISTED, 450, 0},
        {"127.0.0.2=0 127.0.0.2-127.0.0.9=5", 100, "127.0.0.2", DNSBL_NOT_LISTED, 0, 0},
        {"127.0.0.2=0 127.0.0.2-127.0.0.9=5", 100, "127.0.0.3", DNSBL_LISTED, 500, 0},
        /* '*' is any octet. */
        {"127.0.*.3=2", 100, "127.0.77.3", DNSBL_LISTED, 200, 0},
        {"127.0.*.3=2", 100, "127.1.77.3", DNSBL_NOT_LISTED, 0, 0},
        {"127.0.*.3=2", 100, "127.0.77.4", DNSBL_NOT_LISTED, 0, 0},
        /* An allow zone: the most trust of several. */
        {DNSWL, -100, "127.0.5.0", DNSBL_LISTED, -200, 0},
        {DNSWL, -100, "127.0.20.3", DNSBL_LISTED, -800, 0},
        {DNSWL, -100, "127.0.5.1 127.0.5.3 127.0.5.2", DNSBL_LISTED, -800, 1},
        {DNSWL, -100, "127.0.5.4", DNSBL_NOT_LISTED, 0, 0},
        {"127.0.*.0=0 127.0.*.1=-4", -100, "127.0.5.0", DNSBL_NOT_LISTED, 0, 0},
    };
    judge_all(cases, COUNT(cases));
}

static void errors_are_never_listings_and_never_trust(void **state)
{
    (void)state;
    static const struct judge_case cases[] = {
        {"", 400, "127.0.0.1", DNSBL_ERROR, 0, 0},
        {"", 400, "127.255.255.0", DNSBL_ERROR, 0, 0},
        {"", 400, "127.255.255.252", DNSBL_ERROR, 0, 0},
        {"", 400, "127.255.255.254", DNSBL_ERROR, 0, 0},
        {"", 400, "127.255.255.255", DNSBL_ERROR, 0, 0},
        {"", 400, "127.255.254.255", DNSBL_LISTED, 400, 0},
        {"", 400, "0.0.0.0", DNSBL_ERROR, 0, 0},
        {"", 400, "126.255.255.255", DNSBL_ERROR, 0, 0},
        {"", 400, "128.0.0.2", DNSBL_ERROR, 0, 0},
        {"", 400, "91.195.240.117", DNSBL_ERROR, 0, 0},
        {"", 400, "::2", DNSBL_ERROR, 0, 0},
        {"", 400, "2001:db8::2", DNSBL_ERROR, 0, 0},
        /* Not even where a range names them. */
        {"127.0.0.0-127.255.254.255=5", 400, "127.0.0.1", DNSBL_ERROR, 0, 0},
        {"127.*.*.*=5", 400, "127.255.255.254", DNSBL_ERROR, 0, 0},
        /* One spoils the answer, before or behind a listing. */
        {ZEN, 100, "127.0.0.4 127.255.255.254", DNSBL_ERROR, 0, 1},
        {ZEN, 100, "127.255.255.254 127.0.0.4", DNSBL_ERROR, 0, 0},
        {ZEN, 100, "127.0.0.4 192.0.2.1", DNSBL_ERROR, 0, 1},
        /* What allow zones say when they serve no more. */
        {"", -400, "127.0.0.255", DNSBL_ERROR, 0, 0},
        {"", -400, "127.0.10.3", DNSBL_ERROR, 0, 0},
        {DNSWL, -100, "127.0.10.0", DNSBL_ERROR, 0, 0},
        {DNSWL, -100, "127.0.10.3", DNSBL_ERROR, 0, 0},
        {DNSWL, -100, "127.0.5.3 127.0.10.3", DNSBL_ERROR, 0, 1},
        {DNSWL, -100, "127.0.0.1", DNSBL_ERROR, 0, 0},
        {DNSWL, -100, "127.255.255.255", DNSBL_ERROR, 0, 0},
        {DNSWL, -100, "192.0.2.1", DNSBL_ERROR, 0, 0},
    };
    judge_all(cases, COUNT(cases));
}

static void a_canary_is_any_listing(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        bool block, allow;
    } cases[] = {
        {"127.0.0.2", true, true},
        {"127.0.0.4 127.0.0.2", true, true},
        {"127.0.1.2", true, true},
        {"127.0.10.0", true, true}, /* the test entry of list.dnswl.org */
        {"127.0.10.3", true, false},
        {"127.0.0.255", true, false},
        {"127.0.10.0 127.0.10.3", true, false},
        {"127.0.0.1", false, false},
        {"127.255.255.254", false, false},
        {"127.0.0.2 127.255.255.255", false, false},
        {"192.0.2.1", false, false},
        {"2001:db8::2", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addr answer[8];
        size_t which = 0;
        size_t count = answers_of(cases[i].answer, answer);
        if (dnsbl_is_canary(false, answer, count, &which) != cases[i].block ||
            dnsbl_is_canary(true, answer, count, &which) != cases[i].allow)
            fail_msg("%s", cases[i].answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_taken_or_refused_with_a_reason),
        cmocka_unit_test(there_is_a_bound_of_codes),
        cmocka_unit_test(listings_count_what_their_codes_say),
        cmocka_unit_test(errors_are_never_listings_and_never_trust),
        cmocka_unit_test(a_canary_is_any_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
