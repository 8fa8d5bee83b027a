/* SPDX-License-Identifier: ISC */
/*
 * greylist: its section of the configuration. The defaults are what the field has settled on: 5
 * minutes, 48 hours (a provider's retry of 25 hours has been seen), 36 days for monthly mail.
 */
#include "policy/greylist.h"

#define SECOND UINT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static const char *const modes[] = {"suspicious", "all", "off", NULL};

static const struct conf_row rows[] = {
    {.name = "mode",
     .type = CONF_ENUM,
     .offset = offsetof(struct greylist_config, mode),
     .initial = "suspicious",
     .words = modes,
     .help = "who must come again later: suspicious clients, all that are not proven, or nobody"},
    {.name = "delay",
     .type = CONF_DURATION,
     .offset = offsetof(struct greylist_config, delay),
     .initial = "300s",
     .min = SECOND,
     .max = DAY,
     .help = "how long a new sender must wait before it comes again"},
    {.name = "retry-window",
     .type = CONF_DURATION,
     .offset = offsetof(struct greylist_config, retry_window),
     .initial = "48h",
     .min = 60 * SECOND,
     .max = 30 * DAY,
     .help = "how long after its first attempt it may come again"},
    {.name = "white-lifetime",
     .type = CONF_DURATION,
     .offset = offsetof(struct greylist_config, white_lifetime),
     .initial = "36d",
     .min = HOUR,
     .max = 400 * DAY,
     .help = "how long who has passed, or is proven, need not wait again; each mail renews it"},
};

const struct conf_section greylist_section = {
    .name = "greylist",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "making new senders come again",
};

void greylist_read(struct greylist_config *config, struct conf *conf)
{
    const struct conf_part *part = conf_part(conf, &greylist_section, 0);
    conf_fill(conf, part, config);
    if (config->retry_window < 2 * config->delay)
        conf_fault(conf, conf_line(part, "retry-window", 0),
                   "retry-window is less than twice the delay, so who comes again may be too early "
                   "and then too late; give it some hours");
    config->rule =
        (struct grey_rule){.delay = (uint32_t)(config->delay / SECOND),
                           .retry_window = (uint32_t)(config->retry_window / SECOND),
                           .white_lifetime = (uint32_t)(config->white_lifetime / SECOND)};
}
