/* SPDX-License-Identifier: ISC */
#ifndef POLICY_SPAMTRAP_H
#define POLICY_SPAMTRAP_H
/*
 * Spamtraps: who writes to an address that nobody has (a `trap` entry), or again and again to
 * recipients that are not there, is put on the deny list for a while. The section spamtraps { ... }
 * and the bans; whom they spare is decided by the trial.
 */

#include "lib/addr.h"
#include "lib/conf.h"

struct peer_table;
struct policy_state;

struct spamtrap_config {
    uint64_t ban;    /* ms */
    size_t unknown;  /* so many unknown recipients within the time ban, too; 0: they do not */
    uint64_t within; /* ms */
};

extern const struct conf_section spamtrap_section;
void spamtrap_read(struct spamtrap_config *config, struct conf *conf);

/* Puts the address on an automatic deny entry (tarpit), in force at once, and tells the store. Any
 * thread. `reason`: for administrators. */
void spamtrap_ban(const struct spamtrap_config *config, struct policy_state *state,
                  const struct addr *client, const char *reason);
/* What unknown recipients are counted in. */
struct peer_table *spamtrap_table_new(size_t octets) __attribute__((warn_unused_result));
/* Counts one unknown recipient; true: that is one too many, and the count begins anew. `now`:
 * monotonic ms. Any thread. */
bool spamtrap_unknown(const struct spamtrap_config *config, struct policy_state *state,
                      const struct addr *client, uint64_t now);

#endif
