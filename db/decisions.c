/* SPDX-License-Identifier: ISC */
/*
 * decisions: the records of verdicts, newest first.
 *
 * A search by client or address has no index; it walks back in time, TABLE_LOOKED_MOST rows at
 * once. Times need not rise with the numbers, for clocks are set and threads overtake each other,
 * by little: a search since a time ends at a row a day older than that.
 *
 * Promises: never more rows than `decisions_most` once expiry has been at work, counted by numbers,
 * so that forgotten ones count too until they would have been the oldest. A row whose number no
 * counting reaches (damage) is swept, or numbers would soon come to their end.
 */
#include "db/table_int.h"

#include "lib/str.h"

#include <ctype.h>
#include <string.h>

#define PUT                                                                                        \
    "INSERT INTO decision (time_ms, proven, id, client, sender, recipient, verdict, record) "      \
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
#define COLUMNS                                                                                    \
    "SELECT number, time_ms, proven, id, client, sender, recipient, verdict, record "              \
    "FROM decision WHERE "
#define PAGE    COLUMNS "number < ?1 AND number > 0 ORDER BY number DESC"
#define PAGE_ID COLUMNS "number < ?1 AND number > 0 AND id = ?2 ORDER BY number DESC"
#define SCAN    COLUMNS "number > ?1 ORDER BY number"
#define DELETE  "DELETE FROM decision WHERE number = ?1"
#define EXPIRE                                                                                     \
    "DELETE FROM decision WHERE number IN (SELECT number FROM decision WHERE time_ms <= ?1 "       \
    "ORDER BY time_ms LIMIT ?2)"
#define RESET                                                                                      \
    "UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(number), 0) FROM decision) "            \
    "WHERE name = 'decision'"
#define STRAY "DELETE FROM decision WHERE number <= 0 OR number > ?1"
#define EXCESS                                                                                     \
    "DELETE FROM decision WHERE number IN (SELECT number FROM decision WHERE number <= "           \
    "(SELECT max(number) FROM decision) - ?1 ORDER BY number LIMIT ?2)"

enum column { NUMBER, TIME, PROVEN, ID, CLIENT, SENDER, RECIPIENT, VERDICT, RECORD };

#define NUMBER_MOST      ((int64_t)1 << 62)
#define DAY_MS           ((int64_t)24 * 3600 * 1000)
#define FORGET_LOOK_MOST 4000 /* their records are read through */

static bool put(struct db *db, const struct decision_item *item)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_DECISION_PUT, PUT);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, item->time_ms);
    sqlite3_bind_int(s, 2, item->proven);
    table_bind(s, 3, item->id, STORE_TEXT_MOST);
    table_bind(s, 4, item->client, STORE_TEXT_MOST);
    table_bind(s, 5, item->sender, STORE_TEXT_MOST);
    table_bind(s, 6, item->recipient, STORE_TEXT_MOST);
    table_bind(s, 7, item->verdict, STORE_TEXT_MOST);
    table_bind(s, 8, item->record, STORE_RECORD_MOST);
    return table_run(db, s);
}

bool decision_put_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    for (size_t i = 0; i < question->put.count; i++) {
        if (!put(db, &question->put.decision[i]))
            return false;
    }
    out->answer.count = question->put.count;
    return true;
}

static bool is_text(sqlite3_stmt *s, int column, const char *wanted)
{
    if (wanted == NULL)
        return true;
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text != NULL && str_case_eq(text, strlen(text), wanted);
}

static bool wanted(sqlite3_stmt *s, const struct decision_filter *filter)
{
    return (filter->since_ms <= 0 || sqlite3_column_int64(s, TIME) >= filter->since_ms) &&
           is_text(s, ID, filter->id) && is_text(s, CLIENT, filter->client) &&
           is_text(s, SENDER, filter->sender) && is_text(s, RECIPIENT, filter->recipient);
}

static void add(sqlite3_stmt *s, struct db_answer *out, struct decision_item *item)
{
    *item = (struct decision_item){
        .number = sqlite3_column_int64(s, NUMBER),
        .time_ms = sqlite3_column_int64(s, TIME),
        .proven = sqlite3_column_int(s, PROVEN) != 0,
        .id = db_answer_text(out, sqlite3_column_text(s, ID)),
        .client = db_answer_text(out, sqlite3_column_text(s, CLIENT)),
        .sender = db_answer_text(out, sqlite3_column_text(s, SENDER)),
        .recipient = db_answer_text(out, sqlite3_column_text(s, RECIPIENT)),
        .verdict = db_answer_text(out, sqlite3_column_text(s, VERDICT)),
        .record = db_answer_text(out, sqlite3_column_text(s, RECORD)),
    };
}

