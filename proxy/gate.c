/* SPDX-License-Identifier: ISC */
/*
 * gate: the one door from the proxy to the policy.
 *
 * The relay rule (policy/relay.h) stands first and for itself; what else is known of a client is
 * judged by its trial. Here the two are asked, and what they answer becomes a reply with its
 * reason, the session's id and, if configured, a URL.
 */
#include "proxy/gate.h"

#include "lib/loop.h"
#include "lib/str.h"
#include "policy/policy.h"
#include "policy/record_config.h"
#include "policy/relay.h"
#include "proxy/counters.h"
#include "proxy/worker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX    320 /* octets of a reason that are told */
#define REFERENCE_MAX 264 /* of the id and the URL behind it */

/* A listener's thresholds are handed to the trial as they are. */
/* NOLINTNEXTLINE(misc-redundant-expression): two names that must stay one value */
static_assert(LISTEN_THRESHOLD_UNSET == TRIAL_DEFAULT, "both mean the policy's own");

bool gate_client_trusted(const struct config *config, const struct addr *client)
{
    return relay_client_trusted(config->relay, client);
}

struct trial *gate_open(const struct gate_client *who)
{
    const struct config *config = who->setup->config;
    const struct trial_env env = {
        .policy = config->policy,
        .state = who->setup->server->policy,
        .dns = worker_dns(who->worker),
        .loop = worker_loop(who->worker),
        .hostname = config->hostname,
        .observe = config->mode == GATE_OBSERVE,
        .record = policy_decisions(config->policy)->record != RECORD_OFF,
    };
    const struct trial_client client = {
        .address = who->client,
        .server = who->server,
        .trusted = who->trusted,
        .thresholds = {.greylist = who->listen->greylist_threshold,
                       .reject = who->listen->reject_threshold,
                       .tarpit = who->listen->tarpit_threshold},
    };
    return trial_new(&env, &client, who->changed, who->arg);
}

void gate_sender(struct trial *trial, const struct path *sender)
{
    char domain[PATH_DOMAIN_MAX + 1];
    if (!relay_domain_normal(path_domain(sender), domain, sizeof domain))
        domain[0] = '\0';
    trial_sender(trial, sender->text, domain);
}

bool gate_recipient(const struct config *config, const struct path *path, bool trusted,
                    char domain[static PATH_DOMAIN_MAX + 1], enum reply *reply)
{
    /* A domain that has no normal form is nobody's: it takes the default route, if any. */
    if (!relay_domain_normal(path_domain(path), domain, PATH_DOMAIN_MAX + 1))
        domain[0] = '\0';
    switch (relay_judge(config->relay, path->text, path->local_len, path_domain(path), trusted)) {
    case RELAY_OWN:
    case RELAY_TRUSTED:
        return true;
    case RELAY_DENIED:
        *reply = REPLY_RELAY_DENIED;
        return false;
    case RELAY_SUSPICIOUS:
        *reply = REPLY_ROUTED_LOCAL_PART;
        return false;
    case RELAY_NO_SUCH:
        *reply = REPLY_NO_SUCH_RECIPIENT;
        return false;
    }
    *reply = REPLY_FAULT;
    return false;
}

bool gate_exempt(const struct path *path)
{
    return str_case_eq(path->text, path->local_len, "postmaster") ||
           str_case_eq(path->text, path->local_len, "abuse");
}

/* Appends the URL with the session's id where it has %i. */
static void add_url(char *text, size_t size, const char *url, const char *id)
{
    size_t len = strlen(text);
    for (const char *p = url; *p != '\0' && len + RANDOM_ID_LEN + 2 < size; p++) {
        if (p[0] == '%' && p[1] == 'i') {
            len += (size_t)snprintf(text + len, size - len, "%s", id);
            p++;
        } else {
            text[len++] = *p;
            text[len] = '\0';
        }
    }
}

/* "5.7.1 Refused: REASON (ID, URL)"; the reason may hold what a peer said, and is cut first: who
 * asks for help needs the id and the page. */
static void word(struct gate_refusal *refusal, const struct config *config, const char *enhanced,
                 const char *verb, const char *reason, const char *id)
{
    char tail[REFERENCE_MAX];
    char shown[REASON_MAX];
    size_t size = sizeof refusal->text;
    snprintf(tail, sizeof tail, " (%s%s", id, config->reject_url != NULL ? ", " : "");
    if (config->reject_url != NULL)
        add_url(tail, sizeof tail - 1, config->reject_url, id);
    size_t head = (size_t)snprintf(refusal->text, size, "%s %s", enhanced, verb);
    size_t room = size - head - strlen(tail) - 1; /* for ")" */
    str_printable(shown, room < sizeof shown ? room : sizeof shown, reason, strlen(reason));
    snprintf(refusal->text + head, size - head, "%s%s)", shown, tail);
}

