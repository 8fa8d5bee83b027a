/* SPDX-License-Identifier: ISC */
#ifndef PROXY_LIST_RESTORE_H
#define PROXY_LIST_RESTORE_H
/*
 * Writes list entries that are in force but no longer in the store into it again: a damaged
 * database was set aside, or it was deleted or replaced under us. Main thread.
 */

#include <stdbool.h>
#include <stdint.h>

struct list_restore;
struct list_table;
struct loop;
struct store;

struct list_restore *list_restore_new(struct loop *loop, struct store *store,
                                      struct list_table *table, int64_t (*wall)(void))
    __attribute__((warn_unused_result));
void list_restore_free(struct list_restore *restore); /* NULL is fine */

/* Begins, or begins anew. It goes on by itself until all is written, however long the store cannot;
 * the table is not to be swept while it is busy. */
void list_restore_start(struct list_restore *restore);
bool list_restore_busy(const struct list_restore *restore);

#endif
