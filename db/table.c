/* SPDX-License-Identifier: ISC */
/*
 * table: what the files with SQL share.
 *
 * Texts of peers are bound with their lengths and never become SQL.
 */
#include "db/table_int.h"

#include "lib/mem.h"

#include <string.h>

bool table_hash(struct db *db)
{
    if (db->hashed)
        return true;
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db->sql, "SELECT value FROM meta WHERE name = 'hash'", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == (int)sizeof db->hash) {
        memcpy(&db->hash, sqlite3_column_blob(statement, 0), sizeof db->hash);
        db->hashed = true;
    } else {
        db_fail(db, code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_CORRUPT : code);
    }
    sqlite3_finalize(statement);
    return db->hashed;
}

bool table_run(struct db *db, sqlite3_stmt *statement)
{
    int is = db_step(db, statement);
    if (is > 0)
        sqlite3_reset(statement);
    return is >= 0;
}

void table_bind(sqlite3_stmt *statement, int number, const char *text, size_t most)
{
    if (text == NULL)
        text = "";
    sqlite3_bind_text(statement, number, text, (int)strnlen(text, most), SQLITE_STATIC);
}

unsigned table_most(const struct store_question *question)
{
    unsigned most = question->page.most;
    return most == 0 || most > STORE_PAGE_MOST ? STORE_PAGE_MOST : most;
}

void *table_room(struct db_answer *out, unsigned most, size_t size)
{
    out->items = mem_alloc(most * size);
    return out->items;
}
