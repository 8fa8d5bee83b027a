/* SPDX-License-Identifier: ISC */
#ifndef LIB_MAC_H
#define LIB_MAC_H
/* A keyed digest that tells nothing of what went in (HMAC-SHA-256), for what is stored or shown;
 * tables use lib/hash.h, which is a hundred times cheaper. Pure, any thread. */

#include <stddef.h>
#include <stdint.h>

#define MAC_KEY_SIZE 32

struct mac_key {
    unsigned char octet[MAC_KEY_SIZE];
};

/* A fresh random key. */
void mac_key_new(struct mac_key *key);
/* The first 64 bits of the digest. */
uint64_t mac_bytes(const struct mac_key *key, const void *data, size_t len);

#endif
