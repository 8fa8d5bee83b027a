/* SPDX-License-Identifier: ISC */
#ifndef LIB_PUBKEY_H
#define LIB_PUBKEY_H
/* Public keys as DNS holds them, and what they say of a signature over a SHA-256 digest (OpenSSL).
 * What comes in is hostile. Any thread; a key belongs to one at a time. */

#include "lib/digest.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct pubkey;

enum pubkey_kind { PUBKEY_RSA, PUBKEY_ED25519 };

/* RSA: DER as SubjectPublicKeyInfo or as RSAPublicKey (PKCS #1), nothing behind it; up to 8192
 * bits, with an exponent of up to 32, which bounds what a signature costs. Ed25519: the raw 32
 * octets (RFC 8463 4). NULL: it is none of that kind; *why is a clause (static). */
struct pubkey *pubkey_new(enum pubkey_kind kind, const void *data, size_t len, const char **why)
    __attribute__((warn_unused_result));
void pubkey_free(struct pubkey *key); /* NULL is fine */
unsigned pubkey_bits(const struct pubkey *key);
/* Is `signature` one of the digest? RSA: PKCS #1 v1.5 with SHA-256 (RFC 8017 8.2.2). Ed25519:
 * PureEdDSA over the 32 octets of the digest (RFC 8463 3). Nobody here minds how short the key is.
 */
bool pubkey_verify(const struct pubkey *key, const unsigned char digest[static DIGEST_SIZE],
                   const void *signature, size_t len);

/* SHA-256 of the SubjectPublicKeyInfo of the first certificate in PEM `text`, for TLSA 3 1 1 (RFC
 * 6698 2.1). False: *why (static). */
bool pubkey_of_certificate(const char *text, size_t len, unsigned char out[static DIGEST_SIZE],
                           const char **why);

#endif
