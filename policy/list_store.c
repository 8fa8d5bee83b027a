/* SPDX-License-Identifier: ISC */
/*
 * list_store: entries by key. Each prefix length and each kind of name has a table of its own, so
 * that the few wide networks of a list stay in the processor's cache however many addresses there
 * are, and a length that nobody uses costs nothing.
 *
 * Open addressing with linear probing, at most three quarters full; entries of one key (allow and
 * deny, manual and automatic) stand in the same run. Removing moves the rest of the run up, so
 * there are no marks of what was there. The hash is keyed: imported lists and peers' names meet
 * here.
 *
 * Before the slots stands a filter of one bit a hash: most that is asked is not listed, and a
 * million entries' filter stays in the cache where their slots do not.
 *
 * Limits: 25 octets a slot, 33 to 67 an entry, a name's text beside it. Tables do not shrink.
 */
#include "policy/list_store.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SLOTS_LEAST 16

struct list_store *list_store_new(const struct hash_key *seed)
{
    struct list_store *store = mem_alloc(sizeof *store);
    store->seed = *seed;
    return store;
}

static bool has_names(unsigned place)
{
    return place >= LIST_NETS_4 + LIST_NETS_6;
}

void list_hash_free(struct list_hash *hash)
{
    free(hash->slot);
    free(hash->filter);
}

