/* SPDX-License-Identifier: ISC */
/*
 * trial: one client before the policy. Here are the facts, the findings, and what the client does
 * on the wire; trial_run.c runs the checks, trial_verdict.c judges, trial_limits.c counts,
 * trial_log.c tells.
 *
 * Promises: `changed` is called from the loop only, and never after trial_free(); a new fact takes
 * the findings about the earlier one with it; a client that is allowed, denied or trusted is not
 * looked up at all, but by the checks that always run, for who is allowed. What has been answered
 * takes no memory but its findings.
 * Limits: 64 findings a client; the texts of each are cut.
 */
#include "policy/trial_int.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/message_auth.h"
#include "policy/auth_config.h"
#include "policy/behaviour.h"
#include "policy/greylist.h"
#include "policy/known.h"
#include "policy/pseudonym_keys.h"
#include "policy/state.h"

#include <stdlib.h>
#include <string.h>

/* ---- findings ---------------------------------------------------------------------------------
 */

/* Copies `text` with its NUL to `to`, made fit for a reply and for a list of findings in one log
 * value, where ';' stands between two. Returns behind it. */
static char *copy_text(char *to, const char *text, size_t most)
{
    size_t len = strnlen(text, most);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        to[i] = '?';
        if (c == ';')
            to[i] = ',';
        else if (c >= ' ' && c < 0x7f)
            to[i] = (char)c;
    }
    to[len] = '\0';
    return to + len + 1;
}

static struct finding *finding_new(const char *label, const char *answer, const char *reason)
{
    size_t room = strnlen(label, TRIAL_LABEL_MAX) + strnlen(answer, TRIAL_TEXT_MAX) +
                  strnlen(reason, TRIAL_TEXT_MAX) + 3;
    struct finding *finding = mem_alloc(sizeof *finding + room);
    char *answer_at = copy_text(finding->text, label, TRIAL_LABEL_MAX);
    char *reason_at = copy_text(answer_at, answer, TRIAL_TEXT_MAX);
    copy_text(reason_at, reason, TRIAL_TEXT_MAX);
    finding->label = finding->text;
    finding->answer = answer_at;
    finding->reason = reason_at;
    return finding;
}

static void drop(struct trial *trial, struct finding *finding)
{
    STAILQ_REMOVE(&trial->findings, finding, finding, link);
    trial->finding_count--;
    free(finding);
}

/* Room for one more; an abstention, which counts nothing, may make it. */
static bool make_room(struct trial *trial)
{
    struct finding *finding;
    if (trial->finding_count < TRIAL_FINDINGS)
        return true;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->abstained || finding->quiet) {
            drop(trial, finding);
            return true;
        }
    }
    return false;
}

struct finding *trial_note(struct trial *trial, const struct check_config *config,
                           enum check_stage stage, score_t score, const char *label,
                           const char *answer, const char *reason)
{
    if (!make_room(trial))
        return NULL;
    struct finding *finding = finding_new(label, answer, reason);
    finding->score = score;
    finding->stage = stage;
    finding->config = config;
    STAILQ_INSERT_TAIL(&trial->findings, finding, link);
    trial->finding_count++;
    return finding;
}

void trial_forget(struct trial *trial, enum check_stage stage)
{
    struct finding *finding = STAILQ_FIRST(&trial->findings);
    while (finding != NULL) {
        struct finding *next = STAILQ_NEXT(finding, link);
        if (stage == CHECK_STAGES || finding->stage == stage)
            drop(trial, finding);
        finding = next;
    }
    uint8_t kept = 0;
    for (uint8_t i = 0; i < trial->clean_count; i++) {
        if (stage != CHECK_STAGES && trial->clean[i].stage != stage)
            trial->clean[kept++] = trial->clean[i];
    }
    trial->clean_count = kept;
}

/* ---- notices ------------------------------------------------------------------------------------
 */

static void on_notice(void *arg)
{
    struct trial_notice *notice = arg;
    struct trial *trial = notice->trial;
    free(notice);
    if (trial == NULL)
        return;
    trial->notice = NULL;
    trial->changed(trial->arg); /* may free it */
}

