/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_MESSAGE_AUTH_H
#define POLICY_AUTH_MESSAGE_AUTH_H
/*
 * The authentication of one message: DKIM, ARC and DMARC together, while the message streams by.
 * Used by the trial and by `gatepostctl verify`; knows neither. One thread.
 *
 * The header section is kept (bounded); once it is complete the keys and DMARC's policy are asked
 * for, and the body is hashed as it passes; nothing is read twice. Of one that is longer than what
 * is kept nothing is believed: DKIM is neutral, ARC fails where there is a set, DMARC cannot pass.
 */

#include "dns/dns.h"
#include "lib/header.h"
#include "policy/auth/arc.h"
#include "policy/auth/author.h"
#include "policy/auth/dkim.h"
#include "policy/auth/dmarc.h"
#include "policy/auth/spf.h"

#include <stdbool.h>
#include <stddef.h>

#define MESSAGE_AUTH_FIELDS 10000 /* header fields that are kept */

/* What SPF has said of one identity; plain data, by value. */
struct spf_known {
    enum spf_result result;
    bool checked; /* false: nobody asked; `result` is SPF_NONE */
    bool open;    /* of fail: the domain has a DMARC policy (or that could not be learned), so the
                     end of data decides */
    char domain[256];                          /* lower-case A-labels */
    char mechanism[64], why[96];               /* cut */
    char explanation[SPF_EXPLANATION_MAX + 1]; /* of fail; "" */
};

struct message_auth_env {
    struct loop *loop;
    struct dns *dns;
    size_t header_size;    /* octets that are kept of the header section */
    bool dkim, arc, dmarc; /* what is wanted; what is not has the result none */
    struct dkim_rules dkim_rules;
    struct arc_rules arc_rules;
    enum dmarc_discovery discovery;
};

struct message_auth_results {       /* lives as long as the message_auth */
    struct spf_known spf, spf_helo; /* as handed in */
    struct author author;
    size_t signatures;
    const struct dkim_signature *const *signature;
    const struct arc_answer *arc;     /* never NULL */
    const struct dmarc_answer *dmarc; /* never NULL */
    const struct header *header;      /* complete */
};

struct message_auth;

/* `changed` once, from the loop, when message_auth_settled() has become true after
 * message_auth_end() returned; not at all where it was true by then. */
struct message_auth *message_auth_new(const struct message_auth_env *env,
                                      void (*changed)(void *arg), void *arg)
    __attribute__((warn_unused_result));
void message_auth_free(struct message_auth *auth); /* NULL is fine */
/* The message's octets in order: as the client sent them, dot-stuffing undone, lines ending in
 * CRLF. */
void message_auth_text(struct message_auth *auth, const char *data, size_t len);
/* Octets of memory that the header section holds by now; all else is little. */
size_t message_auth_memory(const struct message_auth *auth);
/* It is whole. `spf` and `spf_helo`: what is known of both identities now. */
void message_auth_end(struct message_auth *auth, const struct spf_known *spf,
                      const struct spf_known *spf_helo);
/* After the end: everything has been answered. */
bool message_auth_settled(const struct message_auth *auth);
/* No more time, after the end: what is open becomes temperror, and it is settled; `changed` is not
 * called any more. */
void message_auth_give_up(struct message_auth *auth);
/* Once it is settled. */
const struct message_auth_results *message_auth_results(const struct message_auth *auth);

#endif
