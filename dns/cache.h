/* SPDX-License-Identifier: ISC */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H
/* Answers kept until their TTL ends, the least recently used given up first. One thread's. The
 * clock is the caller's: milliseconds that only grow. */

#include "dns/answer.h"

struct cache;

/* What an answer is kept under; `hash` is that of cache_hash(). */
struct cache_key {
    enum dns_type type;
    const char *name; /* as dns_name_normal() has it */
    size_t len;
    uint64_t hash;
};

/* Holds at most `octets`, everything counted: entries, their answers and names as malloc rounds
 * them, and the table itself. 0: keeps nothing, but hashes. */
struct cache *cache_new(size_t octets) __attribute__((warn_unused_result));
void cache_free(struct cache *cache);
void cache_clear(struct cache *cache);
/* Other bounds; what was kept goes. Nothing happens if they are the same. */
void cache_resize(struct cache *cache, size_t octets);
/* Of the type and name; with a secret of this cache's. */
uint64_t cache_hash(const struct cache *cache, enum dns_type type, const char *name, size_t len);

/* The answer, held for the caller, with what is left of its TTL (seconds, rounded up); or NULL. */
struct answer *cache_get(struct cache *cache, const struct cache_key *key, uint64_t now,
                         uint32_t *ttl);
/* Keeps it for its TTL, in place of what was there. Nothing happens for DNS_TEMPFAIL and a TTL of
 * 0; what would take more than an eighth of the cache is not kept. */
void cache_put(struct cache *cache, const struct cache_key *key, struct answer *answer,
               uint64_t now);
/* Octets held now. */
size_t cache_octets(const struct cache *cache);

#endif
