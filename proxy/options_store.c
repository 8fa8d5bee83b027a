/* SPDX-License-Identifier: ISC */
/* options_store: the store's part of a configuration, from the sections that are about something
 * else: greylisting says how long triplets and identities live. */
#include "proxy/options_store.h"

#include "db/sqlite_store.h"
#include "policy/greylist.h"
#include "policy/policy.h"
#include "proxy/config.h"

void options_store(const struct config *config, struct sqlite_store_config *out)
{
    const struct grey_rule *rule = &policy_greylist(config->policy)->rule;
    *out = (struct sqlite_store_config){
        .directory = config->state_dir,
        .waiting_lifetime = rule->retry_window,
        .white_lifetime = rule->white_lifetime,
        .decision_lifetime = 30 * 24 * 3600,
        .decisions_most = 1000000,
    };
}
