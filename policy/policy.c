/* SPDX-License-Identifier: ISC */
/*
 * policy: the policy as configured, in one immutable object.
 *
 * Promises: once policy_bind() has returned nothing of it changes, so any thread may read it as
 * long as it holds a reference; all but its list files, which are the main thread's.
 */
#include "policy/policy.h"

#include "lib/mem.h"
#include "policy/auth_config.h"
#include "policy/check_config.h"
#include "policy/greylist.h"
#include "policy/list_files.h"
#include "policy/record_config.h"
#include "policy/spamtrap.h"
#include "policy/state.h"

#include <stdatomic.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define OWN_SECTIONS  6  /* beside those of the checks */
#define SECTIONS_MOST 64 /* kinds of sections: there is one per check, and the checks are few */

struct policy {
    atomic_uint references;
    struct policy_thresholds thresholds;
    struct policy_lists lists;
    struct list_files *list_files; /* changed by its watch alone */
    struct greylist_config greylist;
    struct spamtrap_config spamtraps;
    struct decisions_config decisions;
    struct auth_config auth;
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

static const struct conf_section threshold_section = {.name = "thresholds",
                                                      .row = threshold_rows,
                                                      .rows = COUNT(threshold_rows),
                                                      .help = "what scores lead to"};
const struct conf_section *const *policy_sections(void)
{
    /* Filled at each call with the same: the table's entries are no constants to the compiler. */
    static const struct conf_section *sections[SECTIONS_MOST] = {
        &threshold_section, &list_section,      &greylist_section,
        &spamtrap_section,  &decisions_section, &auth_section};
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
    list_config_read(&policy->lists, conf);
    policy->list_files = list_files_new(&policy->lists, conf);
    greylist_read(&policy->greylist, conf);
    spamtrap_read(&policy->spamtraps, conf);
    conf_fill(conf, conf_part(conf, &decisions_section, 0), &policy->decisions);
    auth_config_read(&policy->auth, conf);
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
    list_files_free(policy->list_files);
    conf_clear(&threshold_section, &policy->thresholds);
    conf_clear(&list_section, &policy->lists);
    conf_clear(&greylist_section, &policy->greylist);
    conf_clear(&spamtrap_section, &policy->spamtraps);
    auth_config_free(&policy->auth);
    free(policy->active);
    free(policy);
}

void policy_bind(struct policy *policy, struct policy_state *state)
{
    list_files_use(policy->list_files, state->lists);
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

struct list_files *policy_list_files(const struct policy *policy)
{
    return policy->list_files;
}

const struct greylist_config *policy_greylist(const struct policy *policy)
{
    return &policy->greylist;
}

const struct decisions_config *policy_decisions(const struct policy *policy)
{
    return &policy->decisions;
}

const struct auth_config *policy_auth(const struct policy *policy)
{
    return &policy->auth;
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
