/* SPDX-License-Identifier: ISC */
/*
 * sqlite_writer: the one thread that writes and checkpoints.
 *
 * What waits is carried out in one transaction, up to BATCH_MOST questions or BATCH_MS of work, and
 * answered after its COMMIT. Where one of them must be safe on disk the transaction is synced
 * (synchronous=FULL: the log is fsynced before COMMIT returns). A question that fails by itself
 * makes the whole be done again, each within a savepoint then, so that the usual case pays nothing
 * for the rare one; it alone is answered STORE_DOWN. A fault of the store answers so to all.
 *
 * Between transactions it keeps house: a step of expiry now and then, more often while there is
 * much to delete; a checkpoint (PASSIVE) when the log is long or was not copied for a while, behind
 * the gate if the reader leaves it in time, so that the log can begin anew; a look whether the
 * files are still in their places. SQLite's cache, which is large for busy times, is given back
 * when little is asked: what is only appended, as decisions are, would fill it for nothing.
 */
#include "db/sqlite_int.h"

#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_MOST 1024
#define BATCH_MS   100u /* questions that are not done by then wait for the next transaction */

#define UPKEEP_MS 1000u
#define FEW       1000u  /* questions between two looks: they need no large cache */
#define WELL_MS   60000u /* then old troubles are forgotten */
#define LOG_MORE                                                                                   \
    16 /* a checkpoint that a reader was in the way of is tried again when the log is              \
        * longer by that part of its length */
#define CHECKPOINT_MS 60000u
#define GATE_MS       50
#define EXPIRE_MS     250u
#define EXPIRE_MOST   500u /* rows looked at in one step */
#define EXPIRE_MUCH   50   /* deleted ones: the next step follows at once */

struct batch {
    struct store_item **item;
    size_t count;
    bool durable;
};

static bool any_durable(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (run_durable(batch->item[i]->question->op))
            return true;
    return false;
}

static void answer_down(struct sqlite_writer *writer, const struct batch *batch, const char *down)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->item[i]->why = mem_strdup(down);
    store_health_dropped(writer->store->health, batch->count);
    store_queue_answer(writer->store->writes, batch->item, batch->count);
}

static bool own_fault(const struct db *db)
{
    return store_health_meaning(db->fault) == TROUBLE_NONE;
}

static bool run_item(struct db *db, struct store_item *item)
{
    db_answer_clear(&item->answer);
    item->answer.answer.op = item->question->op;
    return run_question(db, item->question, &item->answer);
}

/* Within a savepoint. False: the store's fault. */
static bool run_apart(struct db *db, struct store_item *item)
{
    if (!db_exec(db, "SAVEPOINT question"))
        return false;
    if (run_item(db, item)) {
        db_rest(db);
        return db_exec(db, "RELEASE question");
    }
    if (!own_fault(db))
        return false;
    item->why = mem_printf("the question cannot be carried out: %s", db->why);
    db_forgive(db);
    db_rest(db);
    return db_exec(db, "ROLLBACK TO question") && db_exec(db, "RELEASE question");
}

/* One transaction; *done: how many questions are in it. False: it was rolled back. */
static bool transact(struct sqlite_writer *writer, const struct batch *batch, bool apart,
                     size_t *done)
{
    struct db *db = &writer->db;
    db_forgive(db);
    uint64_t end = store_queue_clock() + BATCH_MS;
    bool ok = db_sync(db, batch->durable) && db_begin(db);
    for (*done = 0; ok && *done < batch->count; ++*done) {
        if (*done > 0 && store_queue_clock() >= end)
            break;
        struct store_item *item = batch->item[*done];
        ok = apart ? run_apart(db, item) : run_item(db, item);
    }
    if (ok && db_commit(db))
        return true;
    db_rollback(db);
    return false;
}

static void forget_spoiled(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->item[i]->why);
        batch->item[i]->why = NULL;
    }
}

/* Carries out the first of them, at least one; returns how many were answered. */
static size_t run_batch(struct sqlite_writer *writer, struct batch *batch)
{
    char why[256];
    if (store_health_down(writer->store->health, why, sizeof why)) {
        answer_down(writer, batch, why);
        return batch->count;
    }
    batch->durable = any_durable(batch);
    size_t done;
    bool ok = transact(writer, batch, false, &done);
    if (!ok && own_fault(&writer->db))
        ok = transact(writer, batch, true, &done);
    if (!ok) {
        enum store_trouble trouble = store_health_meaning(writer->db.fault);
        sqlite_writer_trouble(writer, trouble != TROUBLE_NONE ? trouble : TROUBLE_FAULT,
                              writer->db.why);
        forget_spoiled(batch);
    } else if (batch->durable) {
        ok = sqlite_writer_in_place(writer); /* or it went into a file that nobody will find */
        if (!ok)
            forget_spoiled(batch);
    }
    if (!ok) {
        store_health_down(writer->store->health, why, sizeof why);
        answer_down(writer, batch, why);
        return batch->count;
    }
    store_queue_answer(writer->store->writes, batch->item, done);
    return done;
}

