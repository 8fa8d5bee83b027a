/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_COMMANDS_INT_H
#define POLICY_LIST_COMMANDS_INT_H
/* What the files of list_commands share. */

#include "policy/entry_text.h"
#include "policy/list_commands.h"

/* Arguments; false: the call has failed. */
bool list_command_list(struct command_call *call, enum entry_list *out);
bool list_command_key(struct command_call *call, enum entry_list list, enum entry_kind *kind,
                      char key[static ENTRY_KEY_MOST]);

/* ---- list_show.c */
json_t *list_entry_json(const struct entry *entry);
/* Fails the call: the store cannot, or (NULL) there is none. */
void list_command_down(struct command_call *call, const struct store_answer *answer);
void list_command_all(struct command_call *call, void *arg);
void list_command_show(struct command_call *call, void *arg);

#endif
