/* SPDX-License-Identifier: ISC */
/*
 * grey: may this triplet pass? Looked for under all identities, stored under all.
 *
 * Promises: what is stored is what db/grey_rule.h says, for every identity of the question at once,
 * or nothing is written where all of them are settled (grey_settled()): the mail of a white triplet
 * only reads, but for about once an hour. No row is without texts unless another row that ends no
 * sooner has them and a link to it, so that listing, deleting and forgetting find all.
 *
 * Limits: a row has GREY_LINKS_MOST links. An identity beyond keeps the texts itself and is listed
 * by itself.
 */
#include "db/grey_int.h"

#include <string.h>

#define GET "SELECT at, detail FROM triplet WHERE key = ?1"
#define PUT "INSERT OR REPLACE INTO triplet (key, at, detail) VALUES (?1, ?2, ?3)"

int grey_get(struct db *db, sqlite3_int64 key, struct grey_row *row,
             unsigned char detail[GREY_DETAIL_MOST])
{
    *row = (struct grey_row){.key = key};
    sqlite3_stmt *get = db_statement(db, STATEMENT_GREY_GET, GET);
    if (get == NULL)
        return -1;
    sqlite3_bind_int64(get, 1, key);
    int is = db_step(db, get);
    if (is <= 0)
        return is;
    const void *packed = sqlite3_column_blob(get, 1);
    size_t len = (size_t)sqlite3_column_bytes(get, 1);
    if (len > GREY_DETAIL_MOST) /* not of our making */
        len = 0;
    if (detail != NULL && packed != NULL)
        packed = memcpy(detail, packed, len);
    grey_row_decode(row, sqlite3_column_int64(get, 0), packed, len);
    if (detail == NULL)
        row->texts = (struct grey_texts){0};
    sqlite3_reset(get);
    return 1;
}

bool grey_put(struct db *db, const struct grey_row *row)
{
    unsigned char detail[GREY_DETAIL_MOST];
    sqlite3_stmt *put = db_statement(db, STATEMENT_GREY_PUT, PUT);
    if (put == NULL)
        return false;
    sqlite3_bind_int64(put, 1, row->key);
    sqlite3_bind_int64(put, 2, grey_row_at(row));
    if (row->detail)
        sqlite3_bind_blob(put, 3, detail, (int)grey_row_detail(row, detail), SQLITE_STATIC);
    return table_run(db, put);
}

/* One question: its rows, the strongest identity's first. */
struct seeing {
    size_t count;
    struct grey_row row[STORE_IDENTITIES_MOST];
    bool stored[STORE_IDENTITIES_MOST];
    bool changes[STORE_IDENTITIES_MOST]; /* it is not the same row without texts as before */
};

static bool is_twice(const struct seeing *seeing, sqlite3_int64 key)
{
    for (size_t i = 0; i < seeing->count; i++) {
        if (seeing->row[i].key == key)
            return true;
    }
    return false;
}

static bool look(struct db *db, const struct grey_question *question, struct seeing *seeing)
{
    for (size_t i = 0; i < question->identities && i < STORE_IDENTITIES_MOST; i++) {
        struct grey_texts texts;
        grey_texts_set(&texts, question->identity[i], question->sender, question->recipient);
        sqlite3_int64 key = grey_row_key(&db->hash, &texts);
        if (is_twice(seeing, key))
            continue;
        struct grey_row *row = &seeing->row[seeing->count];
        int is = grey_get(db, key, row, NULL);
        if (is < 0)
            return false;
        row->texts = texts;
        seeing->stored[seeing->count++] = is > 0;
    }
    return true;
}

/* A weaker identity's row may go without texts where the strongest takes its links over. */
static bool hand_over(struct grey_row *strongest, const struct grey_row *row)
{
    struct grey_row with = *strongest;
    if (!grey_row_add_link(&with, (uint32_t)row->key))
        return false;
    for (size_t i = 0; i < row->links; i++) {
        if (row->link[i] != (uint32_t)strongest->key && !grey_row_add_link(&with, row->link[i]))
            return false;
    }
    *strongest = with;
    return true;
}

/* Takes the record over; false: that changes no row. A retry of what waits changes but the count,
 * and that is kept with the texts, which are elsewhere where none of these has them. */
static bool take_over(struct seeing *seeing, const struct grey_record *record)
{
    bool any = false;
    for (size_t i = 0; i < seeing->count; i++) {
        struct grey_row *row = &seeing->row[i];
        sqlite3_int64 before = grey_row_at(row);
        row->record = *record;
        seeing->changes[i] = !seeing->stored[i] || row->detail || grey_row_at(row) != before;
        any = any || seeing->changes[i];
        if (record->count == 1)
            row->links = 0; /* they lead to what has ended as well */
    }
    return any;
}

static bool store(struct db *db, struct seeing *seeing, const struct grey_record *record)
{
    if (!take_over(seeing, record))
        return true;
    struct grey_row *strongest = &seeing->row[0];
    for (size_t i = 1; i < seeing->count; i++) {
        struct grey_row *row = &seeing->row[i];
        row->detail = !hand_over(strongest, row);
        if ((row->detail || seeing->changes[i]) && !grey_put(db, row))
            return false;
    }
    strongest->detail = true;
    return grey_put(db, strongest);
}

static bool all_settled(const struct seeing *seeing, const struct grey_record *seen,
                        const struct grey_rule *rule)
{
    for (size_t i = 0; i < seeing->count; i++) {
        if (!seeing->stored[i] || !grey_settled(&seeing->row[i].record, seen, rule))
            return false;
    }
    return true;
}

bool grey_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    const struct grey_rule *rule = &question->grey.rule;
    struct seeing seeing = {0};
    if (!table_hash(db) || !look(db, &question->grey, &seeing))
        return false;
    if (seeing.count == 0) {
        out->answer.status = STORE_NONE;
        return true;
    }
    struct grey_record record = {0};
    for (size_t i = 0; i < seeing.count; i++) {
        if (seeing.stored[i])
            record = *grey_better(&record, &seeing.row[i].record, rule, question->now);
    }
    out->answer.state = grey_see(&record, rule, question->now, &out->answer.wait);
    return all_settled(&seeing, &record, rule) || store(db, &seeing, &record);
}
