/* SPDX-License-Identifier: ISC */
/*
 * commands_sessions: sessions, kill and top: who is connected, all workers together.
 *
 * Promises: a page is asked for when the one before has been taken, so 20,000 sessions are neither
 * in memory at once for `sessions` nor at one go; `top` counts by sorting keys, of which there are
 * as many as sessions.
 */
#include "proxy/commands.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- sessions ----------------------------------------------------------------------------------
 */

struct listing {
    struct command_call *call;
    const struct commands *commands;
    struct roster_look *look; /* NULL: its last page has come */
};

static json_t *session_object(const struct session_shown *s, uint64_t now)
{
    char client[ADDR_TEXT_MAX];
    return json_pack(
        "{s:s, s:s, s:o, s:s, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b}", "id", s->id,
        "client", addr_text(&s->client, client), "listener", command_string(s->listener), "state",
        s->step, "age", (json_int_t)((now > s->began ? now - s->began : 0) / 1000), "helo",
        command_string(s->helo), "sender", s->transaction ? command_string(s->sender) : json_null(),
        "accepted", (json_int_t)s->accepted, "refused", (json_int_t)s->refused, "messages",
        (json_int_t)s->messages, "errors", (json_int_t)s->errors, "tls", s->tls, "authenticated",
        s->authenticated, "trusted", s->trusted, "suspicious", s->suspicious);
}

static void listing_end(struct listing *listing)
{
    struct command_call *call = listing->call;
    if (listing->look != NULL)
        roster_look_end(listing->look);
    free(listing);
    command_on_gone(call, NULL, NULL);
    command_done(call, NULL);
}

static void listing_gone(void *arg)
{
    struct listing *listing = arg;
    if (listing->look != NULL)
        roster_look_end(listing->look);
    free(listing);
}

static void listing_on(void *arg)
{
    struct listing *listing = arg;
    roster_look_on(listing->look);
}

static void on_page(const struct session_shown *shown, size_t count, bool more, void *arg)
{
    struct listing *listing = arg;
    const uint64_t now = loop_now(listing->commands->loop);
    if (!more)
        listing->look = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!command_item(listing->call, session_object(&shown[i], now))) {
            listing_end(listing);
            return;
        }
    }
    if (more)
        command_pace(listing->call, listing_on, listing);
    else
        listing_end(listing);
}

static void run_sessions(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    struct listing *listing = mem_alloc(sizeof *listing);
    listing->call = call;
    listing->commands = c;
    command_on_gone(call, listing_gone, listing);
    listing->look = roster_look(c->roster, on_page, listing);
}

/* ---- kill --------------------------------------------------------------------------------------
 */

static void on_killed(bool found, void *arg)
{
    struct command_call *call = arg;
    if (found)
        command_done(call, NULL);
    else
        command_fail(call, false, "no session has that id now; `sessions` shows them");
}

static void run_kill(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    const char *id = command_need(call, "id");
    if (id != NULL)
        roster_kill(c->roster, id, on_killed, call);
}

/* ---- top ---------------------------------------------------------------------------------------
 */

#define TOP_KEY   160
#define TOP_USUAL 20
#define TOP_MOST  1000

enum by { BY_CLIENT, BY_NETWORK, BY_HELO, BY_SENDER, BY_LISTENER, BY_STATE, BY_COUNT };
static const char *const by_names[BY_COUNT] = {"client", "network",  "helo",
                                               "sender", "listener", "state"};

struct place { /* a session, then all of one key */
    char key[TOP_KEY];
    size_t sessions, messages, errors;
};

struct top {
    struct command_call *call;
    struct roster_look *look;
    enum by by;
    const char *by_name;
    size_t most;
    struct place *place;
    size_t places;
};

static void network_text(const struct addr *client, char out[static TOP_KEY])
{
    char text[ADDR_TEXT_MAX];
    struct addr network = *client;
    const size_t octets = client->family == AF_INET6 ? 8 : 3;
    memset(network.ip + octets, 0, sizeof network.ip - octets);
    snprintf(out, TOP_KEY, "%s/%zu", addr_ip_text(&network, text), 8 * octets);
}

