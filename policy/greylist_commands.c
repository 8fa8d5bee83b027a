/* SPDX-License-Identifier: ISC */
/*
 * greylist_commands: greylist-list, greylist-pass, greylist-delete.
 *
 * Promises: listing goes page by page, as fast as the asker reads, and stops where he leaves; a
 * change that was asked for is carried out though nobody waits for it.
 */
#include "policy/greylist_commands.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/greylist.h"
#include "policy/identity.h"
#include "policy/list_format.h"
#include "policy/mailbox_key.h"
#include "policy/org_domain.h"
#include "policy/policy.h"
#include "policy/pseudonym_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct talk { /* one call */
    const struct greylist_desk *desk;
    struct command_call *call;
    struct store_request *request;
    struct grey_filter filter;
    enum grey_edit edit;
    uint64_t next;    /* cursor of the next page or part */
    uint64_t changed; /* in the parts so far */
    char identity[IDENTITY_SIZE];
    char sender[PSEUDONYM_MAILBOX_SIZE];
    char recipient[PSEUDONYM_MAILBOX_SIZE];
};

static void fail_down(struct command_call *call, const struct store_answer *answer)
{
    command_fail(call, false, "the store cannot, and nothing was changed: %s", answer->why);
}

/* ---- whom it is about ---------------------------------------------------------------------------
 */

static const char *identity_text(const char *client, char out[static IDENTITY_SIZE])
{
    struct addr address;
    struct identities ids;
    const char *domain = org_domain(client);
    if (addr_parse_ip(client, &address)) {
        identity_of(&(struct identity_facts){.client = &address}, &ids);
        client = ids.text[0];
    } else if (domain != NULL && strchr(client, '/') == NULL) {
        client = domain;
    }
    snprintf(out, IDENTITY_SIZE, "%s", client);
    return out;
}

/* A domain stays as it is; an address becomes what is stored of it. */
static const char *sender_text(const char *sender, char out[static MAILBOX_KEY_SIZE])
{
    if (strcmp(sender, "<>") == 0)
        sender = "";
    if (strchr(sender, '@') != NULL)
        return mailbox_key_sender(sender, out);
    snprintf(out, MAILBOX_KEY_SIZE, "%s", sender);
    return out;
}

/* False: the call has failed. */
static bool read_filter(struct talk *talk)
{
    struct grey_filter *filter = &talk->filter;
    const struct greylist_desk *desk = talk->desk;
    const char *client = command_text(talk->call, "client");
    const char *sender = command_text(talk->call, "sender");
    const char *recipient = command_text(talk->call, "recipient");
    const char *state = command_text(talk->call, "state");
    char key[MAILBOX_KEY_SIZE];
    if (desk->policy != NULL) {
        struct policy *policy = desk->policy(desk->arg);
        filter->rule = policy_greylist(policy)->rule;
        policy_unref(policy);
    }
    if (client != NULL)
        filter->identity = identity_text(client, talk->identity);
    if (sender != NULL)
        filter->sender =
            pseudonym_kept_mailbox(desk->pseudonyms, sender_text(sender, key), talk->sender);
    if (recipient != NULL)
        filter->recipient = pseudonym_kept_mailbox(
            desk->pseudonyms, mailbox_key_recipient(recipient, key), talk->recipient);
    if (state != NULL && strcmp(state, "waiting") == 0)
        filter->which = GREY_WAITING_ONLY;
    else if (state != NULL && strcmp(state, "white") == 0)
        filter->which = GREY_WHITE_ONLY;
    else if (state != NULL) {
        command_fail(talk->call, true, "a state is waiting or white");
        return false;
    }
    return true;
}

/* NULL: the call has failed. */
static struct talk *talk_new(struct command_call *call, const struct greylist_desk *desk)
{
    struct talk *talk = mem_alloc(sizeof *talk);
    talk->desk = desk;
    talk->call = call;
    if (desk->store == NULL)
        command_fail(call, false, "there is no store, so nothing is greylisted");
    else if (read_filter(talk))
        return talk;
    free(talk);
    return NULL;
}

/* ---- greylist-list ------------------------------------------------------------------------------
 */

