/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_AUTHRES_H
#define POLICY_AUTH_AUTHRES_H
/* Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 9.1): what is written in front of a
 * message, and whether a field that came with it claims to be ours. Pure, any thread. */

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/header.h"
#include "policy/auth/message_auth.h"

#include <stdbool.h>
#include <stddef.h>

/* Does the field bear this authserv-id (RFC 8601 2.2, 5), whatever its case, comments, folding,
 * quoting or encoding? Also of a field that cannot be read but holds the id where it should stand.
 */
bool authres_is_ours(const struct header_field *field, const char *authserv_id);

/* What of a client is told beside what a message's authentication found. */
struct authres_client {
    const char *authserv_id;
    const struct addr *client;
    const char *reverse_name; /* "" : none */
    bool reverse_confirmed, reverse_temperror;
    bool reverse_skipped; /* nobody asked (an own network): iprev is none */
    const char *helo;
    const char *sender;   /* as said; "" for <> */
    bool authenticated;   /* by AUTH */
    const char *login;    /* the user, "" : not known */
    const char *override; /* why a DMARC failure was not acted upon: "allow entry",
                             "trusted ARC chain", "forwarder"; "" : it was, or none */
    const char *mark;     /* "quarantine": for policy.dmarc; "" */
};
/* Appends one folded field with CRLFs; no line has more than 998 octets, and nothing a peer said
 * can break it. Every method is there. `results` NULL: nothing was evaluated, each is none. */
void authres_write(const struct authres_client *client, const struct message_auth_results *results,
                   struct buf *out);
/* The same of Received-SPF: one field for each identity that was checked, MAIL FROM's first. */
void authres_write_received_spf(const struct authres_client *client,
                                const struct message_auth_results *results, struct buf *out);

#endif
