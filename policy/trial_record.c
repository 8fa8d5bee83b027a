/* SPDX-License-Identifier: ISC */
/* trial_record: a trial as a decision record: its facts, what was found, and the verdict that
 * trial_ask() gave last. */
#include "policy/trial_int.h"

#include "lib/buf.h"
#include "policy/auth/message_auth.h"
#include "policy/greylist.h"
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
    out->trusted = trial->trusted;
    out->authenticated = trial->authenticated;
    out->thresholds = trial->thresholds;
}

static void fill_findings(const struct trial *trial, struct record *out)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        bool refuses = finding->refuses && trial_refuses(trial, finding);
        out->finding[out->findings++] = (struct record_finding){
            .check = finding->config->check->name,
            .zone = block_of(finding->config),
            .label = finding->label,
            .answer = finding->answer,
            .code = trial_code(trial, finding),
            .stage = finding->stage,
            .mode = refuses ? CHECK_REJECT : finding->config->mode,
            .score = finding->score,
            .ms = finding->ms,
            .abstained = finding->abstained,
            .once = trial_outdone(trial, finding),
            .quiet = finding->quiet,
            .refuses = refuses,
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

static struct record_spf spf_of(const struct spf_known *known)
{
    return (struct record_spf){.checked = known->checked,
                               .result = known->result,
                               .domain = known->domain,
                               .mechanism = known->mechanism,
                               .why = known->why,
                               .open = known->open};
}

/* Those that pass first. */
static void fill_signatures(const struct message_auth_results *results, struct record *out)
{
    for (int passing = 1; passing >= 0; passing--) {
        for (size_t i = 0; i < results->signatures; i++) {
            const struct dkim_signature *signature = results->signature[i];
            if ((signature->result == DKIM_PASS) != (passing == 1))
                continue;
            if (out->signatures == RECORD_SIGNATURES) {
                out->other_signatures++;
                continue;
            }
            out->signature[out->signatures++] =
                (struct record_signature){.result = signature->result,
                                          .domain = signature->domain,
                                          .selector = signature->selector,
                                          .why = signature->why};
        }
    }
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void fill_auth(const struct trial *trial, struct record *out)
{
    const struct message_auth_results *results = trial_auth_results(trial);
    out->spf = spf_of(trial->facts.spf);
    out->spf_helo = spf_of(trial->facts.spf_helo);
    out->arc = (struct record_arc){.sealer = "", .why = ""};
    out->dmarc =
        (struct record_dmarc){.domain = "", .at = "", .why = "", .mark = "", .override = ""};
    if (results == NULL)
        return;
    const struct dmarc_answer *dmarc = results->dmarc;
    const struct trial_disposition disposition = trial_disposition(trial);
    fill_signatures(results, out);
    out->arc = (struct record_arc){.result = results->arc->result,
                                   .sets = results->arc->sets,
                                   .sealer = text_or_empty(results->arc->sealer),
                                   .why = text_or_empty(results->arc->why)};
    out->dmarc = (struct record_dmarc){.checked = true,
                                       .result = dmarc->result,
                                       .published = dmarc->published,
                                       .policy = dmarc->policy,
                                       .domain = text_or_empty(dmarc->domain),
                                       .at = text_or_empty(dmarc->at),
                                       .why = text_or_empty(dmarc->why),
                                       .mark = disposition.mark,
                                       .override = disposition.override};
}

/* Only where it decides: a deny entry may have to wait for what might allow the client. */
static void fill_list(const struct trial *trial, struct record_list *list)
{
    bool allowed = trial_allowed(trial);
    const struct list_verdict *entry = trial_entry(trial);
    if (!allowed && !trial_denied(trial))
        return;
    list->ruling = allowed ? RECORD_LIST_ALLOW : RECORD_LIST_DENY;
    list->kind = ENTRY_RECIPIENT; /* of a message each recipient's */
    list->key = "";
    if (entry == NULL)
        return;
    list->kind = entry->kind;
    list->origin = entry->origin;
    list->action = entry->action;
    list->key = entry->key;
}

static void fill_greylist(const struct trial *trial, struct record_greylist *out)
{
    const struct trial_grey *grey = trial->grey;
    bool message = trial->recipient[0] == '\0'; /* it is asked about in observe mode only */
    if (grey == NULL || (message && !trial->env.observe))
        return;
    out->all = policy_greylist(trial->env.policy)->mode == GREYLIST_ALL;
    switch (grey->step) {
    case TRIAL_GREY_WAITS:
    case TRIAL_GREY_DOWN:
        out->asked = RECORD_GREY_DOWN;
        break;
    case TRIAL_GREY_PROVEN:
        out->asked = RECORD_GREY_PROVEN;
        break;
    case TRIAL_GREY_ANSWERED:
        out->asked = RECORD_GREY_ASKED;
        out->state = grey->state;
        out->wait = grey->state == GREY_NEW || grey->state == GREY_EARLY ? grey->wait : 0;
        break;
    }
    for (size_t i = 0; i < grey->identities.count; i++)
        out->identity[out->identities++] = grey->identities.text[i];
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
    fill_auth(trial, out);
    fill_list(trial, &out->list);
    fill_greylist(trial, &out->greylist);
    out->trap = trial->trap;
    out->banned = trial->banned;
    if (!out->judged)
        fill_hostile(trial, out);
}

void trial_record(const struct trial *trial, const struct record_context *context, struct buf *out)
{
    struct record record;
    trial_record_fill(trial, context, &record);
    record_write(&record, out);
}
