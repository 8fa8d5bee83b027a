/* SPDX-License-Identifier: ISC */
/*
 * spamtrap: automatic bans.
 *
 * An entry is put in the table first, so that it is in force, and then told to the store: it may be
 * lost with a store that is down, as the mail that led to it was refused all the same. An automatic
 * ban loses to every allow entry (policy/list_table.h) and ends by itself.
 */
#include "policy/spamtrap.h"

#include "db/store.h"
#include "policy/list_table.h"
#include "policy/peer_table.h"
#include "policy/state.h"

#include <string.h>

#define SECOND UINT64_C(1000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

static const char *const never[] = {"off", NULL};

static const struct conf_row rows[] = {
    {.name = "ban",
     .type = CONF_DURATION,
     .offset = offsetof(struct spamtrap_config, ban),
     .initial = "24h",
     .min = 60 * SECOND,
     .max = 365 * DAY,
     .help = "how long a client's address is denied that wrote to a trap"},
    {.name = "unknown-recipients",
     .type = CONF_NUMBER,
     .offset = offsetof(struct spamtrap_config, unknown),
     .initial = "0",
     .max = 100000,
     .words = never,
     .help = "so many unknown recipients of one client deny it, too; 0: they never do"},
    {.name = "within",
     .type = CONF_DURATION,
     .offset = offsetof(struct spamtrap_config, within),
     .initial = "1h",
     .min = 60 * SECOND,
     .max = 30 * DAY,
     .help = "the time in which unknown-recipients are counted"},
};

const struct conf_section spamtrap_section = {
    .name = "spamtraps",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "denying who writes to nobody",
};

void spamtrap_read(struct spamtrap_config *config, struct conf *conf)
{
    conf_fill(conf, conf_part(conf, &spamtrap_section, 0), config);
}

void spamtrap_ban(const struct spamtrap_config *config, struct policy_state *state,
                  const struct addr *client, const char *reason)
{
    char key[ADDR_TEXT_MAX];
    int64_t now = state->wall();
    const struct entry entry = {.list = ENTRY_DENY,
                                .kind = ENTRY_CLIENT,
                                .action = ENTRY_TARPIT,
                                .origin = ENTRY_AUTOMATIC,
                                .key = addr_ip_text(client, key),
                                .reason = reason,
                                .author = "gatepostd",
                                .created = now,
                                .expires = now + (int64_t)(config->ban / SECOND)};
    const struct store_question question = {
        .op = STORE_ENTRY_PUT, .now = now, .put = {.count = 1, .entry = &entry}};
    list_table_put(state->lists, &entry);
    if (state->store != NULL)
        store_tell(state->store, &question);
}

/* ---- unknown recipients -------------------------------------------------------------------------
 */

struct strangers {  /* in state->strangers, by address */
    uint64_t since; /* ms; of the first that counts */
    size_t count;
};

struct peer_table *spamtrap_table_new(size_t octets)
{
    return peer_table_new(sizeof(struct strangers), octets, NULL);
}

bool spamtrap_unknown(const struct spamtrap_config *config, struct policy_state *state,
                      const struct addr *client, uint64_t now)
{
    size_t len = client->family == AF_INET6 ? 16 : 4;
    if (config->unknown == 0 || client->family == AF_UNSPEC)
        return false;
    struct strangers *seen = peer_table_get(state->strangers, client->ip, len, true);
    if (seen->count == 0 || now - seen->since >= config->within)
        *seen = (struct strangers){.since = now};
    bool enough = ++seen->count >= config->unknown;
    if (enough)
        *seen = (struct strangers){0};
    peer_table_release(state->strangers, seen);
    return enough;
}
