/* SPDX-License-Identifier: ISC */
/* options_privacy: the section privacy { ... }: what stands for addresses where they are kept. */
#include "proxy/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct config, privacy.member)
#define HOUR         (3600 * UINT64_C(1000))
#define DAY          (24 * HOUR)

static const char *const pseudonym_words[] = {"off", "stored", "all", NULL};

static const struct conf_row privacy_rows[] = {
    {.name = "pseudonyms",
     .type = CONF_ENUM,
     .offset = AT(pseudonyms),
     .initial = "off",
     .words = pseudonym_words,
     .help = "where pseudonyms stand for addresses: nowhere, in the store, or in the log, too"},
    {.name = "rotate",
     .type = CONF_DURATION,
     .offset = AT(rotate),
     .initial = "30d",
     .min = HOUR,
     .max = 3650 * DAY,
     .help = "how long one key of pseudonyms is used for decisions and the log"},
};

const struct conf_section options_privacy = {.name = "privacy",
                                             .row = privacy_rows,
                                             .rows = COUNT(privacy_rows),
                                             .help = "pseudonyms in place of addresses"};
