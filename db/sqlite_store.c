/* SPDX-License-Identifier: ISC */
/*
 * sqlite_store: the embedded store as its users see it.
 *
 * Four threads: one writes (sqlite_writer), one reads pages (sqlite_reader), one makes backups
 * (backup), one watches the clock (sqlite_watch). Each of the first three has a bounded queue;
 * asking copies the question into one of them and takes a lock for a few pointers, nothing else. A
 * question that the store cannot carry out now is refused at once: it is better to let a mail pass
 * than to let its client wait.
 */
#include "db/sqlite_store.h"

#include "db/sqlite_int.h"
#include "lib/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUEUE_MOST  8192
#define PAGES_MOST  1024
#define COPIES_MOST 4
#define RETRY_MS    1000u
#define SLOW_MS     5000u
/* 64 MB: a longer log is slower to read, a shorter one slower to write. */
#define LOG_PAGES 32000u

static int64_t system_clock(void)
{
    return (int64_t)time(NULL);
}

static struct store_queue *queue_for(struct sqlite_store *store, enum store_op op)
{
    if (op == STORE_BACKUP)
        return store->copies;
    return run_reads(op) ? store->pages : store->writes;
}

static struct store_request *ask(struct store *base, struct loop *loop,
                                 const struct store_question *question, store_fn fn, void *arg)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct store_queue *queue = queue_for(store, question->op);
    struct store_request *request;
    char why[256] = "too many questions wait";
    if (atomic_load(&store->stopping))
        snprintf(why, sizeof why, "it has ended");
    bool down = queue == store->writes && store_health_down(store->health, why, sizeof why);
    if (!down && store_queue_put(queue, loop, question, fn, arg, &request))
        return request;
    store_health_dropped(store->health, 1);
    return store_queue_refuse(queue, loop, question->op, why, fn, arg);
}

static void tell(struct store *base, const struct store_question *question)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct store_queue *queue = queue_for(store, question->op);
    struct store_request *none;
    char why[256];
    if (store_health_down(store->health, why, sizeof why) ||
        !store_queue_put(queue, NULL, question, NULL, NULL, &none))
        store_health_dropped(store->health, 1);
}

static void state(struct store *base, struct store_state *out)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    store_health_state(store->health, out);
    out->waiting = store_queue_waiting(store->writes) + store_queue_waiting(store->pages) +
                   store_queue_waiting(store->copies);
}

static const struct store_ops ops = {ask, store_queue_cancel, tell, state};

void sqlite_store_configure(struct store *base, const struct sqlite_store_config *config)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    pthread_mutex_lock(&store->limits_lock);
    store->limits.waiting_lifetime = config->waiting_lifetime;
    store->limits.white_lifetime = config->white_lifetime;
    store->limits.decision_lifetime = config->decision_lifetime;
    store->limits.decisions_most = config->decisions_most;
    pthread_mutex_unlock(&store->limits_lock);
}

static struct sqlite_store *make(const struct sqlite_store_config *config)
{
    struct sqlite_store *store = mem_alloc(sizeof *store);
    store->store.ops = &ops;
    store->directory = mem_strdup(config->directory);
    store->clock = config->clock != NULL ? config->clock : system_clock;
    store->retry_ms = config->retry_ms > 0 ? config->retry_ms : RETRY_MS;
    store->slow_ms = config->slow_ms > 0 ? config->slow_ms : SLOW_MS;
    store->log_pages = (int)(config->log_pages > 0 ? config->log_pages : LOG_PAGES);
    store->health = store_health_new(store->clock);
    size_t most = config->queue_most > 0 ? config->queue_most : QUEUE_MOST;
    store->writes = store_queue_new(&store->store, most);
    store->pages = store_queue_new(&store->store, most < PAGES_MOST ? most : PAGES_MOST);
    store->copies = store_queue_new(&store->store, COPIES_MOST);
    db_file_init(&store->file, config->directory);
    pthread_mutex_init(&store->gate, NULL);
    pthread_mutex_init(&store->limits_lock, NULL);
    pthread_mutex_init(&store->watch_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&store->watch_news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sqlite_store_configure(&store->store, config);
    return store;
}

static void unmake(struct sqlite_store *store)
{
    store_queue_free(store->writes);
    store_queue_free(store->pages);
    store_queue_free(store->copies);
    store_health_free(store->health);
    pthread_cond_destroy(&store->watch_news);
    pthread_mutex_destroy(&store->watch_lock);
    pthread_mutex_destroy(&store->limits_lock);
    pthread_mutex_destroy(&store->gate);
    db_file_clear(&store->file);
    free(store->directory);
    free(store);
}

/* Signals are for the loops' threads. */
static void start_threads(struct sqlite_store *store)
{
    void *(*const run[])(void *) = {sqlite_writer_run, sqlite_reader_run, sqlite_backup_run,
                                    sqlite_watch_run};
    void *const arg[] = {store->writer, store, store, store};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < sizeof run / sizeof run[0]; i++)
        if (pthread_create(&store->threads[i], NULL, run[i], arg[i]) != 0)
            abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct store *sqlite_store_new(const struct sqlite_store_config *config, char **why)
{
    *why = NULL;
    struct lock *lock = lock_new(config->directory, why);
    if (lock == NULL)
        return NULL;
    struct sqlite_store *store = make(config);
    struct sqlite_writer *writer = mem_alloc(sizeof *writer);
    store->writer = writer;
    writer->store = store;
    writer->lock = lock;
    writer->retry_after = store->retry_ms;
    sqlite_writer_recover(writer);
    start_threads(store);
    return &store->store;
}

/* The reader and the copier first: the last connection to close checkpoints, and that must be the
 * writer's. */
static void stop_threads(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->watch_lock);
    store->watch_ends = true;
    pthread_cond_signal(&store->watch_news);
    pthread_mutex_unlock(&store->watch_lock);
    pthread_join(store->threads[3], NULL);
    atomic_store(&store->stopping, true);
    store_queue_stop(store->pages);
    store_queue_stop(store->copies);
    pthread_join(store->threads[1], NULL);
    pthread_join(store->threads[2], NULL);
    store_queue_stop(store->writes);
    pthread_join(store->threads[0], NULL);
}

void sqlite_store_stop(struct store *base)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    if (!store->ended)
        stop_threads(store);
    store->ended = true;
}

void sqlite_store_free(struct store *base)
{
    if (base == NULL)
        return;
    struct sqlite_store *store = (struct sqlite_store *)base;
    sqlite_store_stop(base);
    struct sqlite_writer *writer = store->writer;
    bool in_place = writer->db.sql != NULL && db_file_check(&store->file) == FILE_SAME;
    if (in_place)
        db_close(&writer->db);
    else
        db_abandon(&writer->db);
    lock_free(writer->lock);
    free(writer);
    unmake(store);
}