static void notify(struct trial *trial)
{
    trial->waiting = false;
    if (trial->notice != NULL)
        return;
    trial->notice = mem_alloc(sizeof *trial->notice);
    trial->notice->trial = trial;
    loop_defer(trial->env.loop, on_notice, trial->notice);
}

void trial_consider(struct trial *trial)
{
    bool was_hostile = trial->hostile;
    bool was_open = trial->open;
    trial_auth_look(trial);
    bool unread = trial_auth_waits(trial);
    trial->hostile = trial_hostile(trial);
    trial->open = !LIST_EMPTY(&trial->runs) || trial_grey_waits(trial) || unread;
    bool answered = was_open && !trial->open && !trial->inside;
    bool decided = trial_rule(trial) != NULL || trial->standing != STANDING_NONE;
    bool settled = !trial->open || (decided && !unread);
    bool awaited = trial->waiting && settled;
    if ((trial->hostile && !was_hostile) || answered || awaited)
        notify(trial);
}

/* ---- a trial ------------------------------------------------------------------------------------
 */

static score_t threshold(score_t of_listener, score_t of_policy)
{
    return of_listener != TRIAL_DEFAULT ? of_listener : of_policy;
}

static uint32_t lifetime(const struct trial *trial)
{
    return policy_greylist(trial->env.policy)->rule.white_lifetime;
}

/* By its address or its domain: a network is shared with strangers. */
static bool is_proven(const struct trial *trial)
{
    char address[ADDR_TEXT_MAX];
    struct identities ids;
    struct policy_state *state = trial->env.state;
    if (trial->private || trial->client.family == AF_UNSPEC)
        return false;
    if (known_proven(state->known,
                     pseudonym_kept_client(state->pseudonyms, &trial->client, address),
                     lifetime(trial), state->wall()))
        return true;
    trial_identities(trial, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        if (strchr(ids.text[i], '/') == NULL &&
            known_proven(state->known, ids.text[i], lifetime(trial), state->wall()))
            return true;
    }
    return false;
}

static void set_facts(struct trial *trial)
{
    struct check_facts *facts = &trial->facts;
    facts->client = &trial->client;
    facts->server = &trial->server;
    facts->hostname = trial->env.hostname;
    facts->reverse_name = facts->helo = facts->sender = facts->sender_domain = "";
    trial->recipient = "";
    trial_spf_forget(trial, true);
    facts->proven = is_proven(trial);
}

struct trial *trial_new(const struct trial_env *env, const struct trial_client *client,
                        void (*changed)(void *arg), void *arg)
{
    struct trial *trial = mem_alloc(sizeof *trial);
    const struct policy_thresholds *usual = policy_thresholds(env->policy);
    trial->env = *env;
    trial->client = client->address;
    trial->server = client->server;
    trial->thresholds = (struct trial_thresholds){
        .greylist = threshold(client->thresholds.greylist, usual->greylist),
        .reject = threshold(client->thresholds.reject, usual->reject),
        .tarpit = threshold(client->thresholds.tarpit, usual->tarpit),
    };
    trial->changed = changed;
    trial->arg = arg;
    LIST_INIT(&trial->runs);
    STAILQ_INIT(&trial->findings);
    trial->private = addr_is_private(&trial->client);
    trial->trusted = client->trusted;
    set_facts(trial);
    trial_lists_look(trial);
    trial_open(trial);
    trial_start(trial, CHECK_AT_CONNECT, loop_now(env->loop) + TRIAL_DEADLINE);
    return trial;
}

/* Strings that are facts are ours, but for the empty one. */
static void set_text(const char **fact, const char *text)
{
    if ((*fact)[0] != '\0')
        free((char *)(uintptr_t)*fact);
    *fact = text != NULL && text[0] != '\0' ? mem_strdup(text) : "";
}

