/* SPDX-License-Identifier: ISC */
/*
 * entries: the lists as they are stored; in force is what policy/list_table.h has in memory.
 *
 * Promises: one entry of a list, kind, key and origin. Putting it again replaces what it says and
 * keeps when it was made, unless it had expired. Entries of files are never stored.
 */
#include "db/table_int.h"

#define INSERT                                                                                     \
    "INSERT INTO entry (list, kind, origin, action, unproven, created, expires, key, reason, "     \
    "author) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "                                    \
    "ON CONFLICT (key, kind, list, origin) DO UPDATE SET "
#define PUT                                                                                        \
    INSERT                                                                                         \
    "action = excluded.action, unproven = excluded.unproven, reason = excluded.reason, "           \
    "author = excluded.author, expires = excluded.expires, "                                       \
    "created = iif(expires > 0 AND expires <= ?11, excluded.created, created)"
/* Only over what has expired. */
#define PUT_NEW                                                                                    \
    INSERT                                                                                         \
    "action = excluded.action, unproven = excluded.unproven, reason = excluded.reason, "           \
    "author = excluded.author, expires = excluded.expires, created = excluded.created "            \
    "WHERE expires > 0 AND expires <= ?11"
#define DELETE "DELETE FROM entry WHERE key = ?1 AND kind = ?2 AND list = ?3"
#define COLUMNS                                                                                    \
    "SELECT number, list, kind, origin, action, unproven, created, expires, key, reason, author "  \
    "FROM entry WHERE number > ?1 "
#define PAGE     COLUMNS "ORDER BY number"
#define PAGE_KEY COLUMNS "AND key = ?2 ORDER BY number"
#define EXPIRE                                                                                     \
    "DELETE FROM entry WHERE number IN (SELECT number FROM entry "                                 \
    "WHERE expires > 0 AND expires <= ?1 ORDER BY expires LIMIT ?2)"

#define TEXT_MOST STORE_TEXT_MOST

static bool put(struct db *db, const struct entry *entry, bool keep, int64_t now)
{
    sqlite3_stmt *s = keep ? db_statement(db, STATEMENT_ENTRY_PUT_NEW, PUT_NEW)
                           : db_statement(db, STATEMENT_ENTRY_PUT, PUT);
    if (s == NULL)
        return false;
    sqlite3_bind_int(s, 1, (int)entry->list);
    sqlite3_bind_int(s, 2, (int)entry->kind);
    sqlite3_bind_int(s, 3, (int)entry->origin);
    sqlite3_bind_int(s, 4, (int)entry->action);
    sqlite3_bind_int(s, 5, entry->unproven);
    sqlite3_bind_int64(s, 6, entry->created);
    sqlite3_bind_int64(s, 7, entry->expires);
    table_bind(s, 8, entry->key, TEXT_MOST);
    table_bind(s, 9, entry->reason, TEXT_MOST);
    table_bind(s, 10, entry->author, TEXT_MOST);
    sqlite3_bind_int64(s, 11, now);
    return table_run(db, s);
}

bool entry_put_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    for (size_t i = 0; i < question->put.count; i++) {
        const struct entry *entry = &question->put.entry[i];
        if (entry->origin == ENTRY_FILE)
            continue;
        if (!put(db, entry, question->put.keep, question->now))
            return false;
        out->answer.count += (uint64_t)sqlite3_changes64(db->sql);
    }
    return true;
}

bool entry_delete_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    const struct entry_filter *filter = &question->entry;
    sqlite3_stmt *s = db_statement(db, STATEMENT_ENTRY_DELETE, DELETE);
    if (s == NULL)
        return false;
    table_bind(s, 1, filter->key, TEXT_MOST);
    sqlite3_bind_int(s, 2, filter->kind);
    sqlite3_bind_int(s, 3, filter->list);
    if (!table_run(db, s))
        return false;
    out->answer.count = (uint64_t)sqlite3_changes64(db->sql);
    out->answer.status = out->answer.count > 0 ? STORE_OK : STORE_NONE;
    return true;
}

/* False: of no list, kind, origin or action that we know. */
static bool read_kinds(sqlite3_stmt *s, struct entry *entry)
{
    int list = sqlite3_column_int(s, 1), kind = sqlite3_column_int(s, 2);
    int origin = sqlite3_column_int(s, 3), action = sqlite3_column_int(s, 4);
    *entry = (struct entry){.list = (enum entry_list)list,
                            .kind = (enum entry_kind)kind,
                            .origin = (enum entry_origin)origin,
                            .action = (enum entry_action)action};
    return list >= 0 && list <= ENTRY_TRAP && kind >= 0 && kind < ENTRY_KINDS && origin >= 0 &&
           origin < ENTRY_FILE && action >= 0 && action <= ENTRY_DEFER;
}

static bool wanted(const struct entry *entry, const struct store_question *question)
{
    const struct entry_filter *filter = &question->entry;
    return (filter->list < 0 || (int)entry->list == filter->list) &&
           (filter->kind < 0 || (int)entry->kind == filter->kind) &&
           (entry->expires == 0 || entry->expires > question->now);
}

static void read_row(sqlite3_stmt *s, const struct store_question *question, struct db_answer *out,
                     struct entry *items)
{
    struct entry entry;
    bool known = read_kinds(s, &entry);
    entry.unproven = sqlite3_column_int(s, 5) != 0;
    entry.created = sqlite3_column_int64(s, 6);
    entry.expires = sqlite3_column_int64(s, 7);
    if (!known || !wanted(&entry, question))
        return;
    entry.key = db_answer_text(out, sqlite3_column_text(s, 8));
    entry.reason = db_answer_text(out, sqlite3_column_text(s, 9));
    entry.author = db_answer_text(out, sqlite3_column_text(s, 10));
    items[out->answer.count++] = entry;
}

static sqlite3_stmt *page_statement(struct db *db, const struct store_question *question)
{
    const char *key = question->entry.key;
    sqlite3_stmt *s = key != NULL ? db_statement(db, STATEMENT_ENTRY_PAGE_KEY, PAGE_KEY)
                                  : db_statement(db, STATEMENT_ENTRY_PAGE, PAGE);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)(question->page.cursor & INT64_MAX));
    if (key != NULL)
        table_bind(s, 2, key, TEXT_MOST);
    return s;
}

bool entry_page_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    unsigned most = table_most(question);
    struct entry *items = table_room(out, most, sizeof *items);
    out->answer.entry = items;
    sqlite3_stmt *s = page_statement(db, question);
    int is = s != NULL ? 1 : -1;
    for (unsigned looked = 0; is > 0 && out->answer.count < most && looked < TABLE_LOOKED_MOST;
         looked++) {
        is = db_step(db, s);
        if (is <= 0)
            break;
        out->answer.next = (uint64_t)sqlite3_column_int64(s, 0);
        read_row(s, question, out, items);
    }
    sqlite3_reset(s);
    if (is == 0)
        out->answer.next = 0;
    return is >= 0;
}

bool entry_expire(struct db *db, int64_t now, unsigned most)
{
    sqlite3_stmt *s = db_statement(db, STATEMENT_ENTRY_EXPIRE, EXPIRE);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, now);
    sqlite3_bind_int64(s, 2, most);
    return table_run(db, s);
}
