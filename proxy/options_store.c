/* SPDX-License-Identifier: ISC */
/* options_store: the store's part of a configuration, from the sections that are about something
 * else: greylisting says how long triplets and identities live, decisions how many records are
 * kept. */
#include "proxy/options_store.h"

#include "db/sqlite_store.h"
#include "policy/greylist.h"
#include "policy/policy.h"
#include "policy/record_config.h"
#include "proxy/config.h"

void options_store(const struct config *config, struct sqlite_store_config *out)
{
    const struct grey_rule *rule = &policy_greylist(config->policy)->rule;
    const struct decisions_config *decisions = policy_decisions(config->policy);
    *out = (struct sqlite_store_config){
        .directory = config->state_dir,
        .waiting_lifetime = rule->retry_window,
        .white_lifetime = rule->white_lifetime,
        .decision_lifetime =
            decisions->record == RECORD_OFF ? 0 : (uint32_t)(decisions->keep / 1000),
        .decisions_most = decisions->most,
    };
}
