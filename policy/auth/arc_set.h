/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_ARC_SET_H
#define POLICY_AUTH_ARC_SET_H
/* The ARC sets of a header, put in order: who holds which number, and whether any is missing,
 * doubled or says that the chain was broken before (RFC 8617 5.2, steps 1 to 3). Pure, any thread;
 * hostile input. */

#include "lib/header.h"
#include "policy/auth/arc.h"

struct arc_set { /* pointing into the header */
    const struct header_field *results, *message, *seal;
};
struct arc_chain {
    unsigned count; /* set[0] is that of i=1 */
    struct arc_set set[ARC_SETS_MOST];
};

/* PASS: a chain without faults in its structure; NONE: there is no ARC field; FAIL: *why (static),
 * and `out` holds no set. More than `most` sets fail. */
enum arc_result arc_set_collect(const struct header *header, unsigned most, struct arc_chain *out,
                                const char **why);
/* The number at the front of an ARC-Authentication-Results' value (RFC 8617 4.1.1): 1 to 50, or 0
 * where there is none. *used: the octets up to and with its ';'. */
unsigned arc_set_instance(const char *value, size_t len, size_t *used);

#endif
