/* SPDX-License-Identifier: ISC */
/* options_store: the store's part of a configuration, from the sections that are about something
 * else: greylisting says how long triplets and identities live, decisions how many records are
 * kept. */
#include "proxy/options_store.h"

#include "db/sqlite_store.h"
#include "policy/greylist.h"
#include "policy/policy.h"
#include "policy/pseudonym_keys.h"
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

void options_pseudonyms(const struct config *config, struct pseudonym_rule *out)
{
    static const enum pseudonym_mode mode[] = {[PRIVACY_OFF] = PSEUDONYMS_OFF,
                                               [PRIVACY_STORED] = PSEUDONYMS_STORED,
                                               [PRIVACY_ALL] = PSEUDONYMS_ALL};
    *out = (struct pseudonym_rule){
        .mode = mode[config->privacy.pseudonyms],
        .rotate = (int64_t)(config->privacy.rotate / 1000),
        .keep = (int64_t)(policy_decisions(config->policy)->keep / 1000),
    };
}
