/* SPDX-License-Identifier: ISC */
#ifndef DB_STORE_HEALTH_H
#define DB_STORE_HEALTH_H
/*
 * Whether the store can, and if not, why and since when: said once in the log as it begins and as
 * it ends, and to who asks. Any thread.
 */

#include "db/store.h"

enum store_trouble {
    TROUBLE_NONE,
    TROUBLE_FULL,      /* no room on the disk */
    TROUBLE_READ_ONLY, /* the file, its directory or the file system */
    TROUBLE_LOCKED,    /* another program holds the file */
    TROUBLE_CORRUPT,   /* not a database, or damaged */
    TROUBLE_MOVED,     /* the file we have open is not the one of that name */
    TROUBLE_NEWER,     /* made by a newer version of the program */
    TROUBLE_SLOW,      /* the disk does not answer in time */
    TROUBLE_FAULT,     /* all else: input and output, memory, rights */
};

struct store_health;

/* clock: seconds since the epoch. */
struct store_health *store_health_new(int64_t (*clock)(void)) __attribute__((warn_unused_result));
void store_health_free(struct store_health *health);

/* What an SQLite result code means for the store: TROUBLE_NONE where it is the question's fault
 * alone. */
enum store_trouble store_health_meaning(int code);
/* The store cannot, from now on: `what` it is about and `detail` in words (or NULL). Where it could
 * not already and the trouble is the same only the words change. */
void store_health_degrade(struct store_health *health, enum store_trouble trouble,
                          const char *detail);
/* It can again; `note` is said with it (or NULL). Nothing happens where it could all the time. */
void store_health_recover(struct store_health *health, const char *note);
enum store_trouble store_health_trouble(struct store_health *health);
/* False: all is well. Else *why, cut to `size`. */
bool store_health_down(struct store_health *health, char *why, size_t size);
/* Counts questions that were not carried out. */
void store_health_dropped(struct store_health *health, size_t count);
/* A file was set aside. */
void store_health_corrupted(struct store_health *health);
void store_health_size(struct store_health *health, uint64_t octets);
/* All but `waiting`. */
void store_health_state(struct store_health *health, struct store_state *out);

#endif
