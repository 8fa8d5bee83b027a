/* SPDX-License-Identifier: ISC */
/*
 * store_health: the declared state of the store.
 *
 * Promises: one line in the log where it begins to be degraded, one where the trouble becomes
 * another one, one where it ends, with how long it was and how much was not carried out. Asking
 * while all is well costs one atomic read.
 */
#include "db/store_health.h"

#include "lib/log.h"
#include "lib/mem.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct store_health {
    int64_t (*clock)(void);
    atomic_bool down;       /* as trouble != TROUBLE_NONE, for a quick look */
    pthread_mutex_t lock;   /* guards all below */
    struct store_state now; /* but `waiting` */
    enum store_trouble trouble;
    uint64_t dropped_before; /* the trouble */
};

struct store_health *store_health_new(int64_t (*clock)(void))
{
    struct store_health *health = mem_alloc(sizeof *health);
    health->clock = clock;
    pthread_mutex_init(&health->lock, NULL);
    return health;
}

void store_health_free(struct store_health *health)
{
    if (health == NULL)
        return;
    pthread_mutex_destroy(&health->lock);
    free(health);
}

enum store_trouble store_health_meaning(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
        return TROUBLE_NONE;
    case SQLITE_FULL:
        return TROUBLE_FULL;
    case SQLITE_READONLY:
        return TROUBLE_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return TROUBLE_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return TROUBLE_CORRUPT;
    default: /* result codes are SQLite's, and more may come */
        return TROUBLE_FAULT;
    }
}

static const char *words(enum store_trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NONE:
        break;
    case TROUBLE_FULL:
        return "no room on the disk";
    case TROUBLE_READ_ONLY:
        return "the database cannot be written";
    case TROUBLE_LOCKED:
        return "another program holds the database";
    case TROUBLE_CORRUPT:
        return "the database is damaged";
    case TROUBLE_MOVED:
        return "the database was deleted or replaced";
    case TROUBLE_NEWER:
        return "the database is of a newer version";
    case TROUBLE_SLOW:
        return "the disk is too slow";
    case TROUBLE_FAULT:
        return "the database cannot be used";
    }
    return "";
}

void store_health_degrade(struct store_health *health, enum store_trouble trouble,
                          const char *detail)
{
    pthread_mutex_lock(&health->lock);
    struct store_state *now = &health->now;
    bool news = health->trouble != trouble;
    if (health->trouble == TROUBLE_NONE) {
        now->since = health->clock();
        health->dropped_before = now->dropped;
    }
    health->trouble = trouble;
    now->degraded = true;
    snprintf(now->why, sizeof now->why, "%s%s%s", words(trouble), detail != NULL ? ": " : "",
             detail != NULL ? detail : "");
    atomic_store(&health->down, true);
    struct store_state said = *now;
    pthread_mutex_unlock(&health->lock);
    if (news)
        log_event(LOG_LEVEL_ERROR, NULL, "store-degraded", "%s", said.why);
}

static void log_recovered(int64_t seconds, uint64_t dropped, const char *note)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, NULL, "store-recovered");
    log_num(&line, "seconds", seconds);
    log_num(&line, "dropped", (long long)dropped);
    log_str(&line, "text", note);
    log_end(&line);
}

void store_health_recover(struct store_health *health, const char *note)
{
    pthread_mutex_lock(&health->lock);
    bool news = health->trouble != TROUBLE_NONE;
    int64_t seconds = health->clock() - health->now.since;
    uint64_t dropped = health->now.dropped - health->dropped_before;
    health->trouble = TROUBLE_NONE;
    health->now.degraded = false;
    health->now.why[0] = '\0';
    health->now.since = 0;
    health->now.recovered += news;
    atomic_store(&health->down, false);
    pthread_mutex_unlock(&health->lock);
    if (news)
        log_recovered(seconds, dropped, note);
}

enum store_trouble store_health_trouble(struct store_health *health)
{
    pthread_mutex_lock(&health->lock);
    enum store_trouble trouble = health->trouble;
    pthread_mutex_unlock(&health->lock);
    return trouble;
}

bool store_health_down(struct store_health *health, char *why, size_t size)
{
    if (!atomic_load(&health->down))
        return false;
    pthread_mutex_lock(&health->lock);
    snprintf(why, size, "%s", health->now.why);
    pthread_mutex_unlock(&health->lock);
    return true;
}

void store_health_dropped(struct store_health *health, size_t count)
{
    pthread_mutex_lock(&health->lock);
    health->now.dropped += count;
    pthread_mutex_unlock(&health->lock);
}

void store_health_corrupted(struct store_health *health)
{
    pthread_mutex_lock(&health->lock);
    health->now.corrupted++;
    pthread_mutex_unlock(&health->lock);
}

void store_health_size(struct store_health *health, uint64_t octets)
{
    pthread_mutex_lock(&health->lock);
    health->now.size = octets;
    pthread_mutex_unlock(&health->lock);
}

void store_health_state(struct store_health *health, struct store_state *out)
{
    pthread_mutex_lock(&health->lock);
    *out = health->now;
    pthread_mutex_unlock(&health->lock);
}
