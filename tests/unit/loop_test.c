/* SPDX-License-Identifier: ISC */
/*
 * loop_test: when timers fire, in what order deferred work runs, that no post of another thread is
 * lost, and that everything may be freed in its own callback.
 */
#include "lib/loop.h"

#include "lib/loop_int.h"
#include "tests/unit/support/net.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = loop_new();
    return 0;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

/* What happened, a letter each. */
static char story[64];

static void tell(char c)
{
    size_t len = strlen(story);
    if (len + 1 < sizeof story) {
        story[len] = c;
        story[len + 1] = '\0';
    }
}

static int setup_story(void **state)
{
    story[0] = '\0';
    return setup(state);
}

static void tell_arg(void *arg)
{
    tell(*(const char *)arg);
}

static char A[] = "a", B[] = "b", C[] = "c";

/* ---- timers ---- */

static void test_timers_fire_in_the_order_of_their_deadlines(void **state)
{
    struct loop *loop = *state;
    struct timer *a = timer_new(loop, tell_arg, A);
    struct timer *b = timer_new(loop, tell_arg, B);
    struct timer *c = timer_new(loop, tell_arg, C);
    timer_set(a, 60);
    timer_set(b, 30);
    timer_set(c, 0);
    UNTIL(loop, strlen(story) == 3);
    assert_string_equal(story, "cba");
    net_run(loop, 20);
    assert_string_equal(story, "cba"); /* once each */
    timer_free(a);
    timer_free(b);
    timer_free(c);
}

static void test_a_timer_never_fires_early(void **state)
{
    struct loop *loop = *state;
    struct timer *a = timer_new(loop, tell_arg, A);
    uint64_t began = net_clock();
    timer_set(a, 25);
    UNTIL(loop, story[0] != '\0');
    assert_true(net_clock() - began >= 25);
    timer_free(a);
}

static void test_a_deadline_moves_both_ways(void **state)
{
    struct loop *loop = *state;
    struct timer *a = timer_new(loop, tell_arg, A);
    uint64_t began = net_clock();
    timer_set(a, 10);
    timer_set(a, 60); /* further away: the event in the heap stays */
    UNTIL(loop, story[0] != '\0');
    assert_true(net_clock() - began >= 60);
    timer_set(a, 100000);
    timer_set(a, 10); /* nearer */
    UNTIL(loop, strcmp(story, "aa") == 0);
    timer_free(a);
}

static void test_a_cleared_timer_is_silent_and_can_be_set_again(void **state)
{
    struct loop *loop = *state;
    struct timer *a = timer_new(loop, tell_arg, A);
    timer_set(a, 5);
    timer_clear(a);
    timer_clear(a);
    net_run(loop, 20);
    assert_string_equal(story, "");
    timer_set(a, 5);
    timer_clear(a);
    timer_set(a, 40);
    net_run(loop, 15);
    assert_string_equal(story, "");
    UNTIL(loop, strcmp(story, "a") == 0);
    timer_free(a);
}

struct self {
    struct timer *timer;
    struct timer *other;
    int left;
};

static void set_again(void *arg)
{
    struct self *self = arg;
    tell('s');
    if (--self->left > 0)
        timer_set(self->timer, 1);
}

static void free_itself(void *arg)
{
    struct self *self = arg;
    tell('f');
    timer_free(self->timer);
    self->timer = NULL;
}

static void clear_itself_and_free_the_other(void *arg)
{
    struct self *self = arg;
    tell('o');
    timer_clear(self->timer);
    timer_free(self->other);
    self->other = NULL;
}

static void test_a_timer_does_anything_in_its_own_callback(void **state)
{
    struct loop *loop = *state;
    struct self again = {.left = 3};
    struct self gone = {0};
    struct self both = {0};
    again.timer = timer_new(loop, set_again, &again);
    gone.timer = timer_new(loop, free_itself, &gone);
    both.timer = timer_new(loop, clear_itself_and_free_the_other, &both);
    both.other = timer_new(loop, tell_arg, A);
    timer_set(again.timer, 0);
    UNTIL(loop, strcmp(story, "sss") == 0);
    timer_set(gone.timer, 0);
    UNTIL(loop, gone.timer == NULL);
    timer_set(both.timer, 1);
    timer_set(both.other, 1); /* due in the same pass, or just after */
    UNTIL(loop, both.other == NULL);
    net_run(loop, 10);
    assert_string_equal(story, "sssfo");
    timer_free(again.timer);
    timer_free(both.timer);
    timer_free(NULL);
}

