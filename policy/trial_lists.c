/* SPDX-License-Identifier: ISC */
/*
 * trial_lists: what the list entries say of the client (policy/list_table.h), asked again at every
 * new fact, so that an entry is in force at once and a later fact may allow who was denied by an
 * earlier one.
 *
 * Promises: where no entry by another fact could ever allow it, a client that is denied by its
 * address is denied at once, before the banner; else it gets as far as RCPT, with all checks run.
 * Replies say what was refused, never which entry did; the log says both.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/greylist.h"
#include "policy/known.h"
#include "policy/spamtrap.h"
#include "policy/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- standing -----------------------------------------------------------------------------------
 */

static enum standing standing_of(const struct trial *trial)
{
    const struct list_verdict *list = trial->list;
    if (trial->let_in || (list != NULL && list->ruling == LIST_ALLOWED))
        return STANDING_ALLOWED;
    if (list != NULL && !trial->may_allow)
        return list->action == ENTRY_TARPIT ? STANDING_TARPIT : STANDING_DENIED;
    return trial->trusted || trial->authenticated ? STANDING_TRUSTED : STANDING_NONE;
}

static void ask_lists(const struct trial *trial, const char *recipient,
                      struct list_verdict *verdict)
{
    const struct check_facts *facts = &trial->facts;
    struct policy_state *state = trial->env.state;
    const struct list_facts known = {
        .client = &trial->client,
        .helo = facts->helo,
        .reverse = facts->reverse_confirmed ? facts->reverse_name : NULL,
        .sender = facts->sender,
        .recipient = recipient[0] != '\0' ? recipient : NULL,
    };
    list_judge(state->lists, &known, state->wall(), verdict);
}

static void judge(struct trial *trial)
{
    struct list_verdict verdict;
    ask_lists(trial, trial->recipient, &verdict);
    free(trial->list);
    trial->list = NULL;
    if (verdict.ruling == LIST_SILENT)
        return;
    trial->list = mem_alloc(sizeof *trial->list);
    *trial->list = verdict;
}

void trial_lists_look(struct trial *trial)
{
    judge(trial);
    trial->may_allow = (trial->list == NULL || trial->list->ruling != LIST_ALLOWED) &&
                       list_may_allow(trial->env.state->lists);
    trial->standing = standing_of(trial);
    trial->facts.lookup = !trial->private && trial_stamped(trial) && trial->env.dns != NULL;
}

bool trial_stamped(const struct trial *trial)
{
    switch (trial->standing) {
    case STANDING_NONE:
        return true;
    case STANDING_ALLOWED:
        return !trial->trusted && !trial->authenticated;
    case STANDING_TARPIT:
    case STANDING_DENIED:
        return trial->env.observe && !trial->trusted && !trial->authenticated;
    case STANDING_TRUSTED:
        break;
    }
    return false;
}

bool trial_denied_without(const struct trial *trial)
{
    struct list_verdict verdict;
    ask_lists(trial, "", &verdict);
    return verdict.ruling == LIST_DENIED;
}

bool trial_deny_pending(const struct trial *trial)
{
    return trial->list != NULL && trial->list->ruling == LIST_DENIED &&
           (trial->standing == STANDING_NONE || trial->standing == STANDING_TRUSTED);
}

bool trial_denied(const struct trial *trial)
{
    if (trial->standing == STANDING_TARPIT || trial->standing == STANDING_DENIED)
        return true;
    return trial_deny_pending(trial) && trial->complete && LIST_EMPTY(&trial->runs);
}

const struct list_verdict *trial_entry(const struct trial *trial)
{
    const struct list_verdict *list = trial->list;
    return trial->let_in && list != NULL && list->ruling != LIST_ALLOWED ? NULL : list;
}

bool trial_allowed(const struct trial *trial)
{
    return trial->standing == STANDING_ALLOWED;
}

const char *trial_entry_text(const struct list_verdict *list, char out[static TRIAL_ENTRY_SIZE])
{
    snprintf(out, TRIAL_ENTRY_SIZE, "%s:%s", entry_kind_name(list->kind), list->key);
    return out;
}

/* ---- bans ---------------------------------------------------------------------------------------
 */

/* Its name is not known yet, or could not be told. */
static bool name_missing(const struct trial *trial)
{
    const struct run *run;
    const struct finding *finding;
    if (trial->facts.reverse_name[0] != '\0')
        return false;
    LIST_FOREACH(run, &trial->runs, link)
    {
        if (run->run.stage == CHECK_AT_CONNECT)
            return true;
    }
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->abstained && finding->stage == CHECK_AT_CONNECT)
            return true;
    }
    return false;
}

/* Its name may be a proven one: what its network has sent speaks for it, as before the greylist. */
static bool maybe_proven(const struct trial *trial)
{
    const uint32_t lifetime = policy_greylist(trial->env.policy)->rule.white_lifetime;
    struct policy_state *state = trial->env.state;
    struct identities ids;
    bool proven = false;
    trial_identities(trial, &ids);
    for (size_t i = 0; i < ids.count && !proven; i++)
        proven = known_proven(state->known, ids.text[i], lifetime, state->wall());
    return proven && name_missing(trial);
}

/* Clients that nobody bans by a machine's judgement. */
static bool spared(const struct trial *trial)
{
    bool null_sender = trial->sent && trial->facts.sender[0] == '\0';
    return trial->standing == STANDING_ALLOWED || trial->trusted || trial->authenticated ||
           trial->facts.proven || trial->private || null_sender || trial->env.observe ||
           trial->env.dry || trial->client.family == AF_UNSPEC || maybe_proven(trial);
}

static void ban(struct trial *trial, const char *reason)
{
    trial->banned = true;
    spamtrap_ban(policy_spamtraps(trial->env.policy), trial->env.state, &trial->client, reason);
}

bool trial_trapped(struct trial *trial)
{
    struct policy_state *state = trial->env.state;
    char reason[TRIAL_TEXT_MAX];
    if (!list_trap(state->lists, trial->recipient, state->wall()))
        return false;
    free(trial->trap);
    trial->trap = mem_strdup(trial->recipient);
    if (!spared(trial)) {
        snprintf(reason, sizeof reason, "spamtrap %s", trial->trap);
        ban(trial, reason);
    }
    return !trial->env.observe;
}

void trial_failed_recipient(struct trial *trial)
{
    const struct spamtrap_config *config = policy_spamtraps(trial->env.policy);
    char reason[64];
    if (spared(trial) ||
        !spamtrap_unknown(config, trial->env.state, &trial->client, loop_now(trial->env.loop)))
        return;
    snprintf(reason, sizeof reason, "%zu unknown recipients", config->unknown);
    ban(trial, reason);
}
