/* SPDX-License-Identifier: ISC */
/* Tests of cache on a virtual clock: what is kept, for how long, and what is given up when it is
 * full. */
#include "dns/cache.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1000000

static struct cache_key key_of(const struct cache *cache, enum dns_type type, const char *name)
{
    struct cache_key key = {.type = type, .name = name, .len = strlen(name)};
    key.hash = cache_hash(cache, type, name, key.len);
    return key;
}

static void put_ttl(struct cache *cache, enum dns_type type, const char *name, uint32_t ttl,
                    enum dns_status status, uint64_t now)
{
    struct cache_key key = key_of(cache, type, name);
    struct answer *answer = answer_none(type, status, status == DNS_TEMPFAIL ? "timeout" : NULL);
    answer->said.ttl = ttl;
    cache_put(cache, &key, answer, now);
    answer_drop(answer);
}

/* What is left of the TTL; -1: not there. */
static long left(struct cache *cache, enum dns_type type, const char *name, uint64_t now)
{
    struct cache_key key = key_of(cache, type, name);
    uint32_t ttl = 0;
    struct answer *answer = cache_get(cache, &key, now, &ttl);
    if (answer == NULL)
        return -1;
    assert_int_equal(answer->said.type, type);
    answer_drop(answer);
    return ttl;
}

static void an_answer_is_given_until_its_ttl_ends(void **state)
{
    (void)state;
    struct cache *cache = cache_new(65536);
    static const struct {
        uint64_t after_ms;
        long left;
    } cases[] = {{0, 60},    {1, 60},     {1000, 59}, {58999, 2}, {59000, 1},
                 {59999, 1}, {60000, -1}, {0, -1} /* it is gone, were the clock to go back */};
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NXDOMAIN, NOW);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long found = left(cache, DNS_A, "a.test", NOW + cases[i].after_ms);
        if (found != cases[i].left)
            fail_msg("after %lu ms: %ld", cases[i].after_ms, found);
    }
    cache_free(cache);
}

static void failures_and_ttl_zero_are_not_kept(void **state)
{
    (void)state;
    struct cache *cache = cache_new(65536);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_TEMPFAIL, NOW);
    put_ttl(cache, DNS_A, "b.test", 0, DNS_NODATA, NOW);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), -1);
    assert_int_equal(left(cache, DNS_A, "b.test", NOW), -1);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_TEMPFAIL, NOW); /* and put nothing out */
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), 60);
    cache_free(cache);
}

static void types_and_names_are_kept_apart_and_put_again(void **state)
{
    (void)state;
    struct cache *cache = cache_new(65536);
    put_ttl(cache, DNS_A, "a.test", 10, DNS_NODATA, NOW);
    put_ttl(cache, DNS_MX, "a.test", 20, DNS_NODATA, NOW);
    put_ttl(cache, DNS_A, "a.tes", 30, DNS_NODATA, NOW);
    put_ttl(cache, DNS_A, "a.test", 40, DNS_NXDOMAIN, NOW);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), 40);
    assert_int_equal(left(cache, DNS_MX, "a.test", NOW), 20);
    assert_int_equal(left(cache, DNS_A, "a.tes", NOW), 30);
    assert_int_equal(left(cache, DNS_AAAA, "a.test", NOW), -1);
    size_t octets = cache_octets(cache);
    put_ttl(cache, DNS_A, "a.test", 50, DNS_NXDOMAIN, NOW);
    assert_int_equal(cache_octets(cache), octets);
    cache_free(cache);
}

static void fill(struct cache *cache, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%zu.test", i);
        put_ttl(cache, DNS_A, name, 60, DNS_NXDOMAIN, NOW);
        assert_int_equal(left(cache, DNS_A, "kept.test", NOW), 60); /* used all the time */
    }
}

static void when_full_the_least_recently_used_goes(void **state)
{
    (void)state;
    const size_t most = 65536;
    struct cache *cache = cache_new(most);
    put_ttl(cache, DNS_A, "kept.test", 60, DNS_NXDOMAIN, NOW);
    fill(cache, 0, 10);
    size_t ten = cache_octets(cache);
    fill(cache, 10, 5000);
    assert_in_range(cache_octets(cache), most - ten, most);
    assert_int_equal(left(cache, DNS_A, "n0.test", NOW), -1);
    assert_int_equal(left(cache, DNS_A, "n4999.test", NOW), 60);
    assert_int_equal(left(cache, DNS_A, "n4900.test", NOW), 60);
    cache_free(cache);
}

