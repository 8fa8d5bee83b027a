/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_COMMANDS_H
#define POLICY_LIST_COMMANDS_H
/*
 * Administrators' commands about list entries. In the daemon, and in gatepostctl itself while there
 * is no daemon, on the same store. The thread of `loop`.
 */

#include "db/store.h"
#include "lib/command.h"

#include <stdint.h>

struct list_table;
struct loop;

struct list_desk {            /* plain data of who offers them; outlives every call */
    struct store *store;      /* NULL: changes fail, and say why */
    struct list_table *table; /* what is in force; NULL: there is no daemon, only what is stored */
    struct loop *loop;
    int64_t (*wall)(void); /* seconds since the epoch */
};

/* The set's arg is a struct list_desk. An entry is {list, kind, key, action (of deny; else null),
 * origin, unproven, reason, author, created (null: not known), expires (null: never)}; its key is
 * in normal form, without the kind.
 *
 *   entry-add     ADMIN  list key [action] [reason] [for] [unproven]  -> the entry
 *   entry-delete  ADMIN  list key                                     -> {"deleted": n}
 *   entry-list    READ   [list] [kind]    items: entries that are stored, in no order
 *   entry-show    READ   key [list]       items: those of the key and those that cover it, the most
 *                                         specific first; of files, too
 *   entry-import  ADMIN  list entries [action] [reason] [for]         -> {"imported": n, "faults":
 *                        [{"index": i, "why": text}]}; entries: up to LIST_IMPORT_MOST objects of
 *                        key, action, reason, for, unproven; all of them or none
 *
 * A change is in force, and safe on disk, when it is answered; it is carried out even if the asker
 * leaves meanwhile. */
#define LIST_IMPORT_MOST 1000
extern const struct command list_command_rows[];

#endif
