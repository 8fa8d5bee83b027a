/* SPDX-License-Identifier: ISC */
/*
 * peer_table: fixed-size records under keys that peers choose, in bounded memory.
 *
 * Up to 64 shards, each with a lock, a hash table with chains and a list in the order of use. Keys
 * are not stored: a record has 96 bits of keyed hash (SipHash-1-3 under two random keys), and what
 * agrees in all of them is the same key. Nobody outside can aim at a shard, a bucket or a record.
 *
 * Records are numbered from 1 and lie in slabs, the first for 16 records, each next one as large as
 * all before it, so nothing moves while a table grows and an idle one is small. Nothing is ever
 * given back but by peer_table_free: once there are as many records as `octets` allow, a new one
 * takes the place of the one used longest ago. Records to be kept have a list of use of their own
 * and are asked for a place only where they hold three quarters of the shard. The order of use is
 * exact but for an eighth of the shard's places: what is among the newest anyway is not moved, for
 * that would touch three more records. No look-up walks more than one chain of a bucket, and none
 * does anything else that grows with the table, but that a shard's buckets double as it fills.
 *
 * Limits: what malloc adds to each of some 20 blocks of a shard is not counted.
 */
#include "policy/peer_table.h"

#include "lib/hash.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS_MOST   64
#define SHARD_OCTETS  ((size_t)16 * 1024) /* rather fewer shards than smaller ones */
#define FIRST         16u                 /* records of the first slab, buckets to begin with */
#define FIRST_BITS    4
#define SLABS         24
#define RECORDS_MOST  ((FIRST << SLABS) - FIRST)
#define BUCKET_OCTETS sizeof(uint32_t) /* there are never more buckets than records */

struct entry {      /* the record lies behind it */
    uint64_t hash;  /* chooses the shard (from above) and the bucket (from below) */
    uint32_t hash2; /* the rest of the identity */
    uint32_t next;  /* numbers of records, 0: none */
    uint32_t newer;
    uint32_t older;
    uint32_t linked;      /* the shard's count of links when it became the newest */
    unsigned number : 31; /* its own */
    unsigned kept : 1;    /* which list it is in */
};

struct identity {
    uint64_t hash;
    uint32_t hash2;
};

struct use_list { /* in the order of use */
    uint32_t newest;
    uint32_t oldest;
    uint32_t count;
};

struct shard {
    pthread_mutex_t lock;   /* guards all of it */
    uint32_t used;          /* records */
    uint32_t links;         /* how often a record became the newest, modulo 2^32 */
    struct use_list use[2]; /* [1]: of those to be kept */
    uint32_t buckets;       /* a power of two, or 0 before the first record */
    uint32_t *bucket;
    size_t octets; /* of the buckets and slabs that are there */
    unsigned char *slab[SLABS];
    unsigned char apart[64]; /* the next shard's lock has a cache line of its own */
};

struct peer_table {
    struct hash_key key[2];
    peer_keep_fn keep;
    size_t record_size;
    size_t stride;   /* octets of an entry and its record */
    uint32_t most;   /* records of a shard */
    uint32_t shards; /* a power of two */
    struct shard shard[];
};

/* ---- where things are ------------------------------------------------------------------------ */

static unsigned slab_of(uint32_t number)
{
    return (unsigned)(31 - __builtin_clz(number - 1 + FIRST)) - FIRST_BITS;
}

static struct entry *entry_at(const struct peer_table *table, const struct shard *shard,
                              uint32_t number)
{
    unsigned k = slab_of(number);
    size_t place = number - 1 + FIRST - (FIRST << k);
    return (struct entry *)(void *)(shard->slab[k] + place * table->stride);
}

/* The entry is padded to the alignment of its hash, and so is the record behind it. */
static void *record_of(struct entry *entry)
{
    return entry + 1;
}

static struct shard *shard_of(struct peer_table *table, uint64_t hash)
{
    return &table->shard[(hash >> 32) & (table->shards - 1)];
}