static enum counter action_counter(enum verdict_action action)
{
    switch (action) {
    case VERDICT_PASS:
        return COUNTER_VERDICT_PASS;
    case VERDICT_SUSPICIOUS:
        return COUNTER_VERDICT_SUSPICIOUS;
    case VERDICT_GREYLIST:
        return COUNTER_VERDICT_GREYLIST;
    case VERDICT_DEFER:
        return COUNTER_VERDICT_DEFER;
    case VERDICT_REJECT:
        return COUNTER_VERDICT_REJECT;
    case VERDICT_TARPIT:
        return COUNTER_VERDICT_TARPIT;
    }
    return COUNTER_VERDICT_PASS;
}

static enum counter cause_counter(enum verdict_cause cause)
{
    switch (cause) {
    case VERDICT_BY_ALLOW:
        return COUNTER_CAUSE_ALLOW;
    case VERDICT_BY_DENY:
        return COUNTER_CAUSE_DENY;
    case VERDICT_BY_TRUST:
        return COUNTER_CAUSE_TRUST;
    case VERDICT_BY_EXEMPT:
        return COUNTER_CAUSE_EXEMPT;
    case VERDICT_BY_RULE:
        return COUNTER_CAUSE_RULE;
    case VERDICT_BY_SCORE:
        return COUNTER_CAUSE_SCORE;
    case VERDICT_BY_GREYLIST:
        return COUNTER_CAUSE_GREYLIST;
    }
    return COUNTER_CAUSE_SCORE;
}

enum gate_ruling gate_judge(struct trial *trial, const struct setup *setup, const char *id,
                            bool exempt, struct gate_refusal *refusal)
{
    const struct config *config = setup->config;
    struct verdict verdict;
    char seconds[32];
    if (!trial_ask(trial, exempt, &verdict))
        return GATE_WAIT;
    counters_add(setup->server->counters, action_counter(verdict.action), 1);
    counters_add(setup->server->counters, cause_counter(verdict.cause), 1);
    switch (verdict.action) {
    case VERDICT_PASS:
    case VERDICT_SUSPICIOUS:
        return GATE_PASS;
    case VERDICT_GREYLIST:
        refusal->reply = REPLY_NOT_NOW;
        snprintf(seconds, sizeof seconds, "%u seconds", (unsigned)verdict.wait);
        word(refusal, config, verdict.enhanced, "Greylisted, please try again in ", seconds, id);
        return GATE_REFUSE;
    case VERDICT_DEFER:
        refusal->reply = verdict.cause == VERDICT_BY_RULE ? REPLY_NOT_NOW : REPLY_DEFERRED;
        word(refusal, config, verdict.enhanced, "Please try again later: ", verdict.reason, id);
        return GATE_REFUSE;
    case VERDICT_REJECT:
    case VERDICT_TARPIT:
        refusal->reply = REPLY_REFUSED;
        word(refusal, config, verdict.enhanced, "Refused: ", verdict.reason, id);
        return verdict.action == VERDICT_TARPIT ? GATE_TARPIT : GATE_REFUSE;
    }
    return GATE_WAIT;
}

void gate_count_greylist(const struct trial *trial, struct counters *counters)
{
    switch (trial_greylisting(trial)) {
    case TRIAL_NOT_GREYLISTED:
        break;
    case TRIAL_GREYLIST_NEW:
        counters_add(counters, COUNTER_GREYLIST_NEW, 1);
        break;
    case TRIAL_GREYLIST_EARLY:
        counters_add(counters, COUNTER_GREYLIST_EARLY, 1);
        break;
    case TRIAL_GREYLIST_PASSED:
        counters_add(counters, COUNTER_GREYLIST_PASSED, 1);
        break;
    case TRIAL_GREYLIST_WHITE:
        counters_add(counters, COUNTER_GREYLIST_WHITE, 1);
        break;
    case TRIAL_GREYLIST_PROVEN:
        counters_add(counters, COUNTER_GREYLIST_PROVEN, 1);
        break;
    case TRIAL_GREYLIST_DOWN:
        counters_add(counters, COUNTER_GREYLIST_DOWN, 1);
        break;
    }
}

void gate_limited(const struct config *config, const char *id, enum reply reply, const char *why,
                  struct gate_refusal *refusal)
{
    refusal->reply = reply;
    word(refusal, config, "4.7.1", "Please try again later: ", why, id);
}
