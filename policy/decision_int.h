/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DECISION_INT_H
#define POLICY_DECISION_INT_H
/* What the files of the commands about decisions share: functions of rows. */

#include "policy/decision_commands.h"

/* ---- decision_trial.c, decision_lookup.c */
void decision_test_run(struct command_call *call, void *arg);
void decision_lookup_run(struct command_call *call, void *arg);

/* ---- decision_commands.c */
/* The required argument `client` as an address; false: the call has failed and is gone. */
bool decision_client(struct command_call *call, struct addr *out);

#endif
