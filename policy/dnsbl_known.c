/* SPDX-License-Identifier: ISC */
/*
 * dnsbl_known: what administrators most often get wrong about lists that are often used: a list of
 * good clients with a score above 0, one whose codes mean different things taken whole, a list of
 * names asked for addresses, one that has ended.
 *
 * Limits: lists come and go. A row that is out of date costs a warning, never mail; that a list has
 * died is found out by its canaries (list_probe).
 */
#include "policy/dnsbl_known.h"

#include "dns/name.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum kind { ADDRESSES, NAMES, GOOD, ENDED };

/* `codes`: an example, where no code may be left out since some answers are no reason to refuse. */
static const struct known_list {
    const char *zone;
    enum kind kind;
    const char *codes;
} known_lists[] = {
    {"zen.spamhaus.org", ADDRESSES, "\"127.0.0.2-127.0.0.11=4\""},
    {"zen.dq.spamhaus.net", ADDRESSES, "\"127.0.0.2-127.0.0.11=4\""},
    {"bl.mailspike.net", ADDRESSES, "\"127.0.0.2=5\", \"127.0.0.10-127.0.0.12=4\""},
    {"hostkarma.junkemailfilter.com", ADDRESSES, "\"127.0.0.2=3\""},
    {"dbl.spamhaus.org", NAMES, "\"127.0.1.2-127.0.1.6=3\""},
    {"dbl.dq.spamhaus.net", NAMES, "\"127.0.1.2-127.0.1.6=3\""},
    {"list.dnswl.org", GOOD, NULL},
    {"wl.mailspike.net", GOOD, NULL},
    {"dnsbl.sorbs.net", ENDED, NULL},
    {"ix.dnsbl.manitu.net", ENDED, NULL},
    {"cbl.abuseat.org", ENDED, NULL},
};

/* The list of this zone, which may have a query key in front. */
static const struct known_list *find(const char *zone)
{
    char normal[DNS_NAME_MAX + 1];
    if (!dns_name_normal(zone, normal))
        return NULL;
    size_t len = strlen(normal);
    for (size_t i = 0; i < COUNT(known_lists); i++) {
        size_t own = strlen(known_lists[i].zone);
        if (own <= len && strcmp(normal + len - own, known_lists[i].zone) == 0 &&
            (own == len || normal[len - own - 1] == '.'))
            return &known_lists[i];
    }
    return NULL;
}

static void check_kind(const struct known_list *list, const struct dnsbl_config *config,
                       struct conf *conf, const struct conf_part *part)
{
    bool of_names = config->common.check == &check_rhsbl;
    unsigned score_line = conf_line(part, "score", 0);
    if ((list->kind == NAMES) != of_names)
        conf_warn(conf, conf_part_line(part), "%s is a list of %s; ask it with %s", list->zone,
                  of_names ? "addresses" : "names", of_names ? "dnsbl" : "rhsbl");
    else if (list->kind == GOOD && !config->common.allows)
        conf_warn(conf, score_line,
                  "%s lists good clients, and here that is held against them; give a score below "
                  "0, such as -2",
                  list->zone);
    else if (list->kind != GOOD && config->common.allows)
        conf_warn(conf, score_line,
                  "%s lists bad clients, and a score below 0 speaks for them; give one above 0",
                  list->zone);
    else if (list->codes != NULL && config->code_count == 0)
        conf_warn(conf, conf_part_line(part),
                  "%s says different things by its codes, not all of them bad; name those that "
                  "count, such as codes = {%s}",
                  list->zone, list->codes);
}

void dnsbl_known_check(const struct dnsbl_config *config, struct conf *conf,
                       const struct conf_part *part)
{
    const struct known_list *list = find(config->common.title);
    if (list == NULL)
        return;
    if (list->kind == ENDED)
        conf_warn(conf, conf_part_line(part), "%s has ended; remove the block", list->zone);
    else
        check_kind(list, config, conf, part);
}
