/* SPDX-License-Identifier: ISC */
/*
 * sqlite_reader: the thread that answers pages, on a read-only connection, so that no listing holds
 * up the writer.
 *
 * Each page is a transaction of its own, behind the gate: a short one, so that the log can begin
 * anew between two of them. The connection is opened when it is first needed, and again when the
 * writer has put other files in place. It goes on answering while the store is degraded, as long as
 * the file can be read. Damage must show twice, on two connections, before the writer is told.
 */
#include "db/sqlite_int.h"

#include "lib/mem.h"

#include <string.h>

#define IDLE_MS      60000u
#define STEPS_A_LOOK 10000 /* of SQLite's machine, until it looks whether the store ends */

struct reader {
    struct sqlite_store *store;
    struct db db;
    unsigned generation;
};

static int on_progress(void *arg)
{
    return atomic_load(&((struct sqlite_store *)arg)->stopping);
}

static bool ready(struct reader *reader)
{
    struct sqlite_store *store = reader->store;
    if (reader->db.sql != NULL && reader->generation == store->generation)
        return true;
    if (reader->db.sql != NULL)
        db_close(&reader->db);
    if (!db_open(&reader->db, store->file.path, false))
        return false;
    reader->generation = store->generation;
    sqlite3_progress_handler(reader->db.sql, STEPS_A_LOOK, on_progress, store);
    return true;
}

/* False: a fault, and the connection is closed. */
static bool run(struct reader *reader, struct store_item *item)
{
    struct db *db = &reader->db;
    db_answer_clear(&item->answer);
    item->answer.answer.op = item->question->op;
    if (!ready(reader))
        return false;
    db_forgive(db);
    bool ok = db_begin(db) && run_question(db, item->question, &item->answer);
    db_rollback(db); /* nothing was written */
    if (!ok && db->fault != SQLITE_INTERRUPT)
        db_close(db);
    return ok;
}

static bool damaged(const struct reader *reader)
{
    return store_health_meaning(reader->db.fault) == TROUBLE_CORRUPT;
}

static void answer(struct reader *reader, struct store_item *item)
{
    struct sqlite_store *store = reader->store;
    pthread_mutex_lock(&store->gate);
    bool ok = run(reader, item);
    if (!ok && damaged(reader)) {
        ok = run(reader, item);
        if (!ok && damaged(reader)) {
            atomic_store(&store->suspect, true);
            store_queue_kick(store->writes);
        }
    }
    pthread_mutex_unlock(&store->gate);
    char why[256];
    if (!ok && !store_health_down(store->health, why, sizeof why))
        item->why = mem_printf("it cannot be read: %s", reader->db.why);
    else if (!ok)
        item->why = mem_strdup(why);
    store_queue_answer(store->pages, &item, 1);
}

void *sqlite_reader_run(void *arg)
{
    struct reader reader = {.store = arg};
    struct store_queue *queue = reader.store->pages;
    for (;;) {
        struct store_item *item;
        if (store_queue_take(queue, &item, 1, IDLE_MS) > 0)
            answer(&reader, item);
        else if (store_queue_stopping(queue))
            break;
    }
    db_close(&reader.db);
    return NULL;
}
