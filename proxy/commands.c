/* SPDX-License-Identifier: ISC */
/*
 * commands: how the daemon is, what it has counted, and what it is told to do.
 *
 * Promises: whatever the store does, status answers at once; a reload is answered when it is in
 * force or has failed; a backup that was begun is finished though nobody waits for it.
 */
#include "proxy/commands.h"

#include "db/store.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_table.h"
#include "policy/state.h"
#include "proxy/counters.h"
#include "proxy/setup.h"
#include "proxy/tail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static json_t *time_text(int64_t when)
{
    char text[32];
    struct tm tm;
    const time_t seconds = (time_t)when;
    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%FT%TZ", &tm) == 0)
        return json_null();
    return json_string(text);
}

static const struct config *config_of(const struct commands *c)
{
    return c->setup(c->daemon)->config;
}

/* ---- status ------------------------------------------------------------------------------------
 */

static json_t *store_object(struct store *store)
{
    struct store_state state = {0};
    if (store == NULL)
        return json_pack("{s:s, s:n}", "state", "off", "why");
    store_state(store, &state);
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:I}", "state",
                     state.degraded ? "degraded" : "good", "why",
                     state.degraded ? command_string(state.why) : json_null(), "since",
                     state.degraded ? time_text(state.since) : json_null(), "waiting",
                     (json_int_t)state.waiting, "dropped", (json_int_t)state.dropped, "size",
                     (json_int_t)state.size, "corrupted", (json_int_t)state.corrupted);
}

static json_t *lists_object(struct list_table *lists)
{
    size_t count[3] = {0};
    list_table_count(lists, count);
    return json_pack("{s:I, s:I, s:I}", "allow", (json_int_t)count[ENTRY_ALLOW], "deny",
                     (json_int_t)count[ENTRY_DENY], "trap", (json_int_t)count[ENTRY_TRAP]);
}

static const char *health_state(const struct health *health, uint64_t now)
{
    struct capability offer;
    if (health == NULL)
        return "unknown";
    if (!health_usable(health, now))
        return "resting";
    return health_offer(health, &offer) ? "good" : "unknown";
}

static json_t *backends_array(const struct commands *c)
{
    const struct setup *setup = c->setup(c->daemon);
    json_t *array = json_array();
    for (size_t b = 0; b < setup->config->backend_count; b++) {
        const struct backend_config *backend = &setup->config->backend[b];
        for (size_t a = 0; a < backend->address_count; a++) {
            char text[ADDR_TEXT_MAX];
            json_array_append_new(
                array, json_pack("{s:o, s:s, s:s}", "backend", command_string(backend->name),
                                 "address", addr_text(&backend->address[a], text), "state",
                                 health_state(setup->health[b][a], loop_now(c->loop))));
        }
    }
    return array;
}

static void run_status(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    const struct config *config = config_of(c);
    struct server *server = c->server;
    json_t *result = json_pack("{s:s, s:i, s:o, s:I, s:s, s:o, s:s}", "version", c->version, "pid",
                               (int)getpid(), "started", time_text(c->started), "uptime",
                               (json_int_t)((loop_now(c->loop) - c->started_ms) / 1000), "state",
                               c->draining(c->daemon) ? "stopping" : "running", "config",
                               command_string(config->path), "mode",
                               config->mode == GATE_OBSERVE ? "observe" : "enforce");
    json_object_set_new(result, "workers", json_integer((json_int_t)c->workers));
    json_object_set_new(result, "sessions",
                        json_integer((json_int_t)atomic_load(&server->sessions)));
    json_object_set_new(result, "sessions-most",
                        json_integer((json_int_t)atomic_load(&server->sessions_most)));
    json_object_set_new(result, "tarpit",
                        json_integer((json_int_t)atomic_load(&server->tarpit.taken)));
    json_object_set_new(result, "listening",
                        json_integer((json_int_t)tail_listeners(server->tail)));
    json_object_set_new(result, "store", store_object(server->policy->store));
    json_object_set_new(result, "lists", lists_object(server->policy->lists));
    json_object_set_new(result, "backends", backends_array(c));
    command_done(call, result);
}

/* ---- stats -------------------------------------------------------------------------------------
 */

struct stats {
    struct command_call *call;
    const struct commands *commands;
    struct store_request *request;
    uint64_t count[COUNTERS]; /* since the start */
    uint64_t unsaved[COUNTERS];
};

static json_t *counts_object(const uint64_t count[static COUNTERS])
{
    json_t *object = json_object();
    for (size_t i = 0; i < COUNTERS; i++)
        json_object_set_new(object, counter_row((enum counter)i)->name,
                            json_integer((json_int_t)count[i]));
    return object;
}

