/* SPDX-License-Identifier: ISC */
/*
 * trial_auth: the message of a trial while it comes: its authentication, which fields of it are to
 * be left out, and when its checks may run.
 *
 *   trial_text_begin()  trial_text()...  trial_message()
 *   then: what the checks of the envelope have open (SPF) -> what the authentication has open
 *   -> the checks of CHECK_AT_MESSAGE
 *
 * Promises: nothing of it lives before DATA, or after the transaction. 5 s after the end of the
 * message the checks run, whatever is still open counting as a temporary fault. A client that is
 * private, trusted or has authenticated is not looked up: its messages are only searched for fields
 * that claim to be ours.
 * Limits: of a header section over 256 KiB nothing is believed.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/message_auth.h"
#include "policy/auth_config.h"
#include "policy/field_cuts.h"
#include "policy/state.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MOST ((size_t)256 * 1024)

/* ---- the configuration --------------------------------------------------------------------------
 */

/* The block that is on, or NULL: by name, so that no table need have it. */
static const struct check_config *block(const struct trial *trial, const char *name)
{
    const struct check_config *const *config = policy_checks(trial->env.policy);
    while (*config != NULL && strcmp((*config)->check->name, name) != 0)
        config++;
    return *config;
}

/* Is that the result of a chain whose last sealer is listed? An observed check changes nothing. */
static bool arc_trusted(const struct trial *trial, const struct message_auth_results *results,
                        enum arc_result result)
{
    const struct arc_config *config = (const void *)block(trial, "arc");
    return config != NULL && config->common.mode != CHECK_OBSERVE && results != NULL &&
           results->arc->result == result && auth_names_have(config->trusted, results->arc->sealer);
}

static void set_rules(const struct trial *trial, struct message_auth_env *env)
{
    const struct dkim_config *dkim = (const void *)block(trial, "dkim");
    const struct arc_config *arc = (const void *)block(trial, "arc");
    const struct dmarc_config *dmarc = (const void *)block(trial, "dmarc");
    const struct spf_config *spf = (const void *)block(trial, "spf");
    env->dkim = dkim != NULL;
    env->arc = arc != NULL;
    /* SPF may leave a fail to it. */
    env->dmarc = dmarc != NULL || (spf != NULL && spf->fail == SPF_ON_FAIL_AUTO);
    auth_rules(dkim, arc, trial->env.state->wall(), &env->dkim_rules, &env->arc_rules);
    if (dmarc != NULL)
        env->discovery = dmarc->discovery;
}

static void on_answered(void *arg)
{
    trial_consider(arg);
}

static struct message_auth *auth_new(struct trial *trial)
{
    struct message_auth_env env = {
        .loop = trial->env.loop, .dns = trial->env.dns, .header_size = HEADER_MOST};
    /* Whatever speaks of the recipient that was asked about last: another was let in. */
    if (trial->private || trial->trusted || trial->authenticated || trial->env.dns == NULL)
        return NULL;
    set_rules(trial, &env);
    return message_auth_new(&env, on_answered, trial);
}

/* ---- the text -----------------------------------------------------------------------------------
 */

const char *trial_authserv_id(const struct trial *trial)
{
    const struct auth_config *config = policy_auth(trial->env.policy);
    return config->authserv_id != NULL ? config->authserv_id : trial->env.hostname;
}

void trial_text_begin(struct trial *trial)
{
    const struct auth_config *config = policy_auth(trial->env.policy);
    struct trial_message *message = mem_alloc(sizeof *message);
    const struct field_cuts_rules rules = {.authserv_id = trial_authserv_id(trial),
                                           .name = {config->mark_name, config->score_header}};
    trial_auth_forget(trial);
    message->mark = message->override = "";
    message->cuts = field_cuts_new(&rules);
    message->auth = auth_new(trial);
    trial->message = message;
}

void trial_text(struct trial *trial, const char *data, size_t len)
{
    struct trial_message *message = trial->message;
    if (message == NULL || message->step != TRIAL_MESSAGE_TEXT)
        return;
    field_cuts_add(message->cuts, data, len);
    if (message->auth != NULL)
        message_auth_text(message->auth, data, len);
}

size_t trial_text_memory(const struct trial *trial)
{
    const struct trial_message *message = trial->message;
    return message != NULL && message->auth != NULL ? message_auth_memory(message->auth) : 0;
}

