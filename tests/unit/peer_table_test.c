/* SPDX-License-Identifier: ISC */
/* peer_table_test: keys and records, what a flood of keys evicts and what it cannot, threads. */
#include "policy/peer_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1024 * 1024)

struct record {
    uint64_t count;
    uint32_t kept;
};

static bool keep(const void *record)
{
    return ((const struct record *)record)->kept != 0;
}

/* Adds to the count under a key and returns it. */
static uint64_t add(struct peer_table *table, const void *key, size_t len, uint64_t more)
{
    struct record *record = peer_table_get(table, key, len, true);
    record->count += more;
    uint64_t count = record->count;
    peer_table_release(table, record);
    return count;
}

static uint64_t add_number(struct peer_table *table, uint32_t number)
{
    return add(table, &number, sizeof number, 1);
}

static bool has_number(struct peer_table *table, uint32_t number)
{
    struct record *record = peer_table_get(table, &number, sizeof number, false);
    if (record != NULL)
        peer_table_release(table, record);
    return record != NULL;
}

static void set_kept(struct peer_table *table, uint32_t number, bool kept)
{
    struct record *record = peer_table_get(table, &number, sizeof number, true);
    record->kept = kept;
    peer_table_release(table, record);
}

static void test_what_differs_in_any_octet_or_in_length_is_another_key(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\0", 1},
        {"\0\0", 2},
        {"a", 1},
        {"a\0", 2},
        {"b", 1},
        {"abcdefgh", 8},
        {"abcdefg", 7},
        {"abcdefghi", 9},
        {"abcdefghj", 9},
        {"0123456789abcdef0123456789abcdef0123456789abcdef", 48},
        {"0123456789abcdef0123456789abcdef0123456789abcdeg", 48},
    };
    struct peer_table *table = peer_table_new(sizeof(struct record), MIB, NULL);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(add(table, cases[i].key, cases[i].len, 100 + i), 100 + i);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(add(table, cases[i].key, cases[i].len, 0), 100 + i);
    assert_int_equal(peer_table_count(table), COUNT(cases));
    peer_table_free(table);
    peer_table_free(NULL);
}

static void test_asking_without_create_adds_nothing(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), MIB, NULL);
    assert_false(has_number(table, 1));
    assert_int_equal(peer_table_count(table), 0);
    add_number(table, 1);
    assert_true(has_number(table, 1));
    assert_false(has_number(table, 2));
    assert_int_equal(peer_table_count(table), 1);
    peer_table_free(table);
}

static void test_records_of_any_size_do_not_touch_each_other(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 8, 9, 24, 72, 200};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct peer_table *table = peer_table_new(sizes[i], MIB, NULL);
        for (uint32_t n = 0; n < 500; n++) {
            void *record = peer_table_get(table, &n, sizeof n, true);
            assert_int_equal((uintptr_t)record % sizeof(uint64_t), 0);
            memset(record, (int)(n & 0xff), sizes[i]);
            peer_table_release(table, record);
        }
        for (uint32_t n = 0; n < 500; n++) {
            unsigned char *record = peer_table_get(table, &n, sizeof n, false);
            assert_non_null(record);
            assert_int_equal(record[0], n & 0xff);
            assert_int_equal(record[sizes[i] - 1], n & 0xff);
            peer_table_release(table, record);
        }
        peer_table_free(table);
    }
}

static void test_an_idle_table_is_small(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 64 * MIB, NULL);
    assert_in_range(peer_table_octets(table), 1, 32 * 1024);
    for (uint32_t n = 0; n < 100; n++)
        add_number(table, n);
    assert_in_range(peer_table_octets(table), 1, 128 * 1024);
    peer_table_free(table);
}

static void test_a_flood_of_a_million_keys_stays_within_the_octets(void **state)
{
    (void)state;
    static const struct {
        size_t octets, record_size;
        uint32_t keys;
    } cases[] = {
        {4 * MIB, 72, 1000000}, {3 * MIB + 12345, 16, 100000},
        {MIB, 24, 100000},      {100 * 1000, 64, 100000},
        {8000, 8, 100000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t octets = cases[i].octets;
        size_t record_size = cases[i].record_size;
        struct peer_table *table = peer_table_new(record_size, octets, NULL);
        for (uint32_t n = 0; n < cases[i].keys; n++)
            peer_table_release(table, peer_table_get(table, &n, sizeof n, true));
        assert_in_range(peer_table_octets(table), octets * 8 / 10, octets);
        /* Used well: an entry has no more than 40 octets beside its record. */
        assert_in_range(peer_table_count(table), octets / (record_size + 48) * 8 / 10, octets);
        peer_table_free(table);
    }
}

static void test_a_table_of_no_octets_still_holds_sixteen(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 0, NULL);
    for (uint32_t n = 0; n < 1000; n++)
        add_number(table, n);
    assert_int_equal(peer_table_count(table), 16);
    for (uint32_t n = 0; n < 1000; n++)
        assert_int_equal(has_number(table, n), n >= 1000 - 16);
    peer_table_free(table);
}

static void test_what_was_used_longest_ago_goes_first(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 0, NULL);
    for (uint32_t n = 0; n < 16; n++)
        add_number(table, n);
    assert_true(has_number(table, 0)); /* to ask is to use */
    assert_int_equal(add_number(table, 3), 2);
    for (uint32_t n = 100; n < 114; n++)
        add_number(table, n);
    for (uint32_t n = 0; n < 16; n++)
        assert_int_equal(has_number(table, n), n == 0 || n == 3);
    assert_int_equal(add_number(table, 1), 1); /* evicted, so new and zeroed */
    peer_table_free(table);
}

