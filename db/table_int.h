/* SPDX-License-Identifier: ISC */
#ifndef DB_TABLE_INT_H
#define DB_TABLE_INT_H
/*
 * What the files with SQL share: the numbers of their statements, binding, pages, and the keyed
 * hash of the file. Each x_run() answers its questions (db_int.h, run_question()).
 */

#include "db/db_int.h"

enum table_statement {
    STATEMENT_GREY_GET,
    STATEMENT_GREY_PUT,
    STATEMENT_GREY_DELETE,
    STATEMENT_GREY_SCAN,
    STATEMENT_GREY_SWEEP,
    STATEMENT_ENTRY_PUT,
    STATEMENT_ENTRY_PUT_NEW,
    STATEMENT_ENTRY_DELETE,
    STATEMENT_ENTRY_PAGE,
    STATEMENT_ENTRY_PAGE_KEY,
    STATEMENT_ENTRY_EXPIRE,
    STATEMENT_IDENTITY_PUT,
    STATEMENT_IDENTITY_PAGE,
    STATEMENT_IDENTITY_DELETE,
    STATEMENT_IDENTITY_SWEEP,
    STATEMENT_IDENTITY_EXPIRE,
    STATEMENT_DECISION_PUT,
    STATEMENT_DECISION_PAGE,
    STATEMENT_DECISION_PAGE_ID,
    STATEMENT_DECISION_SCAN,
    STATEMENT_DECISION_DELETE,
    STATEMENT_DECISION_EXPIRE,
    STATEMENT_DECISION_EXCESS,
    STATEMENT_DECISION_STRAY,
    STATEMENT_COUNTER_ADD,
    STATEMENT_COUNTER_PAGE,
    STATEMENTS
};
_Static_assert(STATEMENTS <= DB_STATEMENTS, "a statement more than is kept");

/* What is looked at for one page or part of an edit: some milliseconds. */
#define TABLE_LOOKED_MOST 20000

/* Takes the file's hash key from the database, once; false: a fault. */
bool table_hash(struct db *db);
/* Runs a statement that gives no rows. */
bool table_run(struct db *db, sqlite3_stmt *statement);
/* Binds at most `most` octets of a text, "" for NULL; `text` must live until the next binding. */
void table_bind(sqlite3_stmt *statement, int number, const char *text, size_t most);
/* How many items the question's page may have; room for so many of `size` octets, owned by `out`.
 */
unsigned table_most(const struct store_question *question);
void *table_room(struct db_answer *out, unsigned most, size_t size);

bool grey_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool grey_page_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool grey_edit_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool entry_put_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool entry_delete_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool entry_page_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool identity_put_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool identity_page_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool decision_put_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool decision_page_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool counter_add_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool counter_page_run(struct db *db, const struct store_question *question, struct db_answer *out);
bool forget_run(struct db *db, const struct store_question *question, struct db_answer *out);

/* Deletes what is stored of an address behind *cursor and looks at no more than a part; adds to
 * *count; *cursor becomes 0 at the table's end. */
bool grey_forget(struct db *db, const char *address, unsigned most, uint64_t *cursor,
                 uint64_t *count);
bool decision_forget(struct db *db, const char *address, unsigned most, uint64_t *cursor,
                     uint64_t *count);
bool identity_forget(struct db *db, const char *address, uint64_t *count);

/* Steps of expire_step(): *cursor as above. */
bool grey_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most,
                 sqlite3_int64 *cursor);
bool identity_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most,
                     sqlite3_int64 *cursor);
bool entry_expire(struct db *db, int64_t now, unsigned most);
bool decision_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most);

/* Runs those of the `count` steps that the file has not seen (PRAGMA user_version), and notes the
 * new version, in one transaction; what schema_migrate() does with ours. */
bool schema_run(struct db *db, const char *const steps[], int count);

#endif
