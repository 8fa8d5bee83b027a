/* SPDX-License-Identifier: ISC */
/*
 * identities: who delivered mail, as policy/known.h tells it and reads it back at the start.
 *
 * The key is the keyed hash of the text in 63 bits: of ten million identities two share one with a
 * chance of 1 in 200000, and then the later replaces the earlier.
 *
 * Promises: whoever is proven stays so until expiry takes the row away; last never goes back.
 */
#include "db/table_int.h"

#include "lib/hash.h"

#include <string.h>

#define PUT                                                                                        \
    "INSERT INTO identity (key, first, last, proven, text) VALUES (?1, ?2, ?3, ?4, ?5) "           \
    "ON CONFLICT (key) DO UPDATE SET first = min(first, excluded.first), "                         \
    "last = max(last, excluded.last), proven = max(proven, excluded.proven), text = excluded.text"
#define PAGE   "SELECT key, first, last, proven, text FROM identity WHERE key > ?1 ORDER BY key"
#define DELETE "DELETE FROM identity WHERE key = ?1"
/* The step's rows, then those of them that have ended. */
#define SWEEP                                                                                      \
    "SELECT max(key), count(*) FROM (SELECT key FROM identity WHERE key > ?1 ORDER BY key LIMIT "  \
    "?2)"
#define EXPIRE "DELETE FROM identity WHERE key > ?1 AND key <= ?2 AND last <= ?3"

static sqlite3_int64 key_of(const struct db *db, const char *text)
{
    uint64_t hash = hash_bytes(&db->hash, text, strnlen(text, STORE_TEXT_MOST)) & INT64_MAX;
    return hash != 0 ? (sqlite3_int64)hash : 1;
}

static bool put(struct db *db, const struct identity_item *item)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_IDENTITY_PUT, PUT);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, key_of(db, item->text));
    sqlite3_bind_int64(s, 2, item->first);
    sqlite3_bind_int64(s, 3, item->last);
    sqlite3_bind_int(s, 4, item->proven);
    table_bind(s, 5, item->text, STORE_TEXT_MOST);
    return table_run(db, s);
}

bool identity_put_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    if (!table_hash(db))
        return false;
    for (size_t i = 0; i < question->put.count; i++) {
        if (!put(db, &question->put.identity[i]))
            return false;
    }
    out->answer.count = question->put.count;
    return true;
}

bool identity_page_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    unsigned most = table_most(question);
    struct identity_item *items = table_room(out, most, sizeof *items);
    out->answer.identity = items;
    sqlite3_stmt *s = db_statement(db, STATEMENT_IDENTITY_PAGE, PAGE);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(question->page.cursor & INT64_MAX));
    int is = 1;
    while (out->answer.count < most && (is = db_step(db, s)) > 0) {
        out->answer.next = (uint64_t)sqlite3_column_int64(s, 0);
        items[out->answer.count++] =
            (struct identity_item){.first = sqlite3_column_int64(s, 1),
                                   .last = sqlite3_column_int64(s, 2),
                                   .proven = sqlite3_column_int(s, 3) != 0,
                                   .text = db_answer_text(out, sqlite3_column_text(s, 4))};
    }
    sqlite3_reset(s);
    if (is == 0)
        out->answer.next = 0;
    return is >= 0;
}

bool identity_forget(struct db *db, const char *address, uint64_t *count)
{
    sqlite3_stmt *s = table_hash(db) ? db_statement(db, STATEMENT_IDENTITY_DELETE, DELETE) : NULL;
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, key_of(db, address));
    if (!table_run(db, s))
        return false;
    *count += (uint64_t)sqlite3_changes64(db->sql);
    return true;
}

/* Up to which key the step goes; 0: to the end. */
static bool step_end(struct db *db, unsigned most, sqlite3_int64 from, sqlite3_int64 *to)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_IDENTITY_SWEEP, SWEEP);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, from);
    sqlite3_bind_int64(s, 2, most);
    if (db_step(db, s) <= 0)
        return false;
    *to = sqlite3_column_int64(s, 1) == (sqlite3_int64)most ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_reset(s);
    return true;
}

bool identity_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most,
                     sqlite3_int64 *cursor)
{
    sqlite3_int64 to;
    if (!step_end(db, most, *cursor, &to))
        return false;
    sqlite3_stmt *s = db_statement(db, STATEMENT_IDENTITY_EXPIRE, EXPIRE);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, *cursor);
    sqlite3_bind_int64(s, 2, to > 0 ? to : INT64_MAX);
    sqlite3_bind_int64(s, 3, now - expiry->white_lifetime);
    *cursor = to;
    return table_run(db, s);
}
