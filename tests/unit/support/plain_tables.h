/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_PLAIN_TABLES_H
#define TESTS_UNIT_SUPPORT_PLAIN_TABLES_H
/*
 * The store's engine without its tables: what db_int.h wants of them is replaced at link time by
 * one table of keys, so it is to be included by one file of a binary. ENTRY_PUT inserts keys, and
 * fails by itself where one is there already; COUNTER_ADD inserts names without a wait for the
 * disk; ENTRY_PAGE lists; GREY keeps the writer busy for `rule.delay` milliseconds.
 */

#include "db/db_int.h"
#include "lib/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long plain_commits; /* with changes */
static atomic_long plain_expired; /* steps */
static atomic_uint plain_lifetime;

static sqlite3_int64 plain_changes; /* the writer's */

static int plain_on_commit(void *sql)
{
    sqlite3_int64 changes = sqlite3_total_changes64(sql);
    if (changes != plain_changes)
        atomic_fetch_add(&plain_commits, 1);
    plain_changes = changes;
    return 0;
}

bool schema_migrate(struct db *db)
{
    int64_t version;
    if (!db_number(db, "PRAGMA user_version", &version))
        return false;
    sqlite3_commit_hook(db->sql, plain_on_commit, db->sql);
    if (version == SCHEMA_VERSION)
        return true;
    char sql[256];
    snprintf(sql, sizeof sql,
             "CREATE TABLE plain (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;"
             "PRAGMA user_version = %d",
             SCHEMA_VERSION);
    if (db_begin(db) && db_exec(db, sql) && db_commit(db))
        return true;
    db_rollback(db);
    return false;
}

bool run_reads(enum store_op op)
{
    return op == STORE_ENTRY_PAGE;
}

bool run_durable(enum store_op op)
{
    return op == STORE_ENTRY_PUT;
}

static bool plain_insert(struct db *db, const char *key)
{
    sqlite3_stmt *insert = db_statement(db, 0, "INSERT INTO plain (key) VALUES (?)");
    if (insert == NULL)
        return false;
    sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
    return db_step(db, insert) == 0;
}

static bool plain_page(struct db *db, const struct store_page *page, struct db_answer *out)
{
    sqlite3_stmt *list = db_statement(
        db, 1, "SELECT number, key FROM plain WHERE number > ? ORDER BY number LIMIT ?");
    if (list == NULL)
        return false;
    sqlite3_bind_int64(list, 1, (sqlite3_int64)page->cursor);
    sqlite3_bind_int64(list, 2, page->most);
    struct entry *items = mem_alloc((page->most + 1) * sizeof *items);
    out->items = items;
    int got;
    while ((got = db_step(db, list)) == 1) {
        items[out->answer.count++].key = db_answer_text(out, sqlite3_column_text(list, 1));
        out->answer.next = (uint64_t)sqlite3_column_int64(list, 0);
    }
    if (out->answer.count < page->most)
        out->answer.next = 0;
    out->answer.entry = items;
    return got == 0;
}

bool run_question(struct db *db, const struct store_question *question, struct db_answer *out)
{
    bool ok = true;
    if (question->op == STORE_ENTRY_PAGE)
        return plain_page(db, &question->page, out);
    if (question->op == STORE_GREY)
        usleep(question->grey.rule.delay * 1000);
    if (question->op == STORE_ENTRY_PUT)
        for (size_t i = 0; ok && i < question->put.count; i++)
            ok = plain_insert(db, question->put.entry[i].key);
    if (question->op == STORE_COUNTER_ADD)
        for (size_t i = 0; ok && i < question->put.count; i++)
            ok = plain_insert(db, question->put.counter[i].name);
    out->answer.count = question->op != STORE_GREY ? question->put.count : 0;
    return ok;
}

bool expire_step(struct db *db, struct expiry *expiry, int64_t now, unsigned most)
{
    (void)db;
    (void)now;
    (void)most;
    atomic_fetch_add(&plain_expired, 1);
    atomic_store(&plain_lifetime, expiry->waiting_lifetime);
    return true;
}

#endif
