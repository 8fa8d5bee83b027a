/* SPDX-License-Identifier: ISC */
/*
 * store_queue: questions from many loops to one worker, and answers back.
 *
 * An item is freed when neither side needs it any more: the worker has done with it, and the asker
 * has heard its answer or does not want it. All that says so stands under one lock, held for a few
 * pointers each time. Answers go by loop_post(); who cancels takes the post back, in the loop's own
 * thread, so no answer comes to a dead object, and no item refers to a loop whose askers have all
 * been answered or have cancelled.
 *
 * What is only told waits for company, TELL_MS at most: a decision a message would else be a
 * transaction a message, and a wake-up.
 *
 * Limits: a number of questions and OCTETS_MOST of their copies wait. What is only told may fill
 * three quarters of it, so that it never takes the place of those who wait for an answer.
 */
#include "db/store_queue.h"

#include "db/store_question.h"
#include "lib/loop.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define OCTETS_MOST ((size_t)32 * 1024 * 1024)
#define TELL_MS     250
#define TELL_MOST   256 /* so many do not wait any longer */

TAILQ_HEAD(item_list, store_item);

struct store_queue {
    struct store *store;
    size_t most;
    pthread_mutex_t lock; /* guards all below, and the queue's part of its items */
    pthread_cond_t news;  /* for the worker */
    struct item_list waiting, in_hand, posted;
    size_t count, octets; /* waiting */
    size_t asked;         /* of these, with somebody who waits for an answer */
    uint64_t told;        /* when the first of them came */
    uint64_t since;       /* the worker came away with something to do; 0: it waits */
    bool kicked, stopping;
};

uint64_t store_queue_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct store_queue *store_queue_new(struct store *store, size_t most)
{
    struct store_queue *queue = mem_alloc(sizeof *queue);
    queue->store = store;
    queue->most = most;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    TAILQ_INIT(&queue->waiting);
    TAILQ_INIT(&queue->in_hand);
    TAILQ_INIT(&queue->posted);
    return queue;
}

static void item_free(struct store_item *item)
{
    db_answer_clear(&item->answer);
    free(item->question);
    free(item->why);
    free(item->early);
    free(item);
}

/* Under the lock: frees it where both sides are through. */
static void settle(struct store_item *item)
{
    if (item->place == ITEM_DONE && !item->asking)
        item_free(item);
}

/* In the asker's loop. */
static void deliver(void *arg)
{
    struct store_item *item = arg;
    struct store_queue *queue = item->queue;
    pthread_mutex_lock(&queue->lock);
    TAILQ_REMOVE(&queue->posted, item, reply);
    item->posted = false;
    char *early = item->early;
    item->early = NULL;
    store_fn fn = item->fn;
    void *fn_arg = item->arg;
    struct store_answer down = {
        .op = item->question->op, .status = STORE_DOWN, .why = early != NULL ? early : item->why};
    if (early != NULL) /* the worker may end it from now on */
        item->asking = false;
    bool ours = early == NULL;
    if (!ours)
        settle(item);
    pthread_mutex_unlock(&queue->lock);
    if (!ours || item->why != NULL)
        fn(&down, fn_arg);
    else
        fn(&item->answer.answer, fn_arg);
    free(early);
    if (ours)
        item_free(item);
}

/* Under the lock. */
static void reply(struct store_item *item)
{
    item->posted = true;
    TAILQ_INSERT_TAIL(&item->queue->posted, item, reply);
    loop_post(item->loop, deliver, item);
}

static void drop_all(struct item_list *list)
{
    struct store_item *item;
    while ((item = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, item, link);
        item_free(item);
    }
}

