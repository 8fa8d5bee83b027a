/* SPDX-License-Identifier: ISC */
/* state: what the policy remembers while the process lives, made and freed in one place. */
#include "policy/state.h"

#include "lib/mem.h"
#include "policy/client_limits.h"
#include "policy/known.h"
#include "policy/list_health.h"
#include "policy/list_table.h"
#include "policy/peer_table.h"
#include "policy/pseudonym_keys.h"
#include "policy/spamtrap.h"

#include <stdlib.h>
#include <time.h>

#define MIB            ((size_t)1024 * 1024)
#define CLIENTS_MOST   (16 * MIB) /* taken as clients come; a flood evicts */
#define KNOWN_MOST     (16 * MIB)
#define STRANGERS_MOST (4 * MIB)

static int64_t wall(void)
{
    return (int64_t)time(NULL);
}

struct policy_state *policy_state_new(void)
{
    struct policy_state *state = mem_alloc(sizeof *state);
    state->clients = client_table_new(CLIENTS_MOST);
    state->known = known_new(KNOWN_MOST);
    state->health = list_health_new();
    state->lists = list_table_new();
    state->strangers = spamtrap_table_new(STRANGERS_MOST);
    state->pseudonyms = pseudonym_keys_new();
    state->wall = wall;
    return state;
}

void policy_state_free(struct policy_state *state)
{
    if (state == NULL)
        return;
    client_table_free(state->clients);
    known_free(state->known);
    list_health_free(state->health);
    list_table_free(state->lists);
    peer_table_free(state->strangers);
    pseudonym_keys_free(state->pseudonyms);
    free(state);
}
