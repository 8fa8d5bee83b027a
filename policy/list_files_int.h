/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_FILES_INT_H
#define POLICY_LIST_FILES_INT_H
/* What the files of list_files share. */

#include "lib/buf.h"
#include "policy/list_files.h"
#include "policy/list_store.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* Is it the file that was read? */
struct list_stamp {
    bool there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct list_file {
    const char *path; /* the configuration's */
    enum entry_list list;
    enum entry_action action;
    struct list_store *entries; /* as it was last read without a fault */
    struct list_stamp stamp;    /* of the last attempt */
};

struct list_files {
    const struct policy_lists *lists;
    struct list_file *file;
    size_t count;
};

/* What came of reading one. */
struct list_read {
    struct list_store
        *entries; /* NULL: the file cannot be read or has faults; the reader's to free */
    unsigned long faults;
    struct buf said; /* the first faults and notes, each behind "! " or "? " and before "\n" */
    struct list_stamp stamp;
};

/* Any thread. It may be told to stop early; then it has no entries. */
void list_file_read(const struct list_file *file, struct list_read *out, atomic_bool *stop);
void list_file_stamp(const char *path, struct list_stamp *out);
bool list_stamp_same(const struct list_stamp *a, const struct list_stamp *b);
/* All entries, with those of `changed` [count] in place of the files' own where not NULL. */
void list_files_merge(const struct list_files *files, struct list_store *const *changed,
                      struct list_store *out);

#endif
