/* SPDX-License-Identifier: ISC */
#ifndef PROXY_DAEMON_STORE_H
#define PROXY_DAEMON_STORE_H
/*
 * The daemon's store: opened as the daemon's user before there are workers, its list entries and
 * proven identities read into memory, its counters kept up to date, freed when the workers have
 * stopped. Main thread.
 */

#include "proxy/config.h"
#include "proxy/setup.h"

#include <stdbool.h>

struct daemon_store;
struct loop;

/* Opens it and gives it to server->policy. NULL: *why (the caller frees): another process has it,
 * or the state directory cannot be written. A database that cannot be used is no reason: the store
 * begins degraded. */
struct daemon_store *daemon_store_new(struct loop *loop, struct server *server,
                                      const struct config *config, char **why)
    __attribute__((warn_unused_result));
/* Runs `loop` until all entries and identities are in memory, the store turns out to be down, or a
 * minute is over; what is missing follows later, and the log says so. */
void daemon_store_load(struct daemon_store *store);
/* After a reload. */
void daemon_store_configure(struct daemon_store *store, const struct config *config);
/* Nobody asks any more: workers are stopped, askers of the control socket gone. Turns the loop for
 * what was begun and whose asker has gone, so that it comes to its end. NULL is fine. */
void daemon_store_free(struct daemon_store *store);

#endif