static uint64_t first_now, second_now;

static void look_twice(void *arg)
{
    first_now = loop_now(arg);
    usleep(5000);
    second_now = loop_now(arg);
}

static void test_the_clock_stands_still_in_a_callback_and_goes_on_after_it(void **state)
{
    struct loop *loop = *state;
    struct timer *a = timer_new(loop, look_twice, loop);
    uint64_t before = loop_now(loop);
    timer_set(a, 0);
    first_now = 0;
    UNTIL(loop, first_now != 0);
    assert_int_equal(first_now, second_now);
    assert_true(first_now >= before);
    assert_true(loop_now(loop) >= first_now + 5);
    timer_free(a);
}

/* ---- deferred work ---- */

static struct loop *of_deferred;

static void defer_more(void *arg)
{
    tell(*(const char *)arg);
    loop_defer(of_deferred, tell_arg, C);
}

static void defer_two(void *arg)
{
    loop_defer(arg, defer_more, A);
    loop_defer(arg, tell_arg, B);
    tell('1');
}

static void test_deferred_work_runs_in_order_after_the_callback(void **state)
{
    struct loop *loop = *state;
    of_deferred = loop;
    struct timer *timer = timer_new(loop, defer_two, loop);
    timer_set(timer, 0);
    UNTIL(loop, story[0] != '\0');
    assert_string_equal(story, "1abc"); /* all of it before the loop waited again */
    timer_free(timer);
}

static void test_work_deferred_outside_the_loop_runs_at_the_next_pass(void **state)
{
    struct loop *loop = *state;
    loop_defer(loop, tell_arg, A);
    assert_string_equal(story, "");
    loop_poll(loop);
    assert_string_equal(story, "a");
    loop_defer(loop, tell_arg, B); /* loop_free() still runs it: something may be freed by it */
    loop_free(loop);
    assert_string_equal(story, "ab");
    *state = NULL;
}

static void test_a_task_is_queued_once_until_it_has_run(void **state)
{
    struct loop *loop = *state;
    struct loop_task a = {.fn = tell_arg, .arg = A};
    struct loop_task c = {.fn = tell_arg, .arg = C};
    loop_task_queue(loop, &a);
    loop_task_queue(loop, &a);
    loop_task_queue(loop, &c);
    loop_poll(loop);
    assert_string_equal(story, "ac");
    loop_task_queue(loop, &a);
    loop_poll(loop);
    assert_string_equal(story, "aca");
}

/* ---- running and stopping ---- */

static void stop(void *arg)
{
    tell('x');
    loop_stop(arg);
}

static void test_the_loop_runs_until_it_is_stopped(void **state)
{
    struct loop *loop = *state;
    struct timer *timer = timer_new(loop, stop, loop);
    timer_set(timer, 5);
    loop_run(loop);
    assert_string_equal(story, "x");
    timer_set(timer, 5);
    loop_run(loop); /* and can run again */
    assert_string_equal(story, "xx");
    timer_free(timer);
}

static void test_a_stop_that_was_deferred_before_the_run_counts(void **state)
{
    struct loop *loop = *state;
    struct timer *timer = timer_new(loop, stop, loop);
    loop_defer(loop, stop, loop);
    timer_set(timer, 1000); /* so that a failure ends, too */
    loop_run(loop);
    assert_string_equal(story, "x");
    timer_free(timer);
}

/* ---- posts ---- */

#define THREADS 4
#define POSTS   2000

struct poster {
    struct loop *loop;
    pthread_t thread;
    size_t next;               /* the number the loop's thread expects */
    size_t *heard;             /* of all */
    struct numbered *numbered; /* what is posted */
};

struct numbered {
    struct poster *poster;
    size_t number;
};

static void on_number(void *arg)
{
    struct numbered *one = arg;
    assert_int_equal(one->number, one->poster->next);
    one->poster->next++;
    if (++*one->poster->heard == (size_t)THREADS * POSTS)
        loop_stop(one->poster->loop);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (size_t i = 0; i < POSTS; i++)
        loop_post(poster->loop, on_number, &poster->numbered[i]);
    return NULL;
}

