/* SPDX-License-Identifier: ISC */
#ifndef DB_SQLITE_STORE_H
#define DB_SQLITE_STORE_H
/*
 * The embedded store: SQLite in DIRECTORY/gatepost.db, and the one lock that says who writes it.
 */

#include "db/store.h"

struct sqlite_store_config {
    const char *directory;      /* the state directory; the files belong to whom the process is */
    int64_t (*clock)(void);     /* seconds since the epoch, for expiry; NULL: the system's */
    uint32_t waiting_lifetime;  /* seconds after which waiting triplets are swept: retry-window */
    uint32_t white_lifetime;    /* of white triplets and of identities */
    uint32_t decision_lifetime; /* seconds; 0: none are kept */
    uint64_t decisions_most;
    size_t queue_most;  /* questions that wait; 0: the default */
    unsigned retry_ms;  /* until a degraded store tries again, longer each time; 0: a second */
    unsigned log_pages; /* of 2048 octets in the log, until they are copied; 0: 32000 */
    unsigned slow_ms;   /* the disk may take for what is asked of it; 0: five seconds */
};

/* Takes DIRECTORY/gatepost.lock, opens and migrates the database, and starts the store's threads.
 * A database that cannot be used does not fail the start: the store begins degraded and recovers by
 * itself. NULL with *why (the caller frees): another process holds the lock (*why names its pid),
 * or the directory cannot be written. */
struct store *sqlite_store_new(const struct sqlite_store_config *config, char **why)
    __attribute__((warn_unused_result));
/* New lifetimes and counts, after a reload; directory, clock and queue stay. Any thread. */
void sqlite_store_configure(struct store *store, const struct sqlite_store_config *config);
/* Carries out what waits and ends the threads: all answers are on their way to the loops then,
 * where they are called as ever, and what is asked from now on is STORE_DOWN. For whoever wants
 * these answers before sqlite_store_free(). */
void sqlite_store_stop(struct store *store);
/* Carries out what waits, checkpoints, gives the lock back. Nothing may be asked any more; answers
 * that were not called yet are not called. A question that was neither answered nor cancelled needs
 * its loop to be there still, and no other thread to run it: so cancel before a loop is freed, and
 * free the store after all loops but one's own have stopped. NULL is fine. */
void sqlite_store_free(struct store *store);

#endif
