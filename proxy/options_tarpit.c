/* SPDX-License-Identifier: ISC */
/* options_tarpit: how many hostile clients are held, for how long, and what they hear. */
#include "proxy/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct config, tarpit.member)

#define SECOND 1000ULL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const char *const last_words[] = {"reject", "defer", NULL};

static const struct conf_row tarpit_rows[] = {
    {.name = "connections",
     .type = CONF_NUMBER,
     .offset = AT(connections),
     .initial = "10000",
     .max = 1000000,
     .help = "clients held at a time, the oldest leave for more; 0: hold none"},
    {.name = "time",
     .type = CONF_DURATION,
     .offset = AT(time),
     .initial = "10m",
     .min = 10 * SECOND,
     .max = 12 * HOUR,
     .help = "how long a client is held at most"},
    {.name = "interval",
     .type = CONF_DURATION,
     .offset = AT(interval),
     .initial = "1s",
     .min = 100,
     .max = MINUTE,
     .help = "between two bytes; longer where clients are many"},
    {.name = "last-word",
     .type = CONF_ENUM,
     .offset = AT(last_word),
     .initial = "reject",
     .words = last_words,
     .help = "what a recipient gets in the end: 550 or 450"},
};

const struct conf_section options_tarpit = {.name = "tarpit",
                                            .row = tarpit_rows,
                                            .rows = COUNT(tarpit_rows),
                                            .help = "where hostile clients are held"};