void list_store_free(struct list_store *store)
{
    if (store == NULL)
        return;
    for (unsigned p = 0; p < LIST_PLACES; p++) {
        struct list_hash *hash = &store->place[p];
        for (size_t i = 0; has_names(p) && i < hash->slots; i++)
            free(hash->slot[i].name.text); /* NULL where it is free */
        list_hash_free(hash);
    }
    free(store);
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

unsigned list_place_net(uint8_t family, unsigned bits)
{
    return family == AF_INET ? bits : LIST_NETS_4 + bits;
}

unsigned list_place_name(enum entry_kind kind)
{
    return LIST_NETS_4 + LIST_NETS_6 + (unsigned)(kind - ENTRY_HELO);
}

enum entry_kind list_place_kind(unsigned place)
{
    unsigned first = LIST_NETS_4 + LIST_NETS_6;
    return place < first ? ENTRY_CLIENT : (enum entry_kind)(ENTRY_HELO + (place - first));
}

static uint64_t hash_ip(const struct hash_key *seed, unsigned place, const uint8_t ip[static 16])
{
    return hash_bytes(seed, ip, place < LIST_NETS_4 ? 4 : 16);
}

void list_key_net(struct list_key *key, const struct hash_key *seed, uint8_t family,
                  const uint8_t ip[static 16], unsigned bits)
{
    unsigned whole = bits / 8;
    key->place = list_place_net(family, bits);
    key->text = NULL;
    memset(key->ip, 0, sizeof key->ip);
    memcpy(key->ip, ip, whole);
    if (bits % 8 != 0)
        key->ip[whole] = (uint8_t)(ip[whole] & (0xffu << (8 - bits % 8)));
    key->hash = hash_ip(seed, key->place, key->ip);
}

void list_key_name(struct list_key *key, const struct hash_key *seed, enum entry_kind kind,
                   const char *text)
{
    key->place = list_place_name(kind);
    key->text = text;
    key->hash = hash_bytes(seed, text, strlen(text));
}

size_t list_name_labels(const char *text)
{
    const char *at = strrchr(text, '@');
    size_t labels = 0;
    for (const char *p = at != NULL ? at + 1 : text; *p != '\0'; p++)
        labels += *p == '.';
    return labels;
}

bool list_key_entry(struct list_key *key, const struct hash_key *seed, enum entry_kind kind,
                    const char *text)
{
    struct cidr net;
    const char *why;
    if (kind != ENTRY_CLIENT) {
        list_key_name(key, seed, kind, text);
        return text[0] != '\0' && strlen(text) < ENTRY_KEY_MOST;
    }
    if (!cidr_parse(text, &net, &why))
        return false;
    list_key_net(key, seed, net.net.family, net.net.ip, net.bits);
    return true;
}

void list_key_text(const struct list_key *key, char out[static ENTRY_KEY_MOST])
{
    struct cidr net = {0};
    if (key->text != NULL) {
        size_t len = strnlen(key->text, ENTRY_KEY_MOST - 1);
        memcpy(out, key->text, len);
        out[len] = '\0';
        return;
    }
    bool v4 = key->place < LIST_NETS_4;
    net.net.family = v4 ? AF_INET : AF_INET6;
    net.bits = (uint8_t)(v4 ? key->place : key->place - LIST_NETS_4);
    memcpy(net.net.ip, key->ip, sizeof net.net.ip);
    entry_network_key(&net, out);
}

/* ---- finding ------------------------------------------------------------------------------------
 */

static bool is_key(const struct list_slot *slot, const struct list_key *key)
{
    if (key->text == NULL)
        return memcmp(slot->ip, key->ip, sizeof key->ip) == 0;
    return slot->name.hash == key->hash && strcmp(slot->name.text, key->text) == 0;
}

const struct list_slot *list_store_next(const struct list_store *store, const struct list_key *key,
                                        size_t *at)
{
    const struct list_hash *hash = &store->place[key->place];
    if (*at == 0 && !list_store_may(store, key))
        return NULL;
    size_t mask = hash->slots - 1;
    for (;;) {
        const struct list_slot *slot = &hash->slot[(key->hash + *at) & mask];
        if (!slot->used)
            return NULL;
        ++*at;
        if (is_key(slot, key))
            return slot;
    }
}

/* ---- putting ------------------------------------------------------------------------------------
 */

static uint64_t slot_hash(const struct list_store *store, unsigned place,
                          const struct list_slot *slot)
{
    return has_names(place) ? slot->name.hash : hash_ip(&store->seed, place, slot->ip);
}

static void filter_add(struct list_hash *hash, uint64_t h)
{
    size_t bit = (size_t)(h >> 24) & (hash->slots * 8 - 1);
    hash->filter[bit / 64] |= (uint64_t)1 << bit % 64;
}

bool list_hash_grow(const struct list_store *store, unsigned place, size_t more,
                    struct list_hash *bigger)
{
    const struct list_hash *old = &store->place[place];
    size_t slots = old->slots > 0 ? old->slots : SLOTS_LEAST;
    while ((old->count + more) * 4 > slots * 3)
        slots *= 2;
    if (slots == old->slots && old->stale <= slots)
        return false;
    *bigger = *old;
    bigger->slot = mem_alloc(slots * sizeof *old->slot);
    bigger->filter = mem_alloc(slots);
    bigger->slots = slots;
    bigger->stale = 0;
    for (size_t i = 0; i < old->slots; i++) {
        if (!old->slot[i].used)
            continue;
        uint64_t h = slot_hash(store, place, &old->slot[i]);
        size_t to = h & (slots - 1);
        filter_add(bigger, h);
        while (bigger->slot[to].used)
            to = (to + 1) & (slots - 1);
        bigger->slot[to] = old->slot[i];
    }
    return true;
}

/* The slot of that key, list and origin, or the free one where it would be. */
static struct list_slot *find(struct list_hash *hash, const struct list_key *key,
                              const struct list_slot *like)
{
    size_t mask = hash->slots - 1;
    for (size_t i = key->hash & mask;; i = (i + 1) & mask) {
        struct list_slot *slot = &hash->slot[i];
        if (!slot->used ||
            (slot->list == like->list && slot->origin == like->origin && is_key(slot, key)))
            return slot;
    }
}

void list_store_put_slot(struct list_store *store, const struct list_key *key,
                         const struct list_slot *slot)
{
    struct list_hash *hash = &store->place[key->place];
    struct list_hash bigger;
    if (list_hash_grow(store, key->place, 1, &bigger)) {
        list_hash_free(hash);
        *hash = bigger;
    }
    struct list_slot *to = find(hash, key, slot);
    if (!to->used) {
        hash->count++;
        store->count[slot->list][list_place_kind(key->place)]++;
    } else if (key->text != NULL) {
        free(to->name.text);
    }
    filter_add(hash, key->hash);
    char *text = slot->name.text;
    *to = *slot;
    to->used = 1;
    if (key->text == NULL) {
        memcpy(to->ip, key->ip, sizeof to->ip);
    } else {
        to->name.text = text;
        to->name.hash = key->hash;
        bool mailbox = strchr(text, '@') != NULL;
        hash->depths |= (uint64_t)1 << list_name_depth(mailbox, list_name_labels(text));
    }
}

void list_slot_of(struct list_slot *slot, const struct entry *entry)
{
    int64_t expires = entry->expires < UINT32_MAX ? entry->expires : UINT32_MAX;
    *slot = (struct list_slot){
        .expires = (uint32_t)(expires >= 0 ? expires : 1),
        .unproven = entry->unproven,
        .list = (uint8_t)(entry->list & 3),
        .action = (uint8_t)(entry->action & 3),
        .origin = (uint8_t)(entry->origin & 3),
    };
}

bool list_store_put(struct list_store *store, const struct entry *entry)
{
    struct list_key key;
    struct list_slot slot;
    if (!list_key_entry(&key, &store->seed, entry->kind, entry->key))
        return false;
    list_slot_of(&slot, entry);
    slot.name.text = mem_strdup(key.text);
    list_store_put_slot(store, &key, &slot);
    return true;
}

void list_store_merge(struct list_store *store, const struct list_store *from)
{
    for (unsigned p = 0; p < LIST_PLACES; p++) {
        const struct list_hash *hash = &from->place[p];
        for (size_t i = 0; i < hash->slots; i++) {
            struct list_slot slot = hash->slot[i];
            if (!slot.used)
                continue;
            struct list_key key = {.place = p};
            if (has_names(p)) {
                list_key_name(&key, &store->seed, list_place_kind(p), slot.name.text);
                slot.name.text = mem_strdup(slot.name.text);
            } else {
                memcpy(key.ip, slot.ip, sizeof key.ip);
                key.hash = hash_ip(&store->seed, p, key.ip);
            }
            list_store_put_slot(store, &key, &slot);
        }
    }
}

/* ---- removing -----------------------------------------------------------------------------------
 */

/* Empties the slot at `i`; what stands behind it in the run and may stand here moves up. */
static void take_out(struct list_store *store, unsigned place, size_t i)
{
    struct list_hash *hash = &store->place[place];
    size_t mask = hash->slots - 1;
    if (has_names(place))
        free(hash->slot[i].name.text);
    store->count[hash->slot[i].list][list_place_kind(place)]--;
    hash->count--;
    hash->stale++;
    for (size_t j = (i + 1) & mask; hash->slot[j].used; j = (j + 1) & mask) {
        size_t home = slot_hash(store, place, &hash->slot[j]) & mask;
        if (((j - home) & mask) < ((j - i) & mask))
            continue; /* its home lies behind the gap */
        hash->slot[i] = hash->slot[j];
        i = j;
    }
    hash->slot[i] = (struct list_slot){0};
}

unsigned list_store_remove(struct list_store *store, enum entry_list list,
                           const struct list_key *key)
{
    struct list_hash *hash = &store->place[key->place];
    unsigned removed = 0;
    if (hash->count == 0)
        return 0;
    size_t mask = hash->slots - 1;
    size_t i = key->hash & mask;
    while (hash->slot[i].used) {
        if (hash->slot[i].list == list && is_key(&hash->slot[i], key)) {
            take_out(store, key->place, i); /* another may stand here now */
            removed++;
        } else {
            i = (i + 1) & mask;
        }
    }
    return removed;
}

unsigned list_store_sweep(struct list_store *store, size_t slots, int64_t now)
{
    unsigned swept = 0;
    for (unsigned places = 0; slots > 0 && places <= LIST_PLACES;) {
        struct list_hash *hash = &store->place[store->swept_place];
        if (hash->count == 0 || store->swept_slot >= hash->slots) {
            store->swept_place = (store->swept_place + 1) % LIST_PLACES;
            store->swept_slot = 0;
            places++;
            continue;
        }
        const struct list_slot *slot = &hash->slot[store->swept_slot];
        if (slot->used && slot->expires != 0 && slot->expires <= now) {
            take_out(store, store->swept_place, store->swept_slot);
            swept++;
        } else {
            store->swept_slot++;
        }
        slots--;
    }
    return swept;
}