static uint32_t *bucket_of(const struct shard *shard, uint64_t hash)
{
    return &shard->bucket[hash & (shard->buckets - 1)];
}

/* ---- new and free ---------------------------------------------------------------------------- */

static uint32_t records_for(size_t octets, size_t stride)
{
    size_t own = sizeof(struct shard);
    size_t most = octets > own ? (octets - own) / (stride + BUCKET_OCTETS) : 0;
    if (most < FIRST)
        return FIRST;
    return most < RECORDS_MOST ? (uint32_t)most : RECORDS_MOST;
}

struct peer_table *peer_table_new(size_t record_size, size_t octets, peer_keep_fn keep)
{
    uint32_t shards = SHARDS_MOST;
    while (shards > 1 && octets / shards < SHARD_OCTETS)
        shards /= 2;
    struct peer_table *table = mem_alloc(sizeof *table + shards * sizeof table->shard[0]);
    hash_key_new(&table->key[0]);
    hash_key_new(&table->key[1]);
    table->keep = keep;
    table->record_size = record_size;
    table->stride = (sizeof(struct entry) + record_size + 7) / 8 * 8;
    table->shards = shards;
    size_t left = octets > sizeof *table ? octets - sizeof *table : 0;
    table->most = records_for(left / shards, table->stride);
    for (uint32_t i = 0; i < shards; i++)
        pthread_mutex_init(&table->shard[i].lock, NULL);
    return table;
}

void peer_table_free(struct peer_table *table)
{
    if (table == NULL)
        return;
    for (uint32_t i = 0; i < table->shards; i++) {
        struct shard *shard = &table->shard[i];
        for (unsigned k = 0; k < SLABS; k++)
            free(shard->slab[k]);
        free(shard->bucket);
        pthread_mutex_destroy(&shard->lock);
    }
    free(table);
}

/* ---- the order of use ------------------------------------------------------------------------ */

static void use_unlink(const struct peer_table *table, struct shard *shard, struct entry *entry)
{
    struct use_list *list = &shard->use[entry->kept];
    if (entry->newer != 0)
        entry_at(table, shard, entry->newer)->older = entry->older;
    else
        list->newest = entry->older;
    if (entry->older != 0)
        entry_at(table, shard, entry->older)->newer = entry->newer;
    else
        list->oldest = entry->newer;
    list->count--;
}

static void use_link(const struct peer_table *table, struct shard *shard, struct entry *entry)
{
    struct use_list *list = &shard->use[entry->kept];
    entry->newer = 0;
    entry->older = list->newest;
    if (list->newest != 0)
        entry_at(table, shard, list->newest)->newer = entry->number;
    else
        list->oldest = entry->number;
    list->newest = entry->number;
    list->count++;
    entry->linked = shard->links++;
}

/* It was used just now, and may have become one to be kept, or ceased to be. */
static void use_again(const struct peer_table *table, struct shard *shard, struct entry *entry)
{
    bool kept = table->keep != NULL && table->keep(record_of(entry));
    if (kept == entry->kept && shard->links - entry->linked <= table->most / 8)
        return;
    use_unlink(table, shard, entry);
    entry->kept = kept;
    use_link(table, shard, entry);
}

/* ---- a new record ---------------------------------------------------------------------------- */

static void double_buckets(const struct peer_table *table, struct shard *shard)
{
    free(shard->bucket);
    shard->octets -= shard->buckets * sizeof *shard->bucket;
    shard->buckets = shard->buckets != 0 ? 2 * shard->buckets : FIRST;
    shard->octets += shard->buckets * sizeof *shard->bucket;
    shard->bucket = mem_alloc(shard->buckets * sizeof *shard->bucket);
    for (uint32_t number = 1; number <= shard->used; number++) {
        struct entry *entry = entry_at(table, shard, number);
        uint32_t *bucket = bucket_of(shard, entry->hash);
        entry->next = *bucket;
        *bucket = number;
    }
}

