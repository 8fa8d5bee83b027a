/* SPDX-License-Identifier: ISC */
/*
 * record_judge: a verdict from plain data, as trial_verdict.c gives it from a trial: for a record
 * that is to be explained (what if one thing were different?) or judged by another configuration.
 *
 * Promises: of a record as it was written this is the verdict that was given, mode = enforce
 * presumed; policy_test holds the two against each other in every case it has.
 * Limits: a suspicious client that was deferred for its many connections stays deferred as long as
 * it is suspicious, since counts are not in a record.
 */
#include "policy/record.h"

#include <stdlib.h>
#include <string.h>

bool record_counts(const struct record_finding *finding)
{
    return !finding->abstained && !finding->quiet && !finding->once &&
           (finding->mode == CHECK_SCORE || finding->mode == CHECK_REJECT);
}

bool record_refuses(const struct record_finding *finding)
{
    bool judged = !finding->abstained && !finding->quiet &&
                  (finding->mode == CHECK_SCORE || finding->mode == CHECK_REJECT);
    return judged && (finding->refuses || (finding->mode == CHECK_REJECT && finding->score > 0));
}

/* NULL: there is none of that name any more. */
static const struct check *check_named(const char *name)
{
    size_t i = 0;
    while (checks[i] != NULL && strcmp(checks[i]->name, name) != 0)
        i++;
    return checks[i];
}

static bool counts_once(const char *name)
{
    const struct check *check = check_named(name);
    return check != NULL && check->once;
}

static bool runs_always(const char *name)
{
    const struct check *check = check_named(name);
    return check != NULL && check->always;
}

bool record_blind(const struct record *record)
{
    for (size_t i = 0; i < record->findings; i++) {
        if (!runs_always(record->finding[i].check))
            return false;
    }
    for (size_t i = 0; i < record->cleans; i++) {
        if (!runs_always(record->clean[i].check))
            return false;
    }
    return true;
}

/* Is there a stronger one of the same block, or an earlier one as strong? */
static bool outdone(const struct record *record, size_t index)
{
    const struct record_finding *finding = &record->finding[index];
    for (size_t i = 0; i < record->findings; i++) {
        const struct record_finding *other = &record->finding[i];
        int stronger = abs(other->score) - abs(finding->score);
        if (i != index && !other->abstained && strcmp(other->check, finding->check) == 0 &&
            strcmp(other->zone, finding->zone) == 0 &&
            (stronger > 0 || (stronger == 0 && i < index)))
            return true;
    }
    return false;
}

void record_mark_once(struct record *record)
{
    for (size_t i = 0; i < record->findings; i++) {
        struct record_finding *finding = &record->finding[i];
        finding->once = counts_once(finding->check) && !finding->abstained && outdone(record, i);
    }
}

/* A refusal by one finding: the strongest. */
static const struct record_finding *rule_of(const struct record *record)
{
    const struct record_finding *found = NULL;
    for (size_t i = 0; i < record->findings; i++) {
        const struct record_finding *finding = &record->finding[i];
        if (record_refuses(finding) && (found == NULL || finding->score > found->score))
            found = finding;
    }
    return found;
}

static score_t sum_of(const struct record *record)
{
    score_t sum = 0;
    for (size_t i = 0; i < record->findings; i++) {
        if (record_counts(&record->finding[i]))
            sum += record->finding[i].score;
    }
    return sum;
}

static enum verdict_action of_deny(enum entry_action action)
{
    switch (action) {
    case ENTRY_REJECT:
        return VERDICT_REJECT;
    case ENTRY_TARPIT:
        return VERDICT_TARPIT;
    case ENTRY_DEFER:
        return VERDICT_DEFER;
    }
    return VERDICT_REJECT;
}

/* Below `reject`, so the mail passes unless its connections or the greylist say "later". */
static void by_greylist(const struct record *record, struct record_outcome *out)
{
    const struct record_greylist *greylist = &record->greylist;
    bool suspicious = out->score >= record->thresholds.greylist;
    out->action = suspicious ? VERDICT_SUSPICIOUS : VERDICT_PASS;
    if (suspicious && record->judged && record->cause == VERDICT_BY_SCORE &&
        record->would == VERDICT_DEFER) {
        out->action = VERDICT_DEFER;
        out->limits = true;
    } else if ((suspicious || greylist->all) && greylist->asked == RECORD_GREY_ASKED &&
               (greylist->state == GREY_NEW || greylist->state == GREY_EARLY)) {
        out->action = VERDICT_GREYLIST;
        out->cause = VERDICT_BY_GREYLIST;
        out->wait = greylist->wait;
    }
}

static void by_score(const struct record *record, struct record_outcome *out)
{
    out->cause = VERDICT_BY_SCORE;
    if (out->score >= record->thresholds.tarpit)
        out->action = VERDICT_TARPIT;
    else if (out->score >= record->thresholds.reject)
        out->action = VERDICT_REJECT;
    else
        by_greylist(record, out);
}

void record_judge(const struct record *record, struct record_outcome *out)
{
    *out = (struct record_outcome){.score = sum_of(record), .rule = rule_of(record)};
    if (record->list.ruling == RECORD_LIST_ALLOW) {
        out->cause = VERDICT_BY_ALLOW;
    } else if (record->list.ruling == RECORD_LIST_DENY) {
        out->cause = VERDICT_BY_DENY;
        out->action = of_deny(record->list.action);
    } else if (record->trusted || record->authenticated) {
        out->cause = VERDICT_BY_TRUST;
    } else if (record->exempt) {
        out->cause = VERDICT_BY_EXEMPT;
    } else if (out->rule != NULL) {
        out->cause = VERDICT_BY_RULE;
        out->action = out->rule->code[0] == '4' ? VERDICT_DEFER : VERDICT_REJECT;
    } else {
        by_score(record, out);
    }
}
