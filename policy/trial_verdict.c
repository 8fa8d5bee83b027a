/* SPDX-License-Identifier: ISC */
/*
 * trial_verdict: from findings to a verdict. The precedence is fixed, here and nowhere else:
 *
 *   1. an allow entry passes          2. a deny entry refuses (or goes to the tarpit)
 *   3. own networks and AUTH pass     4. postmaster@ and abuse@ pass
 *   5. a finding of a check with mode = reject refuses, and one that a check says to refuse alone,
 * but for a listed forwarder (where a fault of DNS hides whether it is one, it is to come again)
 *   6. the score: at or above tarpit, reject, greylist, asked in that order; who is suspicious by
 * it and has more connections than such a client may is deferred
 *   7. the greylist, for who would pass: come again later
 *
 * Only the last two wait for what is still open; and a deny entry does where a fact that is not
 * known yet might bring an allow entry, a refusal by one finding where the client may turn out to
 * be a listed forwarder, and whatever lets a message pass until its checks have run. Among entries
 * policy/list_judge.c knows the precedence. Findings of observed checks count nowhere, an
 * abstention never; of the findings of a block whose check says so only the strongest is added. The
 * relay rule stands outside of all this (policy/relay.h).
 */
#include "policy/trial_int.h"

#include "policy/auth_config.h"

#include <stdlib.h>

bool trial_counts(const struct finding *finding)
{
    return !finding->abstained && finding->config->mode != CHECK_OBSERVE;
}

bool trial_outdone(const struct trial *trial, const struct finding *finding)
{
    const struct finding *other;
    bool before = true; /* of equal ones the first counts */
    if (!finding->config->check->once || finding->abstained)
        return false;
    STAILQ_FOREACH(other, &trial->findings, link)
    {
        int stronger = abs(other->score) - abs(finding->score);
        before = before && other != finding;
        if (other->config == finding->config && !other->abstained &&
            (stronger > 0 || (stronger == 0 && before)))
            return true;
    }
    return false;
}

score_t trial_score(const struct trial *trial)
{
    const struct finding *finding;
    score_t sum = 0;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (trial_counts(finding) && !trial_outdone(trial, finding))
            sum += finding->score;
    }
    return sum;
}

bool trial_refuses(const struct trial *trial, const struct finding *finding)
{
    if (!trial_counts(finding) || finding->quiet)
        return false;
    if (finding->refuses)
        return !trial->facts.forwarder;
    return finding->score > 0 && finding->config->mode == CHECK_REJECT;
}

/* The one that counts most of those that refuse alone (`rules`) or of all above 0; NULL: none. */
static const struct finding *worst(const struct trial *trial, bool rules)
{
    const struct finding *finding;
    const struct finding *found = NULL;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        bool wanted =
            rules ? trial_refuses(trial, finding) : trial_counts(finding) && finding->score > 0;
        if (wanted && (found == NULL || finding->score > found->score))
            found = finding;
    }
    return found;
}

/* Its name is still to come, and may be a listed forwarder's. */
static bool maybe_forwarder(const struct trial *trial)
{
    const struct run *run;
    if (trial->facts.reverse_name[0] != '\0' || policy_auth(trial->env.policy)->forwarders == NULL)
        return false;
    LIST_FOREACH(run, &trial->runs, link)
    {
        if (run->run.stage == CHECK_AT_CONNECT)
            return true;
    }
    return false;
}

/* A fault of DNS hides its name, which may be a listed forwarder's. */
static bool hidden_forwarder(const struct trial *trial)
{
    const struct name_set *forwarders = policy_auth(trial->env.policy)->forwarders;
    const char *name = trial->facts.reverse_name;
    return forwarders != NULL && !trial->facts.reverse_confirmed && trial_reverse_failed(trial) &&
           (name[0] == '\0' || auth_names_have(forwarders, name));
}

const char *trial_code(const struct trial *trial, const struct finding *finding)
{
    bool later = finding->refuses && trial_counts(finding) && hidden_forwarder(trial);
    return later ? "4.4.3" : finding->enhanced;
}

const struct finding *trial_rule(const struct trial *trial)
{
    const struct finding *finding = worst(trial, true);
    return finding != NULL && finding->refuses && maybe_forwarder(trial) ? NULL : finding;
}

/* ---- the tarpit ---------------------------------------------------------------------------------
 */

/* May what is open still lower the score? The checks of the reverse name are to come as long as one
 * of the address is open. */
static bool trust_pending(const struct trial *trial)
{
    const struct run *run;
    bool connect_open = false;
    LIST_FOREACH(run, &trial->runs, link)
    {
        const struct check_config *config = run->run.config;
        if (config->allows && config->mode != CHECK_OBSERVE)
            return true;
        connect_open = connect_open || run->run.stage == CHECK_AT_CONNECT;
    }
    const struct check_config *const *config = policy_checks(trial->env.policy);
    for (; connect_open && *config != NULL; config++) {
        if ((*config)->allows && (*config)->mode != CHECK_OBSERVE &&
            ((*config)->check->stages & CHECK_BIT(CHECK_AT_REVERSE)) != 0)
            return true;
    }
    return false;
}

bool trial_hostile(const struct trial *trial)
{
    if (trial->env.observe)
        return false;
    if (trial_denied(trial))
        return trial->list->action == ENTRY_TARPIT;
    if (trial->standing != STANDING_NONE)
        return false;
    /* An allow entry by its sender or recipient would go before its score. */
    bool may_allow = trial->may_allow && !trial->complete;
    return trial_score(trial) >= trial->thresholds.tarpit && !trust_pending(trial) && !may_allow;
}

bool trial_suspicious(const struct trial *trial)
{
    return trial->standing == STANDING_NONE && trial_score(trial) >= trial->thresholds.greylist;
}

