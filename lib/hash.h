/* SPDX-License-Identifier: ISC */
#ifndef LIB_HASH_H
#define LIB_HASH_H
/* A keyed hash (SipHash-1-3) for tables whose keys peers choose: without the key nobody can make
 * them collide. Pure, any thread. */

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t word[2];
};

/* A fresh random key. */
void hash_key_new(struct hash_key *key);
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);

#endif
