/* SPDX-License-Identifier: ISC */
/*
 * check_spf: may the client send for the domain of MAIL FROM, and be called what HELO says?
 * (RFC 7208). Stages: HELO, SENDER, and MESSAGE where the end of data decides. Clients that are not
 * looked up are not asked about.
 *
 * spf.fail      the domain's own record says that it may not
 * spf.softfail  likewise, but that this is not sure
 * spf.helo      the HELO name's record says that it may not
 * spf           abstains: DNS, or the record, is faulty; that never refuses by itself
 *
 * A fail at SENDER refuses at once with fail = reject, and only counts with fail = score. With fail
 * = auto it refuses at once where the domain has no DMARC policy, since nothing could speak for the
 * message. Where it has one, or that could not be learned (in time, too), the fail is noted and
 * stays open until the message is whole: it passes with DMARC or with the ARC chain of a trusted
 * sealer, as if there had been no fail; else it is refused, whatever the policy: the fail is the
 * domain's own word. Only where a temporary fault of DNS hides whether a signature, or a trusted
 * sealer's chain, speaks for it, it is to come again. Of a listed forwarder the fail only counts,
 * whenever it is known. The null sender is postmaster@ the HELO name (2.4). A HELO name alone never
 * refuses.
 *
 * RFC-DEVIATION: an evaluation has 4 s by default, and never more than the verdict waits; 4.6.4
 * would allow it 20 s, for which the client would wait at RCPT. What is cut off is a temperror.
 */
#include "policy/auth_config.h"

#include "policy/auth/message_auth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CODE "5.7.23" /* RFC 7372 3.2 */
/* A run has 5 s. One that is stopped has no result, of which DMARC would make a fail where it must
 * be a temporary fault: so an evaluation ends before. */
#define TIME_MOST 4500

struct spf_run {
    struct spf *spf;
    struct dmarc_walk *walk;
    struct spf_known known;
};

static const char *const fail_words[] = {"auto", "reject", "score", NULL};

static const struct conf_row rows[] = {
    CHECK_ROWS(struct spf_config, "score", "4"),
    {.name = "fail",
     .type = CONF_ENUM,
     .offset = offsetof(struct spf_config, fail),
     .initial = "auto",
     .words = fail_words,
     .help = "what a fail does: refuse, or leave it to DMARC where the domain has a policy; refuse "
             "at once; or count only"},
    {.name = "softfail",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct spf_config, softfail),
     .initial = "1.5",
     .help = "what a softfail counts"},
    {.name = "helo",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct spf_config, helo),
     .initial = "2",
     .help = "what a HELO name counts whose record does not list the client"},
    {.name = "timeout",
     .type = CONF_DURATION,
     .offset = offsetof(struct spf_config, timeout),
     .initial = "4s",
     .min = 100,
     .max = 60000,
     .help = "how long one evaluation may take; the verdict is never waited for longer than 5 s"},
};

static const struct conf_section section = {
    .name = "spf",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "whether the sender's domain lets the client send for it (SPF)",
};

static const struct spf_config *config_of(const struct check_run *run)
{
    return (const struct spf_config *)run->config;
}

/* ---- what is said ------------------------------------------------------------------------------
 */

/* What the domain's record says, as it is written: "example.org -all". */
static const char *answer_text(const struct spf_known *known, char out[static 400])
{
    snprintf(out, 400, "%s %s", known->domain, known->mechanism);
    return out;
}

/* For the client: with the domain's own words where it has some. */
static const char *reason_text(const struct spf_known *known, char out[static 640])
{
    snprintf(out, 640, "SPF of %s does not let your address send for it%s%s", known->domain,
             known->explanation[0] != '\0' ? ": " : "", known->explanation);
    return out;
}

static void count_fail(struct check_run *run, const struct spf_known *known)
{
    char answer[400], reason[640];
    check_found_code(run, run->config->score, "spf.fail", answer_text(known, answer),
                     reason_text(known, reason), CODE);
}

static void refuse(struct check_run *run, const struct spf_known *known)
{
    char answer[400], reason[640];
    check_refused(run, run->config->score, "spf.fail", answer_text(known, answer),
                  reason_text(known, reason), CODE);
}

/* ---- a fail of MAIL FROM -----------------------------------------------------------------------
 */

static void on_walk(const struct dmarc_found *found, void *arg)
{
    struct check_run *run = arg;
    struct spf_run *own = run->memory;
    own->walk = NULL;
    if (found->status == DNS_NODATA) {
        own->known.open = false;
        check_spf_known(run, false, &own->known);
        refuse(run, &own->known);
    } else {
        char answer[400];
        check_seen(run, "spf.fail", answer_text(&own->known, answer));
    }
    check_done(run);
}

static void on_fail(struct check_run *run)
{
    struct spf_run *own = run->memory;
    switch (config_of(run)->fail) {
    case SPF_ON_FAIL_AUTO:
        own->known.open = true; /* as long as it is not known better */
        break;
    case SPF_ON_FAIL_REJECT:
        refuse(run, &own->known);
        break;
    case SPF_ON_FAIL_SCORE:
        count_fail(run, &own->known);
        break;
    }
    check_spf_known(run, false, &own->known);
    if (own->known.open)
        own->walk =
            dmarc_walk_ask(check_dns(run), own->known.domain, DMARC_TREE_WALK, true, on_walk, run);
    else
        check_done(run);
}

/* ---- results -----------------------------------------------------------------------------------
 */

