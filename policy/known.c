/* SPDX-License-Identifier: ISC */
/*
 * known: who has sent mail that the backend accepted, in two distinct hours.
 *
 * An identity is an address or a forward-confirmed reverse name; each is proven by itself, so the
 * hosts of one name prove it together, and a client keeps its proof where it changes one of both.
 * Names compare in lower case without a trailing dot.
 *
 * Promises: bounded memory, and only deliveries take any of it, so strangers evict nobody; those
 * proven are evicted last. Hours are those of the monotonic clock: two messages a minute apart may
 * lie in two of them.
 */
#include "policy/known.h"

#include "lib/mem.h"
#include "policy/peer_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HOUR_MS   ((uint64_t)3600 * 1000)
#define PROOF_MS  (36 * 24 * HOUR_MS)
#define NAME_MOST 255

struct identity {
    uint64_t last;  /* delivery, ms */
    uint32_t hour;  /* of the first */
    uint32_t state; /* enum standing */
};

enum standing { STANDING_NEW, STANDING_SEEN, STANDING_PROVEN };

struct known {
    struct peer_table *identities;
};

/* The first octet says what it is: 4, 6, or 'n' for a name. */
struct key {
    unsigned char octet[1 + NAME_MOST];
    size_t len; /* 0: no identity */
};

static bool is_proven(const void *record)
{
    return ((const struct identity *)record)->state == STANDING_PROVEN;
}

struct known *known_new(size_t octets)
{
    struct known *known = mem_alloc(sizeof *known);
    known->identities = peer_table_new(sizeof(struct identity), octets, is_proven);
    return known;
}

void known_free(struct known *known)
{
    if (known == NULL)
        return;
    peer_table_free(known->identities);
    free(known);
}

static void address_key(struct key *key, const struct addr *client)
{
    bool v6 = client->family == AF_INET6;
    size_t len = v6 ? 16 : 4;
    key->octet[0] = v6 ? '6' : '4';
    memcpy(key->octet + 1, client->ip, len);
    key->len = client->family != AF_UNSPEC ? 1 + len : 0;
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static void name_key(struct key *key, const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    if (len > 0 && name[len - 1] == '.')
        len--;
    key->len = len > 0 && len <= NAME_MOST ? 1 + len : 0;
    key->octet[0] = 'n';
    for (size_t i = 1; i < key->len; i++)
        key->octet[i] = lower(name[i - 1]);
}

/* Its last delivery is too long ago. */
static bool stale(const struct identity *identity, uint64_t now)
{
    return now > identity->last && now - identity->last >= PROOF_MS;
}

static void deliver(struct known *known, const struct key *key, uint64_t now)
{
    if (key->len == 0)
        return;
    struct identity *identity = peer_table_get(known->identities, key->octet, key->len, true);
    uint32_t hour = (uint32_t)(now / HOUR_MS);
    if (identity->state == STANDING_NEW || stale(identity, now))
        *identity = (struct identity){.last = now, .hour = hour, .state = STANDING_SEEN};
    else if (hour > identity->hour)
        identity->state = STANDING_PROVEN;
    if (now > identity->last) /* another thread's clock may be ahead of ours */
        identity->last = now;
    peer_table_release(known->identities, identity);
}

static bool proven(struct known *known, const struct key *key, uint64_t now)
{
    if (key->len == 0)
        return false;
    struct identity *identity = peer_table_get(known->identities, key->octet, key->len, false);
    if (identity == NULL)
        return false;
    bool is = is_proven(identity) && !stale(identity, now);
    peer_table_release(known->identities, identity);
    return is;
}

void known_delivered(struct known *known, const struct addr *client, const char *reverse_name,
                     uint64_t now)
{
    struct key key;
    address_key(&key, client);
    deliver(known, &key, now);
    name_key(&key, reverse_name);
    deliver(known, &key, now);
}

bool known_proven(struct known *known, const struct addr *client, const char *reverse_name,
                  uint64_t now)
{
    struct key key;
    address_key(&key, client);
    if (proven(known, &key, now))
        return true;
    name_key(&key, reverse_name);
    return proven(known, &key, now);
}