static void test_no_post_of_any_thread_is_lost_and_each_thread_s_order_is_kept(void **state)
{
    struct loop *loop = *state;
    struct poster poster[THREADS];
    size_t heard = 0;
    for (size_t t = 0; t < THREADS; t++) {
        poster[t] = (struct poster){.loop = loop, .heard = &heard};
        poster[t].numbered = calloc(POSTS, sizeof(struct numbered));
        for (size_t i = 0; i < POSTS; i++)
            poster[t].numbered[i] = (struct numbered){&poster[t], i};
        assert_int_equal(pthread_create(&poster[t].thread, NULL, post_all, &poster[t]), 0);
    }
    loop_run(loop);
    assert_int_equal(heard, THREADS * POSTS);
    for (size_t t = 0; t < THREADS; t++) {
        pthread_join(poster[t].thread, NULL);
        free(poster[t].numbered);
    }
}

static void post_again(void *arg)
{
    tell('p');
    loop_post(arg, stop, arg);
}

static void test_a_posted_call_may_post(void **state)
{
    struct loop *loop = *state;
    loop_post(loop, post_again, loop);
    assert_string_equal(story, "");
    loop_run(loop);
    assert_string_equal(story, "px");
    loop_post(loop, tell_arg, A); /* never heard: freed with the loop */
}

struct unposter {
    struct loop *loop;
    void *victim;
};

static void unpost_other(void *arg)
{
    struct unposter *unposter = arg;
    tell('u');
    loop_unpost(unposter->loop, tell_arg, unposter->victim);
}

static void test_a_post_taken_back_is_not_called(void **state)
{
    struct loop *loop = *state;
    struct unposter unposter = {loop, B};
    loop_post(loop, tell_arg, A);
    loop_post(loop, tell_arg, C);
    loop_unpost(loop, tell_arg, A); /* before its turn */
    loop_post(loop, unpost_other, &unposter);
    loop_post(loop, tell_arg, B); /* in the same turn as the one that takes it back */
    loop_unpost(loop, tell_arg, &unposter);
    loop_post(loop, stop, loop);
    loop_run(loop);
    assert_string_equal(story, "cux");
    loop_post(loop, tell_arg, B);
    loop_post(loop, stop, loop);
    loop_run(loop);
    assert_string_equal(story, "cuxbx");
}

/* ---- watches ---- */

struct watching {
    struct watch *watch;
    int fd;
};

static void on_signal(void *arg)
{
    (void)arg;
    tell('!');
}

static void on_byte(void *arg)
{
    struct watching *w = arg;
    char c = '?';
    assert_int_equal(read(w->fd, &c, 1), 1);
    tell(c);
    if (c != 'z')
        return;
    watch_free(w->watch);
    w->watch = NULL;
}

static void test_watches_call_until_they_are_freed(void **state)
{
    struct loop *loop = *state;
    struct watch *watch = watch_signal(loop, SIGUSR1, on_signal, NULL);
    raise(SIGUSR1);
    UNTIL(loop, strcmp(story, "!") == 0);
    raise(SIGUSR1);
    UNTIL(loop, strcmp(story, "!!") == 0);
    watch_free(watch);
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    struct watching w = {.fd = fd[0]};
    w.watch = watch_fd(loop, fd[0], WATCH_READ, on_byte, &w);
    assert_int_equal(write(fd[1], "xyz.", 4), 4);
    UNTIL(loop, w.watch == NULL);
    net_run(loop, 5);
    assert_string_equal(story, "!!xyz");
    close(fd[0]); /* it was ours all the time */
    close(fd[1]);
    watch_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_story, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_timers_fire_in_the_order_of_their_deadlines),
        CASE(test_a_timer_never_fires_early),
        CASE(test_a_deadline_moves_both_ways),
        CASE(test_a_cleared_timer_is_silent_and_can_be_set_again),
        CASE(test_a_timer_does_anything_in_its_own_callback),
        CASE(test_the_clock_stands_still_in_a_callback_and_goes_on_after_it),
        CASE(test_deferred_work_runs_in_order_after_the_callback),
        CASE(test_work_deferred_outside_the_loop_runs_at_the_next_pass),
        CASE(test_a_task_is_queued_once_until_it_has_run),
        CASE(test_the_loop_runs_until_it_is_stopped),
        CASE(test_a_stop_that_was_deferred_before_the_run_counts),
        CASE(test_no_post_of_any_thread_is_lost_and_each_thread_s_order_is_kept),
        CASE(test_a_posted_call_may_post),
        CASE(test_a_post_taken_back_is_not_called),
        CASE(test_watches_call_until_they_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
