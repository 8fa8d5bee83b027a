/* SPDX-License-Identifier: ISC */
#ifndef POLICY_PEER_TABLE_H
#define POLICY_PEER_TABLE_H
/*
 * A table of what is remembered of peers, in bounded memory: fixed-size records under keys that
 * peers choose. A flood of keys evicts the records used longest ago (exact but for an eighth of the
 * places) and never grows the table.
 * Any thread: it is made of shards with a lock each, held for one look-up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_table;

/* Should this record rather stay where one must be evicted? Called as it is released, so nothing
 * but what is in the record may change the answer. */
typedef bool (*peer_keep_fn)(const void *record);

/* At most `octets` in all, of records of `record_size`; memory is taken as records come. (Where
 * `octets` is less than 16 records need, it is these.) `keep` NULL: none rather than another. Of
 * records to be kept, too, those used longest ago go where they take more than three quarters, so
 * nothing may rely on finding a record again. */
struct peer_table *peer_table_new(size_t record_size, size_t octets, peer_keep_fn keep)
    __attribute__((warn_unused_result));
void peer_table_free(struct peer_table *table); /* NULL is fine */

/* The record under the key, with its shard locked until peer_table_release(); aligned for
 * uint64_t, and to be touched only until then. A new one is zeroed. Who holds one record asks for
 * no other. With `create` false: NULL where there is none (nothing is locked then). */
void *peer_table_get(struct peer_table *table, const void *key, size_t len, bool create);
void peer_table_release(struct peer_table *table, void *record);
/* Records now. */
size_t peer_table_count(struct peer_table *table);
/* Octets that the table takes now: records, buckets and itself. */
size_t peer_table_octets(struct peer_table *table);

#endif
