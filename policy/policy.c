/* SPDX-License-Identifier: ISC */
/*
 * policy: the policy as configured, in one immutable object.
 *
 * Promises: once policy_bind() has returned nothing of it changes, so any thread may read it as
 * long as it holds a reference.
 */
#include "policy/policy.h"

#include "lib/mem.h"
#include "policy/check_config.h"
#include "policy/greylist.h"
#include "policy/list_table.h"
#include "policy/record_config.h"
#include "policy/spamtrap.h"
#include "policy/state.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define OWN_SECTIONS  5  /* beside those of the checks */
#define SECTIONS_MOST 64 /* kinds of sections: there is one per check, and the checks are few */

struct policy {
    atomic_uint references;
    struct policy_thresholds thresholds;
    struct policy_lists lists;
    struct greylist_config greylist;
    struct spamtrap_config spamtraps;
    struct decisions_config decisions;
    struct check_config_list configs;
    const struct check_config **active; /* of these the ones that are not off, NULL last */
};

static const struct conf_row threshold_rows[] = {
    {.name = "greylist",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct policy_thresholds, greylist),
     .initial = "2",
     .help = "the score from which a client is suspicious"},
    {.name = "reject",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct policy_thresholds, reject),
     .initial = "6",
     .help = "the score from which it is refused"},
    {.name = "tarpit",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct policy_thresholds, tarpit),
     .initial = "10",
     .help = "the score from which it is taken to the tarpit"},
};
static const struct conf_row list_rows[] = {
    {.name = "allow",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, allow),
     .help = "clients that pass every check; this list is asked first"},
    {.name = "deny",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, deny),
     .help = "clients that are refused"},
    {.name = "tarpit",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, tarpit),
     .help = "clients that are taken to the tarpit at once"},
};

static const struct conf_section threshold_section = {.name = "thresholds",
                                                      .row = threshold_rows,
                                                      .rows = COUNT(threshold_rows),
                                                      .help = "what scores lead to"};
static const struct conf_section list_section = {
    .name = "lists", .row = list_rows, .rows = COUNT(list_rows), .help = "clients judged by hand"};

const struct conf_section *const *policy_sections(void)
{
    /* Filled at each call with the same: the table's entries are no constants to the compiler. */
    static const struct conf_section *sections[SECTIONS_MOST] = {
        &threshold_section, &list_section, &greylist_section, &spamtrap_section,
        &decisions_section};
    for (size_t i = 0; checks[i] != NULL; i++) {
        if (i + OWN_SECTIONS + 1 >= SECTIONS_MOST)
            abort();
        sections[i + OWN_SECTIONS] = checks[i]->section;
    }
    return sections;
}

static void read_thresholds(struct policy *policy, struct conf *conf)
{
    const struct conf_part *part = conf_part(conf, &threshold_section, 0);
    struct policy_thresholds *t = &policy->thresholds;
    conf_fill(conf, part, t);
    if (t->greylist <= 0)
        conf_fault(conf, conf_line(part, "greylist", 0),
                   "greylist must be above 0, the score of a client of which nothing is known");
    if (t->reject < t->greylist)
        conf_fault(conf, conf_line(part, "reject", 0),
                   "reject is below greylist; thresholds rise: greylist, reject, tarpit");
    if (t->tarpit < t->reject)
        conf_fault(conf, conf_line(part, "tarpit", 0),
                   "tarpit is below reject; thresholds rise: greylist, reject, tarpit");
}

static bool covers(const struct cidr *wide, const struct cidr *narrow)
{
    return wide->net.family != AF_UNSPEC && wide->bits <= narrow->bits &&
           cidr_match(wide, &narrow->net);
}

/* Warns of what stands in `set` in vain, because the stronger list has all of it. */
static void check_shadowed(struct conf *conf, const struct cidr_set *stronger,
                           const char *stronger_name, const struct cidr_set *set, const char *name)
{
    const struct conf_part *part = conf_part(conf, &list_section, 0);
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < stronger->count; j++) {
            if (!covers(&stronger->item[j], &set->item[i]))
                continue;
            conf_warn(conf, conf_line(part, name, i),
                      "an entry of %s is in %s too, which goes first; remove one of them", name,
                      stronger_name);
            break;
        }
    }
}

static void check_all(struct conf *conf, const struct cidr_set *set, const char *name,
                      const char *what)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->item[i].bits == 0 && set->item[i].net.family != AF_UNSPEC)
            conf_warn(conf, conf_line(conf_part(conf, &list_section, 0), name, i),
                      "%s covers all addresses: %s", name, what);
    }
}

