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
#include "lib/hash.h"

#include <sqlite3.h>

#define DB_STATEMENTS 64 /* prepared once and kept */

struct db {
    sqlite3 *sql;
    bool writes; /* the one connection that writes and checkpoints; else read-only */
    sqlite3_stmt *kept[DB_STATEMENTS]; /* by enum of run's files; prepared when first used */
    int fault;     /* the last SQLite primary result code that was no success; SQLITE_OK: none */
    char why[256]; /* in words */
    int wal_pages; /* in the log after the last commit, where `writes` */
    bool synced;   /* db_sync() */
    struct hash_key hash; /* the file's; once it is `hashed` (table_hash()) */
    bool hashed;
};

/* Opens with all pragmas; creates the file where `writes`. False: fault and why say it. */
bool db_open(struct db *db, const char *path, bool writes);
void db_close(struct db *db);
/* Closes and leaves the log as it is, for a file that is not to be touched any more. */
void db_abandon(struct db *db);
/* Notes a fault of result code `code`; returns false. */
bool db_fail(struct db *db, int code);
/* Forgets the noted fault. */
void db_forgive(struct db *db);
/* Runs SQL that gives no rows; false: fault and why. */
bool db_exec(struct db *db, const char *sql);
/* Gives what the cache of pages holds back to the system, unless that is little. */
void db_give_back(struct db *db);
/* The statement of that number, prepared from `sql` at its first use, reset and unbound. NULL:
 * fault and why. */
sqlite3_stmt *db_statement(struct db *db, int number, const char *sql);
/* Steps a statement: 1 a row, 0 done, -1 a fault, noted. */
int db_step(struct db *db, sqlite3_stmt *statement);
/* Resets all kept statements; no read stays open behind it. */
void db_rest(struct db *db);
/* The first column of the first row of a query that is asked once in a while. False: a fault, or no
 * row. */
bool db_number(struct db *db, const char *sql, int64_t *out);
/* A transaction (IMMEDIATE for the writer); commit and rollback reset all kept statements.
 * db_rollback() is fine without a transaction. */
bool db_begin(struct db *db);
bool db_commit(struct db *db);
void db_rollback(struct db *db);
/* From the next transaction on COMMIT waits for the disk, or does not. */
bool db_sync(struct db *db, bool full);
/* Copies from the log to the file what no reader is in the way of. *whole: that was all. */
bool db_checkpoint(struct db *db, bool *whole);

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
    int table; /* walked at present, and how far */
    sqlite3_int64 integer;
};
bool expire_step(struct db *db, struct expiry *expiry, int64_t now, unsigned most);

#endif
