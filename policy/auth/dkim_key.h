/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_DKIM_KEY_H
#define POLICY_AUTH_DKIM_KEY_H
/* A key as DNS holds it for DKIM and ARC (RFC 6376 3.6.1). Pure, any thread; hostile input. */

#include "lib/pubkey.h"

#include <stdbool.h>
#include <stddef.h>

struct dkim_key {
    struct pubkey *key;
    enum pubkey_kind kind;
    bool testing; /* t=y */
    bool strict;  /* t=s: no subdomain in i= */
    bool sha256;  /* h= allows it */
    bool email;   /* s= allows it */
    bool revoked; /* p= is empty; then there is no key */
};
/* False: *why (static). */
bool dkim_key_parse(const char *text, size_t len, struct dkim_key *out, const char **why);
void dkim_key_free(struct dkim_key *key);

#endif
