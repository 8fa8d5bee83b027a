/* SPDX-License-Identifier: ISC */
#ifndef PROXY_ROSTER_H
#define PROXY_ROSTER_H
/*
 * The sessions of all workers, as main sees them: copies, a page at a time, so that however many
 * there are neither a worker nor main is held up. Main thread.
 */

#include "proxy/session.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct roster;
struct roster_look;
struct worker;

/* `worker`: outlives the roster, stopped before it is freed. */
struct roster *roster_new(struct loop *loop, struct worker *const *worker, size_t workers)
    __attribute__((warn_unused_result));
/* The workers have stopped. What is looked at is left, an order to kill answered. NULL is fine. */
void roster_free(struct roster *roster);

#define ROSTER_PAGE 200

/* The sessions that were there when their worker was first asked, and are still. fn is called from
 * the loop with up to ROSTER_PAGE of them; `more`: roster_look_on() asks for the next page, else
 * this was the last and the look is gone. */
typedef void (*roster_fn)(const struct session_shown *shown, size_t count, bool more, void *arg);
struct roster_look *roster_look(struct roster *roster, roster_fn fn, void *arg);
void roster_look_on(struct roster_look *look);
/* Before the last page: fn is not called any more. */
void roster_look_end(struct roster_look *look);

/* Ends the session of that id, or lets its client go from the tarpit. fn is called once, from the
 * loop; `found`: it was there. */
void roster_kill(struct roster *roster, const char *id, void (*fn)(bool found, void *arg),
                 void *arg);

#endif
