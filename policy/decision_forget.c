/* SPDX-License-Identifier: ISC */
/*
 * decision_forget: all that is stored of an address goes, under each name that it may have there:
 * as it was said, as triplets have it, and their pseudonyms under every key that lives.
 *
 * Promises: begun, it is finished, whether the asker waits or not.
 */
#include "policy/decision_commands.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/decision_int.h"
#include "policy/mailbox_key.h"
#include "policy/pseudonym_keys.h"
#include "policy/state.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MOST (6 + PSEUDONYM_KEYS_MOST)

struct forgetting {
    struct command_call *call;
    const struct decision_commands *commands;
    uint64_t count;
    size_t names, name; /* `name`: the one that is at work */
    char *text[NAMES_MOST];
};

static void add(struct forgetting *forgetting, const char *text)
{
    for (size_t i = 0; i < forgetting->names; i++) {
        if (strcmp(forgetting->text[i], text) == 0)
            return;
    }
    forgetting->text[forgetting->names++] = mem_strdup(text);
}

static void add_pseudonym(struct forgetting *forgetting, const struct mac_key *key,
                          const char *address)
{
    char text[PSEUDONYM_MAILBOX_SIZE];
    add(forgetting, decision_pseudonym(key, address, text));
}

static void add_all(struct forgetting *forgetting, const char *address)
{
    struct pseudonym_keys *keys = decision_keys(forgetting->commands);
    struct mac_key key[PSEUDONYM_KEYS_MOST];
    char sender[MAILBOX_KEY_SIZE], recipient[MAILBOX_KEY_SIZE];
    add(forgetting, address);
    if (strchr(address, '@') != NULL) {
        add(forgetting, mailbox_key_sender(address, sender));
        add(forgetting, mailbox_key_recipient(address, recipient));
    }
    const size_t plain = forgetting->names;
    if (pseudonym_keys_standing(keys, &key[0])) {
        for (size_t i = 0; i < plain; i++)
            add_pseudonym(forgetting, &key[0], forgetting->text[i]);
    }
    const size_t living = pseudonym_keys_living(keys, key);
    for (size_t i = 0; i < living; i++)
        add_pseudonym(forgetting, &key[i], address);
    explicit_bzero(key, sizeof key);
}

static void forget_free(struct forgetting *forgetting)
{
    for (size_t i = 0; i < forgetting->names; i++)
        free(forgetting->text[i]);
    free(forgetting);
}

static void on_forgotten(const struct store_answer *answer, void *arg);

/* A part of the work, as of `cursor`. */
static void forget_part(struct forgetting *forgetting, uint64_t cursor)
{
    const struct decision_commands *commands = forgetting->commands;
    const struct store_question question = {.op = STORE_FORGET,
                                            .now = commands->wall(),
                                            .page = {.cursor = cursor, .most = STORE_PAGE_MOST},
                                            .text = forgetting->text[forgetting->name]};
    (void)store_ask(commands->store, commands->loop, &question, on_forgotten, forgetting);
}

static void on_forgotten(const struct store_answer *answer, void *arg)
{
    struct forgetting *forgetting = arg;
    if (answer->status == STORE_DOWN) {
        command_fail(forgetting->call, false, "the store cannot: %s", answer->why);
        forget_free(forgetting);
        return;
    }
    forgetting->count += answer->count;
    if (answer->next != 0) {
        forget_part(forgetting, answer->next);
        return;
    }
    if (++forgetting->name < forgetting->names) {
        forget_part(forgetting, 0);
        return;
    }
    command_done(forgetting->call, json_pack("{s:I}", "deleted", (json_int_t)forgetting->count));
    forget_free(forgetting);
}

void decision_forget_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    const char *address = command_need(call, "address");
    if (address == NULL || !decision_has_store(call, commands))
        return;
    if (address[0] == '\0') {
        command_fail(call, true, "address is empty; give one such as user@example.org");
        return;
    }
    struct forgetting *forgetting = mem_alloc(sizeof *forgetting);
    forgetting->call = call;
    forgetting->commands = commands;
    add_all(forgetting, address);
    forget_part(forgetting, 0);
}
