/* SPDX-License-Identifier: ISC */
/* counters_test: sums over threads, what is kept elsewhere, and sound names. */
#include "proxy/counters.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_counter_has_a_name_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < COUNTERS; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz-."), strlen(row->name));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(row->name, counter_row((enum counter)k)->name);
    }
}

static void what_was_saved_is_no_longer_unsaved(void **state)
{
    (void)state;
    uint64_t count[COUNTERS];
    struct counters *counters = counters_new();
    counters_add(counters, COUNTER_CONNECTIONS, 3);
    counters_add(counters, COUNTER_MESSAGE_OCTETS, 1ULL << 40);
    counters_unsaved(counters, count);
    assert_int_equal(count[COUNTER_CONNECTIONS], 3);
    counters_add(counters, COUNTER_CONNECTIONS, 2);
    counters_saved(counters, count);
    counters_unsaved(counters, count);
    assert_int_equal(count[COUNTER_CONNECTIONS], 2);
    assert_int_equal(count[COUNTER_MESSAGE_OCTETS], 0);
    counters_read(counters, count);
    assert_int_equal(count[COUNTER_CONNECTIONS], 5);
    assert_true(count[COUNTER_MESSAGE_OCTETS] == 1ULL << 40);
    counters_free(counters);
}

static void *adder(void *arg)
{
    for (int i = 0; i < 10000; i++)
        counters_add(arg, (enum counter)(i % COUNTERS), 1);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    pthread_t thread[4];
    uint64_t count[COUNTERS];
    uint64_t all = 0;
    struct counters *counters = counters_new();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, adder, counters), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    counters_read(counters, count);
    for (int i = 0; i < COUNTERS; i++)
        all += count[i];
    assert_int_equal(all, 40000);
    counters_free(counters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_has_a_name_of_its_own_and_a_sentence),
        cmocka_unit_test(what_was_saved_is_no_longer_unsaved),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