static void on_sender(struct check_run *run, const struct spf_known *known)
{
    char answer[400];
    switch (known->result) {
    case SPF_FAIL:
        on_fail(run);
        return;
    case SPF_SOFTFAIL:
        check_found_code(run, config_of(run)->softfail, "spf.softfail", answer_text(known, answer),
                         "your sender's domain does not list your address", CODE);
        break;
    case SPF_TEMPERROR:
    case SPF_PERMERROR:
        check_abstain(run, "spf", known->why);
        break;
    case SPF_NONE:
    case SPF_NEUTRAL:
    case SPF_PASS:
        break;
    }
    check_spf_known(run, false, known);
    check_done(run);
}

static void on_helo(struct check_run *run, const struct spf_known *known)
{
    char answer[400];
    check_spf_known(run, true, known);
    if (known->result == SPF_FAIL)
        check_found_code(run, config_of(run)->helo, "spf.helo", answer_text(known, answer),
                         "your HELO name does not list your address", CODE);
    check_done(run);
}

static void on_answer(const struct spf_answer *answer, void *arg)
{
    struct check_run *run = arg;
    struct spf_run *own = run->memory;
    struct spf_known *known = &own->known;
    own->spf = NULL;
    known->result = answer->result;
    known->checked = true;
    snprintf(known->domain, sizeof known->domain, "%s", answer->domain);
    snprintf(known->mechanism, sizeof known->mechanism, "%s", answer->mechanism);
    snprintf(known->why, sizeof known->why, "%s", answer->why);
    snprintf(known->explanation, sizeof known->explanation, "%s", answer->explanation);
    if (run->stage == CHECK_AT_HELO)
        on_helo(run, known);
    else
        on_sender(run, known);
}

/* ---- stages ------------------------------------------------------------------------------------
 */

static void ask(struct check_run *run)
{
    struct spf_run *own = run->memory;
    const struct check_facts *facts = check_facts(run);
    const uint64_t time_ms = config_of(run)->timeout;
    struct spf_query query = {
        .client = *facts->client,
        .helo = facts->helo,
        .sender = facts->sender,
        .helo_identity = run->stage == CHECK_AT_HELO,
        .hostname = facts->hostname,
        .now = (int64_t)time(NULL),
        .time_ms = time_ms < TIME_MOST ? time_ms : TIME_MOST,
    };
    own->spf = spf_ask(check_loop(run), check_dns(run), &query, NULL, on_answer, run);
}

/* May it be a fault of DNS alone that nothing speaks for the message? Says which, or NULL. */
static const char *hidden(const struct check_facts *facts)
{
    const struct message_auth_results *message = facts->message;
    if (message != NULL && facts->arc_unsure)
        return message->arc->why;
    if (message == NULL || message->dmarc->result != DMARC_TEMPERROR)
        return NULL;
    for (size_t i = 0; i < message->signatures; i++) {
        enum dkim_result result = message->signature[i]->result;
        if (result == DKIM_PASS || result == DKIM_TEMPERROR)
            return message->dmarc->why;
    }
    return NULL;
}

/* The message is whole: does anything speak for it? */
static void look_again(struct check_run *run)
{
    const struct check_facts *facts = check_facts(run);
    const struct message_auth_results *message = facts->message;
    const struct spf_known *known = facts->spf;
    bool vouched = facts->arc_trusted || (message != NULL && message->dmarc->result == DMARC_PASS);
    bool open = known->result == SPF_FAIL && known->open && !vouched;
    const char *why = hidden(facts);
    if (open && facts->forwarder)
        count_fail(run, known);
    else if (open && why != NULL)
        check_refused(run, 0, "spf.open", why,
                      "SPF does not let your address send, and DNS does not say now whether a "
                      "signature does",
                      "4.7.24");
    else if (open)
        refuse(run, known);
    check_done(run);
}

static void start(struct check_run *run)
{
    const struct check_facts *facts = check_facts(run);
    if (!facts->lookup)
        check_done(run);
    else if (run->stage == CHECK_AT_MESSAGE)
        look_again(run);
    else
        ask(run);
}

static void stop(struct check_run *run)
{
    struct spf_run *own = run->memory;
    spf_cancel(own->spf);
    own->spf = NULL;
    dmarc_walk_cancel(own->walk);
    own->walk = NULL;
}

/* ---- judged again ------------------------------------------------------------------------------
 */

static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    const struct spf_config *config = (const struct spf_config *)common;
    const struct {
        const char *label;
        score_t score;
    } scores[] = {{"spf.fail", common->score},
                  {"spf.softfail", config->softfail},
                  {"spf.open", 0},
                  {"spf.helo", config->helo}};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        *out = scores[i].score;
        if (strcmp(past->label, scores[i].label) == 0)
            return true;
    }
    return false;
}

static bool refuses(const struct check_config *common, const struct check_past *past)
{
    if (strcmp(past->label, "spf.fail") != 0 && strcmp(past->label, "spf.open") != 0)
        return false;
    switch (((const struct spf_config *)common)->fail) {
    case SPF_ON_FAIL_AUTO:
        break;
    case SPF_ON_FAIL_REJECT:
        return true;
    case SPF_ON_FAIL_SCORE:
        return false;
    }
    return past->refused; /* what DMARC had to say has not changed */
}

const struct check check_spf = {
    .name = "spf",
    .section = &section,
    .config_size = sizeof(struct spf_config),
    .stages = CHECK_BIT(CHECK_AT_HELO) | CHECK_BIT(CHECK_AT_SENDER) | CHECK_BIT(CHECK_AT_MESSAGE),
    .always = true,
    .state_size = sizeof(struct spf_run),
    .start = start,
    .stop = stop,
    .rescore = rescore,
    .refuses = refuses,
};
