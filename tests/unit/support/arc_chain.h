/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_ARC_CHAIN_H
#define TESTS_UNIT_SUPPORT_ARC_CHAIN_H
/*
 * Seals messages, so that tests have chains of any kind:
 *
 *     struct buf message = {0};
 *     buf_add_str(&message, "From: a@example.org\r\n\r\nbody\r\n");
 *     arc_chain_seal(&message, &(struct arc_chain_set){.instance = 1});
 *
 * A mistake in a test prints what is wrong and aborts.
 */

#include "lib/buf.h"

extern const char arc_chain_rsa1024[], arc_chain_rsa512[], arc_chain_ed25519[]; /* private, PEM */

struct arc_chain_set { /* NULL: as it should be */
    unsigned instance;
    const char *key;               /* PEM; NULL: arc_chain_rsa1024 */
    const char *algorithm;         /* a= of both; "rsa-sha256" or what the key is */
    const char *domain, *selector; /* "example.org", "s" */
    const char *message_selector;  /* of the message signature, if another */
    const char *cv;                /* by instance */
    const char *canon, *fields;    /* "relaxed/relaxed", "from:subject" */
    const char *message_tags;      /* more of them: "x=12; " */
    const char *results;           /* behind "i=1; " */
};
/* Puts a set on top of the message. */
void arc_chain_seal(struct buf *message, const struct arc_chain_set *set);
/* Appends "v=DKIM1; ...; p=..." of a private key. */
void arc_chain_key(struct buf *out, const char *key);

#endif