static void bucket_unlink(const struct peer_table *table, struct shard *shard, uint32_t number)
{
    const struct entry *entry = entry_at(table, shard, number);
    uint32_t *link = bucket_of(shard, entry->hash);
    while (*link != number)
        link = &entry_at(table, shard, *link)->next;
    *link = entry->next;
}

/* Takes one out of the table to use its place. */
static uint32_t evict(const struct peer_table *table, struct shard *shard)
{
    bool kept = shard->use[1].count > table->most / 4 * 3;
    uint32_t number = shard->use[kept].oldest;
    use_unlink(table, shard, entry_at(table, shard, number));
    bucket_unlink(table, shard, number);
    return number;
}

/* The number of a record that was never used; a slab for it where it is the first of one. */
static uint32_t take(const struct peer_table *table, struct shard *shard)
{
    if (shard->used == shard->buckets && (shard->buckets == 0 || shard->buckets <= table->most / 2))
        double_buckets(table, shard);
    uint32_t number = ++shard->used;
    unsigned k = slab_of(number);
    if (shard->slab[k] == NULL) {
        uint32_t before = number - 1;
        uint32_t size = FIRST << k;
        if (size > table->most - before)
            size = table->most - before;
        shard->octets += size * table->stride;
        shard->slab[k] = mem_alloc(size * table->stride);
    }
    return number;
}

static struct entry *add(const struct peer_table *table, struct shard *shard,
                         const struct identity *identity)
{
    uint32_t number = shard->used < table->most ? take(table, shard) : evict(table, shard);
    struct entry *entry = entry_at(table, shard, number);
    uint32_t *bucket = bucket_of(shard, identity->hash);
    *entry = (struct entry){.hash = identity->hash, .hash2 = identity->hash2, .next = *bucket};
    entry->number = number & 0x7fffffffu;
    memset(record_of(entry), 0, table->record_size);
    *bucket = number;
    use_link(table, shard, entry);
    return entry;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct entry *find(const struct peer_table *table, const struct shard *shard,
                          const struct identity *identity)
{
    uint32_t number = shard->buckets != 0 ? *bucket_of(shard, identity->hash) : 0;
    while (number != 0) {
        struct entry *entry = entry_at(table, shard, number);
        if (entry->hash == identity->hash && entry->hash2 == identity->hash2)
            return entry;
        number = entry->next;
    }
    return NULL;
}

void *peer_table_get(struct peer_table *table, const void *key, size_t len, bool create)
{
    const struct identity identity = {
        hash_bytes(&table->key[0], key, len),
        (uint32_t)hash_bytes(&table->key[1], key, len),
    };
    struct shard *shard = shard_of(table, identity.hash);
    pthread_mutex_lock(&shard->lock);
    struct entry *entry = find(table, shard, &identity);
    if (entry == NULL && create)
        entry = add(table, shard, &identity);
    if (entry != NULL)
        return record_of(entry);
    pthread_mutex_unlock(&shard->lock);
    return NULL;
}

void peer_table_release(struct peer_table *table, void *record)
{
    struct entry *entry = (struct entry *)record - 1;
    struct shard *shard = shard_of(table, entry->hash);
    use_again(table, shard, entry);
    pthread_mutex_unlock(&shard->lock);
}

size_t peer_table_count(struct peer_table *table)
{
    size_t count = 0;
    for (uint32_t i = 0; i < table->shards; i++) {
        struct shard *shard = &table->shard[i];
        pthread_mutex_lock(&shard->lock);
        count += shard->used;
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}

size_t peer_table_octets(struct peer_table *table)
{
    size_t octets = sizeof *table + table->shards * sizeof table->shard[0];
    for (uint32_t i = 0; i < table->shards; i++) {
        struct shard *shard = &table->shard[i];
        pthread_mutex_lock(&shard->lock);
        octets += shard->octets;
        pthread_mutex_unlock(&shard->lock);
    }
    return octets;
}
