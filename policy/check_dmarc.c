/* SPDX-License-Identifier: ISC */
/*
 * check_dmarc: the section dmarc { ... }, and what becomes of a message whose author's domain says
 * that it is not from there. Stage: MESSAGE. It evaluates nothing itself (policy/auth/dmarc.h).
 *
 * dmarc.fail       it does not pass, and the domain wants something done (p=none: for the record)
 * dmarc.authors    several From fields or author domains, a From that cannot be read, or a header
 *                  section that is longer than what is read, where another may be
 * dmarc.no-author  no From, or one that names nobody
 * dmarc            abstains: DNS is faulty; it is marked where only who passed is not known
 * dmarc.temperror  the same, and the site would rather have it sent again
 *
 * RFC 9989 7.4 forbids to refuse for p=reject alone, since forwarders and lists break what DMARC
 * looks at. So reject = evidence refuses only where one more sign speaks against the message (SPF's
 * fail, a client without a confirmed name, a listing, any score) and none speaks for a forwarder: a
 * client that is proven, or whose own organisation's SPF or signature passes. Otherwise the message
 * is marked, as it is with p=quarantine. Of a listed forwarder, and with the ARC chain of a trusted
 * sealer, the policy is not followed at all, and that is stamped; where DNS does not say now
 * whether such a chain is whole, the message is marked, not refused.
 *
 * The answer of dmarc.fail holds all that: "reject (against it: SPF) example.com", so that records
 * can be judged again.
 *
 * RFC-DEVIATION: reject = honour refuses for p=reject alone; it is for sites that want RFC 7489's
 * way.
 */
#include "policy/auth_config.h"

#include "policy/auth/message_auth.h"
#include "policy/org_domain.h"

#include <stdio.h>
#include <string.h>

#define AGAINST "(against it: "
#define FOR     "(for it: "
#define UNSURE  "a trusted sealer's ARC chain, if DNS were there"
#define MARK    "quarantine"
#define CODE    "5.7.1"

#define CLAUSE_SIZE 128
#define ANSWER_SIZE 420

static const char *const reject_words[] = {"evidence", "honour", "mark", NULL};
static const char *const discovery_words[] = {"treewalk", "psl", NULL};
static const char *const temperror_words[] = {"pass", "defer", NULL};
static const char *const authors_words[] = {"reject", "score", NULL};

static const struct conf_row rows[] = {
    CHECK_ROWS(struct dmarc_config, "score", "1"),
    {.name = "reject",
     .type = CONF_ENUM,
     .offset = offsetof(struct dmarc_config, reject),
     .initial = "evidence",
     .words = reject_words,
     .help = "what p=reject does: refuse where more speaks against the message, else mark it; "
             "refuse at once; or mark only"},
    {.name = "discovery",
     .type = CONF_ENUM,
     .offset = offsetof(struct dmarc_config, discovery),
     .initial = "treewalk",
     .words = discovery_words,
     .help = "how policies and organisational domains are found: by RFC 9989's tree walk, or by "
             "the Public Suffix List"},
    {.name = "temperror",
     .type = CONF_ENUM,
     .offset = offsetof(struct dmarc_config, temperror),
     .initial = "pass",
     .words = temperror_words,
     .help = "what a temporary fault of DNS does: nothing, or a 451"},
    {.name = "authors",
     .type = CONF_ENUM,
     .offset = offsetof(struct dmarc_config, authors),
     .initial = "reject",
     .words = authors_words,
     .help = "what several From fields or author domains do: refuse, or count only"},
    {.name = "no-author",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct dmarc_config, no_author),
     .initial = "2",
     .help = "what a message counts that has no From, or one that names nobody"},
};

static const struct conf_section section = {
    .name = "dmarc",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "what the author's domain wants done with mail that is not from there (DMARC)",
};

static const struct dmarc_config *config_of(const struct check_run *run)
{
    return (const struct dmarc_config *)run->config;
}

/* A finding; one that counts nothing is for the record only. */
static void find(struct check_run *run, score_t score, const char *label, const char *answer,
                 const char *reason)
{
    if (score == 0)
        check_seen(run, label, answer);
    else
        check_found_code(run, score, label, answer, reason, CODE);
}

/* ---- a message that fails ----------------------------------------------------------------------
 */

