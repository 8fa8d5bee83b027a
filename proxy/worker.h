/* SPDX-License-Identifier: ISC */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H
/*
 * A worker: one thread with its own loop, pool and sessions. It accepts from the shared listening
 * sockets itself. The first group of functions is main's, the second the sessions'.
 */

#include "proxy/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct worker;
struct session;
struct loop;
struct pool;
struct dns;
struct tarpit;

/* A listening socket and the block of the configuration it serves. */
struct worker_listener {
    int fd;
    size_t listen; /* index in config.listen */
};

/* Starts the thread; it accepts once worker_use() has given it something. */
struct worker *worker_new(struct server *server) __attribute__((warn_unused_result));
/* From now on: this setup (a reference is taken) and these listeners (copied) for new sessions.
 * Returns when the worker has let go of the old ones, so that their descriptors may be closed. */
void worker_use(struct worker *worker, struct setup *setup, const struct worker_listener *listener,
                size_t count);
/* No more is accepted (its descriptors may be closed after this); sessions between transactions
 * hear 421, others at their transaction's end.
 */
void worker_drain(struct worker *worker);
/* How many sessions live on it. Any thread. */
size_t worker_sessions(const struct worker *worker);
/* Asks for a sign of life; worker_alive() is true once it has been given. Main thread. */
void worker_ping(struct worker *worker);
bool worker_alive(const struct worker *worker);
/* Ends all sessions and joins the thread; the loop stays, for those who still post to it. */
void worker_stop(struct worker *worker);
/* Frees it, stopped before if it was not. NULL is fine. */
void worker_free(struct worker *worker);

/* The session's surroundings; its worker's thread only. */
struct loop *worker_loop(struct worker *worker);
struct pool *worker_pool(struct worker *worker);
struct tarpit *worker_tarpit(struct worker *worker);
/* NULL where no resolver could be made. */
struct dns *worker_dns(struct worker *worker);
void worker_remove(struct worker *worker, struct session *session);

/* A place in the list of sessions, which stays good while sessions come and go; the newest are
 * first, and those that come later are not seen. The worker's thread. */
struct worker_place {
    LIST_ENTRY(worker_place) link;
    struct session *next; /* NULL: that was all */
};
void worker_place_begin(struct worker *worker, struct worker_place *place);
/* The session there; the place moves on. */
struct session *worker_place_step(struct worker_place *place);
void worker_place_end(struct worker_place *place);

#endif
