/* SPDX-License-Identifier: ISC */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H
/*
 * The event loop of one thread: timers, signals, calls from other threads, and work put off to the
 * end of the running callback. All functions but loop_post() belong to the loop's own thread.
 */

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;
struct watch;
typedef void (*loop_fn)(void *arg);

struct loop *loop_new(void) __attribute__((warn_unused_result));
/* Frees the loop; every timer, watch and io object on it must be gone. NULL is fine. */
void loop_free(struct loop *loop);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
/* Runs what is ready now and returns; for tests and fuzzing. */
void loop_poll(struct loop *loop);
void loop_stop(struct loop *loop);
/* Milliseconds on the monotonic clock. */
uint64_t loop_now(const struct loop *loop);

/* Calls fn(arg) in the loop's thread soon. Any thread; the only function that is. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);
/* Takes back every post of fn(arg) that was not called yet. In the loop's thread, or while no
 * thread runs the loop. */
void loop_unpost(struct loop *loop, loop_fn fn, void *arg);
/* Calls fn(arg) after the running callback has returned to the loop, before the loop waits
 * again. What must not be freed under a running callback is freed by this. */
void loop_defer(struct loop *loop, loop_fn fn, void *arg);

/* A timer, not running. timer_free(NULL) is fine, and so is freeing it in its own callback. */
struct timer *timer_new(struct loop *loop, loop_fn fn, void *arg)
    __attribute__((warn_unused_result));
void timer_free(struct timer *timer);
/* (Re)starts it: fires once, `ms` milliseconds from now. Cheap to call often. */
void timer_set(struct timer *timer, uint64_t ms);
void timer_clear(struct timer *timer);

/* Calls fn(arg) in the loop whenever `signo` arrives. Freed by watch_free(). */
struct watch *watch_signal(struct loop *loop, int signo, loop_fn fn, void *arg)
    __attribute__((warn_unused_result));
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
/* Calls fn(arg) whenever `fd` is ready for one of `what`; the descriptor stays the caller's, and is
 * open until watch_free(). For libraries that bring sockets of their own. */
struct watch *watch_fd(struct loop *loop, int fd, int what, loop_fn fn, void *arg)
    __attribute__((warn_unused_result));
void watch_free(struct watch *watch);

#endif
