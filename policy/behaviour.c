/* SPDX-License-Identifier: ISC */
/*
 * behaviour: the blocks for what a client does on the wire. They are rows only: the session sees
 * what happens and tells the trial, which makes the finding (policy/trial.c).
 */
#include "policy/behaviour.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct plain_config { /* of a check with no more than mode and score */
    struct check_config common;
};

static void prepare(struct check_config *config, struct conf *conf, const struct conf_part *part)
{
    if (config->mode == CHECK_REJECT && config->score == 0)
        conf_warn(conf, conf_line(part, "score", 0),
                  "score = 0 with mode = reject: what counts nothing refuses nobody; give a score "
                  "above 0, or mode = observe");
}

/* The answer is "N times". */
static bool rescore_hangup(const struct check_config *common, const struct check_past *past,
                           score_t *out)
{
    const struct hangup_config *config = (const struct hangup_config *)(const void *)common;
    *out = common->score;
    return strtoul(past->answer, NULL, 10) >= config->least;
}

static const struct conf_row pregreet_rows[] = {
    CHECK_ROWS(struct pregreet_config, "score", "6"),
    {.name = "wait",
     .type = CONF_DURATION,
     .offset = offsetof(struct pregreet_config, wait),
     .initial = "6s",
     .max = 6000,
     .help = "how long the banner is held back for clients neither proven nor allowed; 0s: not"},
    {.name = "teaser",
     .type = CONF_BOOL,
     .offset = offsetof(struct pregreet_config, teaser),
     .initial = "yes",
     .help = "send a first line of the banner before the wait"},
};
static const struct conf_row pipelining_rows[] = {CHECK_ROWS(struct plain_config, "score", "3")};
static const struct conf_row commands_rows[] = {CHECK_ROWS(struct plain_config, "score", "6")};
static const struct conf_row newlines_rows[] = {CHECK_ROWS(struct plain_config, "score", "3")};
static const struct conf_row hangup_rows[] = {
    CHECK_ROWS(struct hangup_config, "score", "1"),
    {.name = "least",
     .type = CONF_NUMBER,
     .offset = offsetof(struct hangup_config, least),
     .initial = "3",
     .min = 1,
     .max = 1000,
     .help = "so many hang-ups in the interval of client-limits count at the next connection"},
};

static const struct conf_section pregreet_section = {.name = "pregreet",
                                                     .row = pregreet_rows,
                                                     .rows = COUNT(pregreet_rows),
                                                     .help = "talking before the banner"};
static const struct conf_section pipelining_section = {
    .name = "pipelining",
    .row = pipelining_rows,
    .rows = COUNT(pipelining_rows),
    .help = "sending on where an answer must be waited for"};
static const struct conf_section commands_section = {.name = "commands",
                                                     .row = commands_rows,
                                                     .rows = COUNT(commands_rows),
                                                     .help = "saying what is not SMTP"};
static const struct conf_section newlines_section = {.name = "newlines",
                                                     .row = newlines_rows,
                                                     .rows = COUNT(newlines_rows),
                                                     .help = "ending lines with a bare CR or LF"};
static const struct conf_section hangup_section = {.name = "hangup",
                                                   .row = hangup_rows,
                                                   .rows = COUNT(hangup_rows),
                                                   .help = "leaving again and again without QUIT"};

const struct check check_pregreet = {.name = "pregreet",
                                     .section = &pregreet_section,
                                     .config_size = sizeof(struct pregreet_config),
                                     .prepare = prepare};
const struct check check_pipelining = {.name = "pipelining",
                                       .section = &pipelining_section,
                                       .config_size = sizeof(struct plain_config),
                                       .prepare = prepare};
const struct check check_commands = {.name = "commands",
                                     .section = &commands_section,
                                     .config_size = sizeof(struct plain_config),
                                     .prepare = prepare};
const struct check check_newlines = {.name = "newlines",
                                     .section = &newlines_section,
                                     .config_size = sizeof(struct plain_config),
                                     .prepare = prepare};
const struct check check_hangup = {.name = "hangup",
                                   .section = &hangup_section,
                                   .config_size = sizeof(struct hangup_config),
                                   .prepare = prepare,
                                   .rescore = rescore_hangup};
