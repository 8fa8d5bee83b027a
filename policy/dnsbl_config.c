/* SPDX-License-Identifier: ISC */
/*
 * dnsbl_config: what the blocks `dnsbl "zone"` and `rhsbl "zone"` share: zone, codes, the name
 * shown.
 *
 * Promises: a query key in the zone (a leftmost label of 16 or more letters and digits, as Spamhaus
 * DQS and Abusix have it) is in no text made here. A block is an allow zone or not by the sign of
 * its `score`; codes of the other sign are a fault, so nothing else decides whom it can help.
 */
#include "policy/dnsbl_config.h"

#include "dns/name.h"
#include "policy/dnsbl_known.h"
#include "policy/list_health.h"
#include "policy/state.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY_LEAST  16  /* octets of a label that may be a query key */
#define SHOWN_MOST 100 /* octets of a name in replies */

bool dnsbl_is_off(const char *canary)
{
    return canary == NULL || strcmp(canary, DNSBL_OFF) == 0;
}

void dnsbl_mask_key(const char *zone, char out[static DNS_NAME_MAX + 1])
{
    size_t label = 0;
    while (isalnum((unsigned char)zone[label]))
        label++;
    bool key = label >= KEY_LEAST && (zone[label] == '.' || zone[label] == '\0');
    if (key)
        zone += label + (zone[label] == '.');
    snprintf(out, DNS_NAME_MAX + 1, "%s", zone[0] != '\0' ? zone : "a DNS list");
    size_t len = strlen(out);
    if (len > 1 && out[len - 1] == '.')
        out[len - 1] = '\0';
}

/* Faults do not repeat the zone: the line is enough, and there may be a key in it. */
static bool check_zone(const struct dnsbl_config *config, struct conf *conf,
                       const struct conf_part *part, size_t front)
{
    char normal[DNS_NAME_MAX + 1];
    const char *title = config->common.title;
    if (title != NULL && dns_name_normal(title, normal) && strchr(normal, ' ') == NULL &&
        strlen(normal) + front + 1 <= DNS_NAME_MAX)
        return true;
    conf_fault(conf, conf_part_line(part),
               "%s has a zone that cannot be asked for; name one such as \"list.example\"",
               config->common.check->name);
    return false;
}

static void compile_codes(struct dnsbl_config *config, struct conf *conf,
                          const struct conf_part *part)
{
    for (size_t i = 0; i < config->code_count; i++) {
        const char *why = NULL;
        unsigned line = conf_line(part, "codes", i);
        if (!dnsbl_codes_add(&config->codes, config->code_text[i], &why)) {
            conf_fault(conf, line, "codes \"%s\": %s", config->code_text[i], why);
            continue;
        }
        score_t score = config->codes.item[config->codes.count - 1].score;
        if (config->common.allows ? score > 0 : score < 0)
            conf_fault(conf, line,
                       "codes \"%s\": an allow zone is one whose score is below 0, and its codes "
                       "count 0 or less; all others count 0 or more",
                       config->code_text[i]);
        else if (config->common.allows &&
                 dnsbl_code_is_refusal(&config->codes.item[config->codes.count - 1]))
            conf_fault(conf, line,
                       "codes \"%s\": of an allow zone 127.0.0.255 and 127.0.10.x say that it does "
                       "not serve us, and never count; remove it",
                       config->code_text[i]);
    }
}

/* What works, but refuses or counts more or less than its words say. */
static void check_mode(const struct dnsbl_config *config, struct conf *conf,
                       const struct conf_part *part)
{
    const struct check_config *common = &config->common;
    bool any = config->code_count == 0;
    if (common->mode == CHECK_REJECT && common->allows)
        conf_warn(conf, conf_line(part, "mode", 0),
                  "mode = reject refuses nobody here: the list, whose score is below 0, is one of "
                  "good clients; use mode = score");
    else if (any && common->score == 0)
        conf_warn(conf, conf_line(part, "score", 0),
                  "score = 0: no answer of the list counts; give a score, or codes, or mode = off");
    else if (any && common->mode == CHECK_REJECT)
        conf_warn(
            conf, conf_line(part, "mode", 0),
            "mode = reject without codes: any answer of this one list refuses; name the codes "
            "that should, or use mode = score");
}

/* Both canaries are to be asked for, and are the same. */
static void check_canaries(const struct dnsbl_config *config, struct conf *conf,
                           const struct conf_part *part)
{
    if (!dnsbl_is_off(config->listed) && !dnsbl_is_off(config->clean) &&
        strcasecmp(config->listed, config->clean) == 0)
        conf_fault(conf, conf_line(part, conf_given(part, "clean") ? "clean" : "listed", 0),
                   "listed and clean are the same, so the list would never be believed; give one "
                   "that it lists and one that it does not");
}

static void check_name(const struct dnsbl_config *config, struct conf *conf,
                       const struct conf_part *part)
{
    const char *name = config->name;
    bool fine = strlen(name) <= SHOWN_MOST;
    for (size_t i = 0; fine && name[i] != '\0'; i++)
        fine = name[i] >= ' ' && name[i] <= '~';
    if (!fine)
        conf_fault(conf, conf_line(part, "name", 0),
                   "name stands in replies; give at most %d printing ASCII characters", SHOWN_MOST);
}

bool dnsbl_config_prepare(struct dnsbl_config *config, struct conf *conf,
                          const struct conf_part *part, size_t front)
{
    bool zone = check_zone(config, conf, part, front);
    config->common.allows = config->common.score < 0;
    compile_codes(config, conf, part);
    if (config->name != NULL)
        check_name(config, conf, part);
    if (config->common.title != NULL)
        dnsbl_mask_key(config->common.title, config->masked);
    snprintf(config->shown, sizeof config->shown, "%s",
             config->name != NULL ? config->name : config->masked);
    config->common.block = config->masked;
    config->common.label = config->shown;
    check_canaries(config, conf, part);
    if (config->common.mode != CHECK_OFF)
        check_mode(config, conf, part);
    if (zone && config->common.mode != CHECK_OFF)
        dnsbl_known_check(config, conf, part);
    return zone;
}

void dnsbl_config_release(struct check_config *common)
{
    struct dnsbl_config *config = (struct dnsbl_config *)common;
    dnsbl_codes_clear(&config->codes);
}

void dnsbl_config_bind(struct dnsbl_config *config, struct policy_state *state, const char *prefix)
{
    char normal[DNS_NAME_MAX + 1];
    char key[DNS_NAME_MAX + 16];
    if (!dns_name_normal(config->common.title, normal))
        return;
    snprintf(key, sizeof key, "%s%s", prefix, normal);
    struct list_zone *zone = list_health_find(state->health, key, config->shown);
    if (config->health != zone) /* new certificates bind again what workers already read */
        config->health = zone;
    list_zone_trip(config->health, config->trip_share, config->trip_least);
}
