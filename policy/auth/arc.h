/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_ARC_H
#define POLICY_AUTH_ARC_H
/*
 * ARC (RFC 8617): is the chain of those who handled this message whole? The same shape as
 * policy/auth/dkim.h: begins with the complete header section, ends once the body has passed. One
 * thread.
 */

#include "dns/dns.h"
#include "lib/header.h"
#include "policy/auth/body_hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARC_SETS_MOST 50 /* RFC 8617 4.2.1 */

struct arc;

enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL, ARC_TEMPERROR };
const char *arc_result_name(enum arc_result result);

struct arc_rules {
    unsigned sets;       /* that are looked at, up to ARC_SETS_MOST; a longer chain fails */
    unsigned least_bits; /* of an RSA key; more than 4096 fail */
    int64_t now;
};

struct arc_answer { /* strings live as long as the arc */
    enum arc_result result;
    const char *why;    /* of fail and temperror */
    unsigned sets;      /* of the chain; 0: none */
    const char *sealer; /* d= of the newest seal, lower-case A-labels; "" : none */
    /* The oldest instance from which on all message signatures verify; "0": they all do (RFC 8617
     * 5.2, step 5). "": not known. */
    const char *oldest_pass;
    /* The newest set's ARC-Authentication-Results, its value; NULL: none. */
    const struct header_field *results;
};

struct arc *arc_new(struct dns *dns, const struct header *header, const struct arc_rules *rules,
                    struct body_hash *hash, void (*changed)(void *arg), void *arg)
    __attribute__((warn_unused_result));
void arc_free(struct arc *arc); /* NULL is fine */
void arc_end(struct arc *arc);  /* the body has passed */
bool arc_settled(const struct arc *arc);
void arc_give_up(struct arc *arc);
const struct arc_answer *arc_answer(const struct arc *arc); /* once it is settled */

#endif