static void stats_answer(struct stats *stats, json_t *all)
{
    struct command_call *call = stats->call;
    json_t *result = json_pack("{s:o, s:o, s:o}", "started", time_text(stats->commands->started),
                               "since-start", counts_object(stats->count), "in-all", all);
    free(stats);
    command_on_gone(call, NULL, NULL);
    command_done(call, result);
}

static void on_counters(const struct store_answer *answer, void *arg);

static void ask_counters(struct stats *stats, uint64_t cursor)
{
    const struct commands *c = stats->commands;
    const struct store_question question = {.op = STORE_COUNTER_PAGE,
                                            .now = c->server->policy->wall(),
                                            .page = {.cursor = cursor, .most = STORE_PAGE_MOST}};
    stats->request = store_ask(c->server->policy->store, c->loop, &question, on_counters, stats);
}

/* What the store has is of names; what is there under a name that we no longer have is left out. */
static void on_counters(const struct store_answer *answer, void *arg)
{
    struct stats *stats = arg;
    if (answer->status == STORE_DOWN) {
        stats_answer(stats, json_null());
        return;
    }
    for (size_t i = 0; i < COUNTERS; i++) {
        const char *name = counter_row((enum counter)i)->name;
        for (uint64_t k = 0; answer->status == STORE_OK && k < answer->count; k++)
            if (strcmp(answer->counter[k].name, name) == 0)
                stats->unsaved[i] += (uint64_t)answer->counter[k].value;
    }
    if (answer->next != 0)
        ask_counters(stats, answer->next);
    else
        stats_answer(stats, counts_object(stats->unsaved));
}

static void stats_gone(void *arg)
{
    struct stats *stats = arg;
    store_cancel(stats->request);
    free(stats);
}

static void run_stats(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    struct stats *stats = mem_alloc(sizeof *stats);
    stats->call = call;
    stats->commands = c;
    counters_read(c->server->counters, stats->count);
    counters_unsaved(c->server->counters, stats->unsaved);
    if (c->server->policy->store == NULL) {
        stats_answer(stats, json_null());
        return;
    }
    command_on_gone(call, stats_gone, stats);
    ask_counters(stats, 0);
}

/* ---- tail --------------------------------------------------------------------------------------
 */

static void run_tail(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    tail_listen(c->server->tail, c->loop, call);
}

/* ---- what changes something ---------------------------------------------------------------------
 */

static void run_reload(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    char *why = NULL;
    if (c->reload(c->daemon, &why)) {
        command_done(call, NULL);
        return;
    }
    size_t len = why != NULL ? strlen(why) : 0;
    while (len > 0 && why[len - 1] == '\n')
        why[--len] = '\0';
    command_fail(call, false, "the old configuration stays in force: %s", why != NULL ? why : "");
    free(why);
}

static void run_drain(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    c->drain(c->daemon);
    command_done(call, NULL);
}

struct backup {
    struct command_call *call;
    char *file;
};

static void on_backup(const struct store_answer *answer, void *arg)
{
    struct backup *backup = arg;
    struct stat status;
    if (answer->status != STORE_OK) {
        command_fail(backup->call, false, "no backup was made: %s",
                     answer->why != NULL ? answer->why : "the store cannot");
    } else {
        const bool there = stat(backup->file, &status) == 0;
        command_done(backup->call,
                     json_pack("{s:o, s:o}", "file", command_string(backup->file), "size",
                               there ? json_integer((json_int_t)status.st_size) : json_null()));
    }
    free(backup->file);
    free(backup);
}

static void run_backup(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    const char *file = command_need(call, "file");
    if (file == NULL)
        return;
    if (file[0] != '/') {
        command_fail(call, true, "file: \"%s\" does not begin with /; give a whole path", file);
        return;
    }
    if (c->server->policy->store == NULL) {
        command_fail(call, false, "there is no store");
        return;
    }
    struct backup *backup = mem_alloc(sizeof *backup);
    backup->call = call;
    backup->file = mem_strdup(file);
    const struct store_question question = {
        .op = STORE_BACKUP, .now = c->server->policy->wall(), .text = file};
    (void)store_ask(c->server->policy->store, c->loop, &question, on_backup, backup);
}

const struct command commands_rows[] = {
    {"status", "", "how the daemon is", COMMAND_READ, run_status},
    {"stats", "", "what was counted", COMMAND_READ, run_stats},
    {"tail", "", "verdicts as they fall, without end", COMMAND_READ, run_tail},
    {"reload", "", "read the configuration again", COMMAND_ADMIN, run_reload},
    {"drain", "", "let transactions end, then stop", COMMAND_ADMIN, run_drain},
    {"backup", "file", "copy the database while it is in use", COMMAND_ADMIN, run_backup},
    {0},
};
