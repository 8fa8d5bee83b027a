/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_DKIM_INT_H
#define POLICY_AUTH_DKIM_INT_H
/* What DKIM and ARC share: one signature field as it is written, and the hash of the header fields.
 * Pure, any thread; hostile input. */

#include "lib/buf.h"
#include "lib/header.h"
#include "policy/auth/body_hash.h"
#include "policy/auth/dkim_key.h"
#include "policy/auth/tag_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256, DKIM_RSA_SHA1, DKIM_ALGORITHM_UNKNOWN };

/* DKIM-Signature (RFC 6376 3.5), or ARC-Message-Signature (RFC 8617 4.1.2), which has i= for a
 * number and no v=; or ARC-Seal (4.1.3), without h=, bh= and c=. */
enum dkim_form { DKIM_FORM_SIGNATURE, DKIM_FORM_ARC_MESSAGE, DKIM_FORM_ARC_SEAL };

struct dkim_field {
    struct tag_list tags;
    enum dkim_algorithm algorithm;
    enum canon header_canon, body_canon;
    char domain[256];                           /* d=, lower-case A-labels */
    char selector[256];                         /* s=, likewise */
    char identity_domain[256];                  /* of i= of a DKIM-Signature, likewise; or d= */
    const struct tag *identity, *signed_fields; /* i=, h= */
    struct buf body_digest, signature;          /* bh=, b=, decoded */
    uint64_t body_octets;                       /* l=, or BODY_HASH_ALL */
    int64_t signed_at, expires;                 /* t=, x=; -1: not there */
};
/* False: *why (static); *out is to be freed all the same. Tags point into the field. */
bool dkim_field_parse(const struct header_field *field, enum dkim_form form, struct dkim_field *out,
                      const char **why);
void dkim_field_free(struct dkim_field *field);

/* One field canonicalised (RFC 6376 3.4.1, 3.4.2), without its last CRLF, appended to `out`; where
 * `blank_b`, with the value of its b= tag taken out. */
void dkim_canon_field(const struct header_field *field, enum canon canon, bool blank_b,
                      struct buf *out);
/* The digest over the fields of h= (from the bottom up, RFC 6376 5.4.2; `own` is none of them),
 * then over the signature field itself. The header's fields are gone through once, whatever h=
 * names. False: the signature has no h=. */
#define DKIM_SIGNED_MOST 256
bool dkim_header_digest(const struct header *header, const struct header_field *own,
                        const struct dkim_field *field, unsigned char out[static DIGEST_SIZE]);

#endif
