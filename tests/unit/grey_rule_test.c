/* SPDX-License-Identifier: ISC */
/* grey_rule_test: every transition of a triplet, to the second, and with a clock that goes back. */
#include "db/grey_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define T            ((int64_t)1800000000)
#define DELAY        300
#define WINDOW       172800
#define LIFETIME     3110400

static const struct grey_rule rule = {DELAY, WINDOW, LIFETIME};

#define NONE                                                                                       \
    {                                                                                              \
        0                                                                                          \
    }
#define WAITING(f, l, c)                                                                           \
    {                                                                                              \
        .first = (f), .last = (l), .count = (c)                                                    \
    }
#define WHITE(f, l, c)                                                                             \
    {                                                                                              \
        .first = (f), .last = (l), .count = (c), .white = true                                     \
    }

static const struct transition {
    const char *name;
    struct grey_record before;
    int64_t now;
    enum grey_state state;
    uint32_t wait;
    struct grey_record after;
} transitions[] = {
    {"never seen", NONE, T, GREY_NEW, DELAY, WAITING(T, T, 1)},
    {"in the same second", WAITING(T, T, 1), T, GREY_EARLY, DELAY, WAITING(T, T, 2)},
    {"a second later", WAITING(T, T, 1), T + 1, GREY_EARLY, DELAY - 1, WAITING(T, T + 1, 2)},
    {"the last second of the delay", WAITING(T, T + 7, 4), T + DELAY - 1, GREY_EARLY, 1,
     WAITING(T, T + DELAY - 1, 5)},
    {"the delay is over", WAITING(T, T, 1), T + DELAY, GREY_PASSED, 0, WHITE(T, T + DELAY, 2)},
    {"the last second of the window", WAITING(T, T, 1), T + WINDOW - 1, GREY_PASSED, 0,
     WHITE(T, T + WINDOW - 1, 2)},
    {"the window is over", WAITING(T, T, 1), T + WINDOW, GREY_NEW, DELAY,
     WAITING(T + WINDOW, T + WINDOW, 1)},
    {"long after the window", WAITING(T, T, 9), T + LIFETIME, GREY_NEW, DELAY,
     WAITING(T + LIFETIME, T + LIFETIME, 1)},
    {"early tries do not lengthen the window", WAITING(T, T + WINDOW - 1, 700), T + WINDOW,
     GREY_NEW, DELAY, WAITING(T + WINDOW, T + WINDOW, 1)},
    {"white", WHITE(T, T + 500, 2), T + 600, GREY_WHITE, 0, WHITE(T, T + 600, 3)},
    {"white, the last second", WHITE(T, T + 500, 2), T + 500 + LIFETIME - 1, GREY_WHITE, 0,
     WHITE(T, T + 500 + LIFETIME - 1, 3)},
    {"white no longer", WHITE(T, T + 500, 2), T + 500 + LIFETIME, GREY_NEW, DELAY,
     WAITING(T + 500 + LIFETIME, T + 500 + LIFETIME, 1)},
    {"the clock went back while it waits", WAITING(T, T, 1), T - 5000, GREY_EARLY, DELAY,
     WAITING(T - 5000, T - 5000, 2)},
    {"a second back", WAITING(T, T, 1), T - 1, GREY_EARLY, DELAY, WAITING(T - 1, T - 1, 2)},
    {"the clock went back while it is white", WHITE(T, T, 2), T - 9 * (int64_t)LIFETIME, GREY_WHITE,
     0, WHITE(T - 9 * (int64_t)LIFETIME, T - 9 * (int64_t)LIFETIME, 3)},
    {"the count stops at its end", WHITE(T, T, UINT32_MAX), T + 1, GREY_WHITE, 0,
     WHITE(T, T + 1, UINT32_MAX)},
};

static void same(const char *name, const struct grey_record *is, const struct grey_record *should)
{
    if (is->first != should->first || is->last != should->last || is->count != should->count ||
        is->white != should->white)
        fail_msg("%s: is %s first %lld last %lld count %u", name, is->white ? "white" : "waiting",
                 (long long)is->first, (long long)is->last, is->count);
}

static void test_each_transition(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(transitions); i++) {
        const struct transition *t = &transitions[i];
        struct grey_record record = t->before;
        uint32_t wait = 77;
        enum grey_state is = grey_see(&record, &rule, t->now, &wait);
        if (is != t->state || wait != t->wait)
            fail_msg("%s: state %d, wait %u", t->name, is, wait);
        same(t->name, &record, &t->after);
    }
}

static void test_nobody_waits_longer_than_the_delay_whatever_the_clock_does(void **state)
{
    (void)state;
    struct grey_record record = NONE;
    int64_t now = T;
    uint32_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        uint32_t wait;
        grey_see(&record, &rule, now, &wait);
        assert_true(wait <= DELAY);
        assert_true(record.first <= now);
        seed = seed * 1664525u + 1013904223u;
        now += (int64_t)(seed >> 12) - 524288;
    }
}

static void test_without_a_delay_the_second_sight_passes(void **state)
{
    (void)state;
    const struct grey_rule none = {0, WINDOW, LIFETIME};
    struct grey_record record = NONE;
    uint32_t wait;
    assert_int_equal(grey_see(&record, &none, T, &wait), GREY_NEW);
    assert_int_equal(wait, 0);
    assert_int_equal(grey_see(&record, &none, T, &wait), GREY_PASSED);
}