void store_queue_free(struct store_queue *queue)
{
    if (queue == NULL)
        return;
    struct store_item *item;
    while ((item = TAILQ_FIRST(&queue->posted)) != NULL) {
        TAILQ_REMOVE(&queue->posted, item, reply);
        loop_unpost(item->loop, deliver, item);
        item_free(item);
    }
    drop_all(&queue->waiting);
    pthread_cond_destroy(&queue->news);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static struct store_item *item_new(struct store_queue *queue, struct loop *loop, store_fn fn,
                                   void *arg)
{
    struct store_item *item = mem_alloc(sizeof *item);
    item->request.store = queue->store;
    item->queue = queue;
    item->loop = loop;
    item->fn = fn;
    item->arg = arg;
    item->asking = loop != NULL;
    return item;
}

/* Under the lock. */
static bool has_room(const struct store_queue *queue, const struct store_item *item)
{
    size_t most = queue->most, octets = OCTETS_MOST;
    if (item->loop == NULL) {
        most -= most / 4;
        octets -= octets / 4;
    }
    return !queue->stopping && queue->count < most && item->octets <= octets - queue->octets &&
           queue->octets <= octets;
}

/* Under the lock: is there something that waits no longer? */
static bool is_due(const struct store_queue *queue)
{
    return queue->asked > 0 || queue->count >= TELL_MOST || queue->kicked || queue->stopping;
}

bool store_queue_put(struct store_queue *queue, struct loop *loop,
                     const struct store_question *question, store_fn fn, void *arg,
                     struct store_request **request)
{
    struct store_item *item = item_new(queue, loop, fn, arg);
    item->question = store_question_copy(question, &item->octets);
    pthread_mutex_lock(&queue->lock);
    bool fits = has_room(queue, item);
    if (fits) {
        if (queue->count == 0)
            queue->told = store_queue_clock();
        TAILQ_INSERT_TAIL(&queue->waiting, item, link);
        queue->count++;
        queue->octets += item->octets;
        queue->asked += item->loop != NULL;
        /* The first is told of, too: the worker begins to count its time. */
        if (queue->since == 0 && (is_due(queue) || queue->count == 1))
            pthread_cond_signal(&queue->news);
    }
    pthread_mutex_unlock(&queue->lock);
    *request = fits && loop != NULL ? &item->request : NULL;
    if (!fits)
        item_free(item);
    return fits;
}

struct store_request *store_queue_refuse(struct store_queue *queue, struct loop *loop,
                                         enum store_op op, const char *why, store_fn fn, void *arg)
{
    struct store_item *item = item_new(queue, loop, fn, arg);
    item->question = mem_alloc(sizeof *item->question);
    item->question->op = op;
    item->why = mem_strdup(why);
    item->place = ITEM_DONE;
    pthread_mutex_lock(&queue->lock);
    reply(item);
    pthread_mutex_unlock(&queue->lock);
    return &item->request;
}

void store_queue_cancel(struct store_request *request)
{
    struct store_item *item = (struct store_item *)request;
    struct store_queue *queue = item->queue;
    pthread_mutex_lock(&queue->lock);
    item->asking = false;
    if (item->posted) {
        item->posted = false;
        TAILQ_REMOVE(&queue->posted, item, reply);
        loop_unpost(item->loop, deliver, item);
    }
    settle(item);
    pthread_mutex_unlock(&queue->lock);
}

/* Under the lock. */
static void wait_for_news(struct store_queue *queue, uint64_t ms)
{
    uint64_t end = store_queue_clock() + ms;
    while (!is_due(queue)) {
        uint64_t told = queue->told + TELL_MS;
        uint64_t next = queue->count > 0 && told < end ? told : end;
        struct timespec until = {.tv_sec = (time_t)(next / 1000),
                                 .tv_nsec = (long)(next % 1000) * 1000000};
        if (store_queue_clock() >= next)
            break;
        pthread_cond_timedwait(&queue->news, &queue->lock, &until);
    }
}

size_t store_queue_take(struct store_queue *queue, struct store_item *items[], size_t most,
                        uint64_t ms)
{
    pthread_mutex_lock(&queue->lock);
    queue->since = 0;
    wait_for_news(queue, ms);
    queue->kicked = false;
    size_t taken = 0;
    while (taken < most && queue->count > 0) {
        struct store_item *item = TAILQ_FIRST(&queue->waiting);
        TAILQ_REMOVE(&queue->waiting, item, link);
        queue->count--;
        queue->octets -= item->octets;
        queue->asked -= item->loop != NULL;
        item->place = ITEM_IN_HAND;
        TAILQ_INSERT_TAIL(&queue->in_hand, item, link);
        items[taken++] = item;
    }
    queue->since = store_queue_clock();
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void store_queue_answer(struct store_queue *queue, struct store_item *const items[], size_t count)
{
    pthread_mutex_lock(&queue->lock);
    for (size_t i = 0; i < count; i++) {
        struct store_item *item = items[i];
        TAILQ_REMOVE(&queue->in_hand, item, link);
        item->place = ITEM_DONE;
        if (item->asking && !item->posted)
            reply(item);
        settle(item);
    }
    pthread_mutex_unlock(&queue->lock);
}

bool store_queue_stopping(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool stopping = queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return stopping;
}

void store_queue_kick(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->kicked = true;
    pthread_cond_signal(&queue->news);
    pthread_mutex_unlock(&queue->lock);
}

void store_queue_stop(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_signal(&queue->news);
    pthread_mutex_unlock(&queue->lock);
}

size_t store_queue_expel(struct store_queue *queue, const char *why)
{
    pthread_mutex_lock(&queue->lock);
    struct store_item *item;
    while ((item = TAILQ_FIRST(&queue->waiting)) != NULL) {
        TAILQ_REMOVE(&queue->waiting, item, link);
        item->place = ITEM_DONE;
        item->why = mem_strdup(why);
        if (item->asking)
            reply(item);
        settle(item);
    }
    size_t expelled = queue->count;
    queue->count = 0;
    queue->octets = 0;
    queue->asked = 0;
    TAILQ_FOREACH(item, &queue->in_hand, link)
    {
        if (!item->asking || item->posted)
            continue;
        item->early = mem_strdup(why);
        reply(item);
    }
    pthread_mutex_unlock(&queue->lock);
    return expelled;
}

uint64_t store_queue_busy(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t busy = queue->since > 0 ? store_queue_clock() - queue->since : 0;
    pthread_mutex_unlock(&queue->lock);
    return busy;
}

size_t store_queue_waiting(struct store_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    pthread_mutex_unlock(&queue->lock);
    return count;
}
