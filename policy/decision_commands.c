/* SPDX-License-Identifier: ISC */
/*
 * decision_commands: what administrators ask about decisions: the stored records. decision_trial.c
 * tries the policy out, decision_lookup.c asks the zones, decision_forget.c deletes.
 *
 * Promises: the next page of records is asked for when the asker has taken the one before. Who asks
 * of an address finds records with its pseudonyms, too: those of the newest key first, then of each
 * older one that lives, then those with the address itself, so the newest come first.
 */
#include "policy/decision_commands.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/decision_int.h"
#include "policy/pseudonym_keys.h"
#include "policy/record.h"
#include "policy/state.h"

#include <stdlib.h>
#include <string.h>

#define MOST_USUAL 20
#define MOST_MOST  1000000
#define PAGE_MOST  100 /* records are some kilobytes each */

struct listing {
    struct command_call *call; /* its arguments live as long as this */
    const struct decision_commands *commands;
    struct store_request *request;
    struct decision_filter filter;                          /* of this pass */
    const char *said_client, *said_sender, *said_recipient; /* NULL: any */
    char client[ADDR_TEXT_MAX];
    char client_other[PSEUDONYM_MAILBOX_SIZE];
    char sender[PSEUDONYM_MAILBOX_SIZE], recipient[PSEUDONYM_MAILBOX_SIZE];
    size_t passes, pass; /* one with each key, the last with none */
    struct mac_key key[PSEUDONYM_KEYS_MOST];
    uint64_t cursor;
    uint64_t left;
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

bool decision_has_store(struct command_call *call, const struct decision_commands *commands)
{
    if (commands->store == NULL)
        command_fail(call, false, "nothing is stored: there is no state-dir");
    return commands->store != NULL;
}

struct pseudonym_keys *decision_keys(const struct decision_commands *commands)
{
    return commands->state != NULL ? commands->state->pseudonyms : NULL;
}

const char *decision_pseudonym(const struct mac_key *key, const char *address,
                               char out[static PSEUDONYM_MAILBOX_SIZE])
{
    struct addr client;
    if (!addr_parse_ip(address, &client))
        return pseudonym_mailbox(key, address, out);
    pseudonym_client(key, &client, &client);
    return addr_ip_text(&client, out);
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

/* False: with that key nothing is called otherwise. */
static bool disguise(const struct mac_key *key, const char *said, const char **text,
                     char out[static PSEUDONYM_MAILBOX_SIZE])
{
    *text = said;
    if (said == NULL)
        return false;
    *text = decision_pseudonym(key, said, out);
    return strcmp(*text, said) != 0;
}

/* Goes to the next pass that can find anything; false: there is none. */
static bool next_pass(struct listing *listing)
{
    struct decision_filter *filter = &listing->filter;
    listing->cursor = 0;
    for (; listing->pass + 1 < listing->passes; listing->pass++) {
        const struct mac_key *key = &listing->key[listing->pass];
        bool other = disguise(key, listing->said_client, &filter->client, listing->client_other);
        other |= disguise(key, listing->said_sender, &filter->sender, listing->sender);
        other |= disguise(key, listing->said_recipient, &filter->recipient, listing->recipient);
        if (!other)
            continue;
        listing->pass++;
        return true;
    }
    filter->client = listing->said_client;
    filter->sender = listing->said_sender;
    filter->recipient = listing->said_recipient;
    return listing->pass++ < listing->passes;
}

static void listing_free(struct listing *listing)
{
    explicit_bzero(listing->key, sizeof listing->key);
    free(listing);
}

static void end(struct listing *listing)
{
    command_done(listing->call, NULL);
    listing_free(listing);
}

static void on_page(const struct store_answer *answer, void *arg)
{
    struct listing *listing = arg;
    listing->request = NULL;
    if (answer->status == STORE_DOWN) {
        command_fail(listing->call, false, "the store cannot tell: %s", answer->why);
        listing_free(listing);
        return;
    }
    for (uint64_t i = 0; i < answer->count && listing->left > 0; i++) {
        listing->left--;
        if (!command_item(listing->call, item_json(&answer->decision[i])))
            listing->left = 0;
    }
    listing->cursor = answer->next;
    if (listing->left == 0 || (listing->cursor == 0 && !next_pass(listing)))
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
    listing_free(listing);
}

static void decisions_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    struct addr client;
    long long most = command_number(call, "most", MOST_USUAL);
    const char *said = command_text(call, "client");
    if (!decision_has_store(call, commands))
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
    listing->filter = (struct decision_filter){.id = command_text(call, "id"),
                                               .since_ms = command_number(call, "since", 0)};
    listing->said_client = said != NULL ? addr_ip_text(&client, listing->client) : NULL;
    listing->said_sender = command_text(call, "sender");
    listing->said_recipient = command_text(call, "recipient");
    listing->passes = 1 + pseudonym_keys_living(decision_keys(commands), listing->key);
    next_pass(listing);
    command_on_gone(call, listing_gone, listing);
    ask_page(listing);
}

const struct command decision_command_rows[] = {
    {"decisions", "[id] [client] [sender] [recipient] [since:number] [most:number]",
     "stored decision records, newest first", COMMAND_READ, decisions_run},
    {"test", "client [helo] [sender] [recipient]",
     "what the policy says of such a client, without a session", COMMAND_READ, decision_test_run},
    {"lookup", "client", "asks every configured DNS list of addresses", COMMAND_READ,
     decision_lookup_run},
    {"forget", "address", "deletes all that is stored of an address", COMMAND_ADMIN,
     decision_forget_run},
    {.name = NULL},
};
