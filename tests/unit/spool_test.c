/* SPDX-License-Identifier: ISC */
/*
 * Tests of spool: what goes in comes out but for what was cut, in memory and in a file, budgets are
 * kept and given back exactly, also by several threads, and a full budget or disk says so.
 */
#include "proxy/spool.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KIB 1024ULL

static char directory[] = "/tmp/spool_test.XXXXXX";

static int setup(void **state)
{
    struct spool_budget *budget = spool_budget_new(directory);
    spool_budget_set(budget, 128 * KIB, 1024 * KIB, 4096 * KIB);
    *state = budget;
    return 0;
}

static int teardown(void **state)
{
    uint64_t memory, files;
    spool_budget_used(*state, &memory, &files);
    spool_budget_free(*state);
    return memory == 0 && files == 0 ? 0 : -1;
}

static char octet_at(uint64_t at)
{
    return (char)(at * 31 + at / 251);
}

/* Adds `len` octets of the pattern in pieces of `step`. */
static bool fill(struct spool *spool, uint64_t len, size_t step)
{
    char piece[70000];
    uint64_t at = spool_size(spool);
    for (uint64_t end = at + len; at < end;) {
        size_t n = end - at < step ? (size_t)(end - at) : step;
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(at + i);
        if (!spool_add(spool, piece, n))
            return false;
        at += n;
    }
    return true;
}

