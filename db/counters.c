/* SPDX-License-Identifier: ISC */
/*
 * counters: numbers that outlive the process; a handful, of names that are ours.
 */
#include "db/table_int.h"

#define ADD                                                                                        \
    "INSERT INTO counter (name, value) VALUES (?1, ?2) "                                           \
    "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
#define PAGE "SELECT number, name, value FROM counter WHERE number > ?1 ORDER BY number"

bool counter_add_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    for (size_t i = 0; i < question->put.count; i++) {
        const struct counter_item *item = &question->put.counter[i];
        sqlite3_stmt *s = db_statement(db, STATEMENT_COUNTER_ADD, ADD);
        if (s == NULL)
            return false;
        table_bind(s, 1, item->name, STORE_TEXT_MOST);
        sqlite3_bind_int64(s, 2, item->value);
        if (!table_run(db, s))
            return false;
    }
    out->answer.count = question->put.count;
    return true;
}

bool counter_page_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    unsigned most = table_most(question);
    struct counter_item *items = table_room(out, most, sizeof *items);
    out->answer.counter = items;
    sqlite3_stmt *s = db_statement(db, STATEMENT_COUNTER_PAGE, PAGE);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(question->page.cursor & INT64_MAX));
    int is = 1;
    while (out->answer.count < most && (is = db_step(db, s)) > 0) {
        out->answer.next = (uint64_t)sqlite3_column_int64(s, 0);
        items[out->answer.count++] =
            (struct counter_item){.name = db_answer_text(out, sqlite3_column_text(s, 1)),
                                  .value = sqlite3_column_int64(s, 2)};
    }
    sqlite3_reset(s);
    if (is == 0)
        out->answer.next = 0;
    return is >= 0;
}