static void read_lists(struct policy *policy, struct conf *conf)
{
    struct policy_lists *lists = &policy->lists;
    conf_fill(conf, conf_part(conf, &list_section, 0), lists);
    check_all(conf, &lists->allow, "allow",
              "nobody is judged; list those you trust, or use mode = observe to only watch");
    check_all(conf, &lists->deny, "deny", "no mail comes in; list those you do not want");
    check_all(conf, &lists->tarpit, "tarpit", "no mail comes in; list those you do not want");
    check_shadowed(conf, &lists->allow, "allow", &lists->deny, "deny");
    check_shadowed(conf, &lists->allow, "allow", &lists->tarpit, "tarpit");
    check_shadowed(conf, &lists->tarpit, "tarpit", &lists->deny, "deny");
}

static void list_active(struct policy *policy)
{
    const struct check_config_list *all = &policy->configs;
    size_t count = 0;
    policy->active = mem_alloc((all->count + 1) * sizeof(const struct check_config *));
    for (size_t i = 0; i < all->count; i++) {
        if (all->item[i]->mode != CHECK_OFF)
            policy->active[count++] = all->item[i];
    }
}

struct policy *policy_new(struct conf *conf)
{
    struct policy *policy = mem_alloc(sizeof *policy);
    atomic_init(&policy->references, 1);
    read_thresholds(policy, conf);
    read_lists(policy, conf);
    greylist_read(&policy->greylist, conf);
    spamtrap_read(&policy->spamtraps, conf);
    conf_fill(conf, conf_part(conf, &decisions_section, 0), &policy->decisions);
    check_config_read(&policy->configs, conf);
    list_active(policy);
    return policy;
}

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add(&policy->references, 1);
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy == NULL || atomic_fetch_sub(&policy->references, 1) != 1)
        return;
    check_config_free(&policy->configs);
    conf_clear(&threshold_section, &policy->thresholds);
    conf_clear(&list_section, &policy->lists);
    conf_clear(&greylist_section, &policy->greylist);
    conf_clear(&spamtrap_section, &policy->spamtraps);
    free(policy->active);
    free(policy);
}

struct entries { /* of lists { ... }, for the table */
    struct entry *item;
    char (*key)[ADDR_TEXT_MAX + 4];
    size_t count;
};

static void add_entries(struct entries *to, const struct cidr_set *set, enum entry_list list,
                        enum entry_action action)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct cidr *net = &set->item[i];
        char text[ADDR_TEXT_MAX];
        char *key = to->key[to->count];
        bool whole = net->bits == (net->net.family == AF_INET ? 32 : 128);
        if (net->net.family == AF_UNSPEC)
            continue;
        snprintf(key, sizeof to->key[0], whole ? "%s" : "%s/%u", addr_ip_text(&net->net, text),
                 net->bits);
        to->item[to->count++] = (struct entry){.list = list,
                                               .kind = ENTRY_CLIENT,
                                               .action = action,
                                               .origin = ENTRY_FILE,
                                               .key = key,
                                               .reason = "",
                                               .author = ""};
    }
}

static void use_lists(const struct policy_lists *lists, struct list_table *table)
{
    size_t most = lists->allow.count + lists->deny.count + lists->tarpit.count;
    struct entries entries = {.item = mem_alloc((most + 1) * sizeof *entries.item),
                              .key = mem_alloc((most + 1) * sizeof *entries.key)};
    add_entries(&entries, &lists->allow, ENTRY_ALLOW, ENTRY_REJECT);
    /* Of the same network in both the tarpit counts, as the later one. */
    add_entries(&entries, &lists->deny, ENTRY_DENY, ENTRY_REJECT);
    add_entries(&entries, &lists->tarpit, ENTRY_DENY, ENTRY_TARPIT);
    list_table_set_files(table, entries.item, entries.count);
    free(entries.item);
    free(entries.key);
}

void policy_bind(struct policy *policy, struct policy_state *state)
{
    use_lists(&policy->lists, state->lists);
    for (size_t i = 0; i < policy->configs.count; i++) {
        struct check_config *config = policy->configs.item[i];
        if (config->check->bind != NULL)
            config->check->bind(config, state);
    }
}

const struct policy_thresholds *policy_thresholds(const struct policy *policy)
{
    return &policy->thresholds;
}

const struct policy_lists *policy_lists(const struct policy *policy)
{
    return &policy->lists;
}

const struct greylist_config *policy_greylist(const struct policy *policy)
{
    return &policy->greylist;
}

const struct decisions_config *policy_decisions(const struct policy *policy)
{
    return &policy->decisions;
}

const struct spamtrap_config *policy_spamtraps(const struct policy *policy)
{
    return &policy->spamtraps;
}

const struct check_config *const *policy_checks(const struct policy *policy)
{
    return policy->active;
}

const struct check_config *policy_check(const struct policy *policy, const struct check *check)
{
    for (size_t i = 0; i < policy->configs.count; i++) {
        if (policy->configs.item[i]->check == check)
            return policy->configs.item[i];
    }
    return NULL;
}