/* Against what malloc says itself. */
static void the_octets_counted_are_those_that_malloc_takes(void **state)
{
    (void)state;
    const bool counts = mallinfo2().uordblks > 0; /* a sanitizer's malloc does not */
    struct cache *cache = cache_new(1 << 20);
    size_t before = cache_octets(cache), taken = mallinfo2().uordblks;
    for (size_t i = 0; i < 1000; i++) {
        char name[300];
        snprintf(name, sizeof name, "%0*zu.test", (int)(1 + i % 240), i);
        put_ttl(cache, DNS_A, name, 60, DNS_NXDOMAIN, NOW);
    }
    size_t counted = cache_octets(cache) - before;
    taken = mallinfo2().uordblks - taken;
    if (counts)
        assert_in_range(counted, taken - taken / 50, taken + taken / 50);
    cache_clear(cache);
    assert_int_equal(cache_octets(cache), before);
    cache_free(cache);
}

static void what_is_too_large_is_not_kept(void **state)
{
    (void)state;
    struct cache *cache = cache_new(4096), *small = cache_new(100), *none = cache_new(0);
    struct cache_key key = key_of(cache, DNS_A, "a.test");
    struct answer *answer = answer_none(DNS_A, DNS_NODATA, NULL);
    answer->said.ttl = 60;
    answer->octets = 4096 / 8;
    cache_put(cache, &key, answer, NOW);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), -1);
    answer_drop(answer);
    put_ttl(small, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    put_ttl(none, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    assert_int_equal(left(small, DNS_A, "a.test", NOW), -1);
    assert_int_equal(left(none, DNS_A, "a.test", NOW), -1);
    assert_int_equal(cache_octets(none), 0);
    cache_free(cache);
    cache_free(small);
    cache_free(none);
    cache_free(NULL);
}

static void cleared_and_resized_it_is_empty(void **state)
{
    (void)state;
    struct cache *cache = cache_new(65536);
    size_t empty = cache_octets(cache);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    cache_resize(cache, 65536); /* the same: nothing happens */
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), 60);
    cache_clear(cache);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), -1);
    assert_int_equal(cache_octets(cache), empty);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    cache_resize(cache, 32768);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), -1);
    assert_true(cache_octets(cache) < empty);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), 60);
    cache_resize(cache, 0);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NODATA, NOW);
    assert_int_equal(left(cache, DNS_A, "a.test", NOW), -1);
    cache_free(cache);
}

static void an_answer_outlives_its_entry(void **state)
{
    (void)state;
    struct cache *cache = cache_new(65536);
    put_ttl(cache, DNS_A, "a.test", 60, DNS_NXDOMAIN, NOW);
    struct cache_key key = key_of(cache, DNS_A, "a.test");
    uint32_t ttl;
    struct answer *answer = cache_get(cache, &key, NOW, &ttl);
    cache_free(cache);
    assert_int_equal(answer->said.status, DNS_NXDOMAIN);
    answer_drop(answer);
}

static void two_caches_do_not_hash_alike(void **state)
{
    (void)state;
    struct cache *one = cache_new(0), *two = cache_new(0);
    assert_true(cache_hash(one, DNS_A, "a.test", 6) != cache_hash(two, DNS_A, "a.test", 6));
    assert_true(cache_hash(one, DNS_A, "a.test", 6) != cache_hash(one, DNS_MX, "a.test", 6));
    cache_free(one);
    cache_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_given_until_its_ttl_ends),
        cmocka_unit_test(failures_and_ttl_zero_are_not_kept),
        cmocka_unit_test(types_and_names_are_kept_apart_and_put_again),
        cmocka_unit_test(when_full_the_least_recently_used_goes),
        cmocka_unit_test(the_octets_counted_are_those_that_malloc_takes),
        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(cleared_and_resized_it_is_empty),
        cmocka_unit_test(an_answer_outlives_its_entry),
        cmocka_unit_test(two_caches_do_not_hash_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
