/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_TABLE_H
#define POLICY_LIST_TABLE_H
/*
 * All list entries in memory, and what they say of a client: the one place that knows the
 * precedence. Effective for the next look-up. Any thread; a look-up takes microseconds at a million
 * entries and holds a lock shared with other look-ups.
 *
 * The precedence: manual entries and those of files go before automatic bans. Of these, among
 * entries of one kind of key the most specific counts, allow at a tie; across kinds allow beats
 * deny. An automatic ban loses to every allow entry that matches. No entry lets a foreign recipient
 * through: the relay rule is asked before all this.
 */

#include "db/store.h"
#include "lib/addr.h"
#include "policy/entry_text.h"

struct list_table;

struct list_table *list_table_new(void) __attribute__((warn_unused_result));
void list_table_free(struct list_table *table); /* NULL is fine */

/* Puts in or replaces (list, kind, key, origin); `key` is in normal form, and only list, kind, key,
 * action, origin, unproven and expires are kept. Its reason stays in the store. */
void list_table_put(struct list_table *table, const struct entry *entry);
/* Many under one lock, for a start and for imports of up to some thousand at a time. */
void list_table_put_all(struct list_table *table, const struct entry *entry, size_t count);
/* Takes it out, of every origin but ENTRY_FILE; returns how many there were. */
unsigned list_table_remove(struct list_table *table, enum entry_list list, enum entry_kind kind,
                           const char *key);
/* All entries of origin ENTRY_FILE are replaced by these at once. */
void list_table_set_files(struct list_table *table, const struct entry *entry, size_t count);
/* The same with a store of entries (policy/list_store.h) that was built aside, by any thread, from
 * this on; it is taken over. */
struct list_store *list_table_aside(const struct list_table *table)
    __attribute__((warn_unused_result));
void list_table_use_files(struct list_table *table, struct list_store *files);
/* Forgets what has expired; a few thousand records a call. */
void list_table_sweep(struct list_table *table, int64_t now);
/* Entries by list. */
void list_table_count(struct list_table *table, size_t count[3]);

/* Entries that are not of files, those that have expired but were not swept yet, too. */
size_t list_table_live(struct list_table *table);
/* Rises with each list_table_remove(): what was read of a store before may have been taken out. */
uint64_t list_table_removals(struct list_table *table);
/* Is that entry there: list, kind, key and origin? */
bool list_table_holds(struct list_table *table, const struct entry *entry);

/* A walk over all entries that are not of files and have not expired, part by part; zeroed at
 * first. */
struct list_cursor {
    unsigned place;
    size_t slot, slots;
    uint64_t moved;
    unsigned again;
    bool ended;
};
#define LIST_PAGE_MOST 512
struct list_page {
    size_t count;
    struct entry entry[LIST_PAGE_MOST]; /* reason, author and created are not known */
    char key[LIST_PAGE_MOST][ENTRY_KEY_MOST];
};
/* The next part, which may be empty before the walk has `ended`; none of it takes long. One that
 * is there throughout is shown once or more; where very much is taken out meanwhile it may be
 * missed. */
void list_table_page(struct list_table *table, struct list_cursor *cursor, int64_t now,
                     struct list_page *page);

/* Calls fn with each entry that has this key (in normal form) or covers it, the most specific
 * first; expired ones that are still there, too. Of each entry only what a table keeps. fn may not
 * call the table. */
typedef void (*list_entry_fn)(const struct entry *entry, void *arg);
void list_table_covering(struct list_table *table, enum entry_kind kind, const char *key,
                         list_entry_fn fn, void *arg);

/* What is known of a client; NULL or "" where it is not. Names and addresses in any form. */
struct list_facts {
    const struct addr *client;
    const char *helo;
    const char *reverse;   /* forward-confirmed only */
    const char *sender;    /* an address; "" for <> */
    const char *recipient; /* NULL: not asked about one */
    bool sender_proven;    /* SPF or DKIM says the sender's domain is behind it */
};

enum list_ruling { LIST_SILENT, LIST_ALLOWED, LIST_DENIED };

struct list_verdict {
    enum list_ruling ruling;
    enum entry_action action; /* of LIST_DENIED */
    enum entry_kind kind;     /* of the entry that decided */
    enum entry_origin origin;
    char key[ENTRY_KEY_MOST];
};

/* An allow entry by HELO or sender counts only where the name the client gave is proven, or the
 * entry is unproven: where it has the organisational domain of the confirmed reverse name; a sender
 * by `sender_proven`, and a HELO in the organisational domain of a sender that is. Of denying
 * entries of several kinds the first kind's is told, in the order of enum entry_kind. */
void list_judge(struct list_table *table, const struct list_facts *facts, int64_t now,
                struct list_verdict *out);
/* Is there any allow entry that is not of kind ENTRY_CLIENT, so that more facts may yet allow a
 * client that is denied by its address? */
bool list_may_allow(struct list_table *table);
/* Is the recipient a trap? Of trap entries and allowing ones of recipients the most specific
 * counts, allow at a tie, so that an address can be taken out of a domain that is one. */
bool list_trap(struct list_table *table, const char *recipient, int64_t now);

#endif
