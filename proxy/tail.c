/* SPDX-License-Identifier: ISC */
/*
 * tail: live verdicts, from the workers to those who listen.
 *
 * Workers put records into one list under a lock and wake main's loop once for all that is there;
 * main hands each listener its own copy and sends as fast as that listener reads (command_pace).
 * Promises: no worker ever waits for a reader; what waits is bounded twice, on its way to main and
 * for each listener; what did not fit is counted and told where it is missing.
 */
#include "proxy/tail.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BATCH 32 /* records sent before the asker is waited for */

struct record {
    STAILQ_ENTRY(record) link;
    size_t len;
    char text[];
};
STAILQ_HEAD(records, record);

struct listener {
    LIST_ENTRY(listener) link;
    struct tail *tail;
    struct command_call *call;
    struct records records;
    size_t count;
    uint64_t dropped; /* not yet told */
    bool busy;        /* its asker is waited for, or it is being sent to */
};

struct tail {
    atomic_size_t listeners;
    pthread_mutex_t lock; /* guards what follows */
    struct loop *loop;    /* of those who listen; NULL: nobody ever did */
    struct records records;
    size_t count;
    uint64_t dropped;
    LIST_HEAD(, listener) list; /* main's alone */
};

static void clear(struct records *records)
{
    struct record *record;
    while ((record = STAILQ_FIRST(records)) != NULL) {
        STAILQ_REMOVE_HEAD(records, link);
        free(record);
    }
}

struct tail *tail_new(void)
{
    struct tail *tail = mem_alloc(sizeof *tail);
    pthread_mutex_init(&tail->lock, NULL);
    STAILQ_INIT(&tail->records);
    LIST_INIT(&tail->list);
    return tail;
}

void tail_free(struct tail *tail)
{
    if (tail == NULL)
        return;
    clear(&tail->records);
    pthread_mutex_destroy(&tail->lock);
    free(tail);
}

bool tail_wanted(const struct tail *tail)
{
    return atomic_load_explicit(&tail->listeners, memory_order_relaxed) > 0;
}

size_t tail_listeners(const struct tail *tail)
{
    return atomic_load_explicit(&tail->listeners, memory_order_relaxed);
}

/* ---- to one listener ---------------------------------------------------------------------------
 */

static struct record *record_new(const char *text, size_t len)
{
    struct record *record = mem_alloc(sizeof *record + len);
    record->len = len;
    memcpy(record->text, text, len);
    return record;
}

static void leave(struct listener *listener)
{
    LIST_REMOVE(listener, link);
    atomic_fetch_sub(&listener->tail->listeners, 1);
    clear(&listener->records);
    free(listener);
}

static void on_gone(void *arg)
{
    leave(arg);
}

/* The next item, or NULL where nothing waits. */
static json_t *next_item(struct listener *listener)
{
    struct record *record = STAILQ_FIRST(&listener->records);
    if (listener->dropped > 0) {
        json_t *item = json_pack("{s:I}", "dropped", (json_int_t)listener->dropped);
        listener->dropped = 0;
        return item;
    }
    if (record == NULL)
        return NULL;
    json_t *item = json_loadb(record->text, record->len, 0, NULL);
    STAILQ_REMOVE_HEAD(&listener->records, link);
    listener->count--;
    free(record);
    return item != NULL ? item : json_null();
}

static void on_ready(void *arg);

/* Sends what waits, until the asker must be waited for. */
static void pump(struct listener *listener)
{
    listener->busy = true;
    for (int i = 0; i < BATCH; i++) {
        json_t *item = next_item(listener);
        if (item == NULL) {
            listener->busy = false;
            return;
        }
        if (!command_item(listener->call, item)) {
            struct command_call *call = listener->call;
            leave(listener);
            command_on_gone(call, NULL, NULL);
            command_done(call, NULL);
            return;
        }
    }
    command_pace(listener->call, on_ready, listener);
}

/* The asker has read what was sent. Called by command_pace() at once or later; at once, it is at
 * most as deep as batches wait. */
static void on_ready(void *arg)
{
    struct listener *listener = arg;
    pump(listener);
}

static void hand(struct listener *listener, const struct record *record)
{
    if (listener->count >= TAIL_WAITING_MOST) {
        listener->dropped++;
        return;
    }
    struct record *copy = record_new(record->text, record->len);
    STAILQ_INSERT_TAIL(&listener->records, copy, link);
    listener->count++;
}

/* ---- from the workers --------------------------------------------------------------------------
 */

static void on_records(void *arg)
{
    struct tail *tail = arg;
    struct records records = STAILQ_HEAD_INITIALIZER(records);
    pthread_mutex_lock(&tail->lock);
    STAILQ_CONCAT(&records, &tail->records);
    uint64_t dropped = tail->dropped;
    tail->dropped = 0;
    tail->count = 0;
    pthread_mutex_unlock(&tail->lock);
    for (struct listener *listener = LIST_FIRST(&tail->list), *next; listener != NULL;
         listener = next) {
        struct record *record;
        next = LIST_NEXT(listener, link);
        STAILQ_FOREACH(record, &records, link) hand(listener, record);
        listener->dropped += dropped;
        if (!listener->busy)
            pump(listener);
    }
    clear(&records);
}

void tail_tell(struct tail *tail, const char *text, size_t len)
{
    struct loop *wake = NULL;
    pthread_mutex_lock(&tail->lock);
    if (tail->count >= TAIL_WAITING_MOST) {
        tail->dropped++;
    } else if (tail->loop != NULL) {
        struct record *record = record_new(text, len);
        STAILQ_INSERT_TAIL(&tail->records, record, link);
        wake = tail->count++ == 0 ? tail->loop : NULL;
    }
    pthread_mutex_unlock(&tail->lock);
    if (wake != NULL)
        loop_post(wake, on_records, tail);
}

void tail_listen(struct tail *tail, struct loop *loop, struct command_call *call)
{
    if (atomic_load(&tail->listeners) >= TAIL_ASKERS) {
        command_fail(call, false, "%d others listen already; end one of them", TAIL_ASKERS);
        return;
    }
    struct listener *listener = mem_alloc(sizeof *listener);
    listener->tail = tail;
    listener->call = call;
    STAILQ_INIT(&listener->records);
    pthread_mutex_lock(&tail->lock);
    tail->loop = loop;
    pthread_mutex_unlock(&tail->lock);
    LIST_INSERT_HEAD(&tail->list, listener, link);
    atomic_fetch_add(&tail->listeners, 1);
    command_on_gone(call, on_gone, listener);
}
