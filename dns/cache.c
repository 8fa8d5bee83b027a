/* SPDX-License-Identifier: ISC */
/*
 * cache: a table of buckets, its entries in one list by last use as well.
 *
 * Promises: an answer is never given beyond its TTL; the octets counted are what malloc takes, the
 * table's included, and never exceed the bound; a failure is never kept, since the next question
 * may fare better; the hash is seeded, so nobody who chooses names can fill one bucket.
 * Limits: the number of buckets follows the bound (one for 256 octets of it), not the entries. An
 * expired entry lies until it is met or its turn comes to be given up.
 */
#include "dns/cache.h"

#include "lib/hash.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define OCTETS_A_BUCKET 256
#define BUCKETS_MIN     16
#define LARGEST_PART    8 /* the largest entry is this part of the cache */

struct entry {
    LIST_ENTRY(entry) bucket;
    TAILQ_ENTRY(entry) use;
    uint64_t hash;
    uint64_t expires; /* milliseconds */
    struct answer *answer;
    uint32_t cost;
    uint16_t len;
    char name[];
};
LIST_HEAD(bucket, entry);

struct cache {
    struct hash_key secret;
    size_t most;
    size_t octets;
    size_t buckets; /* a power of two; 0: keeps nothing */
    struct bucket *bucket;
    TAILQ_HEAD(use_list, entry) uses; /* the latest first */
};

/* What malloc takes for so much. */
static size_t taken(size_t size)
{
    size_t with_header = (size + sizeof(size_t) + 15) & ~(size_t)15;
    return with_header < 32 ? 32 : with_header;
}

static void size_table(struct cache *cache, size_t octets)
{
    size_t buckets = BUCKETS_MIN;
    cache->most = octets;
    cache->octets = 0;
    cache->buckets = 0;
    cache->bucket = NULL;
    if (octets == 0)
        return;
    while (buckets * 2 * OCTETS_A_BUCKET <= octets)
        buckets *= 2;
    cache->buckets = buckets;
    cache->bucket = mem_alloc(buckets * sizeof *cache->bucket);
    cache->octets = taken(buckets * sizeof *cache->bucket);
}

struct cache *cache_new(size_t octets)
{
    struct cache *cache = mem_alloc(sizeof *cache);
    hash_key_new(&cache->secret);
    TAILQ_INIT(&cache->uses);
    size_table(cache, octets);
    return cache;
}

void cache_free(struct cache *cache)
{
    if (cache == NULL)
        return;
    cache_clear(cache);
    free(cache->bucket);
    free(cache);
}

static void forget(struct cache *cache, struct entry *entry)
{
    LIST_REMOVE(entry, bucket);
    TAILQ_REMOVE(&cache->uses, entry, use);
    cache->octets -= entry->cost;
    answer_drop(entry->answer);
    free(entry);
}

void cache_clear(struct cache *cache)
{
    struct entry *entry;
    while ((entry = TAILQ_FIRST(&cache->uses)) != NULL)
        forget(cache, entry);
}

void cache_resize(struct cache *cache, size_t octets)
{
    if (octets == cache->most)
        return;
    cache_clear(cache);
    free(cache->bucket);
    size_table(cache, octets);
}

uint64_t cache_hash(const struct cache *cache, enum dns_type type, const char *name, size_t len)
{
    return hash_bytes(&cache->secret, name, len) + (uint64_t)type * 0x9e3779b97f4a7c15u;
}

static struct bucket *bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->bucket[hash & (cache->buckets - 1)];
}

static struct entry *find(struct cache *cache, const struct cache_key *key)
{
    if (cache->buckets == 0)
        return NULL;
    struct entry *entry;
    LIST_FOREACH(entry, bucket_of(cache, key->hash), bucket)
    {
        if (entry->hash == key->hash && entry->answer->said.type == key->type &&
            entry->len == key->len && memcmp(entry->name, key->name, key->len) == 0)
            return entry;
    }
    return NULL;
}

struct answer *cache_get(struct cache *cache, const struct cache_key *key, uint64_t now,
                         uint32_t *ttl)
{
    struct entry *entry = find(cache, key);
    if (entry == NULL)
        return NULL;
    if (entry->expires <= now) {
        forget(cache, entry);
        return NULL;
    }
    if (entry != TAILQ_FIRST(&cache->uses)) {
        TAILQ_REMOVE(&cache->uses, entry, use);
        TAILQ_INSERT_HEAD(&cache->uses, entry, use);
    }
    *ttl = (uint32_t)((entry->expires - now + 999) / 1000);
    return answer_hold(entry->answer);
}

/* Room for `cost` octets. */
static bool make_room(struct cache *cache, size_t cost)
{
    if (cost > cache->most / LARGEST_PART)
        return false;
    struct entry *last;
    while (cache->octets + cost > cache->most &&
           (last = TAILQ_LAST(&cache->uses, use_list)) != NULL)
        forget(cache, last);
    return cache->octets + cost <= cache->most;
}

void cache_put(struct cache *cache, const struct cache_key *key, struct answer *answer,
               uint64_t now)
{
    if (answer->said.status == DNS_TEMPFAIL || answer->said.ttl == 0)
        return;
    struct entry *old = find(cache, key);
    if (old != NULL)
        forget(cache, old);
    size_t size = sizeof(struct entry) + key->len;
    size_t cost = taken(size) + taken(answer->octets);
    if (!make_room(cache, cost))
        return;
    struct entry *entry = mem_alloc(size);
    entry->hash = key->hash;
    entry->expires = now + (uint64_t)answer->said.ttl * 1000;
    entry->answer = answer_hold(answer);
    entry->cost = (uint32_t)cost;
    entry->len = (uint16_t)key->len;
    memcpy(entry->name, key->name, key->len);
    LIST_INSERT_HEAD(bucket_of(cache, key->hash), entry, bucket);
    TAILQ_INSERT_HEAD(&cache->uses, entry, use);
    cache->octets += cost;
}

size_t cache_octets(const struct cache *cache)
{
    return cache->octets;
}
