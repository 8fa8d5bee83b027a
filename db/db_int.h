/* SPDX-License-Identifier: ISC */
#ifndef DB_DB_INT_H
#define DB_DB_INT_H
/*
 * Inside db/: one connection, and what runs questions on it. db.c opens and closes, schema.c makes
 * the tables, run.c dispatches a question to the file that has its SQL (grey.c, entries.c ...),
 * sqlite_store.c owns the threads and the order of things.
 *
 * Everything here runs in one thread per connection, blocking.
 */

#include "db/store.h"
#include "lib/buf.h"

#include <sqlite3.h>

#define DB_STATEMENTS 64 /* prepared once and kept */

struct db {
    sqlite3 *sql;
    bool writes; /* the one connection that writes and checkpoints; else read-only */
    sqlite3_stmt *kept[DB_STATEMENTS]; /* by enum of run's files; prepared when first used */
    int fault;     /* the last SQLite result code that was no success; SQLITE_OK: none */
    char why[256]; /* in words */
};

/* Opens with all pragmas; creates the file where `writes`. False: fault and why say it. */
bool db_open(struct db *db, const char *path, bool writes);
void db_close(struct db *db);
/* Runs SQL that gives no rows; false: fault and why. */
bool db_exec(struct db *db, const char *sql);
/* The statement of that number, prepared from `sql` at its first use, reset and unbound. NULL:
 * fault and why. */
sqlite3_stmt *db_statement(struct db *db, int number, const char *sql);
/* Steps a statement: 1 a row, 0 done, -1 a fault, noted. */
int db_step(struct db *db, sqlite3_stmt *statement);

/* Brings the schema to the newest version, in one transaction with `PRAGMA user_version`. False:
 * fault and why; a newer version than ours is a fault that says so. */
bool schema_migrate(struct db *db);
#define SCHEMA_VERSION 1

/* An answer under construction: items lie in `text`, and are freed with it. */
struct db_answer {
    struct store_answer answer;
    void *items;   /* the array answer.grey etc. points to */
    char **string; /* what the items point to */
    size_t strings, room;
};
void db_answer_clear(struct db_answer *answer);
/* A copy of a text column that lives as long as the answer; "" for NULL. */
const char *db_answer_text(struct db_answer *answer, const unsigned char *text);

/* Is it a question for the read-only connection (a page)? */
bool run_reads(enum store_op op);
/* Does its answer wait for the disk (a full sync)? */
bool run_durable(enum store_op op);
/* Runs one question inside the caller's transaction. False: a fault, noted in db; the caller rolls
 * back and decides what it means. STORE_BACKUP is not run here (backup.c). */
bool run_question(struct db *db, const struct store_question *question, struct db_answer *out);

/* One small step of expiry inside the caller's transaction: looks at some `most` rows and deletes
 * what has ended at `now`. `cursor`: zeroed at first, kept between calls. */
struct expiry {
    uint32_t waiting_lifetime, white_lifetime, decision_lifetime;
    uint64_t decisions_most;
    int table;
    sqlite3_int64 integer;
    unsigned char key[16];
};
bool expire_step(struct db *db, struct expiry *expiry, int64_t now, unsigned most);

#endif