static void test_recent_records_survive_a_flood(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 2 * MIB, NULL);
    const uint32_t busy = 1u << 31;
    for (uint32_t n = 0; n < 300000; n++) {
        add_number(table, n);
        if (n % 100 == 0)
            add_number(table, busy + n / 100 % 50); /* each used once in 5,000 */
    }
    for (uint32_t n = 0; n < 50; n++)
        assert_int_equal(add_number(table, busy + n), 61);
    uint32_t kept = 0;
    size_t count = peer_table_count(table);
    for (uint32_t n = 300000 - (uint32_t)(count / 2); n < 300000; n++)
        kept += has_number(table, n);
    assert_int_equal(kept, count / 2); /* the younger half: no shard is so unlucky */
    peer_table_free(table);
}

static void test_what_is_to_be_kept_outlives_what_is_not(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), MIB, keep);
    const uint32_t held = 1u << 31;
    for (uint32_t n = 0; n < 2000; n++)
        set_kept(table, held + n, true);
    for (uint32_t n = 0; n < 200000; n++)
        add_number(table, n);
    for (uint32_t n = 0; n < 2000; n++)
        assert_true(has_number(table, held + n));
    peer_table_free(table);
}

static void test_what_need_not_be_kept_any_more_is_like_the_others(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 0, keep);
    for (uint32_t n = 0; n < 8; n++)
        set_kept(table, n, true);
    set_kept(table, 3, false);
    for (uint32_t n = 100; n < 120; n++)
        add_number(table, n);
    for (uint32_t n = 0; n < 8; n++)
        assert_int_equal(has_number(table, n), n != 3);
    peer_table_free(table);
}

static void test_what_is_to_be_kept_has_three_quarters_of_the_places(void **state)
{
    (void)state;
    struct peer_table *table = peer_table_new(sizeof(struct record), 0, keep);
    for (uint32_t n = 0; n < 100; n++)
        set_kept(table, n, true);
    for (uint32_t n = 1000; n < 1100; n++)
        add_number(table, n);
    assert_int_equal(peer_table_count(table), 16);
    for (uint32_t n = 0; n < 100; n++)
        assert_int_equal(has_number(table, n), n >= 88); /* the 12 used last */
    for (uint32_t n = 1000; n < 1100; n++)
        assert_int_equal(has_number(table, n), n >= 1096);
    peer_table_free(table);
}

static void test_a_flood_of_what_is_to_be_kept_is_bounded_too(void **state)
{
    (void)state;
    const size_t octets = MIB / 2;
    struct peer_table *table = peer_table_new(sizeof(struct record), octets, keep);
    for (uint32_t n = 0; n < 100000; n++)
        set_kept(table, n, true);
    assert_in_range(peer_table_octets(table), 1, octets);
    assert_true(has_number(table, 99999));
    for (uint32_t n = 100000; n < 100020; n++)
        add_number(table, n); /* others get their place all the same */
    for (uint32_t n = 100000; n < 100020; n++)
        assert_true(has_number(table, n));
    peer_table_free(table);
}

static void test_each_table_evicts_by_a_hash_of_its_own(void **state)
{
    (void)state;
    struct peer_table *table[2];
    for (size_t t = 0; t < 2; t++) {
        table[t] = peer_table_new(sizeof(struct record), MIB, NULL);
        for (uint32_t n = 0; n < 100000; n++)
            add_number(table[t], n);
    }
    uint32_t differ = 0;
    for (uint32_t n = 0; n < 100000; n++)
        differ += has_number(table[0], n) != has_number(table[1], n);
    assert_true(differ > 0); /* with one hash for all it were none */
    for (size_t t = 0; t < 2; t++)
        peer_table_free(table[t]);
}

#define THREADS 4
#define TURNS   20000

struct job {
    struct peer_table *table;
    uint32_t number;
};

static void *work(void *arg)
{
    const struct job *job = arg;
    for (uint32_t i = 0; i < TURNS; i++) {
        add(job->table, "all", 3, 1);
        add_number(job->table, job->number * TURNS + i);
        if (i % 1000 == 0)
            (void)peer_table_count(job->table);
    }
    return NULL;
}

static void test_threads_lose_no_count(void **state)
{
    (void)state;
    struct job job[THREADS];
    pthread_t thread[THREADS];
    struct peer_table *table = peer_table_new(sizeof(struct record), MIB, NULL);
    for (uint32_t i = 0; i < THREADS; i++) {
        job[i] = (struct job){table, i};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &job[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(add(table, "all", 3, 0), THREADS * TURNS);
    assert_in_range(peer_table_octets(table), 1, MIB);
    peer_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_differs_in_any_octet_or_in_length_is_another_key),
        cmocka_unit_test(test_asking_without_create_adds_nothing),
        cmocka_unit_test(test_records_of_any_size_do_not_touch_each_other),
        cmocka_unit_test(test_an_idle_table_is_small),
        cmocka_unit_test(test_a_flood_of_a_million_keys_stays_within_the_octets),
        cmocka_unit_test(test_a_table_of_no_octets_still_holds_sixteen),
        cmocka_unit_test(test_what_was_used_longest_ago_goes_first),
        cmocka_unit_test(test_recent_records_survive_a_flood),
        cmocka_unit_test(test_what_is_to_be_kept_outlives_what_is_not),
        cmocka_unit_test(test_what_need_not_be_kept_any_more_is_like_the_others),
        cmocka_unit_test(test_what_is_to_be_kept_has_three_quarters_of_the_places),
        cmocka_unit_test(test_a_flood_of_what_is_to_be_kept_is_bounded_too),
        cmocka_unit_test(test_each_table_evicts_by_a_hash_of_its_own),
        cmocka_unit_test(test_threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
