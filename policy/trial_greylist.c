/* SPDX-License-Identifier: ISC */
/*
 * trial_greylist: asks the store whether a triplet may pass, for a recipient that would pass
 * otherwise.
 *
 * Promises: who is exempt, trusted, allowed or proven is never asked about, nor is a message whose
 * recipients have been; each recipient is asked about once. Where the store is down, or says
 * nothing in 5 s, mail passes, with a finding that says so.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/greylist.h"
#include "policy/known.h"
#include "policy/mailbox_key.h"
#include "policy/pseudonym_keys.h"
#include "policy/state.h"

#include <stdlib.h>
#include <string.h>

/* Whose findings these are; nothing of it counts. */
static const struct check greylist_check = {.name = "greylist"};
static const struct check_config greylist_config = {
    .check = &greylist_check, .mode = CHECK_OBSERVE, .label = "greylist"};

bool trial_grey_waits(const struct trial *trial)
{
    return trial->grey != NULL && trial->grey->step == TRIAL_GREY_WAITS;
}

static void stop_asking(struct trial_grey *grey)
{
    store_cancel(grey->request);
    timer_free(grey->timer);
    grey->request = NULL;
    grey->timer = NULL;
}

void trial_grey_forget(struct trial *trial)
{
    if (trial->grey == NULL)
        return;
    stop_asking(trial->grey);
    free(trial->grey);
    trial->grey = NULL;
}

enum trial_greylisting trial_greylisting(const struct trial *trial)
{
    if (trial->grey == NULL)
        return TRIAL_NOT_GREYLISTED;
    switch (trial->grey->step) {
    case TRIAL_GREY_WAITS:
        return TRIAL_NOT_GREYLISTED;
    case TRIAL_GREY_DOWN:
        return TRIAL_GREYLIST_DOWN;
    case TRIAL_GREY_PROVEN:
        return TRIAL_GREYLIST_PROVEN;
    case TRIAL_GREY_ANSWERED:
        break;
    }
    switch (trial->grey->state) {
    case GREY_NEW:
        return TRIAL_GREYLIST_NEW;
    case GREY_EARLY:
        return TRIAL_GREYLIST_EARLY;
    case GREY_PASSED:
        return TRIAL_GREYLIST_PASSED;
    case GREY_WHITE:
        return TRIAL_GREYLIST_WHITE;
    }
    return TRIAL_NOT_GREYLISTED;
}

/* ---- what the store says ------------------------------------------------------------------------
 */

/* Once a transaction. */
static bool noted(const struct trial *trial)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->config == &greylist_config)
            return true;
    }
    return false;
}

static void give_up(struct trial *trial, const char *why)
{
    trial->grey->step = TRIAL_GREY_DOWN;
    if (noted(trial))
        return;
    struct finding *finding =
        trial_note(trial, &greylist_config, CHECK_AT_SENDER, 0, greylist_config.label, why, "");
    if (finding != NULL)
        finding->abstained = true;
}

static void on_late(void *arg)
{
    struct trial *trial = arg;
    stop_asking(trial->grey);
    give_up(trial, "no answer in time");
    trial_consider(trial);
}

static void on_answer(const struct store_answer *answer, void *arg)
{
    struct trial *trial = arg;
    struct trial_grey *grey = trial->grey;
    grey->request = NULL;
    stop_asking(grey);
    if (answer->status == STORE_OK) {
        grey->step = TRIAL_GREY_ANSWERED;
        grey->state = answer->state;
        grey->wait = answer->wait;
    } else {
        give_up(trial, answer->why != NULL ? answer->why : "no answer");
    }
    trial_consider(trial);
}

/* ---- asking -------------------------------------------------------------------------------------
 */

static bool any_proven(const struct trial *trial, const struct identities *ids)
{
    struct policy_state *state = trial->env.state;
    uint32_t lifetime = policy_greylist(trial->env.policy)->rule.white_lifetime;
    bool any = trial->facts.proven;
    for (size_t i = 0; i < ids->count && !any; i++)
        any = known_proven(state->known, ids->text[i], lifetime, state->wall());
    return any;
}

static void ask(struct trial *trial)
{
    struct trial_grey *grey = trial->grey;
    struct policy_state *state = trial->env.state;
    struct pseudonym_keys *keys = state->pseudonyms;
    char key[MAILBOX_KEY_SIZE];
    char sender[PSEUDONYM_MAILBOX_SIZE], recipient[PSEUDONYM_MAILBOX_SIZE];
    mailbox_key_sender(trial->facts.sender, key);
    pseudonym_kept_mailbox(keys, key, sender);
    mailbox_key_recipient(trial->recipient, key);
    pseudonym_kept_mailbox(keys, key, recipient);
    struct store_question question = {
        .op = STORE_GREY,
        .now = state->wall(),
        .grey = {.rule = policy_greylist(trial->env.policy)->rule,
                 .identities = grey->identities.count,
                 .sender = sender,
                 .recipient = recipient},
    };
    for (size_t i = 0; i < grey->identities.count; i++)
        question.grey.identity[i] = grey->identities.text[i];
    grey->step = TRIAL_GREY_WAITS;
    grey->request = store_ask(state->store, trial->env.loop, &question, on_answer, trial);
    grey->timer = timer_new(trial->env.loop, on_late, trial);
    timer_set(grey->timer, TRIAL_DEADLINE);
    trial->open = true;
}

static void begin(struct trial *trial)
{
    trial->grey = mem_alloc(sizeof *trial->grey);
    trial_identities(trial, &trial->grey->identities);
    if (trial->grey->identities.count == 0)
        give_up(trial, "the client's address is not known");
    else if (any_proven(trial, &trial->grey->identities))
        trial->grey->step = TRIAL_GREY_PROVEN;
    else
        ask(trial);
}

static bool wanted(const struct trial *trial, const struct verdict *out)
{
    enum greylist_mode mode = policy_greylist(trial->env.policy)->mode;
    if (trial->env.state->store == NULL || trial->env.dry)
        return false;
    if (trial->recipient[0] == '\0' && (!trial->env.observe || trial->grey == NULL))
        return false; /* the message: only in observe mode there are recipients that would wait */
    return (mode == GREYLIST_ALL && out->action == VERDICT_PASS) ||
           (mode != GREYLIST_OFF && out->action == VERDICT_SUSPICIOUS);
}

bool trial_greylist(struct trial *trial, struct verdict *out)
{
    if (!wanted(trial, out))
        return true;
    if (trial->grey == NULL)
        begin(trial);
    const struct trial_grey *grey = trial->grey;
    if (grey->step == TRIAL_GREY_ANSWERED &&
        (grey->state == GREY_NEW || grey->state == GREY_EARLY)) {
        out->action = VERDICT_GREYLIST;
        out->cause = VERDICT_BY_GREYLIST;
        out->reason = "greylisted";
        out->enhanced = "4.7.1";
        out->wait = grey->wait;
    }
    return grey->step != TRIAL_GREY_WAITS;
}
