/* SPDX-License-Identifier: ISC */
/*
 * auth_limit: failed AUTH attempts of each client network.
 *
 * A fixed table of slots, several to a bucket, the bucket chosen by a seeded hash, so that clients
 * cannot aim at each other's slots. A full bucket gives up its oldest entry: a flood of addresses
 * evicts, the table never grows.
 */
#include "proxy/auth_limit.h"

#include "lib/mem.h"
#include "lib/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUCKETS   1024
#define WAYS      4
#define WINDOW_MS (10 * 60 * 1000)

struct slot {
    uint8_t net[8]; /* the IPv4 address and zeros, or the first half of an IPv6 address */
    uint8_t family; /* AF_UNSPEC: free */
    uint32_t failures;
    uint64_t since;
};

struct auth_limit {
    pthread_mutex_t lock; /* guards slot */
    uint64_t seed;
    struct slot slot[BUCKETS][WAYS];
};

struct auth_limit *auth_limit_new(void)
{
    struct auth_limit *limit = mem_alloc(sizeof *limit);
    pthread_mutex_init(&limit->lock, NULL);
    random_bytes(&limit->seed, sizeof limit->seed);
    return limit;
}

void auth_limit_free(struct auth_limit *limit)
{
    if (limit == NULL)
        return;
    pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static struct slot *bucket(struct auth_limit *limit, const struct addr *client)
{
    uint64_t hash;
    memcpy(&hash, client->ip, sizeof hash);
    hash = (hash ^ limit->seed) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9u ^ limit->seed;
    return limit->slot[(hash ^ (hash >> 32)) % BUCKETS];
}

/* The client's slot with its window still open, or NULL. */
static struct slot *find(struct slot *slots, const struct addr *client, uint64_t now)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct slot *slot = &slots[i];
        if (slot->family == client->family &&
            memcmp(slot->net, client->ip, sizeof slot->net) == 0 && now - slot->since < WINDOW_MS)
            return slot;
    }
    return NULL;
}

static struct slot *oldest(struct slot *slots)
{
    struct slot *found = slots;
    for (size_t i = 1; i < WAYS; i++) {
        if (slots[i].since < found->since)
            found = &slots[i];
    }
    return found;
}

bool auth_limit_reached(struct auth_limit *limit, const struct addr *client, size_t most,
                        uint64_t now)
{
    pthread_mutex_lock(&limit->lock);
    const struct slot *slot = find(bucket(limit, client), client, now);
    bool reached = slot != NULL && slot->failures >= most;
    pthread_mutex_unlock(&limit->lock);
    return reached;
}

void auth_limit_failed(struct auth_limit *limit, const struct addr *client, uint64_t now)
{
    pthread_mutex_lock(&limit->lock);
    struct slot *slots = bucket(limit, client);
    struct slot *slot = find(slots, client, now);
    if (slot == NULL) {
        slot = oldest(slots);
        *slot = (struct slot){.family = client->family, .since = now};
        memcpy(slot->net, client->ip, sizeof slot->net);
    }
    slot->failures++;
    pthread_mutex_unlock(&limit->lock);
}
