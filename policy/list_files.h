/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_FILES_H
#define POLICY_LIST_FILES_H
/*
 * The list files that lists { ... } names, in any of the formats of policy/list_format.h, and the
 * entries written there itself. Main thread.
 */

#include "policy/list_config.h"

#include <stdint.h>

struct list_files;
struct list_table;
struct loop;

/* Reads them; faults are noted in `conf` with file and line, and the result is to be freed all the
 * same. `lists` must outlive it. */
struct list_files *list_files_new(const struct policy_lists *lists, struct conf *conf)
    __attribute__((warn_unused_result));
void list_files_free(struct list_files *files); /* NULL is fine */
/* Makes their entries those of origin ENTRY_FILE. */
void list_files_use(const struct list_files *files, struct list_table *table);

/* Looks at them every LIST_WATCH_MS; one that has changed, and then stayed as it is for one look,
 * is read by a thread of its own, and its entries are put into the table in place of the old ones.
 * A file that cannot be read, or has a fault, keeps its old entries, and the log says so once. */
#define LIST_WATCH_MS 2000
struct list_watch;
/* NULL where no files are named. `files` and `table` outlive it. */
struct list_watch *list_watch_new(struct loop *loop, struct list_files *files,
                                  struct list_table *table) __attribute__((warn_unused_result));
void list_watch_free(struct list_watch *watch); /* NULL is fine; ends a read that is under way */

#endif