/* Adds a sign to the clause. */
static void add(char clause[static CLAUSE_SIZE], const char *opening, const char *sign)
{
    size_t len = strlen(clause);
    snprintf(clause + len, CLAUSE_SIZE - len, "%s%s", len == 0 ? opening : ", ", sign);
}

static bool signed_by_client(const struct check_facts *facts)
{
    const struct message_auth_results *message = facts->message;
    for (size_t i = 0; i < message->signatures; i++)
        if (message->signature[i]->result == DKIM_PASS &&
            org_domain_same(message->signature[i]->domain, facts->reverse_name))
            return true;
    return false;
}

/* What looks like a forwarder: the client is somebody, and speaks in its own name. */
static void add_for(const struct check_facts *facts, char clause[static CLAUSE_SIZE])
{
    if (facts->arc_unsure)
        add(clause, FOR, UNSURE);
    if (facts->proven)
        add(clause, FOR, "a known client");
    if (!facts->reverse_confirmed)
        return;
    if (facts->spf->result == SPF_PASS && org_domain_same(facts->spf->domain, facts->reverse_name))
        add(clause, FOR, "the client's own SPF");
    if (signed_by_client(facts))
        add(clause, FOR, "the client's own signature");
}

static void add_against(const struct check_facts *facts, char clause[static CLAUSE_SIZE])
{
    if (facts->spf->result == SPF_FAIL)
        add(clause, AGAINST, "SPF");
    if (!facts->reverse_confirmed && !facts->reverse_unknown)
        add(clause, AGAINST, "no confirmed name");
    if (facts->listed)
        add(clause, AGAINST, "a listing");
    if (facts->score > 0)
        add(clause, AGAINST, "a score");
}

/* Why the policy is not followed, or "". */
static const char *override_of(const struct check_facts *facts)
{
    if (facts->arc_trusted)
        return "trusted ARC chain";
    return facts->forwarder ? "forwarder" : "";
}

/* "(against it: SPF, a listing)", or "": what decides about p=reject. */
static void weigh(const struct check_facts *facts, char clause[static CLAUSE_SIZE])
{
    clause[0] = '\0';
    add_for(facts, clause);
    if (clause[0] == '\0')
        add_against(facts, clause);
    size_t len = strlen(clause);
    if (len > 0)
        snprintf(clause + len, CLAUSE_SIZE - len, ")");
}

static bool refuses_reject(const struct dmarc_config *config, const char *answer)
{
    switch (config->reject) {
    case DMARC_EVIDENCE:
        return strstr(answer, AGAINST) != NULL;
    case DMARC_HONOUR:
        return strstr(answer, UNSURE) == NULL;
    case DMARC_MARK:
        break;
    }
    return false;
}

static void enforce(struct check_run *run, const struct dmarc_answer *dmarc)
{
    char clause[CLAUSE_SIZE] = "", answer[ANSWER_SIZE], reason[320];
    bool reject = dmarc->policy == DMARC_POLICY_REJECT;
    if (reject)
        weigh(check_facts(run), clause);
    snprintf(answer, sizeof answer, "%s%s%s %s", dmarc_policy_name(dmarc->policy),
             clause[0] != '\0' ? " " : "", clause, dmarc->domain);
    snprintf(reason, sizeof reason, "rejected per DMARC policy for %s", dmarc->domain);
    if (reject && refuses_reject(config_of(run), answer)) {
        check_refused(run, run->config->score, "dmarc.fail", answer, reason, CODE);
        return;
    }
    snprintf(reason, sizeof reason, "your message does not pass DMARC of %s", dmarc->domain);
    find(run, run->config->score, "dmarc.fail", answer, reason);
    check_disposition(run, MARK, "");
}

static void on_fail(struct check_run *run, const struct dmarc_answer *dmarc)
{
    char answer[ANSWER_SIZE];
    const char *override = override_of(check_facts(run));
    if (dmarc->policy != DMARC_POLICY_NONE && override[0] == '\0') {
        enforce(run, dmarc);
        return;
    }
    snprintf(answer, sizeof answer, "%s%s%s%s %s", dmarc_policy_name(dmarc->policy),
             override[0] != '\0' ? " (" : "", override, override[0] != '\0' ? ")" : "",
             dmarc->domain);
    check_seen(run, "dmarc.fail", answer);
    if (dmarc->policy != DMARC_POLICY_NONE)
        check_disposition(run, "", override);
}

/* ---- results -----------------------------------------------------------------------------------
 */

