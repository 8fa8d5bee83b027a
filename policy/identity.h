/* SPDX-License-Identifier: ISC */
#ifndef POLICY_IDENTITY_H
#define POLICY_IDENTITY_H
/*
 * Who a client is: the names under which it is remembered, proven ones first.
 *
 *   1. the organisational domain that SPF proves
 *   2. that of the forward-confirmed reverse name, unless the name looks dynamic or holds the
 * address
 *   3. its network: /24 of IPv4, /64 of IPv6
 *
 * A client has all that apply: what is stored under one is found when another is missing. Pure, any
 * thread.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

#define IDENTITY_SIZE 264 /* "example.org" or "192.0.2.0/24" and a NUL */
#define IDENTITY_MOST 3

struct identity_facts {
    const struct addr *client;
    const char *spf_domain; /* passed; NULL or "" */
    const char *reverse;    /* confirmed; NULL or "" */
    bool dynamic;           /* the reverse name looks dynamic or holds the address */
};

struct identities {
    size_t count;
    char text[IDENTITY_MOST][IDENTITY_SIZE];
};

/* At least one unless the address is AF_UNSPEC; none twice. */
void identity_of(const struct identity_facts *facts, struct identities *out);

#endif
