/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_DKIM_H
#define POLICY_AUTH_DKIM_H
/*
 * DKIM (RFC 6376, 8301, 8463): which domains have signed this message? Begins once the header
 * section is complete: reads the signatures, asks for their keys, and says which hashes of the body
 * it wants; ends once the body has passed. Knows no daemon and no policy. One thread.
 */

#include "dns/dns.h"
#include "lib/header.h"
#include "policy/auth/body_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dkim;

enum dkim_result { /* RFC 8601 2.7.1 */
                   DKIM_NONE,
                   DKIM_PASS,
                   DKIM_FAIL,      /* it does not verify */
                   DKIM_POLICY,    /* not believed: a short key, rsa-sha1, l=, the future */
                   DKIM_NEUTRAL,   /* it cannot be read, or there are too many */
                   DKIM_TEMPERROR, /* its key could not be asked for */
                   DKIM_PERMERROR, /* it has no usable key, or has expired */
};
const char *dkim_result_name(enum dkim_result result); /* "permerror" */

struct dkim_rules {
    size_t signatures;   /* tried of one message, 1 to 64; those beyond are neutral */
    unsigned least_bits; /* of an RSA key; never under 1024 (RFC 8301 3.2) */
    bool partial;        /* a signature of a part of the body (l=) may pass */
    int64_t now;         /* seconds since the epoch, for t= and x= */
};

struct dkim_signature { /* strings live as long as the dkim; "" where there is nothing */
    enum dkim_result result;
    const char *why;       /* a clause for people; of pass: "" */
    const char *domain;    /* d=, lower case, A-labels */
    const char *selector;  /* s= */
    const char *identity;  /* i=, or "@" and the domain */
    const char *algorithm; /* "rsa-sha256" */
    char b[9];             /* the first 8 characters of b= (RFC 8601 2.7.1, RFC 6008) */
    unsigned bits;         /* of the key; 0: there is none */
    bool testing;          /* the key says t=y */
    bool partial;          /* l= leaves a part of the body unsigned */
};

/* Reads what is in the complete `header` (which outlives it), and asks for the keys through `dns`.
 * What it wants of the body is said to `hash` here. `changed` comes from the loop, when the last
 * key has come. */
struct dkim *dkim_new(struct dns *dns, const struct header *header, const struct dkim_rules *rules,
                      struct body_hash *hash, void (*changed)(void *arg), void *arg)
    __attribute__((warn_unused_result));
void dkim_free(struct dkim *dkim); /* NULL is fine; what is open is cancelled */
/* The body has passed: body_hash_end() was called. */
void dkim_end(struct dkim *dkim);
/* All keys have come, and the end. */
bool dkim_settled(const struct dkim *dkim);
/* What keys still open become: temperror, "no answer in time". */
void dkim_give_up(struct dkim *dkim);
/* Once it is settled: signatures in the order of the header, at most rules.signatures and one more,
 * which says that there are too many. */
size_t dkim_count(const struct dkim *dkim);
const struct dkim_signature *dkim_signature(const struct dkim *dkim, size_t index);

#endif
