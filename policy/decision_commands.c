/* SPDX-License-Identifier: ISC */
/*
 * decision_commands: what administrators ask about decisions: the stored records, and that what is
 * stored of an address be forgotten. decision_trial.c tries the policy out, decision_lookup.c asks
 * the zones.
 *
 * Promises: the next page of records is asked for when the asker has taken the one before.
 */
#include "policy/decision_commands.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/decision_int.h"
#include "policy/record.h"

#include <stdlib.h>
#include <string.h>

#define MOST_USUAL 20
#define MOST_MOST  1000000
#define PAGE_MOST  100 /* records are some kilobytes each */

struct listing {
    struct command_call *call; /* its arguments live as long as this */
    const struct decision_commands *commands;
    struct store_request *request;
    struct decision_filter filter;
    char client[ADDR_TEXT_MAX];
    uint64_t cursor;
    uint64_t left;
};

struct forgetting {
    struct command_call *call;
    const struct decision_commands *commands;
    const char *address; /* the call's */
    uint64_t count;
};

bool decision_client(struct command_call *call, struct addr *out)
{
    const char *text = command_need(call, "client");
    if (text == NULL)
        return false;
    if (addr_parse_ip(text, out))
        return true;
    command_fail(call, true, "client is not an address; give one such as 192.0.2.1 or 2001:db8::1");
    return false;
}

static bool has_store(struct command_call *call, const struct decision_commands *commands)
{
    if (commands->store == NULL)
        command_fail(call, false, "nothing is stored: there is no state-dir");
    return commands->store != NULL;
}

/* ---- decisions ----------------------------------------------------------------------------------
 */

static json_t *item_json(const struct decision_item *item)
{
    char time[RECORD_TIME_SIZE];
    json_t *object = json_object();
    json_t *record = json_loads(item->record, JSON_REJECT_DUPLICATES, NULL);
    json_object_set_new(object, "number", json_integer(item->number));
    json_object_set_new(object, "time", json_string(record_time_text(item->time_ms, time)));
    json_object_set_new(object, "id", command_string(item->id));
    json_object_set_new(object, "client", command_string(item->client));
    json_object_set_new(object, "sender", command_string(item->sender));
    json_object_set_new(object, "recipient", command_string(item->recipient));
    json_object_set_new(object, "verdict", command_string(item->verdict));
    json_object_set_new(object, "proven", json_boolean(item->proven));
    json_object_set_new(object, "record", record != NULL ? record : json_null());
    return object;
}

static void ask_page(void *arg);

static void end(struct listing *listing)
{
    command_done(listing->call, NULL);
    free(listing);
}

static void on_page(const struct store_answer *answer, void *arg)
{
    struct listing *listing = arg;
    listing->request = NULL;
    if (answer->status == STORE_DOWN) {
        command_fail(listing->call, false, "the store cannot tell: %s", answer->why);
        free(listing);
        return;
    }
    for (uint64_t i = 0; i < answer->count && listing->left > 0; i++) {
        listing->left--;
        if (!command_item(listing->call, item_json(&answer->decision[i])))
            listing->left = 0;
    }
    listing->cursor = answer->next;
    if (listing->cursor == 0 || listing->left == 0)
        end(listing);
    else
        command_pace(listing->call, ask_page, listing);
}

static void ask_page(void *arg)
{
    struct listing *listing = arg;
    const struct decision_commands *commands = listing->commands;
    struct store_question question = {
        .op = STORE_DECISION_PAGE,
        .now = commands->wall(),
        .page = {.cursor = listing->cursor,
                 .most = listing->left < PAGE_MOST ? (unsigned)listing->left : PAGE_MOST},
        .decision = listing->filter,
    };
    listing->request = store_ask(commands->store, commands->loop, &question, on_page, listing);
}

static void listing_gone(void *arg)
{
    struct listing *listing = arg;
    store_cancel(listing->request);
    free(listing);
}

static void decisions_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    struct addr client;
    long long most = command_number(call, "most", MOST_USUAL);
    const char *said = command_text(call, "client");
    if (!has_store(call, commands))
        return;
    if (said != NULL && !decision_client(call, &client))
        return;
    if (most < 1 || most > MOST_MOST) {
        command_fail(call, true, "most is out of range; give 1 to %d", MOST_MOST);
        return;
    }
    struct listing *listing = mem_alloc(sizeof *listing);
    listing->call = call;
    listing->commands = commands;
    listing->left = (uint64_t)most;
    listing->filter = (struct decision_filter){
        .id = command_text(call, "id"),
        .client = said != NULL ? addr_ip_text(&client, listing->client) : NULL,
        .sender = command_text(call, "sender"),
        .recipient = command_text(call, "recipient"),
        .since_ms = command_number(call, "since", 0)};
    command_on_gone(call, listing_gone, listing);
    ask_page(listing);
}

/* ---- forget -------------------------------------------------------------------------------------
 */

static void on_forgotten(const struct store_answer *answer, void *arg);

/* A part of the work, as of `cursor`. Begun, it is finished, whether the asker waits or not. */
static void forget_part(struct forgetting *forgetting, uint64_t cursor)
{
    const struct decision_commands *commands = forgetting->commands;
    const struct store_question question = {.op = STORE_FORGET,
                                            .now = commands->wall(),
                                            .page = {.cursor = cursor, .most = STORE_PAGE_MOST},
                                            .text = forgetting->address};
    (void)store_ask(commands->store, commands->loop, &question, on_forgotten, forgetting);
}

static void on_forgotten(const struct store_answer *answer, void *arg)
{
    struct forgetting *forgetting = arg;
    if (answer->status != STORE_DOWN) {
        forgetting->count += answer->count;
        if (answer->next != 0) {
            forget_part(forgetting, answer->next);
            return;
        }
        command_done(forgetting->call,
                     json_pack("{s:I}", "deleted", (json_int_t)forgetting->count));
    } else {
        command_fail(forgetting->call, false, "the store cannot: %s", answer->why);
    }
    free(forgetting);
}

static void forget_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    const char *address = command_need(call, "address");
    if (address == NULL || !has_store(call, commands))
        return;
    if (address[0] == '\0') {
        command_fail(call, true, "address is empty; give one such as user@example.org");
        return;
    }
    struct forgetting *forgetting = mem_alloc(sizeof *forgetting);
    forgetting->call = call;
    forgetting->commands = commands;
    forgetting->address = address;
    forget_part(forgetting, 0);
}

const struct command decision_command_rows[] = {
    {"decisions", "[id] [client] [sender] [recipient] [since:number] [most:number]",
     "stored decision records, newest first", COMMAND_READ, decisions_run},
    {"test", "client [helo] [sender] [recipient]",
     "what the policy says of such a client, without a session", COMMAND_READ, decision_test_run},
    {"lookup", "client", "asks every configured DNS list of addresses", COMMAND_READ,
     decision_lookup_run},
    {"forget", "address", "deletes all that is stored of an address", COMMAND_ADMIN, forget_run},
    {.name = NULL},
};
