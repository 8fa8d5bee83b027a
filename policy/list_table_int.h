/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_TABLE_INT_H
#define POLICY_LIST_TABLE_INT_H
/* What the files of list_table share. */

#include "policy/list_store.h"
#include "policy/list_table.h"

#include <pthread.h>

struct list_table {
    struct hash_key seed;
    pthread_mutex_t writer; /* whoever changes anything; taken before `lock` */
    pthread_rwlock_t lock;  /* shared: reading; alone: the moment of a change */
    struct list_store *live;
    struct list_store *files; /* of origin ENTRY_FILE; swapped as a whole */
    uint64_t removals;        /* commands that took out; under `writer` */
    uint64_t moved;           /* how often entries may have changed their slots; under `writer` */
};

/* The keys an address or a name matches, the most specific first: networks that hold it; an address
 * of mail, its domain, the domains above. Under the lock. */
struct list_walk {
    const struct list_table *table;
    enum entry_kind kind;
    uint8_t family;
    uint8_t ip[16];
    int bits;         /* next prefix; -1: no more */
    const char *text; /* next name; NULL: no more */
    size_t labels;    /* of it: list_name_labels */
    bool mailbox;     /* it is an address */
    uint64_t depths;  /* of names there are */
};
void list_walk_net(struct list_walk *walk, const struct list_table *table, const struct addr *net,
                   unsigned bits);
/* `text` is in normal form and outlives the walk. */
void list_walk_name(struct list_walk *walk, const struct list_table *table, enum entry_kind kind,
                    const char *text);
bool list_walk_next(struct list_walk *walk, struct list_key *key);

/* Is there any entry of that kind? */
bool list_table_has(const struct list_table *table, enum entry_kind kind);

#endif
