/* SPDX-License-Identifier: ISC */
/* trial_record: a trial as a decision record: its facts, what was found, and the verdict that
 * trial_ask() gave last. */
#include "policy/trial_int.h"

#include "lib/buf.h"
#include "policy/record.h"

static const char *known_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static const char *block_of(const struct check_config *config)
{
    return config->block != NULL ? config->block : "";
}

static void fill_context(const struct record_context *context, struct record *out)
{
    out->id = context->id;
    out->time_ms = context->time_ms;
    out->stage = context->stage;
    out->listener = context->listener != NULL ? context->listener : "";
    out->exempt = context->exempt;
    out->refused = context->refused;
    out->reply = context->reply != NULL ? context->reply : "";
    out->recipients =
        context->recipients < RECORD_RECIPIENTS ? context->recipients : RECORD_RECIPIENTS;
    out->others = context->recipients - out->recipients;
    for (size_t i = 0; i < out->recipients; i++)
        out->recipient[i] = context->recipient[i];
}

static void fill_facts(const struct trial *trial, struct record *out)
{
    const struct check_facts *facts = &trial->facts;
    out->client = trial->client;
    out->helo = known_or_null(facts->helo);
    out->reverse = known_or_null(facts->reverse_name);
    out->confirmed = out->reverse != NULL && facts->reverse_confirmed;
    out->sender = trial->sent ? facts->sender : NULL;
    out->observe = trial->env.observe;
    out->proven = facts->proven;
    out->trusted = trial->standing == STANDING_TRUSTED && !trial->authenticated;
    out->authenticated = trial->authenticated;
    out->thresholds = trial->thresholds;
}

static void fill_findings(const struct trial *trial, struct record *out)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        out->finding[out->findings++] = (struct record_finding){
            .check = finding->config->check->name,
            .zone = block_of(finding->config),
            .label = finding->label,
            .answer = finding->answer,
            .code = finding->enhanced,
            .stage = finding->stage,
            .mode = finding->config->mode,
            .score = finding->score,
            .ms = finding->ms,
            .abstained = finding->abstained,
            .once = trial_outdone(trial, finding),
            .quiet = finding->quiet,
        };
    }
    for (uint8_t i = 0; i < trial->clean_count; i++) {
        const struct trial_clean *clean = &trial->clean[i];
        out->clean[out->cleans++] = (struct record_clean){.check = clean->config->check->name,
                                                          .zone = block_of(clean->config),
                                                          .stage = clean->stage,
                                                          .ms = clean->ms};
    }
}

/* Entries of the configuration's own section: the policy does not say which of them it was. */
static void fill_standing(const struct trial *trial, struct record_list *list)
{
    switch (trial->standing) {
    case STANDING_NONE:
    case STANDING_TRUSTED:
        return;
    case STANDING_ALLOWED:
        list->ruling = RECORD_LIST_ALLOW;
        break;
    case STANDING_TARPIT:
    case STANDING_DENIED:
        list->ruling = RECORD_LIST_DENY;
        list->action = trial->standing == STANDING_TARPIT ? ENTRY_TARPIT : ENTRY_REJECT;
        break;
    }
    list->kind = ENTRY_CLIENT;
    list->origin = ENTRY_FILE;
    list->key = "";
}

/* Who goes to the tarpit before RCPT was not asked about. */
static void fill_hostile(const struct trial *trial, struct record *out)
{
    if (!trial_hostile(trial))
        return;
    out->judged = true;
    out->action = out->would = VERDICT_TARPIT;
    out->cause = out->list.ruling == RECORD_LIST_DENY ? VERDICT_BY_DENY : VERDICT_BY_SCORE;
}

void trial_record_fill(const struct trial *trial, const struct record_context *context,
                       struct record *out)
{
    *out = (struct record){.judged = trial->asked,
                           .score = trial_score(trial),
                           .action = trial->action,
                           .would = trial->would,
                           .cause = trial->cause};
    fill_context(context, out);
    fill_facts(trial, out);
    fill_findings(trial, out);
    fill_standing(trial, &out->list);
    if (!out->judged)
        fill_hostile(trial, out);
}

void trial_record(const struct trial *trial, const struct record_context *context, struct buf *out)
{
    struct record record;
    trial_record_fill(trial, context, &record);
    record_write(&record, out);
}