/* ---- the verdict --------------------------------------------------------------------------------
 */

static void by_rule(const struct trial *trial, const struct finding *rule, struct verdict *out)
{
    const char *code = trial_code(trial, rule);
    out->cause = VERDICT_BY_RULE;
    out->reason = rule->reason;
    out->enhanced = code[0] != '\0' ? code : "5.7.1";
    out->action = out->enhanced[0] == '4' ? VERDICT_DEFER : VERDICT_REJECT;
}

static void by_score(const struct trial *trial, struct verdict *out)
{
    const struct trial_thresholds *least = &trial->thresholds;
    const struct finding *finding = worst(trial, false);
    out->cause = VERDICT_BY_SCORE;
    out->action = VERDICT_PASS;
    if (out->score >= least->tarpit)
        out->action = VERDICT_TARPIT;
    else if (out->score >= least->reject)
        out->action = VERDICT_REJECT;
    else if (out->score >= least->greylist)
        out->action = VERDICT_SUSPICIOUS;
    if (out->action == VERDICT_PASS)
        return;
    if (out->action == VERDICT_SUSPICIOUS && trial_crowded(trial, &out->reason)) {
        out->action = VERDICT_DEFER;
        out->enhanced = "4.7.1";
        return;
    }
    out->reason = finding != NULL ? finding->reason : "";
    if (out->action != VERDICT_SUSPICIOUS)
        out->enhanced = "5.7.1";
}

static void by_deny(const struct list_verdict *list, struct verdict *out)
{
    static const char *const reasons[ENTRY_KINDS] = {
        [ENTRY_CLIENT] = "your address is refused here",
        [ENTRY_HELO] = "your host's name is refused here",
        [ENTRY_REVERSE] = "your host's name is refused here",
        [ENTRY_SENDER] = "your sender address is refused here",
        [ENTRY_RECIPIENT] = "mail to this recipient is refused",
    };
    static const enum verdict_action actions[] = {[ENTRY_REJECT] = VERDICT_REJECT,
                                                  [ENTRY_TARPIT] = VERDICT_TARPIT,
                                                  [ENTRY_DEFER] = VERDICT_DEFER};
    out->cause = VERDICT_BY_DENY;
    out->action = actions[list->action];
    out->reason = reasons[list->kind];
    out->enhanced = list->action == ENTRY_DEFER ? "4.7.1" : "5.7.1";
}

/* The first of the precedence that applies. False: the score must wait. */
static bool decide(struct trial *trial, bool exempt, struct verdict *out)
{
    const struct finding *rule = trial_rule(trial);
    *out = (struct verdict){.score = trial_score(trial), .reason = "", .enhanced = ""};
    if (trial->standing == STANDING_ALLOWED)
        out->cause = VERDICT_BY_ALLOW;
    else if (trial_denied(trial))
        by_deny(trial->list, out);
    else if (trial_deny_pending(trial) && trial->complete)
        return false; /* its reverse name may yet allow it */
    else if (trial->standing == STANDING_TRUSTED)
        out->cause = VERDICT_BY_TRUST;
    else if (exempt)
        out->cause = VERDICT_BY_EXEMPT;
    else if (rule != NULL)
        by_rule(trial, rule, out);
    else if (!LIST_EMPTY(&trial->runs) || trial_auth_waits(trial))
        return false;
    else {
        by_score(trial, out);
        return trial_greylist(trial, out);
    }
    return true;
}

static bool passes(const struct verdict *verdict)
{
    return verdict->action == VERDICT_PASS || verdict->action == VERDICT_SUSPICIOUS;
}

bool trial_ask(struct trial *trial, bool exempt, struct verdict *out)
{
    bool told = decide(trial, exempt, out);
    out->would = out->action;
    if (trial->env.observe)
        out->action = VERDICT_PASS;
    /* What is let in is stamped with what its authentication has found. */
    trial->waiting = !told || (passes(out) && trial_auth_waits(trial));
    if (trial->waiting)
        return false;
    trial->asked = true;
    trial->action = out->action;
    trial->would = out->would;
    trial->cause = out->cause;
    return true;
}

const char *verdict_action_name(enum verdict_action action)
{
    switch (action) {
    case VERDICT_PASS:
        return "pass";
    case VERDICT_SUSPICIOUS:
        return "suspicious";
    case VERDICT_GREYLIST:
        return "greylist";
    case VERDICT_DEFER:
        return "defer";
    case VERDICT_REJECT:
        return "reject";
    case VERDICT_TARPIT:
        return "tarpit";
    }
    return "unknown";
}

const char *verdict_cause_name(enum verdict_cause cause)
{
    switch (cause) {
    case VERDICT_BY_ALLOW:
        return "allow";
    case VERDICT_BY_DENY:
        return "deny";
    case VERDICT_BY_TRUST:
        return "trust";
    case VERDICT_BY_EXEMPT:
        return "exempt";
    case VERDICT_BY_RULE:
        return "rule";
    case VERDICT_BY_SCORE:
        return "score";
    case VERDICT_BY_GREYLIST:
        return "greylist";
    }
    return "unknown";
}

static enum trial_class class_of(const struct trial *trial, bool exempt)
{
    bool trusted = trial->trusted || trial->authenticated;
    if (trial->standing == STANDING_ALLOWED && (!trusted || trial_denied_without(trial)))
        return TRIAL_CLASS_ALLOWED;
    return exempt && !trusted ? TRIAL_CLASS_EXEMPT : TRIAL_CLASS_PLAIN;
}

enum trial_class trial_class(struct trial *trial, bool exempt)
{
    if (trial->env.observe && trial->classed)
        return trial->class;
    trial->classed = true;
    trial->class = class_of(trial, exempt);
    return trial->class;
}
