/* SPDX-License-Identifier: ISC */
/*
 * tarpit_store: the records of a tarpit's clients.
 *
 * Records live in chunks that never move, so that growing copies nothing; all chunks are freed when
 * the last client is gone. Links are numbers of records: half a pointer.
 * Promises: every operation but store_find() takes constant time, but for records of gone clients
 * passed over.
 */
#include "proxy/tarpit_store.h"

#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 256 /* records: 16 KiB */

static_assert(sizeof(struct tarpit_client) == 64, "one cache line a client");

void store_init(struct tarpit_store *store)
{
    *store = (struct tarpit_store){.free = TARPIT_NOBODY,
                                   .oldest = TARPIT_NOBODY,
                                   .youngest = TARPIT_NOBODY,
                                   .first = TARPIT_NOBODY,
                                   .last = TARPIT_NOBODY};
}

void store_clear(struct tarpit_store *store)
{
    for (size_t i = 0; i < store->chunks; i++)
        free(store->chunk[i]);
    free(store->chunk);
    store_init(store);
}

struct tarpit_client *store_at(const struct tarpit_store *store, uint32_t number)
{
    return &store->chunk[number / CHUNK][number % CHUNK];
}

static void add_chunk(struct tarpit_store *store)
{
    uint32_t first = (uint32_t)(store->chunks * CHUNK);
    store->chunk = mem_grow(store->chunk, store->chunks + 1, sizeof(struct tarpit_client *));
    store->chunk[store->chunks++] = mem_alloc(CHUNK * sizeof(struct tarpit_client));
    for (uint32_t i = CHUNK; i-- > 0;) {
        store_at(store, first + i)->next = store->free;
        store->free = first + i;
    }
}

static void turn_add(struct tarpit_store *store, uint32_t number)
{
    store_at(store, number)->next = TARPIT_NOBODY;
    if (store->last == TARPIT_NOBODY)
        store->first = number;
    else
        store_at(store, store->last)->next = number;
    store->last = number;
}

static uint32_t turn_take(struct tarpit_store *store)
{
    uint32_t number = store->first;
    store->first = store_at(store, number)->next;
    if (store->first == TARPIT_NOBODY)
        store->last = TARPIT_NOBODY;
    return number;
}

struct tarpit_client *store_add(struct tarpit_store *store)
{
    if (store->free == TARPIT_NOBODY)
        add_chunk(store);
    uint32_t number = store->free;
    struct tarpit_client *client = store_at(store, number);
    store->free = client->next;
    *client = (struct tarpit_client){.older = store->youngest, .younger = TARPIT_NOBODY};
    if (store->youngest == TARPIT_NOBODY)
        store->oldest = number;
    else
        store_at(store, store->youngest)->younger = number;
    store->youngest = number;
    turn_add(store, number);
    store->live++;
    return client;
}

void store_remove(struct tarpit_store *store, uint32_t number)
{
    struct tarpit_client *client = store_at(store, number);
    if (client->older == TARPIT_NOBODY)
        store->oldest = client->younger;
    else
        store_at(store, client->older)->younger = client->younger;
    if (client->younger == TARPIT_NOBODY)
        store->youngest = client->older;
    else
        store_at(store, client->younger)->older = client->older;
    client->fd = -1;
    store->live--;
}

uint32_t store_find(const struct tarpit_store *store, const uint8_t id[static TALK_ID_LEN])
{
    uint32_t number = store->oldest;
    while (number != TARPIT_NOBODY && memcmp(store_at(store, number)->id, id, TALK_ID_LEN) != 0)
        number = store_at(store, number)->younger;
    return number;
}

uint32_t store_oldest(const struct tarpit_store *store)
{
    return store->oldest;
}

uint32_t store_turn(struct tarpit_store *store)
{
    while (store->first != TARPIT_NOBODY && store_at(store, store->first)->fd < 0) {
        uint32_t number = turn_take(store);
        store_at(store, number)->next = store->free;
        store->free = number;
    }
    return store->first;
}

void store_turn_done(struct tarpit_store *store)
{
    turn_add(store, turn_take(store));
}
