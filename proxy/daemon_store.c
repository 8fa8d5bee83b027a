/* SPDX-License-Identifier: ISC */
/*
 * daemon_store: the store's life in the daemon.
 *
 * Promises: the daemon starts whatever state the database is in; what was not read at the start,
 * since the store was down, is read as soon as it is back, and again after each time it was down,
 * since the file may be another one. Entries in memory stay in force: what is read is added, and
 * what the file does not have is written into it again (list_restore).
 * Counters go to the store as differences, and stay ours until it has confirmed them.
 * Limits: an entry taken out of a database file by hand stays in force, and comes back into the
 * file after a time in which the store was down.
 */
#include "proxy/daemon_store.h"

#include "db/sqlite_store.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/known.h"
#include "policy/list_table.h"
#include "policy/pseudonym_keys.h"
#include "policy/state.h"
#include "proxy/counters.h"
#include "proxy/list_restore.h"
#include "proxy/options_store.h"

#include <stdlib.h>

#define LOOK_MS   1000
#define SAVE_MS   10000
#define WAIT_MS   60000
#define PAGE_MOST STORE_PAGE_MOST
#define TURNS     4 /* at the end: the answer, and the refusal of what is asked upon it */

enum reading {
    READING_NOTHING, /* all is read, or the store was down */
    READING_ENTRIES,
    READING_IDENTITIES,
};

struct daemon_store {
    struct loop *loop;
    struct server *server;
    struct store *store;
    struct timer *look; /* at the store's state, and for what has expired */
    struct timer *wait; /* daemon_store_load's */
    struct store_request *page, *save;
    struct list_restore *restore;
    enum reading reading;
    uint64_t entries;   /* read */
    uint64_t cursor;    /* of the page that is asked for */
    uint64_t removals;  /* of the table then */
    bool read;          /* all of it... */
    uint64_t recovered; /* ...since it was well again so many times */
    bool waiting;       /* daemon_store_load runs the loop */
    uint64_t items;
    uint64_t began;
    uint64_t saved;           /* when counters were last told, monotonic ms */
    uint64_t count[COUNTERS]; /* what was told */
};

