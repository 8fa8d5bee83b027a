/* SPDX-License-Identifier: ISC */
#ifndef POLICY_STATE_H
#define POLICY_STATE_H
/* What the policy remembers while the process lives, over reloads: shared by all workers, each part
 * thread-safe by itself. */

#include <stdint.h>

struct client_table;   /* policy/client_limits.h */
struct known;          /* policy/known.h */
struct list_health;    /* policy/list_health.h */
struct list_table;     /* policy/list_table.h */
struct peer_table;     /* policy/peer_table.h */
struct pseudonym_keys; /* policy/pseudonym_keys.h */
struct store;          /* db/store.h */

struct policy_state {
    struct client_table *clients;
    struct known *known;
    struct list_health *health;
    struct list_table *lists;
    struct peer_table *strangers;      /* policy/spamtrap.h */
    struct pseudonym_keys *pseudonyms; /* off, until the owner opens and configures them */
    struct store *store;   /* the owner's; set before the state is used. NULL: nothing is remembered
                              but while the process lives, and nobody is greylisted */
    int64_t (*wall)(void); /* seconds since the epoch; tests set their own */
};

struct policy_state *policy_state_new(void) __attribute__((warn_unused_result));
void policy_state_free(struct policy_state *state); /* NULL is fine */

#endif
