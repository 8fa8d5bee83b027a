/* SPDX-License-Identifier: ISC */
#ifndef DB_STORE_QUEUE_H
#define DB_STORE_QUEUE_H
/*
 * Between those who ask, each in the thread of a loop, and the one worker thread that answers: a
 * bounded queue, the way back, and the right to change one's mind.
 */

#include "db/db_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct loop;
struct store_queue;

/* A question on its way. The worker has it from store_queue_take() until store_queue_answer();
 * `question` and `answer` are its own in between, the rest belongs to the queue. */
struct store_item {
    struct store_request request; /* first: what the asker holds */
    struct store_question *question;
    struct db_answer answer;
    char *why; /* not NULL: the answer is STORE_DOWN; freed with the item */

    struct store_queue *queue;
    struct loop *loop; /* NULL: told, no answer is wanted */
    store_fn fn;
    void *arg;
    size_t octets;
    enum { ITEM_WAITING, ITEM_IN_HAND, ITEM_DONE } place;
    bool asking;                   /* fn is to be called yet */
    bool posted;                   /* and the loop knows */
    char *early;                   /* STORE_DOWN while the worker still has it in hand */
    TAILQ_ENTRY(store_item) link;  /* of its place, but not of ITEM_DONE */
    TAILQ_ENTRY(store_item) reply; /* of those posted */
};

/* At most `most` questions wait. */
struct store_queue *store_queue_new(struct store *store, size_t most)
    __attribute__((warn_unused_result));
/* The worker has ended. Nobody is answered any more, and no answer that was posted is called. NULL
 * is fine. */
void store_queue_free(struct store_queue *queue);

/* ---- askers ---- */

/* Puts a copy of the question at the end; loop NULL: told. False: the queue is full. *request:
 * NULL where told. */
bool store_queue_put(struct store_queue *queue, struct loop *loop,
                     const struct store_question *question, store_fn fn, void *arg,
                     struct store_request **request);
/* An answer that is ready before anybody was asked: STORE_DOWN. */
struct store_request *store_queue_refuse(struct store_queue *queue, struct loop *loop,
                                         enum store_op op, const char *why, store_fn fn, void *arg);
/* As store_cancel(). */
void store_queue_cancel(struct store_request *request);

/* ---- the worker ---- */

/* Waits up to `ms` for questions and takes up to `most` of them, the oldest first. 0: none came,
 * the queue was kicked, or it stops and is empty. */
size_t store_queue_take(struct store_queue *queue, struct store_item *items[], size_t most,
                        uint64_t ms);
/* Gives items back with their answers, all under one lock: a loop wakes once for many. */
void store_queue_answer(struct store_queue *queue, struct store_item *const items[], size_t count);
/* store_queue_stop() was called. */
bool store_queue_stopping(struct store_queue *queue);

/* ---- any thread ---- */

/* Wakes the worker. */
void store_queue_kick(struct store_queue *queue);
/* Tells the worker to end when the queue is empty. */
void store_queue_stop(struct store_queue *queue);
/* Answers STORE_DOWN to all who wait, even for what the worker has in hand. Returns how many will
 * not be carried out. */
size_t store_queue_expel(struct store_queue *queue, const char *why);
/* For how many milliseconds the worker has not come for more; 0 while it waits. */
uint64_t store_queue_busy(struct store_queue *queue);
size_t store_queue_waiting(struct store_queue *queue);

/* Milliseconds on the monotonic clock. */
uint64_t store_queue_clock(void);

#endif
