/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_BODY_HASH_H
#define POLICY_AUTH_BODY_HASH_H
/*
 * The SHA-256 digests of a message's body under DKIM's canonicalisations (RFC 6376 3.4), made while
 * the body streams by: each canonicalisation that is wanted is made once and hashed once, however
 * many signatures want it; what is wanted of a prefix (l=) is read off the same hash on the way.
 * One thread; memory does not depend on the body.
 */

#include "lib/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum canon { CANON_SIMPLE, CANON_RELAXED };

#define BODY_HASH_ALL  UINT64_MAX
#define BODY_HASH_MOST 64 /* prefixes told apart, of one canonicalisation */

struct body_hash;

struct body_hash *body_hash_new(void) __attribute__((warn_unused_result));
void body_hash_free(struct body_hash *hash); /* NULL is fine */
/* The digest of the first `most` canonical octets is wanted, or of all. Before the first octet.
 * Returns a number for it, the same for the same wish; -1: too many. */
int body_hash_want(struct body_hash *hash, enum canon canon, uint64_t most);
/* Any cut of the body gives the same. */
void body_hash_add(struct body_hash *hash, const char *data, size_t len);
void body_hash_end(struct body_hash *hash);
/* After the end. `octets`: how many canonical octets the body has, whatever was wanted of them. */
const unsigned char *body_hash_digest(const struct body_hash *hash, int wish, uint64_t *octets);

#endif
