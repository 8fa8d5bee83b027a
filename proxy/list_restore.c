/* SPDX-License-Identifier: ISC */
/*
 * list_restore: list entries from memory back into the store.
 *
 * Promises: what the store has stays as it is there, with its reason and its author; what it lacks
 * is written, safe on disk. An entry that somebody takes out meanwhile does not come back.
 * Limits: the reason, the author and the time of an entry were in the lost database only; those of
 * an entry put back say so.
 */
#include "proxy/list_restore.h"

#include "db/store.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_table.h"

#include <stdlib.h>

#define RETRY_MS 1000

struct list_restore {
    struct loop *loop;
    struct store *store;
    struct list_table *table;
    int64_t (*wall)(void);
    struct timer *retry;
    struct store_request *request;
    struct list_cursor cursor;
    struct list_page *page; /* what is asked for at present; NULL: not busy */
    uint64_t removals;      /* of the table when the page was taken */
    uint64_t items;         /* put back so far */
};

static void go_on(struct list_restore *restore);

static void end(struct list_restore *restore)
{
    free(restore->page);
    restore->page = NULL;
    if (restore->items == 0)
        return;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, NULL, "lists-restored");
    log_num(&line, "items", (long long)restore->items);
    log_str(&line, "text", "entries that the database did not have any more are in it again");
    log_end(&line);
}

/* The writer carries out questions in their order: whatever was taken out of the store before our
 * page came in is out of the table by now, and must go again. */
static void take_back(const struct list_restore *restore)
{
    for (size_t i = 0; i < restore->page->count; i++) {
        const struct entry *entry = &restore->page->entry[i];
        if (list_table_holds(restore->table, entry))
            continue;
        const struct store_question question = {
            .op = STORE_ENTRY_DELETE,
            .now = restore->wall(),
            .entry = {.list = (int)entry->list, .kind = (int)entry->kind, .key = entry->key},
        };
        store_tell(restore->store, &question);
    }
}

static void on_put(const struct store_answer *answer, void *arg)
{
    struct list_restore *restore = arg;
    restore->request = NULL;
    if (answer->status != STORE_OK) {
        timer_set(restore->retry, RETRY_MS);
        return;
    }
    restore->items += answer->count;
    if (list_table_removals(restore->table) != restore->removals)
        take_back(restore);
    go_on(restore);
}

static void put_page(struct list_restore *restore)
{
    struct list_page *page = restore->page;
    const int64_t now = restore->wall();
    for (size_t i = 0; i < page->count; i++) {
        page->entry[i].created = now;
        page->entry[i].author = "gatepostd";
        page->entry[i].reason = "in force when the database was lost";
    }
    const struct store_question question = {
        .op = STORE_ENTRY_PUT,
        .now = now,
        .put = {.count = page->count, .keep = true, .entry = page->entry},
    };
    restore->request = store_ask(restore->store, restore->loop, &question, on_put, restore);
}

/* The next page that is not empty; where there was nothing for a while, after others had a turn. */
static void go_on(struct list_restore *restore)
{
    if (restore->cursor.ended) {
        end(restore);
        return;
    }
    restore->removals = list_table_removals(restore->table);
    list_table_page(restore->table, &restore->cursor, restore->wall(), restore->page);
    if (restore->page->count > 0)
        put_page(restore);
    else
        timer_set(restore->retry, 0);
}

static void on_retry(void *arg)
{
    struct list_restore *restore = arg;
    if (restore->page->count > 0) /* entries that were taken out since are taken back then */
        put_page(restore);
    else
        go_on(restore);
}

struct list_restore *list_restore_new(struct loop *loop, struct store *store,
                                      struct list_table *table, int64_t (*wall)(void))
{
    struct list_restore *restore = mem_alloc(sizeof *restore);
    restore->loop = loop;
    restore->store = store;
    restore->table = table;
    restore->wall = wall;
    restore->retry = timer_new(loop, on_retry, restore);
    return restore;
}

void list_restore_free(struct list_restore *restore)
{
    if (restore == NULL)
        return;
    store_cancel(restore->request);
    timer_free(restore->retry);
    free(restore->page);
    free(restore);
}

void list_restore_start(struct list_restore *restore)
{
    store_cancel(restore->request);
    restore->request = NULL;
    timer_clear(restore->retry);
    if (restore->page == NULL)
        restore->page = mem_alloc(sizeof *restore->page);
    restore->cursor = (struct list_cursor){0};
    restore->items = 0;
    go_on(restore);
}

bool list_restore_busy(const struct list_restore *restore)
{
    return restore->page != NULL;
}