static void test_a_walk_from_stranger_to_white_and_back(void **state)
{
    (void)state;
    static const struct {
        int64_t at;
        enum grey_state state;
    } steps[] = {
        {T, GREY_NEW},
        {T + 299, GREY_EARLY},
        {T + 300, GREY_PASSED},
        {T + 301, GREY_WHITE},
        {T + 300 + LIFETIME, GREY_WHITE}, /* it slides */
        {T + 299 + 2 * LIFETIME, GREY_WHITE},
        {T + 299 + 3 * LIFETIME, GREY_NEW},
        {T + 299 + 3 * LIFETIME + WINDOW, GREY_NEW},
        {T + 299 + 3 * LIFETIME + WINDOW + DELAY, GREY_PASSED},
    };
    struct grey_record record = NONE;
    for (size_t i = 0; i < COUNT(steps); i++) {
        uint32_t wait;
        if (grey_see(&record, &rule, steps[i].at, &wait) != steps[i].state)
            fail_msg("step %zu", i);
    }
}

static void test_the_better_record(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct grey_record better, worse;
        int64_t now;
    } cases[] = {
        {"anything before none", WAITING(T, T, 1), NONE, T},
        {"white before waiting", WHITE(T, T, 2), WAITING(T - 400, T, 2), T + 1},
        {"waiting before ended white", WAITING(T, T, 1), WHITE(T - LIFETIME, T - LIFETIME, 2), T},
        {"waiting before ended waiting", WAITING(T, T, 1), WAITING(T - WINDOW, T, 2), T},
        {"who waits longer", WAITING(T - 10, T - 10, 1), WAITING(T, T, 8), T},
        {"white that was seen later", WHITE(T, T + 9, 2), WHITE(T - 9, T + 8, 9), T + 10},
        {"of two ended the later", WAITING(T, T + 1, 1), WAITING(T, T, 1), T + WINDOW},
        {"white that has ended before none", WHITE(T, T, 1), NONE, T + LIFETIME},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct grey_record *a = &cases[i].better, *b = &cases[i].worse;
        if (grey_better(a, b, &rule, cases[i].now) != a ||
            grey_better(b, a, &rule, cases[i].now) != a)
            fail_msg("%s", cases[i].name);
    }
}

static void test_until_when(void **state)
{
    (void)state;
    const struct grey_record waiting = WAITING(T, T + 50, 2), white = WHITE(T, T + 50, 2);
    assert_int_equal(grey_until(&waiting, &rule), T + DELAY);
    assert_int_equal(grey_until(&white, &rule), T + 50 + LIFETIME);
}

static void test_what_has_ended(void **state)
{
    (void)state;
    const struct grey_record none = NONE, waiting = WAITING(T, T + 9, 2), white = WHITE(T, T, 2);
    assert_true(grey_ended(&none, &rule, T));
    assert_false(grey_ended(&waiting, &rule, T + WINDOW - 1));
    assert_true(grey_ended(&waiting, &rule, T + WINDOW));
    assert_false(grey_ended(&white, &rule, T + LIFETIME - 1));
    assert_true(grey_ended(&white, &rule, T + LIFETIME));
}

static void test_what_need_not_be_written_again(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct grey_record stored, seen;
        uint32_t lifetime;
        bool settled;
    } cases[] = {
        {"no row yet", NONE, WHITE(T, T, 2), LIFETIME, false},
        {"just passed", WAITING(T, T, 1), WHITE(T, T, 2), LIFETIME, false},
        {"still waiting", WAITING(T, T, 1), WAITING(T, T, 1), LIFETIME, false},
        {"a new round", WHITE(T, T, 1), WAITING(T, T, 1), LIFETIME, false},
        {"the same second", WHITE(T, T, 1), WHITE(T, T, 2), LIFETIME, true},
        {"within the hour", WHITE(T, T, 1), WHITE(T, T + 3599, 2), LIFETIME, true},
        {"an hour", WHITE(T, T, 1), WHITE(T, T + 3600, 2), LIFETIME, false},
        {"a short life, within its hundredth", WHITE(T, T, 1), WHITE(T, T + 9, 2), 1000, true},
        {"a short life, its hundredth", WHITE(T, T, 1), WHITE(T, T + 10, 2), 1000, false},
        {"a life too short to be careless", WHITE(T, T, 1), WHITE(T, T, 2), 99, false},
        {"the clock was ahead a little", WHITE(T, T, 1), WHITE(T, T - 3599, 2), LIFETIME, true},
        {"the clock was far ahead", WHITE(T, T, 1), WHITE(T, T - 3600, 2), LIFETIME, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct grey_rule with = {DELAY, WINDOW, cases[i].lifetime};
        if (grey_settled(&cases[i].stored, &cases[i].seen, &with) != cases[i].settled)
            fail_msg("%s", cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_transition),
        cmocka_unit_test(test_nobody_waits_longer_than_the_delay_whatever_the_clock_does),
        cmocka_unit_test(test_without_a_delay_the_second_sight_passes),
        cmocka_unit_test(test_a_walk_from_stranger_to_white_and_back),
        cmocka_unit_test(test_the_better_record),
        cmocka_unit_test(test_until_when),
        cmocka_unit_test(test_what_has_ended),
        cmocka_unit_test(test_what_need_not_be_written_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