void trial_free(struct trial *trial)
{
    if (trial == NULL)
        return;
    trial_stop(trial, CHECK_STAGES);
    trial_forget(trial, CHECK_STAGES);
    trial_close(trial);
    trial_grey_forget(trial);
    trial_auth_forget(trial);
    trial_spf_forget(trial, true);
    free(trial->clean);
    free(trial->list);
    free(trial->trap);
    if (trial->notice != NULL)
        trial->notice->trial = NULL;
    set_text(&trial->facts.reverse_name, NULL);
    set_text(&trial->facts.helo, NULL);
    set_text(&trial->facts.sender, NULL);
    set_text(&trial->facts.sender_domain, NULL);
    set_text(&trial->recipient, NULL);
    free(trial);
}

/* ---- facts --------------------------------------------------------------------------------------
 */

static void forget_stage(struct trial *trial, enum check_stage stage)
{
    trial_stop(trial, stage);
    trial_forget(trial, stage);
}

void trial_helo(struct trial *trial, const char *helo)
{
    if (strcmp(trial->facts.helo, helo) == 0)
        return;
    forget_stage(trial, CHECK_AT_HELO);
    forget_stage(trial, CHECK_AT_SENDER); /* it was said under the other name */
    trial_auth_forget(trial);
    trial_spf_forget(trial, true);
    set_text(&trial->facts.helo, helo);
    trial_lists_look(trial);
    trial_start(trial, CHECK_AT_HELO, loop_now(trial->env.loop) + TRIAL_DEADLINE);
}

/* What was known of the last mail is forgotten. */
static void set_sender(struct trial *trial, const char *address, const char *domain)
{
    forget_stage(trial, CHECK_AT_SENDER);
    trial_auth_forget(trial);
    trial_spf_forget(trial, false);
    set_text(&trial->facts.sender, address);
    set_text(&trial->facts.sender_domain, domain);
    set_text(&trial->recipient, NULL);
    trial->complete = false;
    trial->classed = false;
    trial->let_in = false;
    trial_grey_forget(trial);
}

void trial_sender(struct trial *trial, const char *address, const char *domain)
{
    set_sender(trial, address, domain);
    trial->sent = true;
    trial_spf_begin(trial);
    trial_lists_look(trial);
    trial_start(trial, CHECK_AT_SENDER, loop_now(trial->env.loop) + TRIAL_DEADLINE);
}

void trial_reset(struct trial *trial)
{
    set_sender(trial, NULL, NULL);
    trial->sent = false;
    trial_lists_look(trial);
    trial_consider(trial);
}

void trial_recipient(struct trial *trial, const char *address)
{
    set_text(&trial->recipient, address);
    trial->complete = true;
    trial->let_in = false;
    trial_grey_forget(trial);
    trial_lists_look(trial);
    trial_start_due(trial, loop_now(trial->env.loop) + TRIAL_DEADLINE);
    trial_consider(trial);
}

void trial_message(struct trial *trial, bool allowed)
{
    set_text(&trial->recipient, NULL);
    trial->complete = true;
    trial->let_in = allowed;
    trial_lists_look(trial);
    trial_auth_end(trial);
}

void trial_authenticated(struct trial *trial)
{
    trial->authenticated = true;
    trial_lists_look(trial);
    if (trial->standing != STANDING_TRUSTED)
        return;
    trial_grey_forget(trial);
    trial_stop(trial, CHECK_STAGES);
    trial_auth_forget(trial);
    trial_spf_forget(trial, true);
    trial_consider(trial);
}

void trial_identities(const struct trial *trial, struct identities *out)
{
    const struct check_facts *facts = &trial->facts;
    const struct identity_facts who = {
        .client = &trial->client,
        .reverse = facts->reverse_confirmed ? facts->reverse_name : NULL,
        .spf_domain = facts->spf->result == SPF_PASS ? facts->spf->domain : NULL,
        .dynamic = facts->reverse_dynamic};
    identity_of(&who, out);
}

static bool is_forwarder(const struct trial *trial)
{
    const struct auth_config *auth = policy_auth(trial->env.policy);
    return auth_names_have(auth->forwarders, trial->facts.reverse_name);
}

const char *trial_confirmed_name(const struct trial *trial)
{
    const struct check_facts *facts = &trial->facts;
    return facts->reverse_confirmed && facts->reverse_name[0] != '\0' ? facts->reverse_name : NULL;
}

