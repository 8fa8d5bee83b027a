/* SPDX-License-Identifier: ISC */
#ifndef POLICY_PEER_TABLE_H
#define POLICY_PEER_TABLE_H
/*
 * A table of what is remembered of peers, in bounded memory: fixed-size records under keys that
 * peers choose. A flood of keys evicts the records used longest ago and never grows the table.
 * Any thread: it is made of shards with a lock each, held for one look-up.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_table;

/* At most `octets` in all, of records of `record_size`; memory is taken as records come. */
struct peer_table *peer_table_new(size_t record_size, size_t octets)
    __attribute__((warn_unused_result));
void peer_table_free(struct peer_table *table); /* NULL is fine */

/* The record under the key, with its shard locked until peer_table_release(). A new one is zeroed.
 * With `create` false: NULL where there is none (nothing is locked then). */
void *peer_table_get(struct peer_table *table, const void *key, size_t len, bool create);
void peer_table_release(struct peer_table *table, const void *record);
/* Records now. */
size_t peer_table_count(struct peer_table *table);

#endif
