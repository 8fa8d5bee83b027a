/* SPDX-License-Identifier: ISC */
#ifndef LIB_LOOP_INT_H
#define LIB_LOOP_INT_H
/* The loop's inside, for lib/ only: libevent's base, intrusive tasks, embedded timers. */

#include "lib/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <sys/queue.h>

#define LOOP_SCRATCH 65536 /* bytes of the read buffer that all io objects of a loop share */

/* Work put off to the end of the running callback; embedded in its object, queued at most once. */
struct loop_task {
    STAILQ_ENTRY(loop_task) link;
    loop_fn fn;
    void *arg;
    bool queued;
};

/* A timer armed lazily: moving its deadline further away costs no call into libevent. */
struct timer {
    struct loop *loop;
    loop_fn fn;
    void *arg;
    uint64_t deadline; /* 0: not running */
    uint64_t armed;    /* when the event fires; 0: not pending */
    struct event event;
};

/* Objects that their owners have given back and that still say goodbye; loop_free() ends them. */
LIST_HEAD(io_list, io);
struct io_list *loop_closing(struct loop *loop);
void io_kill_closing(struct io_list *list); /* in io.c */

struct event_base *loop_base(struct loop *loop);
char *loop_scratch(struct loop *loop);
void loop_task_queue(struct loop *loop, struct loop_task *task);
/* Every libevent callback begins and ends with these: the clock is read anew, deferred work is
 * done. */
void loop_enter(struct loop *loop);
void loop_leave(struct loop *loop);

void timer_init(struct timer *timer, struct loop *loop, loop_fn fn, void *arg);
/* Stops an embedded timer; its memory is the owner's. */
void timer_stop(struct timer *timer);

#endif
