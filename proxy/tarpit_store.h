/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TARPIT_STORE_H
#define PROXY_TARPIT_STORE_H
/*
 * The clients of one tarpit: a record of one cache line each, found by its number, in two orders:
 * by age, and by turn. One thread.
 */

#include "proxy/tarpit_talk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARPIT_NOBODY UINT32_MAX

struct tarpit_client {
    int fd;                  /* -1: gone; the record only waits for its turn to be free */
    uint32_t next;           /* in the order of turns, or of what is free */
    uint32_t older;          /* tarpit_store.c only, with the next */
    uint32_t younger;        /* */
    uint32_t due;            /* ms of the loop, modulo 2^32 */
    uint32_t began;          /* the same */
    uint32_t sent;           /* octets */
    struct talk talk;        /* */
    uint8_t ip[16];          /* an IPv4 address is mapped; zeros: unknown */
    uint16_t port;           /* */
    uint8_t id[TALK_ID_LEN]; /* the session's */
};

struct tarpit_store { /* zero: see store_init */
    struct tarpit_client **chunk;
    size_t chunks;
    size_t live; /* clients that are not gone */
    uint32_t free;
    uint32_t oldest, youngest;
    uint32_t first, last; /* turns */
};

void store_init(struct tarpit_store *store);
/* Frees all records; the descriptors are the caller's to close. Ready for use again. */
void store_clear(struct tarpit_store *store);

/* A record, zeroed, the youngest and the last in turn. It stays in place. */
struct tarpit_client *store_add(struct tarpit_store *store);
struct tarpit_client *store_at(const struct tarpit_store *store, uint32_t number);
/* The client is gone. Its record is freed when its turn comes. */
void store_remove(struct tarpit_store *store, uint32_t number);
/* The client of that session id; TARPIT_NOBODY: there is none. Looks at all of them. */
uint32_t store_find(const struct tarpit_store *store, const uint8_t id[static TALK_ID_LEN]);
/* TARPIT_NOBODY: no clients. */
uint32_t store_oldest(const struct tarpit_store *store);

/* Whose turn is next, gone ones left out. TARPIT_NOBODY: nobody's. */
uint32_t store_turn(struct tarpit_store *store);
/* Puts the one whose turn it was behind all others. */
void store_turn_done(struct tarpit_store *store);

#endif