static void assert_holds(struct spool *spool, uint64_t len)
{
    static char room[65536];
    assert_int_equal(spool_size(spool), len);
    uint64_t at = 0;
    const char *data = NULL;
    long n;
    while ((n = spool_read(spool, at, room, &data)) > 0) {
        assert_true(n <= 65536);
        for (long i = 0; i < n; i++)
            if (data[i] != octet_at(at + (uint64_t)i))
                fail_msg("wrong octet at %llu", (unsigned long long)at + (unsigned long long)i);
        at += (uint64_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(at, len);
}

static void assert_used(struct spool_budget *budget, uint64_t want_memory, uint64_t want_files)
{
    uint64_t memory, files;
    spool_budget_used(budget, &memory, &files);
    assert_int_equal(memory, want_memory);
    assert_int_equal(files, want_files);
}

static void what_goes_in_comes_out(void **state)
{
    static const uint64_t sizes[] = {0, 1, 4096, 65536, 131071, 131072, 131073, 200000, 1000000};
    static const size_t steps[] = {97, 4096, 65536, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            struct spool *spool = spool_new(*state);
            assert_true(fill(spool, sizes[i], steps[k]));
            assert_holds(spool, sizes[i]);
            assert_null(spool_error(spool));
            spool_free(spool);
            assert_used(*state, 0, 0);
        }
    }
}

static void a_small_message_costs_its_size(void **state)
{
    struct spool *spool = spool_new(*state);
    assert_used(*state, 0, 0);
    assert_true(fill(spool, 4096, 4096));
    assert_used(*state, 4096, 0);
    assert_true(fill(spool, 1, 1));
    assert_used(*state, 8192, 0);
    spool_free(spool);
}

static void reading_may_go_on_while_it_grows(void **state)
{
    struct spool *spool = spool_new(*state);
    for (uint64_t len = 50000; len <= 400000; len += 50000) {
        assert_true(fill(spool, 50000, 1000));
        assert_holds(spool, len);
    }
    spool_free(spool);
}

static size_t names_in(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 2;
}

static void the_file_has_no_name(void **state)
{
    struct spool *spool = spool_new(*state);
    assert_true(fill(spool, 200000, 5000));
    assert_int_equal(names_in(directory), 0);
    assert_used(*state, 65536, 200000); /* its write buffer */
    spool_free(spool);
}

static void used_up_memory_means_a_file_early(void **state)
{
    spool_budget_set(*state, 128 * KIB, 10 * KIB, 4096 * KIB);
    struct spool *one = spool_new(*state);
    struct spool *two = spool_new(*state);
    assert_true(fill(one, 8 * KIB, 8 * KIB));
    assert_true(fill(two, 2 * KIB, 2 * KIB));
    assert_used(*state, 10 * KIB, 0);
    assert_true(fill(two, 2 * KIB, 100)); /* no memory left for a write buffer either */
    assert_used(*state, 8 * KIB, 4 * KIB);
    assert_holds(one, 8 * KIB);
    assert_holds(two, 4 * KIB);
    spool_free(one);
    spool_free(two);
}

static void without_any_memory_all_is_in_files(void **state)
{
    spool_budget_set(*state, 0, 0, 4096 * KIB);
    struct spool *spool = spool_new(*state);
    assert_true(fill(spool, 3000, 100));
    assert_used(*state, 0, 3000);
    assert_holds(spool, 3000);
    spool_free(spool);
}

static void a_full_budget_says_so_and_stays_so(void **state)
{
    spool_budget_set(*state, 4 * KIB, 1024 * KIB, 100 * KIB);
    struct spool *spool = spool_new(*state);
    assert_true(fill(spool, 100 * KIB, 10 * KIB));
    assert_false(fill(spool, 1, 1));
    assert_string_equal(spool_error(spool), "the spool is full");
    spool_budget_set(*state, 4 * KIB, 1024 * KIB, 200 * KIB);
    assert_false(fill(spool, 1, 1));
    spool_free(spool);
}

static void a_lower_budget_holds_for_new_octets(void **state)
{
    struct spool *spool = spool_new(*state);
    assert_true(fill(spool, 100 * KIB, 10 * KIB));
    spool_budget_set(*state, 4 * KIB, 8 * KIB, 4096 * KIB);
    assert_true(fill(spool, 100 * KIB, 10 * KIB));
    assert_holds(spool, 200 * KIB);
    spool_free(spool);
}

static void a_missing_directory_is_an_error(void **state)
{
    (void)state;
    struct spool_budget *budget = spool_budget_new("/nonexistent/spool");
    spool_budget_set(budget, 10, 10, 100000);
    struct spool *spool = spool_new(budget);
    assert_true(fill(spool, 10, 10));
    assert_false(fill(spool, 1, 1));
    assert_string_equal(spool_error(spool), "cannot make a spool file: No such file or directory");
    assert_false(fill(spool, 1, 1));
    spool_free(spool);
    assert_used(budget, 0, 0);
    spool_budget_free(budget);
}

static void a_full_disk_is_an_error(void **state)
{
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 150000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct spool *spool = spool_new(*state);
    bool ok = fill(spool, 400000, 5000);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_string_equal(spool_error(spool), "cannot write to the spool file: File too large");
    assert_false(spool_add(spool, "x", 1));
    spool_free(spool);
}

/* ---- cuts */

#define CUTS 6
struct cut_case {
    const char *name;
    uint64_t size;
    struct {
        uint64_t offset, len;
    } cut[CUTS];
};

#define BLOCK 65536ULL
/* The spool holds 128 KiB in memory, and then all in a file, but for a write buffer of 64 KiB. */
static const struct cut_case cut_cases[] = {
    {"the first octet", 100, {{0, 1}}},
    {"the last octet", 100, {{99, 1}}},
    {"all", 100, {{0, 100}}},
    {"all of two blocks", 2 * BLOCK, {{0, 2 * BLOCK}}},
    {"both ends", 100, {{0, 10}, {90, 10}}},
    {"two that touch", 100, {{10, 5}, {15, 5}}},
    {"many that touch, and one that does not", 100, {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {90, 1}}},
    {"two with an octet between", 100, {{10, 5}, {16, 5}}},
    {"every other", 12, {{0, 1}, {2, 1}, {4, 1}, {6, 1}, {8, 1}, {10, 1}}},
    {"before a block's end", 3 * BLOCK, {{BLOCK - 1, 1}}},
    {"at a block's begin", 3 * BLOCK, {{BLOCK, 1}}},
    {"across a block's end", 3 * BLOCK, {{BLOCK - 10, 20}}},
    {"a whole block", 3 * BLOCK, {{BLOCK, BLOCK}}},
    {"a block and a bit", 3 * BLOCK, {{BLOCK - 1, BLOCK + 2}}},
    {"so that the next block begins elsewhere", 3 * BLOCK, {{5, 1}, {BLOCK, 1}, {BLOCK + 1, 1}}},
    {"across the file's end", 5 * BLOCK + 100, {{5 * BLOCK - 10, 20}}},
    {"the write buffer", 5 * BLOCK + 100, {{5 * BLOCK, 100}}},
    {"everywhere",
     6 * BLOCK + 7,
     {{0, 1},
      {BLOCK - 1, 2},
      {2 * BLOCK, BLOCK},
      {4 * BLOCK + 1, 1},
      {5 * BLOCK, 6},
      {6 * BLOCK, 7}}},
};

static bool is_cut(const struct cut_case *c, uint64_t at)
{
    for (size_t i = 0; i < CUTS; i++) {
        if (at >= c->cut[i].offset && at < c->cut[i].offset + c->cut[i].len)
            return true;
    }
    return false;
}

/* What is left of the pattern, read from each of the `from`th octets on. */
static void assert_left(struct spool *spool, const struct cut_case *c, const char *left,
                        uint64_t want, uint64_t from)
{
    static char room[65536];
    const char *data = NULL;
    uint64_t at = from;
    long n;
    if (spool_size(spool) != want)
        fail_msg("%s: %llu are left", c->name, (unsigned long long)spool_size(spool));
    while ((n = spool_read(spool, at, room, &data)) > 0) {
        assert_true(n <= 65536 && (uint64_t)n <= want - at);
        if (memcmp(data, left + at, (size_t)n) != 0)
            fail_msg("%s: other octets at %llu", c->name, (unsigned long long)at);
        at += (uint64_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(at, from < want ? want : from);
}

static void check_cuts(struct spool_budget *budget, const struct cut_case *c)
{
    struct spool *spool = spool_new(budget);
    char *left = malloc(c->size);
    uint64_t want = 0;
    assert_non_null(left);
    assert_true(fill(spool, c->size, 1000));
    for (size_t i = 0; i < CUTS && c->cut[i].len > 0; i++)
        spool_cut(spool, c->cut[i].offset, c->cut[i].len);
    for (uint64_t at = 0; at < c->size; at++) {
        if (!is_cut(c, at))
            left[want++] = octet_at(at);
    }
    assert_left(spool, c, left, want, 0);
    for (uint64_t from = 1; from < want + 2; from += want < 1000 ? 1 : 4097)
        assert_left(spool, c, left, want, from);
    assert_int_equal(spool_end_cut(spool), is_cut(c, c->size - 1));
    free(left);
    spool_free(spool);
}

static void what_is_cut_is_not_read(void **state)
{
    static const uint64_t memory[] = {1024 * KIB, 128 * KIB, 0};
    for (size_t m = 0; m < sizeof memory / sizeof memory[0]; m++) {
        spool_budget_set(*state, memory[m], 1024 * KIB, 4096 * KIB);
        for (size_t i = 0; i < sizeof cut_cases / sizeof cut_cases[0]; i++)
            check_cuts(*state, &cut_cases[i]);
    }
}

static void what_cannot_be_cut_is_not(void **state)
{
    struct spool *spool = spool_new(*state);
    spool_cut(spool, 0, 1);
    assert_true(fill(spool, 100, 100));
    assert_false(spool_end_cut(spool));
    spool_cut(spool, 50, 0);
    spool_cut(spool, 50, 51);
    spool_cut(spool, 101, 1);
    spool_cut(spool, UINT64_MAX, 2);
    spool_cut(spool, 2, UINT64_MAX);
    assert_holds(spool, 100);
    spool_cut(spool, 50, 10);
    spool_cut(spool, 40, 5); /* before it, within it, and partly so */
    spool_cut(spool, 52, 2);
    spool_cut(spool, 59, 2);
    assert_int_equal(spool_size(spool), 90);
    spool_free(spool);
}

static void ten_thousand_cuts_are_read_in_order(void **state)
{
    char room[65536];
    const char *data = NULL;
    uint64_t at = 0;
    struct spool *spool = spool_new(*state);
    assert_true(fill(spool, 30000, 1000));
    for (uint64_t i = 0; i < 10000; i++)
        spool_cut(spool, i * 3, 2);
    assert_int_equal(spool_size(spool), 10000);
    for (long n; (n = spool_read(spool, at, room, &data)) > 0; at += (uint64_t)n) {
        assert_int_equal(n, 1);
        assert_int_equal(data[0], octet_at(at * 3 + 2));
    }
    assert_int_equal(at, 10000);
    spool_free(spool);
}

static void *churn(void *budget)
{
    for (unsigned i = 0; i < 200; i++) {
        struct spool *spool = spool_new(budget);
        bool ok = true;
        for (unsigned k = 0; k < 40 && ok; k++)
            ok = spool_add(spool, "0123456789abcdef0123456789abcdef", 32 - i % 7);
        spool_free(spool);
    }
    return NULL;
}

static void threads_share_a_budget(void **state)
{
    spool_budget_set(*state, 512, 2048, 3000);
    pthread_t thread[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, churn, *state), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_used(*state, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    if (mkdtemp(directory) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(what_goes_in_comes_out),
        TEST(a_small_message_costs_its_size),
        TEST(reading_may_go_on_while_it_grows),
        TEST(the_file_has_no_name),
        TEST(used_up_memory_means_a_file_early),
        TEST(without_any_memory_all_is_in_files),
        TEST(a_full_budget_says_so_and_stays_so),
        TEST(a_lower_budget_holds_for_new_octets),
        TEST(a_missing_directory_is_an_error),
        TEST(a_full_disk_is_an_error),
        TEST(what_is_cut_is_not_read),
        TEST(what_cannot_be_cut_is_not),
        TEST(ten_thousand_cuts_are_read_in_order),
        TEST(threads_share_a_budget),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
