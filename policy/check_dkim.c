/* SPDX-License-Identifier: ISC */
/*
 * check_dkim: the section dkim { ... }, and what its signatures count. Stage: MESSAGE. It evaluates
 * nothing itself (policy/auth/dkim.h).
 *
 * dkim          there are signatures, and none of them passes
 * dkim.DOMAIN   for the record: the result of each signature, of the first SEEN_MOST
 *
 * A missing or broken signature is no evidence against a message (RFC 6376 6.1), so it counts 0
 * unless the administrator wants it otherwise. Where a key could not be asked for, and nothing else
 * passes, it abstains.
 */
#include "policy/auth_config.h"

#include "policy/auth/message_auth.h"

#include <stdio.h>
#include <string.h>

#define SEEN_MOST 8

static const struct conf_row rows[] = {
    CHECK_ROWS(struct dkim_config, "score", "0"),
    {.name = "signatures",
     .type = CONF_NUMBER,
     .offset = offsetof(struct dkim_config, signatures),
     .initial = "10",
     .min = 1,
     .max = 64,
     .help = "how many signatures of a message are tried"},
    {.name = "least-bits",
     .type = CONF_NUMBER,
     .offset = offsetof(struct dkim_config, least_bits),
     .initial = "1024",
     .min = 1024,
     .max = 4096,
     .help = "the shortest RSA key that is believed, here and in ARC"},
    {.name = "partial",
     .type = CONF_BOOL,
     .offset = offsetof(struct dkim_config, partial),
     .initial = "no",
     .help = "believe signatures of a part of the body (l=), behind which anybody may write"},
};

static const struct conf_section section = {
    .name = "dkim",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "signatures of messages",
};

static void see(struct check_run *run, const struct dkim_signature *signature)
{
    char label[sizeof "dkim." + 256];
    char answer[128];
    snprintf(label, sizeof label, "dkim.%.255s", signature->domain);
    snprintf(answer, sizeof answer, "%s%s%.100s", dkim_result_name(signature->result),
             signature->why[0] != '\0' ? ": " : "", signature->why);
    check_seen(run, label, answer);
}

/* None has passed. */
static void conclude(struct check_run *run, const struct message_auth_results *message)
{
    char text[sizeof ": " + 256 + 100];
    const struct dkim_signature *first = message->signature[0];
    for (size_t i = 0; i < message->signatures; i++) {
        if (message->signature[i]->result == DKIM_TEMPERROR) {
            check_abstain(run, "dkim", message->signature[i]->why);
            return;
        }
    }
    snprintf(text, sizeof text, "%.255s%s%.100s", first->domain,
             first->domain[0] != '\0' ? ": " : "", first->why);
    if (run->config->score == 0)
        check_seen(run, "dkim", text);
    else
        check_found_code(run, run->config->score, "dkim", text,
                         "no DKIM signature of your message verifies", "5.7.20");
}

static void start(struct check_run *run)
{
    const struct message_auth_results *message = check_facts(run)->message;
    bool passed = false;
    for (size_t i = 0; message != NULL && i < message->signatures; i++) {
        passed = passed || message->signature[i]->result == DKIM_PASS;
        if (i < SEEN_MOST)
            see(run, message->signature[i]);
    }
    if (message != NULL && message->signatures > 0 && !passed)
        conclude(run, message);
    check_done(run);
}

/* It says all at once. */
static void stop(struct check_run *run)
{
    (void)run;
}

static bool rescore(const struct check_config *config, const struct check_past *past, score_t *out)
{
    *out = config->score;
    return strcmp(past->label, "dkim") == 0 && config->score != 0;
}

const struct check check_dkim = {
    .name = "dkim",
    .section = &section,
    .config_size = sizeof(struct dkim_config),
    .stages = CHECK_BIT(CHECK_AT_MESSAGE),
    .always = true,
    .start = start,
    .stop = stop,
    .rescore = rescore,
};
