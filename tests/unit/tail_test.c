/* SPDX-License-Identifier: ISC */
/* tail_test: live verdicts from many threads to a few who listen. */
#include "proxy/tail.h"

#include "lib/loop.h"
#include "tests/unit/support/command_rig.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct loop *loop;
static struct tail *tail;

static int begin(void **state)
{
    (void)state;
    loop = loop_new();
    tail = tail_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(tail_listeners(tail), 0);
    tail_free(tail);
    loop_free(loop);
    return 0;
}

static struct asker *listener(void)
{
    struct asker *a = asker_new();
    tail_listen(tail, loop, &a->call);
    return a;
}

static void tell(int from, int to)
{
    for (int i = from; i < to; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "{\"id\":%d}", i);
        tail_tell(tail, text, (size_t)len);
    }
}

static long long id_at(const struct asker *a, size_t index)
{
    return json_integer_value(json_object_get(json_array_get(a->items, index), "id"));
}

static long long dropped_of(const struct asker *a)
{
    size_t i;
    const json_t *item;
    long long all = 0;
    json_array_foreach(a->items, i, item) all +=
        json_integer_value(json_object_get(item, "dropped"));
    return all;
}

static void nobody_listens_until_somebody_does(void **state)
{
    (void)state;
    assert_false(tail_wanted(tail));
    tell(0, 3);
    struct asker *a = listener();
    assert_true(tail_wanted(tail));
    loop_poll(loop);
    assert_int_equal(json_array_size(a->items), 0);
    asker_free(a);
    assert_false(tail_wanted(tail));
}

static void every_listener_hears_every_record_in_order(void **state)
{
    (void)state;
    struct asker *a = listener();
    struct asker *b = listener();
    tell(0, 100);
    loop_poll(loop);
    tell(100, 200);
    loop_poll(loop);
    assert_int_equal(json_array_size(a->items), 200);
    assert_int_equal(json_array_size(b->items), 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(id_at(a, i), i);
        assert_int_equal(id_at(b, i), i);
    }
    asker_free(a);
    asker_free(b);
}

static void what_main_does_not_take_in_time_is_dropped_and_counted(void **state)
{
    (void)state;
    struct asker *a = listener();
    tell(0, TAIL_WAITING_MOST + 7);
    loop_poll(loop);
    assert_int_equal(json_array_size(a->items), TAIL_WAITING_MOST + 1);
    assert_int_equal(dropped_of(a), 7);
    asker_free(a);
}

static void a_slow_listener_loses_its_own_records_and_nobody_else_s(void **state)
{
    (void)state;
    struct asker *slow = listener();
    struct asker *quick = listener();
    slow->slow = true;
    for (int i = 0; i < 20; i++) {
        tell(i * 100, i * 100 + 100);
        loop_poll(loop);
    }
    assert_int_equal(json_array_size(quick->items), 2000);
    assert_int_equal(dropped_of(quick), 0);
    assert_true(json_array_size(slow->items) < 100);
    while (slow->ready != NULL)
        asker_reads(slow);
    const size_t heard = json_array_size(slow->items);
    assert_int_equal(dropped_of(slow), 2000 - (long long)(heard - 1));
    assert_true(heard > TAIL_WAITING_MOST);
    tell(5000, 5001);
    loop_poll(loop);
    assert_int_equal(id_at(slow, json_array_size(slow->items) - 1), 5000);
    asker_free(slow);
    asker_free(quick);
}

static void one_who_takes_nothing_is_ended(void **state)
{
    (void)state;
    struct asker *deaf = listener();
    struct asker *other = listener();
    deaf->deaf = true;
    tell(0, 2);
    loop_poll(loop);
    assert_non_null(deaf->last);
    assert_int_equal(tail_listeners(tail), 1);
    assert_int_equal(json_array_size(other->items), 2);
    asker_free(deaf);
    asker_free(other);
}

static void there_is_a_most_of_listeners(void **state)
{
    (void)state;
    struct asker *a[TAIL_ASKERS];
    for (int i = 0; i < TAIL_ASKERS; i++)
        a[i] = listener();
    struct asker *more = listener();
    assert_non_null(strstr(asker_error(more), "listen already"));
    asker_free(more);
    for (int i = 0; i < TAIL_ASKERS; i++)
        asker_free(a[i]);
}

static void what_is_no_json_is_shown_as_null(void **state)
{
    (void)state;
    struct asker *a = listener();
    tail_tell(tail, "{", 1);
    loop_poll(loop);
    assert_true(json_is_null(json_array_get(a->items, 0)));
    asker_free(a);
}

static void *teller(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++)
        tell(i * 10, i * 10 + 10);
    return NULL;
}

static void threads_tell_at_once(void **state)
{
    (void)state;
    pthread_t thread[4];
    struct asker *a = listener();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, teller, NULL), 0);
    for (int i = 0; i < 1000 && json_array_size(a->items) + (size_t)dropped_of(a) < 800; i++)
        loop_poll(loop);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    loop_poll(loop);
    loop_poll(loop);
    size_t notices = 0;
    for (size_t i = 0; i < json_array_size(a->items); i++)
        notices += json_object_get(json_array_get(a->items, i), "dropped") != NULL;
    assert_int_equal(json_array_size(a->items) - notices + (size_t)dropped_of(a), 800);
    asker_free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_listens_until_somebody_does),
        TEST(every_listener_hears_every_record_in_order),
        TEST(what_main_does_not_take_in_time_is_dropped_and_counted),
        TEST(a_slow_listener_loses_its_own_records_and_nobody_else_s),
        TEST(one_who_takes_nothing_is_ended),
        TEST(there_is_a_most_of_listeners),
        TEST(what_is_no_json_is_shown_as_null),
        TEST(threads_tell_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
