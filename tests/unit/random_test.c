/* SPDX-License-Identifier: ISC */
/* random_test: ids and tokens have their form and do not repeat, over threads and over fork(). */
#include "lib/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define IDS     20000
#define THREADS 4

typedef char id[RANDOM_ID_LEN + 1];

static void *make_ids(void *arg)
{
    id *out = arg;
    for (size_t i = 0; i < IDS; i++)
        random_id(out[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_spelled(const char *text, size_t len)
{
    assert_int_equal(strlen(text), len);
    assert_int_equal(strspn(text, "0123456789abcdefghijklmnopqrstuv"), len);
}

static void ids_of_all_threads_differ(void **state)
{
    (void)state;
    id *all = calloc(IDS * THREADS, sizeof *all);
    pthread_t thread[THREADS];
    assert_non_null(all);
    for (size_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, make_ids, all + t * IDS), 0);
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    qsort(all, IDS * THREADS, sizeof *all, compare);
    for (size_t i = 0; i < IDS * THREADS; i++) {
        assert_spelled(all[i], RANDOM_ID_LEN);
        if (i > 0)
            assert_string_not_equal(all[i - 1], all[i]);
    }
    free(all);
}

static void every_character_of_an_id_varies(void **state)
{
    (void)state;
    bool seen[RANDOM_ID_LEN][128] = {{false}};
    for (int i = 0; i < 2000; i++) {
        id one;
        random_id(one);
        for (size_t at = 0; at < RANDOM_ID_LEN; at++)
            seen[at][(unsigned char)one[at]] = true;
    }
    for (size_t at = 0; at < RANDOM_ID_LEN; at++) {
        size_t kinds = 0;
        for (size_t c = 0; c < 128; c++)
            kinds += seen[at][c];
        assert_int_equal(kinds, 32);
    }
}

static void a_forked_child_gives_other_ids(void **state)
{
    (void)state;
    int end[2];
    id ours, theirs = "";
    random_id(ours); /* so that there is a stock to inherit */
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        random_id(ours);
        _exit(write(end[1], ours, sizeof ours) == sizeof ours ? 0 : 1);
    }
    random_id(ours);
    assert_int_equal(read(end[0], theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_string_not_equal(ours, theirs);
    close(end[0]);
    close(end[1]);
}

static void tokens_and_bytes_differ(void **state)
{
    (void)state;
    char a[RANDOM_TOKEN_LEN + 1], b[RANDOM_TOKEN_LEN + 1];
    unsigned char x[700] = {0}, y[700] = {0};
    random_token(a);
    random_token(b);
    assert_spelled(a, RANDOM_TOKEN_LEN);
    assert_string_not_equal(a, b);
    random_bytes(x, sizeof x);
    random_bytes(y, sizeof y);
    assert_memory_not_equal(x, y, sizeof x);
    assert_memory_not_equal(x + 600, y + 600, 100);
    random_bytes(x, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_threads_differ),
        cmocka_unit_test(every_character_of_an_id_varies),
        cmocka_unit_test(a_forked_child_gives_other_ids),
        cmocka_unit_test(tokens_and_bytes_differ),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