static sqlite3_stmt *page_statement(struct db *db, const struct store_question *question)
{
    const char *id = question->decision.id;
    sqlite3_stmt *s = id != NULL ? db_statement(db, STATEMENT_DECISION_PAGE_ID, PAGE_ID)
                                 : db_statement(db, STATEMENT_DECISION_PAGE, PAGE);
    if (s == NULL)
        return NULL;
    uint64_t cursor = question->page.cursor;
    sqlite3_bind_int64(s, 1, cursor == 0 ? INT64_MAX : (sqlite3_int64)(cursor & INT64_MAX));
    if (id != NULL)
        table_bind(s, 2, id, STORE_TEXT_MOST);
    return s;
}

bool decision_page_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    const struct decision_filter *filter = &question->decision;
    const int64_t since = filter->since_ms > 0 ? filter->since_ms : 0;
    unsigned most = table_most(question);
    struct decision_item *items = table_room(out, most, sizeof *items);
    out->answer.decision = items;
    sqlite3_stmt *s = page_statement(db, question);
    int is = s != NULL ? 1 : -1;
    for (unsigned looked = 0; is > 0 && out->answer.count < most && looked < TABLE_LOOKED_MOST;
         looked++) {
        is = db_step(db, s);
        if (is > 0 && since > 0 && sqlite3_column_int64(s, TIME) < since - DAY_MS)
            is = 0;
        if (is <= 0)
            break;
        out->answer.next = (uint64_t)sqlite3_column_int64(s, NUMBER);
        if (wanted(s, filter))
            add(s, out, &items[out->answer.count++]);
    }
    sqlite3_reset(s);
    if (is == 0)
        out->answer.next = 0;
    return is >= 0;
}

static bool is_of_address(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("._%+-@:", c) != NULL);
}

/* As a word: not as the end or the beginning of another address. */
static bool mentions(const char *text, const char *address)
{
    size_t len = strlen(address);
    for (const char *at = text; (at = strcasestr(at, address)) != NULL; at++) {
        bool ends =
            !is_of_address(at[len]) || (at[len] == '.' && !isalnum((unsigned char)at[len + 1]));
        if (ends && (at == text || !is_of_address(at[-1])))
            return true;
    }
    return false;
}

static bool is_about(sqlite3_stmt *s, const char *address)
{
    if (is_text(s, CLIENT, address) || is_text(s, SENDER, address) ||
        is_text(s, RECIPIENT, address))
        return true;
    const char *record = (const char *)sqlite3_column_text(s, RECORD);
    return record != NULL && mentions(record, address);
}

static bool delete_number(struct db *db, sqlite3_int64 number)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_DECISION_DELETE, DELETE);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, number);
    return table_run(db, s);
}

bool decision_forget(struct db *db, const char *address, unsigned most, uint64_t *cursor,
                     uint64_t *count)
{
    sqlite3_int64 number[STORE_PAGE_MOST];
    unsigned found = 0;
    sqlite3_stmt *s = db_statement(db, STATEMENT_DECISION_SCAN, SCAN);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)*cursor);
    int is = 1;
    for (unsigned looked = 0; found < most && looked < FORGET_LOOK_MOST; looked++) {
        is = db_step(db, s);
        if (is <= 0)
            break;
        *cursor = (uint64_t)sqlite3_column_int64(s, NUMBER);
        if (is_about(s, address))
            number[found++] = sqlite3_column_int64(s, NUMBER);
    }
    sqlite3_reset(s);
    if (is == 0)
        *cursor = 0;
    for (unsigned i = 0; is >= 0 && i < found; i++) {
        if (!delete_number(db, number[i]))
            return false;
    }
    *count += found;
    return is >= 0;
}

static bool expire(struct db *db, int statement, const char *sql, int64_t limit, unsigned most)
{
    sqlite3_stmt *s = db_statement(db, statement, sql);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, limit);
    sqlite3_bind_int64(s, 2, most);
    return table_run(db, s);
}

static bool sweep_strays(struct db *db)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_DECISION_STRAY, STRAY);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, NUMBER_MOST);
    if (!table_run(db, s))
        return false;
    return sqlite3_changes64(db->sql) == 0 || db_exec(db, RESET);
}

bool decision_expire(struct db *db, const struct expiry *expiry, int64_t now, unsigned most)
{
    uint64_t rows = expiry->decisions_most < INT64_MAX ? expiry->decisions_most : INT64_MAX;
    return sweep_strays(db) &&
           expire(db, STATEMENT_DECISION_EXPIRE, EXPIRE,
                  (now - (int64_t)expiry->decision_lifetime) * 1000, most) &&
           expire(db, STATEMENT_DECISION_EXCESS, EXCESS, (int64_t)rows, most);
}
