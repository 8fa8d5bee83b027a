/* SPDX-License-Identifier: ISC */
#ifndef DB_SQLITE_INT_H
#define DB_SQLITE_INT_H
/*
 * The embedded store from within: its threads and what they share. sqlite_store.c makes and ends it
 * and takes the questions, sqlite_writer.c carries them out, sqlite_recover.c opens the database
 * and repairs what it can, sqlite_reader.c answers pages, backup.c copies, sqlite_watch.c sees to
 * it that no asker waits for a disk that does not answer.
 */

#include "db/sqlite_store.h"

#include "db/db_file.h"
#include "db/db_int.h"
#include "db/lock.h"
#include "db/store_health.h"
#include "db/store_queue.h"

#include <pthread.h>
#include <stdatomic.h>

struct sqlite_store {
    struct store store; /* first */
    char *directory;
    int64_t (*clock)(void);
    unsigned retry_ms, slow_ms;
    int log_pages;
    struct store_health *health;
    struct store_queue *writes, *pages, *copies;
    struct db_file file; /* its paths: any thread; the rest: the writer's */

    /* Held by the reader while it has a transaction or opens the file, and by the writer while
     * nobody else may have the files in use. */
    pthread_mutex_t gate;
    unsigned generation;  /* of the files under their names; under the gate */
    atomic_bool suspect;  /* the reader found damage */
    atomic_bool stopping; /* long work ends early */

    pthread_mutex_t limits_lock;
    struct expiry limits; /* but its cursor; under limits_lock */

    pthread_mutex_t watch_lock;
    pthread_cond_t watch_news;
    bool watch_ends; /* under watch_lock */

    struct sqlite_writer *writer;
    pthread_t threads[4];
    bool ended; /* they are joined */
};

/* The writer's own. */
struct sqlite_writer {
    struct sqlite_store *store;
    struct lock *lock;
    struct db db; /* sql NULL: not open */
    struct expiry expiry;
    unsigned suspicion;             /* how often damage was seen lately */
    uint64_t retry_at, retry_after; /* ms; when next, and how long the next time */
    uint64_t well_since, upkeep_at, expire_at, checkpoint_at;
    int checkpoint_pages; /* do not try before there are so many */
    size_t carried;       /* questions since the last look around */
    char note[320];       /* to be said when all is well again */
};

/* Threads. */
void *sqlite_writer_run(void *writer);
void *sqlite_reader_run(void *store);
void *sqlite_backup_run(void *store);
void *sqlite_watch_run(void *store);

/* The store cannot any more: says so, and lets go of the database where that is wise. */
void sqlite_writer_trouble(struct sqlite_writer *writer, enum store_trouble trouble,
                           const char *detail);
/* Is it still our file, our log, our lock? */
bool sqlite_writer_in_place(struct sqlite_writer *writer);
/* Opens, repairs, tries whether it can be written. Whatever comes of it is said to `health`. */
void sqlite_writer_recover(struct sqlite_writer *writer);

#endif
