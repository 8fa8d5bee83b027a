/* SPDX-License-Identifier: ISC */
/*
 * grey_edit: triplets passed, deleted and forgotten by whoever may, and swept when they have ended.
 *
 * Promises: what is done to a triplet is done under all its identities. Each call does a part that
 * takes milliseconds, for it holds the one connection that writes: it looks at no more than
 * TABLE_LOOKED_MOST rows.
 */
#include "db/grey_int.h"

#include "lib/str.h"

#include <string.h>

#define DELETE "DELETE FROM triplet WHERE key = ?1"
#define SWEEP  "SELECT key, at FROM triplet WHERE key > ?1 ORDER BY key LIMIT ?2"

#define ROWS_MOST 32 /* of one triplet, with the links of links */

/* Of one triplet: the row found and all that it is linked to. */
struct triplet_rows {
    size_t count;
    sqlite3_int64 key[ROWS_MOST];
};

static void add_row(struct triplet_rows *rows, sqlite3_int64 key)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->key[i] == key)
            return;
    }
    if (rows->count < ROWS_MOST)
        rows->key[rows->count++] = key;
}

static bool delete_key(struct db *db, sqlite3_int64 key)
{
    sqlite3_stmt *statement = db_statement(db, STATEMENT_GREY_DELETE, DELETE);
    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, key);
    return table_run(db, statement);
}

static bool pass(struct db *db, struct grey_row *row, int64_t now)
{
    row->record.white = true;
    row->record.last = now;
    if (row->record.first > now)
        row->record.first = now;
    return grey_put(db, row);
}

static bool edit_triplet(struct db *db, sqlite3_int64 key, enum grey_edit edit, int64_t now)
{
    struct triplet_rows rows = {.count = 1, .key = {key}};
    for (size_t i = 0; i < rows.count; i++) {
        unsigned char detail[GREY_DETAIL_MOST];
        struct grey_row row;
        int is = grey_get(db, rows.key[i], &row, detail);
        if (is < 0)
            return false;
        for (size_t k = 0; k < row.links; k++)
            add_row(&rows, grey_row_linked(key, row.link[k]));
        if (is > 0 && !(edit == GREY_DELETE ? delete_key(db, row.key) : pass(db, &row, now)))
            return false;
    }
    return true;
}

typedef bool (*wanted_fn)(struct db *db, const struct grey_row *row, const void *arg);

/* First found, then changed: no scan runs over what changes. */
static bool edit_part(struct db *db, wanted_fn wanted, const void *arg, enum grey_edit edit,
                      int64_t now, unsigned most, uint64_t *cursor, uint64_t *count)
{
    sqlite3_int64 key[STORE_PAGE_MOST];
    unsigned found = 0;
    struct grey_scan scan;
    struct grey_row row;
    bool ok = grey_scan_start(&scan, db, *cursor);
    while (ok && found < most && grey_scan_next(&scan, db, &row)) {
        if (wanted(db, &row, arg))
            key[found++] = row.key;
    }
    if (!grey_scan_stop(&scan))
        return false;
    *cursor = scan.cursor;
    *count += found;
    for (unsigned i = 0; i < found; i++) {
        if (!edit_triplet(db, key[i], edit, now))
            return false;
    }
    return true;
}

static bool edit_wants(struct db *db, const struct grey_row *row, const void *arg)
{
    const struct store_question *question = arg;
    return (question->grey_edit.edit == GREY_DELETE || !row->record.white) &&
           grey_wanted(db, row, question);
}

bool grey_edit_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    out->answer.next = question->page.cursor;
    return edit_part(db, edit_wants, question, question->grey_edit.edit, question->now,
                     table_most(question), &out->answer.next, &out->answer.count);
}

static bool forget_wants(struct db *db, const struct grey_row *row, const void *arg)
{
    const char *address = arg;
    return str_case_eq(row->texts.sender, row->texts.sender_len, address) ||
           str_case_eq(row->texts.recipient, row->texts.recipient_len, address) ||
           grey_is_of(db, row, address);
}

bool grey_forget(struct db *db, const char *address, unsigned most, uint64_t *cursor,
                 uint64_t *count)
{
    return edit_part(db, forget_wants, address, GREY_DELETE, 0, most, cursor, count);
}

static bool has_ended(const struct expiry *expiry, sqlite3_int64 at, int64_t now)
{
    const struct grey_rule rule = {.retry_window = expiry->waiting_lifetime,
                                   .white_lifetime = expiry->white_lifetime};
    struct grey_row row;
    grey_row_decode(&row, at, NULL, 0);
    return grey_ended(&row.record, &rule, now);
}

bool grey_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most,
                 sqlite3_int64 *cursor)
{
    sqlite3_int64 ended[STORE_PAGE_MOST];
    unsigned found = 0;
    sqlite3_stmt *sweep = db_statement(db, STATEMENT_GREY_SWEEP, SWEEP);
    if (sweep == NULL)
        return false;
    sqlite3_bind_int64(sweep, 1, *cursor);
    sqlite3_bind_int64(sweep, 2, most);
    int is = 0;
    while (found < STORE_PAGE_MOST && (is = db_step(db, sweep)) > 0) {
        *cursor = sqlite3_column_int64(sweep, 0);
        if (has_ended(expiry, sqlite3_column_int64(sweep, 1), now))
            ended[found++] = *cursor;
        most--;
    }
    sqlite3_reset(sweep);
    if (is < 0)
        return false;
    if (is == 0 && most > 0)
        *cursor = 0;
    for (unsigned i = 0; i < found; i++) {
        if (!delete_key(db, ended[i]))
            return false;
    }
    return true;
}
