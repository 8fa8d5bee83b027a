/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_IDENTITY_H
#define ADMIN_CTL_IDENTITY_H
/* SPF of one identity (RFC 7208 2.3, 2.4), for the commands that ask for it. */

#include "lib/addr.h"
#include "policy/auth/message_auth.h"

#include <jansson.h>
#include <stdbool.h>

struct ctl;
struct ctl_dns;

struct ctl_identity {
    struct addr client;
    const char *helo, *sender; /* as said; "" : not known. sender "<>" is "" */
    bool of_helo;              /* the HELO name is checked, else the sender */
    json_t *trace;             /* NULL: nobody wants it; an array that gets lines, or null where
                                  they are printed as they come */
    /* What came of it. */
    struct spf_known known;
    unsigned terms, voids, queries;
};

/* Asks and waits. */
void ctl_identity_ask(struct ctl *ctl, struct ctl_dns *dns, struct ctl_identity *identity);
/* {"identity": "mailfrom", "result": ..., ...} with what it cost. */
json_t *ctl_identity_json(const struct ctl_identity *identity) __attribute__((warn_unused_result));

#endif
