/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DECISION_INT_H
#define POLICY_DECISION_INT_H
/* What the files of the commands about decisions share: functions of rows. */

#include "policy/decision_commands.h"
#include "policy/pseudonym.h"

/* ---- decision_trial.c, decision_lookup.c */
void decision_test_run(struct command_call *call, void *arg);
void decision_lookup_run(struct command_call *call, void *arg);

/* ---- decision_commands.c */
/* The required argument `client` as an address; false: the call has failed and is gone. */
bool decision_client(struct command_call *call, struct addr *out);

/* False: the call has failed, since nothing is stored. */
bool decision_has_store(struct command_call *call, const struct decision_commands *commands);
/* NULL: none. */
struct pseudonym_keys *decision_keys(const struct decision_commands *commands);
/* A mail address's or a client's pseudonym, as records have it. */
const char *decision_pseudonym(const struct mac_key *key, const char *address,
                               char out[static PSEUDONYM_MAILBOX_SIZE]);

/* ---- decision_forget.c */
void decision_forget_run(struct command_call *call, void *arg);

#endif