static void key_of(enum by by, const struct session_shown *s, char out[static TOP_KEY])
{
    char text[ADDR_TEXT_MAX];
    switch (by) {
    case BY_CLIENT:
        snprintf(out, TOP_KEY, "%s", addr_ip_text(&s->client, text));
        break;
    case BY_NETWORK:
        network_text(&s->client, out);
        break;
    case BY_HELO:
        snprintf(out, TOP_KEY, "%s", s->helo);
        break;
    case BY_SENDER:
        snprintf(out, TOP_KEY, "%s", s->sender);
        break;
    case BY_LISTENER:
        snprintf(out, TOP_KEY, "%s", s->listener);
        break;
    case BY_STATE:
    case BY_COUNT:
        snprintf(out, TOP_KEY, "%s", s->step);
        break;
    }
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->key, ((const struct place *)b)->key);
}

static int by_size(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    if (left->sessions != right->sessions)
        return left->sessions < right->sessions ? 1 : -1;
    if (left->messages != right->messages)
        return left->messages < right->messages ? 1 : -1;
    return strcmp(left->key, right->key);
}

/* Sessions of one key become one place. */
static void gather(struct top *top)
{
    size_t kept = 0;
    if (top->places == 0)
        return;
    qsort(top->place, top->places, sizeof top->place[0], by_key);
    for (size_t i = 0; i < top->places; i++) {
        if (kept > 0 && strcmp(top->place[kept - 1].key, top->place[i].key) == 0) {
            top->place[kept - 1].sessions += top->place[i].sessions;
            top->place[kept - 1].messages += top->place[i].messages;
            top->place[kept - 1].errors += top->place[i].errors;
        } else {
            top->place[kept++] = top->place[i];
        }
    }
    top->places = kept;
    qsort(top->place, top->places, sizeof top->place[0], by_size);
}

static void top_free(struct top *top)
{
    free(top->place);
    free(top);
}

static void top_gone(void *arg)
{
    struct top *top = arg;
    roster_look_end(top->look);
    top_free(top);
}

static json_t *place_json(const struct top *top, const struct place *place)
{
    json_t *item = json_object();
    json_object_set_new(item, top->by_name, command_string(place->key));
    json_object_set_new(item, "sessions", json_integer((json_int_t)place->sessions));
    json_object_set_new(item, "messages", json_integer((json_int_t)place->messages));
    json_object_set_new(item, "errors", json_integer((json_int_t)place->errors));
    return item;
}

static void top_answer(struct top *top)
{
    struct command_call *call = top->call;
    gather(top);
    command_on_gone(call, NULL, NULL);
    for (size_t i = 0; i < top->places && i < top->most; i++) {
        if (!command_item(call, place_json(top, &top->place[i])))
            break;
    }
    top_free(top);
    command_done(call, NULL);
}

static void on_top_page(const struct session_shown *shown, size_t count, bool more, void *arg)
{
    struct top *top = arg;
    top->place = mem_grow(top->place, top->places + count, sizeof top->place[0]);
    for (size_t i = 0; i < count; i++) {
        struct place *place = &top->place[top->places];
        if (top->by == BY_SENDER && !shown[i].transaction)
            continue;
        *place =
            (struct place){.sessions = 1, .messages = shown[i].messages, .errors = shown[i].errors};
        key_of(top->by, &shown[i], place->key);
        top->places++;
    }
    if (more)
        roster_look_on(top->look);
    else
        top_answer(top);
}

static void run_top(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    const char *name = command_text(call, "by");
    const long long most = command_number(call, "most", TOP_USUAL);
    size_t by = 0;
    while (name != NULL && by < BY_COUNT && strcmp(by_names[by], name) != 0)
        by++;
    if (by == BY_COUNT) {
        command_fail(call, true, "by: give client, network, helo, sender, listener or state");
        return;
    }
    if (most < 1 || most > TOP_MOST) {
        command_fail(call, true, "most: give 1 to %d", TOP_MOST);
        return;
    }
    struct top *top = mem_alloc(sizeof *top);
    top->call = call;
    top->by = (enum by)by;
    top->by_name = by_names[by];
    top->most = (size_t)most;
    command_on_gone(call, top_gone, top);
    top->look = roster_look(c->roster, on_top_page, top);
}

const struct command commands_sessions_rows[] = {
    {"sessions", "", "who is connected", COMMAND_READ, run_sessions},
    {"kill", "id", "end a session, or let a client go from the tarpit", COMMAND_ADMIN, run_kill},
    {"top", "[by] [most:number]", "who has most sessions", COMMAND_READ, run_top},
    {0},
};
