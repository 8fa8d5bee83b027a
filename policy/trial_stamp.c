/* SPDX-License-Identifier: ISC */
/*
 * trial_stamp: the fields that go in front of a message, below Received: Authentication-Results
 * (policy/auth/authres.h), and by configuration Received-SPF, the mark and the score.
 *
 *   Authentication-Results: mx.example.org; spf=pass ...
 *   X-Gatepost-Verdict: quarantine
 *   X-Gatepost-Score: 3.5 (suspicious; zen.example +2; helo.syntax +1.5)
 *
 * Promises: a failure of DMARC that was not acted upon says why; a message is marked only where
 * dmarc wanted it, and never with mode = observe. What peers said cannot break a line.
 * Limits: of the score's findings the first 20 are named.
 */
#include "policy/trial_int.h"

#include "lib/buf.h"
#include "policy/auth/authres.h"
#include "policy/auth_config.h"
#include "policy/check_names.h"

#include <string.h>

#define NAMED_MOST 20
#define LINE_MOST  76

/* ---- Authentication-Results ---------------------------------------------------------------------
 */

/* Would dmarc have refused it for good, had nothing else gone before? */
static bool dmarc_refuses(const struct trial *trial)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->stage == CHECK_AT_MESSAGE && trial_refuses(trial, finding) &&
            finding->enhanced[0] != '4' && strcmp(finding->config->check->name, "dmarc") == 0)
            return true;
    }
    return false;
}

static bool is_let_in(const struct trial *trial)
{
    return !trial->asked || trial->action == VERDICT_PASS || trial->action == VERDICT_SUSPICIOUS;
}

/* What became of dmarc's word, where the message is let in: one that is refused bears no mark. */
struct trial_disposition trial_disposition(const struct trial *trial)
{
    const struct trial_message *message = trial->message;
    const struct message_auth_results *results = trial_auth_results(trial);
    struct trial_disposition out = {.mark = "", .override = ""};
    if (message == NULL || results == NULL || !is_let_in(trial))
        return out;
    bool refuses = dmarc_refuses(trial);
    bool unwanted = refuses || message->mark[0] != '\0';
    if (results->dmarc->result == DMARC_FAIL && unwanted && trial->standing == STANDING_ALLOWED) {
        out.override = "allow entry";
        return out;
    }
    out.override = message->override;
    if (trial->env.observe || trial->standing == STANDING_ALLOWED)
        return out;
    /* Of what it refuses, only mail to postmaster comes here. */
    out.mark = refuses ? "quarantine" : message->mark;
    return out;
}

bool trial_reverse_skipped(const struct trial *trial)
{
    const struct check_config *config = policy_check(trial->env.policy, &check_reverse_dns);
    bool off = config != NULL && config->mode == CHECK_OFF;
    return trial->facts.reverse_name[0] == '\0' &&
           (off || trial->private || (trial->due & CHECK_BIT(CHECK_AT_CONNECT)) != 0);
}

bool trial_reverse_failed(const struct trial *trial)
{
    const struct finding *finding;
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (finding->abstained && finding->stage == CHECK_AT_CONNECT &&
            strcmp(finding->config->check->name, "reverse-dns") == 0)
            return true;
    }
    return false;
}

/* ---- the score ----------------------------------------------------------------------------------
 */

/* A label within a comment. */
static void put_label(struct buf *out, const char *label)
{
    for (const char *c = label; *c != '\0'; c++)
        buf_add(out, *c == '(' || *c == ')' || *c == '\\' ? "?" : c, 1);
}

/* Does it count, so that it is named? */
static bool is_named(const struct trial *trial, const struct finding *finding)
{
    return trial_counts(finding) && finding->score != 0 && !trial_outdone(trial, finding);
}

static void put_score(const struct trial *trial, const char *name, struct buf *out)
{
    char score[TRIAL_SCORE_SIZE];
    const struct finding *finding;
    unsigned named = 0;
    size_t line = buf_len(out); /* where it begins */
    buf_printf(out, "%s: %s (%s", name, trial_score_text(trial_score(trial), false, score),
               trial->asked ? verdict_action_name(trial->would) : "pass");
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (!is_named(trial, finding))
            continue;
        if (named++ == NAMED_MOST) {
            buf_add_str(out, "; ...");
            break;
        }
        size_t column = buf_len(out) - line;
        bool fold = column + strlen(finding->label) + TRIAL_SCORE_SIZE > LINE_MOST;
        buf_add_str(out, fold ? ";\r\n\t" : "; ");
        if (fold)
            line = buf_len(out);
        put_label(out, finding->label);
        buf_printf(out, " %s", trial_score_text(finding->score, true, score));
    }
    buf_add_str(out, ")\r\n");
}

void trial_stamp(const struct trial *trial, struct buf *out)
{
    const struct check_facts *facts = &trial->facts;
    const struct auth_config *config = policy_auth(trial->env.policy);
    const struct message_auth_results *results = trial_auth_results(trial);
    struct trial_disposition disposition = trial_disposition(trial);
    const struct authres_client client = {
        .authserv_id = trial_authserv_id(trial),
        .client = &trial->client,
        .reverse_name = facts->reverse_name,
        .reverse_confirmed = facts->reverse_confirmed,
        .reverse_temperror = trial_reverse_failed(trial),
        .reverse_skipped = trial_reverse_skipped(trial),
        .helo = facts->helo,
        .sender = facts->sender,
        .authenticated = trial->authenticated,
        .login = "", /* AUTH is between the client and the backend */
        .override = disposition.override,
        .mark = disposition.mark,
    };
    authres_write(&client, results, out);
    if (config->received_spf && results != NULL)
        authres_write_received_spf(&client, results, out);
    if (disposition.mark[0] != '\0' && config->mark_name != NULL && config->mark_value != NULL)
        buf_printf(out, "%s: %s\r\n", config->mark_name, config->mark_value);
    if (config->score_header != NULL)
        put_score(trial, config->score_header, out);
}
