/* SPDX-License-Identifier: ISC */
/* record_config: the rows of the section `decisions`. */
#include "policy/record_config.h"

#define DAY (24 * 3600 * UINT64_C(1000))

static const char *const which_words[] = {"all", "refused", "off", NULL};

static const struct conf_row rows[] = {
    {.name = "keep",
     .type = CONF_DURATION,
     .offset = offsetof(struct decisions_config, keep),
     .initial = "7d",
     .min = 60 * UINT64_C(1000),
     .max = 3650 * DAY,
     .help = "how long a decision is kept to be explained and replayed"},
    {.name = "most",
     .type = CONF_NUMBER,
     .offset = offsetof(struct decisions_config, most),
     .initial = "100000",
     .min = 1,
     .max = 100000000,
     .help = "how many decisions are kept; the oldest go"},
    {.name = "record",
     .type = CONF_ENUM,
     .offset = offsetof(struct decisions_config, record),
     .initial = "all",
     .words = which_words,
     .help = "which decisions: all, those that refused or deferred or would have, or none"},
};

const struct conf_section decisions_section = {.name = "decisions",
                                               .row = rows,
                                               .rows = sizeof rows / sizeof rows[0],
                                               .help = "what is remembered of decisions"};