static int64_t wall(const struct daemon_store *d)
{
    return d->server->policy->wall();
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static void on_page(const struct store_answer *answer, void *arg);

static void ask_page(struct daemon_store *d, uint64_t cursor)
{
    d->cursor = cursor;
    d->removals = list_table_removals(d->server->policy->lists);
    const struct store_question question = {
        .op = d->reading == READING_ENTRIES ? STORE_ENTRY_PAGE : STORE_IDENTITY_PAGE,
        .now = wall(d),
        .page = {.cursor = cursor, .most = PAGE_MOST},
        .entry = {.list = -1, .kind = -1},
    };
    d->page = store_ask(d->store, d->loop, &question, on_page, d);
}

static void read_all(struct daemon_store *d)
{
    struct store_state state;
    store_state(d->store, &state);
    d->recovered = state.recovered;
    d->reading = READING_ENTRIES;
    d->items = 0;
    d->entries = 0;
    d->began = loop_now(d->loop);
    ask_page(d, 0);
}

static void end_reading(struct daemon_store *d, bool whole)
{
    d->reading = READING_NOTHING;
    d->read = whole;
    if (whole && d->items > 0) {
        struct log_line line;
        log_begin(&line, LOG_LEVEL_INFO, NULL, "store-read");
        log_num(&line, "items", (long long)d->items);
        log_num(&line, "ms", (long long)(loop_now(d->loop) - d->began));
        log_end(&line);
    }
    if (d->waiting)
        loop_stop(d->loop);
    /* The table has all that was read, so where it has more the database has lost some. */
    if (whole && list_table_live(d->server->policy->lists) > d->entries)
        list_restore_start(d->restore);
}

static void take_page(struct daemon_store *d, const struct store_answer *answer)
{
    if (d->reading == READING_ENTRIES) {
        list_table_put_all(d->server->policy->lists, answer->entry, (size_t)answer->count);
        d->entries += answer->count;
    } else {
        known_load(d->server->policy->known, answer->identity, (size_t)answer->count);
    }
}

/* Somebody took entries out while these were on their way: they may be among them. */
static bool is_stale(const struct daemon_store *d)
{
    return d->reading == READING_ENTRIES &&
           d->removals != list_table_removals(d->server->policy->lists);
}

static void on_page(const struct store_answer *answer, void *arg)
{
    struct daemon_store *d = arg;
    d->page = NULL;
    if (answer->status == STORE_DOWN) {
        end_reading(d, false);
        return;
    }
    if (is_stale(d)) {
        ask_page(d, d->cursor);
        return;
    }
    if (answer->status == STORE_OK) {
        take_page(d, answer);
        d->items += answer->count;
    }
    if (answer->next != 0) {
        ask_page(d, answer->next);
    } else if (d->reading == READING_ENTRIES) {
        d->reading = READING_IDENTITIES;
        ask_page(d, 0);
    } else {
        end_reading(d, true);
    }
}

static void on_wait(void *arg)
{
    struct daemon_store *d = arg;
    log_event(LOG_LEVEL_WARNING, NULL, "store-slow",
              "list entries are still being read; connections are taken all the same");
    loop_stop(d->loop);
}

void daemon_store_load(struct daemon_store *d)
{
    d->waiting = true;
    d->wait = timer_new(d->loop, on_wait, d);
    timer_set(d->wait, WAIT_MS);
    read_all(d);
    loop_run(d->loop);
    timer_free(d->wait);
    d->wait = NULL;
    d->waiting = false;
}

/* ---- counters ----------------------------------------------------------------------------------
 */

static void on_saved(const struct store_answer *answer, void *arg)
{
    struct daemon_store *d = arg;
    d->save = NULL;
    if (answer->status == STORE_OK)
        counters_saved(d->server->counters, d->count);
}

/* The counters that have changed, as a question's; returns how many. */
static size_t changed(struct daemon_store *d, struct counter_item item[static COUNTERS])
{
    size_t count = 0;
    counters_unsaved(d->server->counters, d->count);
    for (size_t i = 0; i < COUNTERS; i++)
        if (d->count[i] != 0)
            item[count++] = (struct counter_item){.name = counter_row((enum counter)i)->name,
                                                  .value = (int64_t)d->count[i]};
    return count;
}

static void save(struct daemon_store *d, bool last)
{
    struct counter_item item[COUNTERS];
    const size_t count = changed(d, item);
    const struct store_question question = {
        .op = STORE_COUNTER_ADD, .now = wall(d), .put = {.count = count, .counter = item}};
    d->saved = loop_now(d->loop);
    if (count == 0)
        return;
    if (last)
        store_tell(d->store, &question);
    else
        d->save = store_ask(d->store, d->loop, &question, on_saved, d);
}

/* ---- pseudonyms --------------------------------------------------------------------------------
 */

static void turn_pseudonyms(const struct daemon_store *d)
{
    char *why;
    if (!pseudonym_keys_turn(d->server->policy->pseudonyms, wall(d), &why) && why != NULL)
        log_event(LOG_LEVEL_ERROR, NULL, "pseudonyms", "%s", why);
    free(why);
}

static void configure_pseudonyms(const struct daemon_store *d, const struct config *config)
{
    struct pseudonym_rule rule;
    options_pseudonyms(config, &rule);
    pseudonym_keys_configure(d->server->policy->pseudonyms, &rule, wall(d));
    turn_pseudonyms(d);
}

static void open_pseudonyms(const struct daemon_store *d, const struct config *config)
{
    char *why;
    if (!pseudonym_keys_open(d->server->policy->pseudonyms, config->state_dir, &why))
        log_event(LOG_LEVEL_ERROR, NULL, "pseudonyms", "%s", why);
    free(why);
    configure_pseudonyms(d, config);
}

/* ---- now and then -------------------------------------------------------------------------------
 */

static void on_look(void *arg)
{
    struct daemon_store *d = arg;
    struct store_state state;
    timer_set(d->look, LOOK_MS);
    turn_pseudonyms(d);
    if (!list_restore_busy(d->restore))
        list_table_sweep(d->server->policy->lists, wall(d));
    store_state(d->store, &state);
    if (state.degraded)
        return;
    if ((!d->read || state.recovered != d->recovered) && d->reading == READING_NOTHING)
        read_all(d);
    if (d->save == NULL && loop_now(d->loop) - d->saved >= SAVE_MS)
        save(d, false);
}

struct daemon_store *daemon_store_new(struct loop *loop, struct server *server,
                                      const struct config *config, char **why)
{
    struct sqlite_store_config wanted;
    options_store(config, &wanted);
    wanted.clock = server->policy->wall;
    struct store *store = sqlite_store_new(&wanted, why);
    if (store == NULL)
        return NULL;
    struct daemon_store *d = mem_alloc(sizeof *d);
    d->loop = loop;
    d->server = server;
    d->store = store;
    d->saved = loop_now(loop);
    d->look = timer_new(loop, on_look, d);
    timer_set(d->look, LOOK_MS);
    server->policy->store = store;
    d->restore = list_restore_new(loop, store, server->policy->lists, server->policy->wall);
    open_pseudonyms(d, config);
    return d;
}

void daemon_store_configure(struct daemon_store *d, const struct config *config)
{
    struct sqlite_store_config wanted;
    options_store(config, &wanted);
    sqlite_store_configure(d->store, &wanted);
    configure_pseudonyms(d, config);
}

void daemon_store_free(struct daemon_store *d)
{
    if (d == NULL)
        return;
    timer_free(d->look);
    store_cancel(d->page);
    list_restore_free(d->restore);
    /* One that is on its way is likely carried out; what was counted since goes with the last. */
    if (d->save != NULL)
        counters_saved(d->server->counters, d->count);
    store_cancel(d->save);
    save(d, true);
    d->server->policy->store = NULL;
    sqlite_store_stop(d->store);
    for (int turn = 0; turn < TURNS; turn++)
        loop_poll(d->loop);
    sqlite_store_free(d->store);
    free(d);
}
