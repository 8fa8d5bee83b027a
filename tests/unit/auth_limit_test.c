/* SPDX-License-Identifier: ISC */
/* auth_limit_test: which clients share a count, how long it lasts, what a flood does to it. */
#include "proxy/auth_limit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW    ((uint64_t)100 * 3600 * 1000)
#define WINDOW ((uint64_t)10 * 60 * 1000)

static int setup(void **state)
{
    *state = auth_limit_new();
    return 0;
}

static int teardown(void **state)
{
    auth_limit_free(*state);
    return 0;
}

static struct addr ip(const char *text)
{
    struct addr out = {0};
    assert_true(addr_parse_ip(text, &out));
    return out;
}

static void fails(struct auth_limit *limit, const char *client, int times, uint64_t now)
{
    const struct addr addr = ip(client);
    for (int i = 0; i < times; i++)
        auth_limit_failed(limit, &addr, now);
}

static bool reached(struct auth_limit *limit, const char *client, size_t most, uint64_t now)
{
    const struct addr addr = ip(client);
    return auth_limit_reached(limit, &addr, most, now);
}

static void test_a_client_is_refused_once_it_has_failed_so_often(void **state)
{
    assert_false(reached(*state, "192.0.2.1", 3, NOW));
    fails(*state, "192.0.2.1", 2, NOW);
    assert_false(reached(*state, "192.0.2.1", 3, NOW));
    fails(*state, "192.0.2.1", 1, NOW);
    assert_true(reached(*state, "192.0.2.1", 3, NOW));
    assert_true(reached(*state, "192.0.2.1", 2, NOW));
    assert_false(reached(*state, "192.0.2.1", 4, NOW));
}

static void test_who_shares_a_count(void **state)
{
    static const struct {
        const char *name, *fails, *asks;
        bool same;
    } cases[] = {
        {"the same address", "192.0.2.1", "192.0.2.1", true},
        {"its neighbour", "192.0.2.2", "192.0.2.3", false},
        {"the same /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"the next /64", "2001:db8:1:4::1", "2001:db8:1:5::1", false},
        {"IPv4 in IPv6 is IPv4", "::ffff:192.0.2.7", "192.0.2.7", true},
        {"the same bytes of another family", "198.51.100.7", "c633:6407::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fails(*state, cases[i].fails, 1, NOW);
        if (reached(*state, cases[i].asks, 1, NOW) != cases[i].same)
            fail_msg("%s", cases[i].name);
    }
}

static void test_it_is_forgotten_after_ten_minutes(void **state)
{
    fails(*state, "192.0.2.1", 3, NOW);
    assert_true(reached(*state, "192.0.2.1", 3, NOW + WINDOW - 1));
    assert_false(reached(*state, "192.0.2.1", 1, NOW + WINDOW));
    fails(*state, "192.0.2.1", 1, NOW + WINDOW);
    assert_true(reached(*state, "192.0.2.1", 1, NOW + WINDOW));
    assert_false(reached(*state, "192.0.2.1", 2, NOW + WINDOW)); /* counted anew */
}

static void test_a_flood_of_addresses_pushes_out_the_oldest_only(void **state)
{
    char text[32];
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        fails(*state, text, 1, NOW + i);
    }
    assert_true(reached(*state, text, 1, NOW + 20000)); /* the last of them */
    unsigned kept = 0;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        kept += reached(*state, text, 1, NOW + 20000);
    }
    assert_in_range(kept, 3000, 4096); /* the table did not grow, and is used well */
}

static void test_at_boot_a_client_without_failures_is_not_refused(void **state)
{
    assert_false(reached(*state, "0.0.0.0", 1, 5));
    fails(*state, "192.0.2.1", 1, 5);
    assert_true(reached(*state, "192.0.2.1", 1, 6));
}

static void *fail_often(void *arg)
{
    fails(arg, "192.0.2.9", 5000, NOW);
    return NULL;
}

static void test_threads_count_together(void **state)
{
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, fail_often, *state), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_true(reached(*state, "192.0.2.9", 10000, NOW));
    assert_false(reached(*state, "192.0.2.9", 10001, NOW));
    auth_limit_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_client_is_refused_once_it_has_failed_so_often),
        CASE(test_who_shares_a_count),
        CASE(test_it_is_forgotten_after_ten_minutes),
        CASE(test_a_flood_of_addresses_pushes_out_the_oldest_only),
        CASE(test_at_boot_a_client_without_failures_is_not_refused),
        CASE(test_threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