static json_t *item_json(const struct grey_item *item, int64_t now)
{
    char first[LIST_TIME_SIZE], last[LIST_TIME_SIZE];
    int64_t left = item->until > now ? item->until - now : 0;
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:I, s:I}", "identity",
                     command_string(item->identity), "sender", command_string(item->sender),
                     "recipient", command_string(item->recipient), "state",
                     item->white ? "white" : "waiting", "first", list_time_text(item->first, first),
                     "last", list_time_text(item->last, last), "count", (json_int_t)item->count,
                     "left", (json_int_t)left);
}

static void on_gone(void *arg)
{
    struct talk *talk = arg;
    store_cancel(talk->request);
    free(talk);
}

static void ask_page(void *arg);

static void on_page(const struct store_answer *answer, void *arg)
{
    struct talk *talk = arg;
    int64_t now = talk->desk->wall();
    bool wanted = true;
    talk->request = NULL;
    if (answer->status == STORE_DOWN) {
        fail_down(talk->call, answer);
        free(talk);
        return;
    }
    for (uint64_t i = 0; answer->status == STORE_OK && wanted && i < answer->count; i++)
        wanted = command_item(talk->call, item_json(&answer->grey[i], now));
    talk->next = answer->next;
    if (wanted && talk->next != 0) {
        command_pace(talk->call, ask_page, talk);
        return;
    }
    command_done(talk->call, NULL);
    free(talk);
}

static void ask_page(void *arg)
{
    struct talk *talk = arg;
    const struct store_question question = {
        .op = STORE_GREY_PAGE,
        .now = talk->desk->wall(),
        .page = {.cursor = talk->next, .most = STORE_PAGE_MOST},
        .grey_edit = {.filter = talk->filter},
    };
    talk->request = store_ask(talk->desk->store, talk->desk->loop, &question, on_page, talk);
}

static void run_list(struct command_call *call, void *arg)
{
    struct talk *talk = talk_new(call, arg);
    if (talk == NULL)
        return;
    command_on_gone(call, on_gone, talk);
    ask_page(talk);
}

/* ---- greylist-pass, greylist-delete -------------------------------------------------------------
 */

static void ask_change(struct talk *talk);

static void on_changed(const struct store_answer *answer, void *arg)
{
    struct talk *talk = arg;
    if (answer->status == STORE_DOWN && talk->changed > 0) {
        command_fail(talk->call, false, "%llu were changed, then the store could not: %s",
                     (unsigned long long)talk->changed, answer->why);
        free(talk);
        return;
    }
    if (answer->status == STORE_DOWN) {
        fail_down(talk->call, answer);
        free(talk);
        return;
    }
    talk->changed += answer->count;
    talk->next = answer->next;
    if (talk->next != 0) {
        ask_change(talk);
        return;
    }
    command_done(talk->call, json_pack("{s:I}", "changed", (json_int_t)talk->changed));
    free(talk);
}

/* A part of it. */
static void ask_change(struct talk *talk)
{
    const struct store_question question = {
        .op = STORE_GREY_EDIT,
        .now = talk->desk->wall(),
        .page = {.cursor = talk->next, .most = STORE_PAGE_MOST},
        .grey_edit = {.filter = talk->filter, .edit = talk->edit},
    };
    store_ask(talk->desk->store, talk->desk->loop, &question, on_changed, talk);
}

static void change(struct command_call *call, const struct greylist_desk *desk, enum grey_edit edit)
{
    struct talk *talk = talk_new(call, desk);
    if (talk == NULL)
        return;
    const struct grey_filter *filter = &talk->filter;
    if (filter->identity == NULL && filter->sender == NULL && filter->recipient == NULL &&
        filter->which == GREY_ANY) {
        command_fail(call, true, "say whom: a client, a sender, a recipient or a state");
        free(talk);
        return;
    }
    talk->edit = edit;
    ask_change(talk);
}

static void run_pass(struct command_call *call, void *arg)
{
    change(call, arg, GREY_PASS);
}

static void run_delete(struct command_call *call, void *arg)
{
    change(call, arg, GREY_DELETE);
}

const struct command greylist_command_rows[] = {
    {"greylist-list", "[client] [sender] [recipient] [state]", "triplets, with the time left",
     COMMAND_READ, run_list},
    {"greylist-pass", "[client] [sender] [recipient] [state]", "let these pass from now on",
     COMMAND_ADMIN, run_pass},
    {"greylist-delete", "[client] [sender] [recipient] [state]", "forget these", COMMAND_ADMIN,
     run_delete},
    {NULL, NULL, NULL, COMMAND_READ, NULL},
};
