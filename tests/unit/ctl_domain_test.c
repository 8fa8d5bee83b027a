/* SPDX-License-Identifier: ISC */
/* Tests of ctl_domain: which MTA-STS and TLSA records are right. */
#include "admin/ctl_domain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void judge(const char *name, const char *fault, const char *wanted)
{
    if ((fault == NULL) != (wanted == NULL) || (fault != NULL && strstr(fault, wanted) == NULL))
        fail_msg("%s: %s", name, fault != NULL ? fault : "no fault");
}

static void mta_sts_records_are_right_or_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"v=STSv1; id=20261122", NULL},
        {"v=STSv1; id=a;", NULL},
        {"v=STSv1;id=a; ext=b", NULL},
        {"v=STSv1; id=0123456789abcdef0123456789ABCDEF", NULL},
        {"v=STSv1; id=0123456789abcdef0123456789ABCDEFg", "1 to 32"},
        {"v=STSv1; id=", "1 to 32"},
        {"v=STSv1", "no id="},
        {"v=STSv1; id=2026-11-22", "letters and digits"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        judge(cases[i].text, ctl_domain_sts_fault(cases[i].text, strlen(cases[i].text)),
              cases[i].fault);
}

static void tlsa_records_are_right_or_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct ctl_record tlsa;
        const char *fault;
    } cases[] = {
        {"3 1 1", {.usage = 3, .selector = 1, .matching = 1, .octets = 32}, NULL},
        {"2 0 2", {.usage = 2, .selector = 0, .matching = 2, .octets = 64}, NULL},
        {"3 0 0", {.usage = 3, .selector = 0, .matching = 0, .octets = 900}, NULL},
        {"0 1 1", {.usage = 0, .selector = 1, .matching = 1, .octets = 32}, "usage 0 and 1"},
        {"1 1 1", {.usage = 1, .selector = 1, .matching = 1, .octets = 32}, "usage 0 and 1"},
        {"4 1 1", {.usage = 4, .selector = 1, .matching = 1, .octets = 32}, "no such usage"},
        {"3 2 1", {.usage = 3, .selector = 2, .matching = 1, .octets = 32}, "no such selector"},
        {"3 1 3", {.usage = 3, .selector = 1, .matching = 3, .octets = 32}, "no such matching"},
        {"short", {.usage = 3, .selector = 1, .matching = 1, .octets = 20}, "has 32 octets"},
        {"long", {.usage = 3, .selector = 1, .matching = 2, .octets = 32}, "has 64 octets"},
        {"empty", {.usage = 3, .selector = 1, .matching = 0, .octets = 0}, "holds nothing"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        judge(cases[i].name, ctl_domain_tlsa_fault(&cases[i].tlsa), cases[i].fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mta_sts_records_are_right_or_say_why),
        cmocka_unit_test(tlsa_records_are_right_or_say_why),
    };
    return cmocka_run_group_tests_name("ctl_domain", tests, NULL, NULL);
}