static void on_temperror(struct check_run *run, const struct dmarc_answer *dmarc)
{
    char reason[320];
    snprintf(reason, sizeof reason, "DMARC of %s cannot be evaluated now", dmarc->domain);
    switch (config_of(run)->temperror) {
    case DMARC_TEMPERROR_PASS:
        check_abstain(run, "dmarc", dmarc->why);
        if (dmarc->policy != DMARC_POLICY_NONE && override_of(check_facts(run))[0] == '\0')
            check_disposition(run, MARK, "");
        break;
    case DMARC_TEMPERROR_DEFER:
        check_refused(run, 0, "dmarc.temperror", dmarc->why, reason, "4.7.1");
        break;
    }
}

static void on_result(struct check_run *run, const struct dmarc_answer *dmarc)
{
    switch (dmarc->result) {
    case DMARC_NONE:
    case DMARC_PASS:
    case DMARC_PERMERROR:
        break;
    case DMARC_FAIL:
        on_fail(run, dmarc);
        break;
    case DMARC_TEMPERROR:
        on_temperror(run, dmarc);
        break;
    }
}

static void no_single_author(struct check_run *run, const char *answer, const char *reason)
{
    switch (config_of(run)->authors) {
    case DMARC_AUTHORS_REJECT:
        check_refused(run, run->config->score, "dmarc.authors", answer, reason, CODE);
        break;
    case DMARC_AUTHORS_SCORE:
        find(run, run->config->score, "dmarc.authors", answer, reason);
        break;
    }
}

static void judge(struct check_run *run, const struct message_auth_results *message)
{
    score_t no_author = config_of(run)->no_author;
    if (header_cut(message->header)) {
        no_single_author(run, "long", "the header section of your message is too long");
        return;
    }
    switch (message->author.status) {
    case AUTHOR_ONE:
        on_result(run, message->dmarc);
        break;
    case AUTHOR_NONE:
        find(run, no_author, "dmarc.no-author", "no From", "your message has no From");
        break;
    case AUTHOR_EMPTY:
        find(run, no_author, "dmarc.no-author", "nobody", "the From of your message names nobody");
        break;
    case AUTHOR_MANY:
        no_single_author(run, "several",
                         "your message has authors of several domains, or more "
                         "than one From");
        break;
    case AUTHOR_INVALID:
        no_single_author(run, "unreadable", "the From of your message cannot be read");
        break;
    }
}

static void start(struct check_run *run)
{
    const struct message_auth_results *message = check_facts(run)->message;
    if (message != NULL)
        judge(run, message);
    check_done(run);
}

/* It says all at once. */
static void stop(struct check_run *run)
{
    (void)run;
}

/* ---- judged again ------------------------------------------------------------------------------
 */

/* Was the policy one to be followed? */
static bool followed(const char *answer)
{
    return strncmp(answer, "none ", 5) != 0 && strstr(answer, " (trusted ARC chain)") == NULL &&
           strstr(answer, " (forwarder)") == NULL;
}

static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    *out = common->score;
    if (strcmp(past->label, "dmarc.fail") == 0)
        return followed(past->answer);
    if (strcmp(past->label, "dmarc.no-author") == 0)
        *out = ((const struct dmarc_config *)common)->no_author;
    else if (strcmp(past->label, "dmarc.temperror") == 0)
        *out = 0;
    else
        return strcmp(past->label, "dmarc.authors") == 0;
    return true;
}

static bool refuses(const struct check_config *common, const struct check_past *past)
{
    const struct dmarc_config *config = (const struct dmarc_config *)common;
    if (strcmp(past->label, "dmarc.authors") == 0)
        return config->authors == DMARC_AUTHORS_REJECT;
    if (strcmp(past->label, "dmarc.temperror") == 0)
        return config->temperror == DMARC_TEMPERROR_DEFER;
    return strcmp(past->label, "dmarc.fail") == 0 && strncmp(past->answer, "reject ", 7) == 0 &&
           followed(past->answer) && refuses_reject(config, past->answer);
}

const struct check check_dmarc = {
    .name = "dmarc",
    .section = &section,
    .config_size = sizeof(struct dmarc_config),
    .stages = CHECK_BIT(CHECK_AT_MESSAGE),
    .always = true,
    .start = start,
    .stop = stop,
    .rescore = rescore,
    .refuses = refuses,
};
