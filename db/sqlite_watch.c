/* SPDX-License-Identifier: ISC */
/*
 * sqlite_watch: sees to it that nobody waits for a disk that does not answer.
 *
 * The writer cannot say that it is stuck in a system call; this thread says it, and answers all who
 * wait for it, even those whose questions the writer has in hand: these may still be carried out.
 * The writer itself declares the end of it, when the disk has answered and a try was quick enough.
 * Pages have more time, for a listing may be long; the store is not degraded for them.
 */
#include "db/sqlite_int.h"

#include <stdio.h>
#include <time.h>

#define PAGES_PATIENCE 6  /* times as much as the writer's */
#define LOOKS          10 /* in the time that the writer has */

static void look(struct sqlite_store *store)
{
    char why[128];
    uint64_t busy = store_queue_busy(store->writes);
    if (busy >= store->slow_ms) {
        snprintf(why, sizeof why, "no answer for %u ms", store->slow_ms);
        if (store_health_trouble(store->health) == TROUBLE_NONE)
            store_health_degrade(store->health, TROUBLE_SLOW, why);
        char said[256];
        if (store_health_down(store->health, said, sizeof said))
            store_health_dropped(store->health, store_queue_expel(store->writes, said));
    }
    if (store_queue_busy(store->pages) >= (uint64_t)store->slow_ms * PAGES_PATIENCE)
        store_queue_expel(store->pages, "reading takes too long");
}

/* True: the store ends. */
static bool pause_until_next(struct sqlite_store *store)
{
    uint64_t at = store_queue_clock() + store->slow_ms / LOOKS + 1;
    struct timespec until = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
    pthread_mutex_lock(&store->watch_lock);
    while (!store->watch_ends)
        if (pthread_cond_timedwait(&store->watch_news, &store->watch_lock, &until) != 0)
            break;
    bool ends = store->watch_ends;
    pthread_mutex_unlock(&store->watch_lock);
    return ends;
}

void *sqlite_watch_run(void *arg)
{
    while (!pause_until_next(arg))
        look(arg);
    return NULL;
}
