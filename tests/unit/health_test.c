/* SPDX-License-Identifier: ISC */
/* health_test: how long an address rests, what is learned of it, that threads may ask at once. */
#include "proxy/health.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = health_table_new();
    return 0;
}

static int teardown(void **state)
{
    health_table_free(*state);
    return 0;
}

static struct addr place(const char *ip, uint16_t port)
{
    struct addr out = {0};
    assert_true(addr_parse_ip(ip, &out));
    out.port = port;
    return out;
}

static void test_an_address_has_one_record(void **state)
{
    const struct addr a = place("192.0.2.1", 25), b = place("192.0.2.1", 26),
                      c = place("192.0.2.2", 25), mapped = place("::ffff:192.0.2.1", 25);
    struct health *first = health_find(*state, &a);
    assert_non_null(first);
    assert_ptr_equal(health_find(*state, &a), first);
    assert_ptr_equal(health_find(*state, &mapped), first);
    assert_ptr_not_equal(health_find(*state, &b), first);
    assert_ptr_not_equal(health_find(*state, &c), first);
}

static void test_it_rests_longer_with_each_failure_up_to_a_minute(void **state)
{
    static const uint64_t rests[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    const struct addr a = place("192.0.2.1", 25);
    struct health *health = health_find(*state, &a);
    uint64_t now = 5000;
    assert_true(health_usable(health, 0));
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        health_bad(health, now);
        if (health_usable(health, now + rests[i] - 1) || !health_usable(health, now + rests[i]))
            fail_msg("failure %zu", i + 1);
        now += rests[i];
    }
    for (int i = 0; i < 100; i++)
        health_bad(health, now); /* the count is no shift beyond the word */
    assert_false(health_usable(health, now + 59999));
    assert_true(health_usable(health, now + 60000));
    health_good(health);
    assert_true(health_usable(health, now));
    health_bad(health, now); /* and begins with a second again */
    assert_true(health_usable(health, now + 1000));
}

static void test_its_offer_is_the_one_heard_last(void **state)
{
    const struct addr a = place("192.0.2.1", 25);
    struct health *health = health_find(*state, &a);
    struct capability offer = {.bits = CAP_DSN, .size = 7};
    struct capability out = {.bits = 99};
    assert_false(health_offer(health, &out));
    assert_int_equal(out.bits, 99); /* untouched */
    health_learn(health, &offer);
    offer.bits = CAP_SIZE;
    assert_true(health_offer(health, &out));
    assert_int_equal(out.bits, CAP_DSN);
    assert_int_equal(out.size, 7);
    health_learn(health, &offer);
    assert_true(health_offer(health, &out));
    assert_int_equal(out.bits, CAP_SIZE);
}

static void test_a_full_table_gives_none_but_keeps_the_old(void **state)
{
    struct addr a = place("192.0.2.1", 1);
    struct health *first = health_find(*state, &a);
    size_t count = 1;
    struct health *health = first;
    while (health != NULL && count < 5000) {
        a.port++;
        health = health_find(*state, &a);
        count += health != NULL;
    }
    assert_int_equal(count, 1024);
    a.port = 1;
    assert_ptr_equal(health_find(*state, &a), first);
}

static void *use_it(void *arg)
{
    const struct addr a = place("192.0.2.1", 25), b = place("192.0.2.2", 25);
    for (uint64_t i = 0; i < 2000; i++) {
        struct health *health = health_find(arg, i % 2 == 0 ? &a : &b);
        const unsigned bits = i % 2 == 0 ? CAP_DSN : CAP_SIZE;
        const struct capability offer = {.bits = bits, .size = bits};
        struct capability out;
        health_bad(health, i);
        health_usable(health, i);
        health_good(health);
        health_learn(health, &offer);
        assert_true(health_offer(health, &out));
        assert_int_equal(out.bits, bits); /* whole: never half of another's */
        assert_int_equal(out.size, bits);
    }
    return NULL;
}

static void test_threads_may_use_it_at_once(void **state)
{
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use_it, *state), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    health_table_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_an_address_has_one_record),
        CASE(test_it_rests_longer_with_each_failure_up_to_a_minute),
        CASE(test_its_offer_is_the_one_heard_last),
        CASE(test_a_full_table_gives_none_but_keeps_the_old),
        CASE(test_threads_may_use_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
