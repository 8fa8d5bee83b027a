/* SPDX-License-Identifier: ISC */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H
/*
 * The policy as configured: which checks with what scores, thresholds, lists, limits. Built from a
 * file that has been read, then immutable and reference-counted; a reload builds a new one.
 */

#include "lib/conf.h"
#include "policy/check.h"
#include "policy/client_limits.h"
#include "policy/list_config.h"

#include <stddef.h>

struct auth_config;      /* policy/auth_config.h */
struct decisions_config; /* policy/record_config.h */
struct greylist_config;  /* policy/greylist.h */
struct list_files;       /* policy/list_files.h */
struct policy_state;
struct spamtrap_config; /* policy/spamtrap.h */

struct policy_thresholds { /* thresholds { ... } */
    score_t greylist, reject, tarpit;
};

struct policy;

/* The sections of the file that are the policy's, NULL last: thresholds, lists, greylist,
 * spamtraps, decisions, authentication, and each check's. */
const struct conf_section *const *policy_sections(void);
/* Reads them from `conf` (conf_read was fine); faults and warnings are noted there, and the result
 * is to be freed all the same. Main thread. */
struct policy *policy_new(struct conf *conf) __attribute__((warn_unused_result));
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);
/* Connects it with what outlives reloads, before it is used. Again while it is used, with the same
 * state, it changes nothing. Main thread. */
void policy_bind(struct policy *policy, struct policy_state *state);

/* For the trial and the prober; any thread. */
const struct policy_thresholds *policy_thresholds(const struct policy *policy);
/* Main thread. */
struct list_files *policy_list_files(const struct policy *policy);
const struct greylist_config *policy_greylist(const struct policy *policy);
const struct spamtrap_config *policy_spamtraps(const struct policy *policy);
const struct decisions_config *policy_decisions(const struct policy *policy);
const struct auth_config *policy_auth(const struct policy *policy);
/* The configured checks that are not off, in the order of the table; the list ends with NULL. */
const struct check_config *const *policy_checks(const struct policy *policy);
/* The configuration of the one block `check` (not of dnsbl and rhsbl), off or not. */
const struct check_config *policy_check(const struct policy *policy, const struct check *check);

#endif
