/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_STORE_H
#define POLICY_LIST_STORE_H
/*
 * List entries by key, for look-ups: hash tables without a lock and without a precedence, which
 * policy/list_table.h puts around them. One thread at a time changes a store; any may read one that
 * nobody changes.
 */

#include "db/store.h"
#include "lib/hash.h"
#include "policy/entry_text.h"

#define LIST_NETS_4 33 /* prefix lengths */
#define LIST_NETS_6 129
#define LIST_NAMES  (ENTRY_KINDS - 1)
#define LIST_PLACES (LIST_NETS_4 + LIST_NETS_6 + LIST_NAMES)

/* One entry: 24 octets. */
struct list_slot {
    union {
        uint8_t ip[16]; /* of a network: as in struct addr */
        struct {
            char *text; /* the slot's own */
            uint64_t hash;
        } name;
    };
    uint32_t expires; /* seconds since the epoch, up to 2106; 0: never */
    uint8_t used : 1;
    uint8_t unproven : 1;
    uint8_t list : 2;   /* enum entry_list */
    uint8_t action : 2; /* enum entry_action */
    uint8_t origin : 2; /* enum entry_origin */
};

/* All of one place: of one prefix length, or of one kind of name. Open addressing. */
struct list_hash {
    struct list_slot *slot; /* NULL: none yet */
    uint64_t *filter;       /* a bit for each hash that came in, 8 bits a slot */
    size_t slots;           /* a power of two */
    size_t count;
    size_t stale;    /* bits of what has gone again, at most */
    uint64_t depths; /* of names: bit of each list_name_depth() there is or was */
};

struct list_store {
    struct hash_key seed;
    struct list_hash place[LIST_PLACES];
    size_t count[3][ENTRY_KINDS]; /* by list */
    unsigned swept_place;         /* where sweeping goes on */
    size_t swept_slot;
};

/* What is looked for. */
struct list_key {
    unsigned place;
    uint64_t hash;
    uint8_t ip[16];
    const char *text; /* of a name, NUL-terminated; of a network NULL */
};

struct list_store *list_store_new(const struct hash_key *seed) __attribute__((warn_unused_result));
void list_store_free(struct list_store *store); /* NULL is fine */

/* Keys. `ip` as in struct addr; bits behind the prefix do not matter. */
unsigned list_place_net(uint8_t family, unsigned bits);
unsigned list_place_name(enum entry_kind kind);
void list_key_net(struct list_key *key, const struct hash_key *seed, uint8_t family,
                  const uint8_t ip[static 16], unsigned bits);
void list_key_name(struct list_key *key, const struct hash_key *seed, enum entry_kind kind,
                   const char *text);
/* Of names with as many labels, and of addresses with as many: 0 to 63. Look-ups skip what no entry
 * has. `labels` is the number of dots in the name, or behind the '@'. */
static inline unsigned list_name_depth(bool mailbox, size_t labels)
{
    return (labels < 31 ? (unsigned)labels : 31) + (mailbox ? 32 : 0);
}
size_t list_name_labels(const char *text);
/* That of an entry, good as long as its text. False: not in normal form. */
bool list_key_entry(struct list_key *key, const struct hash_key *seed, enum entry_kind kind,
                    const char *text);
enum entry_kind list_place_kind(unsigned place);
/* The key as text, "192.0.2.0/24" or the name. */
void list_key_text(const struct list_key *key, char out[static ENTRY_KEY_MOST]);

/* May there be any under the key? What is not there mostly ends here, in a 24th of the memory. */
static inline bool list_store_may(const struct list_store *store, const struct list_key *key)
{
    const struct list_hash *hash = &store->place[key->place];
    size_t bit = (size_t)(key->hash >> 24) & (hash->slots * 8 - 1);
    return hash->count > 0 && (hash->filter[bit / 64] >> bit % 64 & 1) != 0;
}
/* The next entry under the key; *at is 0 before the first. NULL: no more. */
const struct list_slot *list_store_next(const struct list_store *store, const struct list_key *key,
                                        size_t *at);

/* Puts in a slot (its text is taken over, NULL of a network) or replaces the one with its list and
 * origin. */
void list_store_put_slot(struct list_store *store, const struct list_key *key,
                         const struct list_slot *slot);
/* What an entry is but its key. */
void list_slot_of(struct list_slot *slot, const struct entry *entry);
/* False: the key is not in normal form. */
bool list_store_put(struct list_store *store, const struct entry *entry);
/* All entries of `from`, over those that are there. */
void list_store_merge(struct list_store *store, const struct list_store *from);
/* Takes out all of that list under the key; how many. */
unsigned list_store_remove(struct list_store *store, enum entry_list list,
                           const struct list_key *key);
/* Looks at the next `slots` slots for what has expired; how many had. */
unsigned list_store_sweep(struct list_store *store, size_t slots, int64_t now);

/* Growing beside readers: does the place lack room for `more`, or is its filter worn? Then *bigger
 * is a copy that is well; whoever puts it in its place calls list_hash_free for the old one. */
void list_hash_free(struct list_hash *hash);
bool list_hash_grow(const struct list_store *store, unsigned place, size_t more,
                    struct list_hash *bigger);

#endif
