/* SPDX-License-Identifier: ISC */
/*
 * trial_log: a trial in a log line, so that one line explains a verdict:
 *
 *   verdict=reject by=score score=7.5 findings="zen.example 127.0.0.4 +6; helo ? no answer in time"
 *
 * `verdict` and `by` are of the last answer of trial_ask(), and only where there was one; `would`
 * is added where mode = observe let pass what it were otherwise. list="client:192.0.2.0/24" is the
 * entry that allowed or denied; greylist=new, early, passed, white or proven what became of the
 * triplet, with wait=212 seconds for one that must wait; spamtrap= the trap it wrote to, and
 * banned=yes where that put it on the deny list. spf=, dkim=, arc= and dmarc= are what was
 * evaluated, mark= what the message was marked with, override= why DMARC's policy was not followed.
 * A finding is its label, the raw
 * answer and its score; one that says "(observed)" did not count, nor did one with "(counted
 * once)", since its list has said as much of another name; one with '?' could not tell, and why.
 */
#include "policy/trial_int.h"

#include "lib/buf.h"
#include "lib/log.h"
#include "policy/auth/message_auth.h"

#include <stdio.h>
#include <stdlib.h>

const char *trial_score_text(score_t score, bool sign, char out[static TRIAL_SCORE_SIZE])
{
    const char *mark = score < 0 ? "-" : (sign && score > 0 ? "+" : "");
    int whole = abs(score) / 100;
    int rest = abs(score) % 100;
    if (rest == 0)
        snprintf(out, TRIAL_SCORE_SIZE, "%s%d", mark, whole);
    else if (rest % 10 == 0)
        snprintf(out, TRIAL_SCORE_SIZE, "%s%d.%d", mark, whole, rest / 10);
    else
        snprintf(out, TRIAL_SCORE_SIZE, "%s%d.%02d", mark, whole, rest);
    return out;
}

static void put_finding(struct buf *list, const struct trial *trial, const struct finding *finding)
{
    char score[TRIAL_SCORE_SIZE];
    if (buf_len(list) > 0)
        buf_printf(list, "; ");
    if (finding->abstained) {
        buf_printf(list, "%s ? %s", finding->label, finding->answer);
        return;
    }
    buf_printf(list, "%s%s%s %s", finding->label, finding->answer[0] != '\0' ? " " : "",
               finding->answer, trial_score_text(finding->score, true, score));
    if (finding->config->mode == CHECK_OBSERVE)
        buf_printf(list, " (observed)");
    else if (trial_outdone(trial, finding))
        buf_printf(list, " (counted once)");
}

static void put_lists(struct log_line *line, const struct trial *trial)
{
    static const char *const states[] = {[GREY_NEW] = "new",
                                         [GREY_EARLY] = "early",
                                         [GREY_PASSED] = "passed",
                                         [GREY_WHITE] = "white"};
    char entry[TRIAL_ENTRY_SIZE];
    const struct trial_grey *grey = trial->grey;
    if (trial_entry(trial) != NULL)
        log_str(line, "list", trial_entry_text(trial_entry(trial), entry));
    if (grey != NULL && grey->step == TRIAL_GREY_PROVEN)
        log_str(line, "greylist", "proven");
    if (grey != NULL && grey->step == TRIAL_GREY_ANSWERED) {
        log_str(line, "greylist", states[grey->state]);
        if (grey->state == GREY_NEW || grey->state == GREY_EARLY)
            log_num(line, "wait", grey->wait);
    }
    log_str(line, "spamtrap", trial->trap);
    if (trial->banned)
        log_str(line, "banned", "yes");
}

/* spf=fail dkim=pass dmarc=fail: what was evaluated, and of DKIM the best. */
static void put_auth(struct log_line *line, const struct trial *trial)
{
    const struct message_auth_results *results = trial_auth_results(trial);
    const struct trial_disposition disposition = trial_disposition(trial);
    if (trial->facts.spf->checked)
        log_str(line, "spf", spf_result_name(trial->facts.spf->result));
    if (results == NULL)
        return;
    enum dkim_result best = results->signatures > 0 ? results->signature[0]->result : DKIM_NONE;
    for (size_t i = 0; i < results->signatures; i++) {
        if (results->signature[i]->result == DKIM_PASS)
            best = DKIM_PASS;
    }
    log_str(line, "dkim", dkim_result_name(best));
    if (results->arc->result != ARC_NONE)
        log_str(line, "arc", arc_result_name(results->arc->result));
    log_str(line, "dmarc", dmarc_result_name(results->dmarc->result));
    if (disposition.mark[0] != '\0')
        log_str(line, "mark", disposition.mark);
    if (disposition.override[0] != '\0')
        log_str(line, "override", disposition.override);
}

void trial_log(const struct trial *trial, struct log_line *line)
{
    char score[TRIAL_SCORE_SIZE];
    struct buf list = {0};
    const struct finding *finding;
    if (!line->wanted)
        return;
    if (trial->asked) {
        log_str(line, "verdict", verdict_action_name(trial->action));
        if (trial->would != trial->action)
            log_str(line, "would", verdict_action_name(trial->would));
        log_str(line, "by", verdict_cause_name(trial->cause));
    }
    put_lists(line, trial);
    put_auth(line, trial);
    STAILQ_FOREACH(finding, &trial->findings, link)
    {
        if (!finding->quiet)
            put_finding(&list, trial, finding);
    }
    if (trial->asked || buf_len(&list) > 0)
        log_str(line, "score", trial_score_text(trial_score(trial), false, score));
    if (buf_len(&list) > 0)
        log_list(line, "findings", buf_data(&list), buf_len(&list));
    buf_free(&list);
}
