/* SPDX-License-Identifier: ISC */
#ifndef POLICY_RECORD_DISGUISE_H
#define POLICY_RECORD_DISGUISE_H
/* A decision record with pseudonyms (policy/pseudonym.h) for the addresses of people. Pure, any
 * thread. */

#include "lib/mac.h"
#include "policy/record.h"

/* A record's strings; an answer may need two. */
#define RECORD_DISGUISED_MOST                                                                      \
    (16 + RECORD_RECIPIENTS + 2 * RECORD_FINDINGS + RECORD_SIGNATURES + STORE_IDENTITIES_MOST)

struct record_disguise {
    size_t count;
    char *text[RECORD_DISGUISED_MOST];
};

/* The client, the local parts of all mail addresses, and every IP address in any text but those of
 * networks; of a host's name that holds the client's address in any form the organisation's domain
 * is left. New strings are `own`'s, and it is freed after the record. */
void record_disguise(struct record *record, const struct mac_key *key, struct record_disguise *own);
void record_disguise_free(struct record_disguise *own);

#endif