void trial_reverse_known(struct trial *trial, const char *name, bool confirmed, bool dynamic,
                         uint64_t until)
{
    if (name == NULL || name[0] == '\0')
        return;
    struct check_facts *facts = &trial->facts;
    trial_stop(trial, CHECK_AT_REVERSE);
    set_text(&facts->reverse_name, name);
    facts->reverse_confirmed = confirmed;
    facts->reverse_dynamic = dynamic;
    facts->forwarder = confirmed && is_forwarder(trial);
    facts->proven = facts->proven || is_proven(trial);
    trial_lists_look(trial);
    trial_start(trial, CHECK_AT_REVERSE, until);
}

void trial_delivered(struct trial *trial)
{
    char address[ADDR_TEXT_MAX];
    struct identities ids;
    struct policy_state *state = trial->env.state;
    const char *text[1 + IDENTITY_MOST] = {
        pseudonym_kept_client(state->pseudonyms, &trial->client, address)};
    bool null_sender = trial->sent && trial->facts.sender[0] == '\0';
    /* What an entry let in, or mail to postmaster, was not let in for what the client is. */
    if (trial->asked && (trial->cause == VERDICT_BY_ALLOW || trial->cause == VERDICT_BY_EXEMPT))
        return;
    /* Who logs in may do so from anywhere: that says nothing of the address. */
    if (trial->env.dry || trial->private || trial->client.family == AF_UNSPEC || null_sender ||
        trial->standing == STANDING_TRUSTED)
        return;
    trial_identities(trial, &ids);
    for (size_t i = 0; i < ids.count; i++)
        text[1 + i] = ids.text[i];
    known_delivered(state->known, text, 1 + ids.count, lifetime(trial), state->wall(),
                    state->store);
}

/* ---- on the wire --------------------------------------------------------------------------------
 */

/* HANGUP is no finding of its own connection. */
static const struct behaviour {
    const struct check *check;
    const char *reason;
} behaviours[] = {
    [TRIAL_PREGREET] = {&check_pregreet, "talked before the greeting"},
    [TRIAL_PIPELINING] = {&check_pipelining, "sent on without waiting for an answer"},
    [TRIAL_COMMAND] = {&check_commands, "sent what is not SMTP"},
    [TRIAL_NEWLINE] = {&check_newlines, "sent a bare CR or LF"},
    [TRIAL_HANGUP] = {&check_hangup, ""},
};

bool trial_behaved(struct trial *trial, enum trial_behaviour behaviour, const char *detail)
{
    const struct behaviour *b = &behaviours[behaviour];
    const struct check_config *config = policy_check(trial->env.policy, b->check);
    uint8_t bit = (uint8_t)(1u << behaviour);
    if (trial->standing != STANDING_NONE || config == NULL || config->mode == CHECK_OFF)
        return false;
    bool counts = config->mode != CHECK_OBSERVE;
    if ((trial->behaved & bit) != 0)
        return counts;
    trial->behaved |= bit;
    if (behaviour == TRIAL_HANGUP) {
        trial_hung_up(trial);
        return counts;
    }
    trial_note(trial, config, CHECK_STAGES, config->score, config->label,
               detail != NULL ? detail : "", b->reason);
    trial_consider(trial);
    return counts;
}

static const struct pregreet_config *pregreet_of(const struct trial *trial)
{
    const struct check_config *config = policy_check(trial->env.policy, &check_pregreet);
    if (config == NULL || config->mode == CHECK_OFF)
        return NULL;
    return (const struct pregreet_config *)(const void *)config;
}

uint64_t trial_greet_wait(const struct trial *trial)
{
    const struct pregreet_config *pregreet = pregreet_of(trial);
    if (pregreet == NULL || trial->env.observe || trial->private || trial->facts.proven ||
        trial->standing != STANDING_NONE)
        return 0;
    return pregreet->wait;
}

bool trial_teaser(const struct trial *trial)
{
    const struct pregreet_config *pregreet = pregreet_of(trial);
    return pregreet != NULL && pregreet->teaser && trial_greet_wait(trial) > 0;
}
