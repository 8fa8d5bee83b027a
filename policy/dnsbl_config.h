/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DNSBL_CONFIG_H
#define POLICY_DNSBL_CONFIG_H
/* What the configurations of dnsbl and rhsbl have in common. Main thread. */

#include "policy/check_dnsbl.h"
#include "policy/list_health.h"

#define DNSBL_OFF "off" /* in place of a canary */

/* The rows that both have, with the default score and canaries. */
#define DNSBL_ROWS(points, positive, negative)                                                     \
    CHECK_ROWS(struct dnsbl_config, "score", points),                                              \
        {.name = "codes",                                                                          \
         .type = CONF_STRINGS,                                                                     \
         .offset = offsetof(struct dnsbl_config, code_text),                                       \
         .count_offset = offsetof(struct dnsbl_config, code_count),                                \
         .help = "the answers that count, and what; others count 0"},                              \
        {.name = "name",                                                                           \
         .type = CONF_STRING,                                                                      \
         .offset = offsetof(struct dnsbl_config, name),                                            \
         .help = "what replies and logs call it instead of the zone"},                             \
        {.name = "listed",                                                                         \
         .type = CONF_STRING,                                                                      \
         .offset = offsetof(struct dnsbl_config, listed),                                          \
         .initial = (positive),                                                                    \
         .help = "the canary that must be listed, or off"},                                        \
        {.name = "clean",                                                                          \
         .type = CONF_STRING,                                                                      \
         .offset = offsetof(struct dnsbl_config, clean),                                           \
         .initial = (negative),                                                                    \
         .help = "the canary that must not be listed, or off"},                                    \
        {.name = "trip-share",                                                                     \
         .type = CONF_NUMBER,                                                                      \
         .offset = offsetof(struct dnsbl_config, trip_share),                                      \
         .initial = "10",                                                                          \
         .min = 1,                                                                                 \
         .max = 100,                                                                               \
         .help = "percent of known good clients listed beyond which the zone rests"},              \
    {                                                                                              \
        .name = "trip-least", .type = CONF_NUMBER,                                                 \
        .offset = offsetof(struct dnsbl_config, trip_least), .initial = "20", .min = 1,            \
        .max = LIST_LEAST_MAX, .help = "known good clients seen before trip-share is looked at"    \
    }

/* Looks at zone, codes and name, compiles them, and fills `shown`, label and allows; true: all that
 * is needed to look at the rest is there. `front`: the most octets of what is put before the zone.
 */
bool dnsbl_config_prepare(struct dnsbl_config *config, struct conf *conf,
                          const struct conf_part *part, size_t front);
bool dnsbl_is_off(const char *canary);
/* Of struct check. */
void dnsbl_config_release(struct check_config *config);
/* Finds the zone's health under `prefix` and the zone, since a zone of addresses and one of names
 * are two lists. */
void dnsbl_config_bind(struct dnsbl_config *config, struct policy_state *state, const char *prefix);

/* The zone without what looks like a query key, which is a secret of the subscriber:
 * "KEY.zen.dq.spamhaus.net" is shown as "zen.dq.spamhaus.net". Pure. */
void dnsbl_mask_key(const char *zone, char out[static DNS_NAME_MAX + 1]);

#endif
