/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_AUTHOR_H
#define POLICY_AUTH_AUTHOR_H
/* Who the From fields of a message name: the author's domain for DMARC (RFC 9989 4.6, RFC 5322
 * 3.6.2). Pure, any thread; hostile input. */

#include "lib/header.h"

#include <stdbool.h>
#include <stddef.h>

enum author_status {
    AUTHOR_ONE,     /* all mailboxes are of one domain */
    AUTHOR_NONE,    /* no From field */
    AUTHOR_EMPTY,   /* one that names no mailbox with a domain (a group without members, an address
                       literal...) */
    AUTHOR_MANY,    /* several From fields, or mailboxes of several domains */
    AUTHOR_INVALID, /* it cannot be read as a list of mailboxes */
};

struct author {
    enum author_status status;
    char domain[256]; /* of AUTHOR_ONE: lower case, A-labels, no trailing dot */
    size_t mailboxes;
};

/* `header` is complete; where it was cut (header_cut) there may be another From in what is not
 * seen. */
void author_find(const struct header *header, struct author *out);

#endif
