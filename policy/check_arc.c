/* SPDX-License-Identifier: ISC */
/*
 * check_arc: the section arc { ... }, and what a chain counts. Stage: MESSAGE. It evaluates nothing
 * itself (policy/auth/arc.h); that the chain of a trusted sealer overrides a DMARC failure is
 * check_dmarc's.
 *
 * arc           the chain is broken; 0 by itself, since lists and gateways break it every day
 * arc.DOMAIN    for the record: the chain's result, under its newest sealer's name
 */
#include "policy/auth_config.h"

#include "policy/auth/message_auth.h"
#include "policy/name_set.h"

#include <stdio.h>
#include <string.h>

static const struct conf_row rows[] = {
    CHECK_ROWS(struct arc_config, "score", "0"),
    {.name = "trusted",
     .type = CONF_STRINGS,
     .offset = offsetof(struct arc_config, trusted_text),
     .count_offset = offsetof(struct arc_config, trusted_count),
     .help = "sealing domains (\".example.org\": all below) whose passing chain overrides a DMARC "
             "failure"},
    {.name = "sets",
     .type = CONF_NUMBER,
     .offset = offsetof(struct arc_config, sets),
     .initial = "50",
     .min = 1,
     .max = ARC_SETS_MOST,
     .help = "the longest chain that is followed; a longer one fails"},
};

static const struct conf_section section = {
    .name = "arc",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "chains of those who handled a message",
};

static void prepare(struct check_config *common, struct conf *conf, const struct conf_part *part)
{
    struct arc_config *config = (struct arc_config *)common;
    config->trusted =
        auth_names_new(config->trusted_text, config->trusted_count, conf, part, "trusted");
}

static void release(struct check_config *common)
{
    struct arc_config *config = (struct arc_config *)common;
    name_set_free(config->trusted);
    config->trusted = NULL;
}

static void conclude(struct check_run *run, const struct arc_answer *arc)
{
    switch (arc->result) {
    case ARC_NONE:
    case ARC_PASS:
        break;
    case ARC_TEMPERROR:
        check_abstain(run, "arc", arc->why);
        break;
    case ARC_FAIL:
        if (run->config->score == 0)
            check_seen(run, "arc", arc->why);
        else
            check_found_code(run, run->config->score, "arc", arc->why,
                             "the ARC chain of your message is broken", "5.7.29");
        break;
    }
}

static void start(struct check_run *run)
{
    const struct message_auth_results *message = check_facts(run)->message;
    if (message != NULL && message->arc->result != ARC_NONE) {
        char label[sizeof "arc." + 256];
        snprintf(label, sizeof label, "arc.%.255s", message->arc->sealer);
        check_seen(run, label, arc_result_name(message->arc->result));
        conclude(run, message->arc);
    }
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
    return strcmp(past->label, "arc") == 0 && config->score != 0;
}

const struct check check_arc = {
    .name = "arc",
    .section = &section,
    .config_size = sizeof(struct arc_config),
    .prepare = prepare,
    .release = release,
    .stages = CHECK_BIT(CHECK_AT_MESSAGE),
    .always = true,
    .start = start,
    .stop = stop,
    .rescore = rescore,
};
