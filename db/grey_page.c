/* SPDX-License-Identifier: ISC */
/*
 * grey_page: the greylist listed, by a scan in the order of keys.
 *
 * The cursor is the key of the last row looked at: nothing comes twice, and nothing that stays is
 * missed. There is no index but the key, for each would cost every decision more than a scan costs
 * the rare one who lists; a page looks at TABLE_LOOKED_MOST rows and then says where to go on.
 */
#include "db/grey_int.h"

#include "lib/str.h"

#include <string.h>

#define SCAN "SELECT key, at, detail FROM triplet WHERE key > ?1 ORDER BY key"

bool grey_scan_start(struct grey_scan *scan, struct db *db, uint64_t cursor)
{
    *scan = (struct grey_scan){.cursor = cursor};
    if (cursor > INT64_MAX)
        scan->cursor = INT64_MAX;
    scan->rows = db_statement(db, STATEMENT_GREY_SCAN, SCAN);
    scan->fault = scan->rows == NULL || !table_hash(db);
    if (!scan->fault)
        sqlite3_bind_int64(scan->rows, 1, (sqlite3_int64)scan->cursor);
    return !scan->fault;
}

bool grey_scan_next(struct grey_scan *scan, struct db *db, struct grey_row *row)
{
    while (scan->looked < TABLE_LOOKED_MOST) {
        int is = db_step(db, scan->rows);
        if (is <= 0) {
            scan->fault = is < 0;
            scan->cursor = 0;
            scan->looked = TABLE_LOOKED_MOST;
            return false;
        }
        scan->looked++;
        row->key = sqlite3_column_int64(scan->rows, 0);
        scan->cursor = (uint64_t)row->key;
        const void *detail = sqlite3_column_blob(scan->rows, 2);
        if (detail != NULL && grey_row_decode(row, sqlite3_column_int64(scan->rows, 1), detail,
                                              (size_t)sqlite3_column_bytes(scan->rows, 2)))
            return true;
    }
    return false;
}

bool grey_scan_stop(struct grey_scan *scan)
{
    sqlite3_reset(scan->rows); /* NULL is fine */
    return !scan->fault;
}

/* Whole, or what is behind the last '@'. */
static bool matches(const char *wanted, const char *text, size_t len)
{
    if (wanted == NULL || str_case_eq(text, len, wanted))
        return true;
    const char *at = memrchr(text, '@', len);
    return at != NULL && wanted[0] != '\0' &&
           str_case_eq(at + 1, len - (size_t)(at + 1 - text), wanted);
}

bool grey_is_of(struct db *db, const struct grey_row *row, const char *identity)
{
    if (str_case_eq(row->texts.identity, row->texts.identity_len, identity))
        return true;
    if (row->links == 0)
        return false;
    struct grey_texts texts = row->texts;
    texts.identity = identity;
    texts.identity_len = strnlen(identity, STORE_TEXT_MOST);
    return grey_row_has_link(row, (uint32_t)grey_row_key(&db->hash, &texts));
}

static bool has_ended(const struct grey_row *row, const struct grey_rule *rule, int64_t now)
{
    static const struct grey_rule none = {0};
    return memcmp(rule, &none, sizeof none) != 0 && grey_ended(&row->record, rule, now);
}

bool grey_wanted(struct db *db, const struct grey_row *row, const struct store_question *question)
{
    const struct grey_filter *filter = &question->grey_edit.filter;
    if (filter->which != GREY_ANY && row->record.white != (filter->which == GREY_WHITE_ONLY))
        return false;
    const struct grey_texts *texts = &row->texts;
    return !has_ended(row, &filter->rule, question->now) &&
           matches(filter->sender, texts->sender, texts->sender_len) &&
           matches(filter->recipient, texts->recipient, texts->recipient_len) &&
           (filter->identity == NULL || grey_is_of(db, row, filter->identity));
}

static void add(struct db_answer *out, struct grey_item *item, const struct grey_row *row,
                const struct grey_rule *rule)
{
    const struct grey_texts *texts = &row->texts;
    *item = (struct grey_item){
        .identity = db_answer_text(out, (const unsigned char *)texts->identity),
        .sender = db_answer_text(out, (const unsigned char *)texts->sender),
        .recipient = db_answer_text(out, (const unsigned char *)texts->recipient),
        .white = row->record.white,
        .first = row->record.first,
        .last = row->record.last,
        .until = grey_until(&row->record, rule),
        .count = row->record.count,
    };
}

bool grey_page_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    unsigned most = table_most(question);
    struct grey_item *items = table_room(out, most, sizeof *items);
    out->answer.grey = items;
    struct grey_scan scan;
    struct grey_row row;
    bool ok = grey_scan_start(&scan, db, question->page.cursor);
    while (ok && out->answer.count < most && grey_scan_next(&scan, db, &row)) {
        if (grey_wanted(db, &row, question))
            add(out, &items[out->answer.count++], &row, &question->grey_edit.filter.rule);
    }
    out->answer.next = scan.cursor;
    return grey_scan_stop(&scan);
}