void trial_cuts(const struct trial *trial, void (*fn)(uint64_t offset, uint64_t len, void *arg),
                void *arg)
{
    if (trial->message != NULL && trial->message->step != TRIAL_MESSAGE_TEXT)
        field_cuts_each(trial->message->cuts, fn, arg);
}

void trial_auth_forget(struct trial *trial)
{
    struct trial_message *message = trial->message;
    trial_stop(trial, CHECK_AT_MESSAGE);
    trial_forget(trial, CHECK_AT_MESSAGE);
    trial->facts.message = NULL;
    trial->facts.arc_trusted = trial->facts.arc_unsure = false;
    trial->message = NULL;
    if (message == NULL)
        return;
    timer_free(message->timer);
    message_auth_free(message->auth);
    field_cuts_free(message->cuts);
    free(message);
}

/* ---- its end ------------------------------------------------------------------------------------
 */

/* Was there a DNS list among what counts? */
static bool is_listed(const struct trial *trial)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        const char *check = finding->config->check->name;
        bool list = strcmp(check, "dnsbl") == 0 || strcmp(check, "rhsbl") == 0;
        if (list && !finding->abstained && finding->config->mode != CHECK_OBSERVE &&
            finding->score > 0)
            return true;
    }
    return false;
}

static void start_checks(struct trial *trial)
{
    struct trial_message *message = trial->message;
    timer_free(message->timer);
    message->timer = NULL;
    message->step = TRIAL_MESSAGE_DONE;
    trial->facts.message = message_auth_results(message->auth);
    trial->facts.arc_trusted = arc_trusted(trial, trial->facts.message, ARC_PASS);
    trial->facts.arc_unsure = arc_trusted(trial, trial->facts.message, ARC_TEMPERROR);
    trial->facts.score = trial_score(trial);
    trial->facts.listed = is_listed(trial);
    trial->facts.reverse_unknown = trial_reverse_skipped(trial) || trial_reverse_failed(trial);
    trial_start(trial, CHECK_AT_MESSAGE, loop_now(trial->env.loop) + TRIAL_DEADLINE);
}

static void on_late(void *arg)
{
    struct trial *trial = arg;
    struct trial_message *message = trial->message;
    if (message->step == TRIAL_MESSAGE_RUNS)
        message_auth_end(message->auth, trial->facts.spf, trial->facts.spf_helo);
    message->step = TRIAL_MESSAGE_ANSWERS;
    if (!message_auth_settled(message->auth))
        message_auth_give_up(message->auth);
    trial_consider(trial);
}

void trial_auth_look(struct trial *trial)
{
    struct trial_message *message = trial->message;
    if (message == NULL || message->auth == NULL)
        return;
    if (message->step == TRIAL_MESSAGE_RUNS && LIST_EMPTY(&trial->runs)) {
        message->step = TRIAL_MESSAGE_ANSWERS;
        message_auth_end(message->auth, trial->facts.spf, trial->facts.spf_helo);
    }
    if (message->step == TRIAL_MESSAGE_ANSWERS && message_auth_settled(message->auth))
        start_checks(trial);
}

void trial_auth_end(struct trial *trial)
{
    struct trial_message *message = trial->message;
    bool inside = trial->inside;
    if (message == NULL || message->step != TRIAL_MESSAGE_TEXT)
        return;
    field_cuts_end(message->cuts);
    message->step = message->auth != NULL ? TRIAL_MESSAGE_RUNS : TRIAL_MESSAGE_DONE;
    if (message->auth == NULL)
        return;
    message->timer = timer_new(trial->env.loop, on_late, trial);
    timer_set(message->timer, TRIAL_DEADLINE);
    trial->inside = true; /* who calls asks next */
    trial_consider(trial);
    trial->inside = inside;
}

bool trial_auth_waits(const struct trial *trial)
{
    const struct trial_message *message = trial->message;
    return message != NULL &&
           (message->step == TRIAL_MESSAGE_RUNS || message->step == TRIAL_MESSAGE_ANSWERS);
}

const struct message_auth_results *trial_auth_results(const struct trial *trial)
{
    return trial->facts.message;
}

void trial_auth_dispose(struct trial *trial, const char *mark, const char *override)
{
    if (trial->message == NULL)
        return;
    trial->message->mark = mark;
    trial->message->override = override;
}