/* ---- keeping house -----------------------------------------------------------------------------
 */

static void house_trouble(struct sqlite_writer *writer)
{
    db_rollback(&writer->db);
    enum store_trouble trouble = store_health_meaning(writer->db.fault);
    sqlite_writer_trouble(writer, trouble != TROUBLE_NONE ? trouble : TROUBLE_FAULT,
                          writer->db.why);
}

static void expire(struct sqlite_writer *writer, uint64_t now)
{
    struct sqlite_store *store = writer->store;
    struct expiry *expiry = &writer->expiry;
    pthread_mutex_lock(&store->limits_lock);
    expiry->waiting_lifetime = store->limits.waiting_lifetime;
    expiry->white_lifetime = store->limits.white_lifetime;
    expiry->decision_lifetime = store->limits.decision_lifetime;
    expiry->decisions_most = store->limits.decisions_most;
    pthread_mutex_unlock(&store->limits_lock);
    struct db *db = &writer->db;
    db_forgive(db);
    sqlite3_int64 before = sqlite3_total_changes64(db->sql);
    if (!db_sync(db, false) || !db_begin(db) ||
        !expire_step(db, expiry, store->clock(), EXPIRE_MOST) || !db_commit(db)) {
        house_trouble(writer);
        return;
    }
    bool much = sqlite3_total_changes64(db->sql) - before >= EXPIRE_MUCH;
    writer->expire_at = now + (much ? 0 : EXPIRE_MS);
}

/* True: the reader is outside for as long as we hold it. */
static bool close_gate(struct sqlite_store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATE_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(&store->gate, &until) == 0;
}

static void checkpoint(struct sqlite_writer *writer, uint64_t now)
{
    struct db *db = &writer->db;
    bool long_log =
        db->wal_pages >= writer->store->log_pages && db->wal_pages >= writer->checkpoint_pages;
    bool old_log = db->wal_pages > 0 && now >= writer->checkpoint_at &&
                   store_queue_waiting(writer->store->writes) == 0;
    if (!long_log && !old_log)
        return;
    db_forgive(db);
    bool closed = close_gate(writer->store);
    bool whole = false;
    bool ok = db_checkpoint(db, &whole);
    if (closed)
        pthread_mutex_unlock(&writer->store->gate);
    writer->checkpoint_at = store_queue_clock() + CHECKPOINT_MS;
    writer->checkpoint_pages = whole ? 0 : db->wal_pages + db->wal_pages / LOG_MORE;
    if (!ok)
        house_trouble(writer);
}

static void look_around(struct sqlite_writer *writer, uint64_t now)
{
    struct sqlite_store *store = writer->store;
    writer->upkeep_at = now + UPKEEP_MS;
    if (writer->carried < FEW)
        db_give_back(&writer->db);
    writer->carried = 0;
    store_health_size(store->health, db_file_size(&store->file));
    if (!sqlite_writer_in_place(writer))
        return;
    if (atomic_exchange(&store->suspect, false)) {
        sqlite_writer_trouble(writer, TROUBLE_CORRUPT, "found while reading");
        return;
    }
    if (now - writer->well_since >= WELL_MS) {
        writer->suspicion = 0;
        writer->retry_after = store->retry_ms;
    }
}

static void keep_house(struct sqlite_writer *writer)
{
    struct store_health *health = writer->store->health;
    uint64_t now = store_queue_clock();
    if (store_health_trouble(health) != TROUBLE_NONE) {
        if (now >= writer->retry_at)
            sqlite_writer_recover(writer);
        return;
    }
    if (now >= writer->upkeep_at || atomic_load(&writer->store->suspect))
        look_around(writer, now);
    if (now >= writer->expire_at && store_health_trouble(health) == TROUBLE_NONE)
        expire(writer, now);
    if (store_health_trouble(health) == TROUBLE_NONE)
        checkpoint(writer, now);
}

/* Until the next thing to do without being asked. */
static uint64_t patience(const struct sqlite_writer *writer)
{
    uint64_t now = store_queue_clock();
    bool well = store_health_trouble(writer->store->health) == TROUBLE_NONE;
    uint64_t next = writer->retry_at;
    if (well)
        next = writer->upkeep_at < writer->expire_at ? writer->upkeep_at : writer->expire_at;
    return next > now ? next - now : 0;
}

void *sqlite_writer_run(void *arg)
{
    struct sqlite_writer *writer = arg;
    struct store_queue *queue = writer->store->writes;
    struct store_item *items[BATCH_MOST];
    for (;;) {
        size_t count = store_queue_take(queue, items, BATCH_MOST, patience(writer));
        writer->carried += count;
        for (size_t done = 0; done < count;) {
            struct batch batch = {.item = items + done, .count = count - done};
            done += run_batch(writer, &batch);
        }
        if (count == 0 && store_queue_stopping(queue))
            return NULL;
        keep_house(writer);
    }
}
