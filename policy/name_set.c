/* SPDX-License-Identifier: ISC */
/*
 * name_set: a set of names, kept as one run of text and one table of places in it.
 *
 * Open addressing, never more than half full; each slot has 32 bits of the name's hash and its
 * place, so a look-up compares text only where these agree. The hash is SipHash-1-3 with a key of
 * the kernel's, since the names that are looked up come from peers.
 *
 * Limits: names up to NAME_MAX_LEN octets, 4 GiB of text.
 */
#include "policy/name_set.h"

#include "lib/mem.h"
#include "lib/random.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 512
#define SLOTS_MIN    16

struct slot {
    uint32_t hash;
    uint32_t place; /* in `text`, 0: free */
};

struct name_set {
    uint64_t key[2];
    struct slot *slot;
    size_t slots; /* a power of two */
    size_t count;
    char *text; /* names, each behind two octets of its length; the first octet is not used */
    size_t text_len;
    size_t text_cap;
};

struct name_set *name_set_new(void)
{
    struct name_set *set = mem_alloc(sizeof *set);
    random_bytes(set->key, sizeof set->key);
    set->slots = SLOTS_MIN;
    set->slot = mem_alloc(set->slots * sizeof *set->slot);
    set->text_len = set->text_cap = 1;
    set->text = mem_alloc(set->text_cap);
    return set;
}

void name_set_free(struct name_set *set)
{
    if (set == NULL)
        return;
    free(set->slot);
    free(set->text);
    free(set);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint32_t hash(const struct name_set *set, const char *name, size_t len)
{
    uint64_t v[4] = {
        set->key[0] ^ 0x736f6d6570736575U,
        set->key[1] ^ 0x646f72616e646f6dU,
        set->key[0] ^ 0x6c7967656e657261U,
        set->key[1] ^ 0x7465646279746573U,
    };
    size_t i = 0;
    uint64_t word;
    for (; len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, name + i, sizeof word);
        sip_word(v, word);
    }
    word = 0;
    memcpy(&word, name + i, len - i);
    sip_word(v, word ^ (uint64_t)len << 56);
    v[2] ^= 0xff;
    for (unsigned k = 0; k < 3; k++)
        sip_round(v);
    uint64_t h = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(h ^ h >> 32);
}

static bool is_name(const struct name_set *set, uint32_t place, const char *name, size_t len)
{
    const unsigned char *at = (const unsigned char *)set->text + place;
    return (size_t)(at[0] << 8 | at[1]) == len && memcmp(at + 2, name, len) == 0;
}

/* The slot the name is in, or the free one where it would be. */
static struct slot *find(const struct name_set *set, uint32_t h, const char *name, size_t len)
{
    size_t mask = set->slots - 1;
    for (size_t i = h & mask;; i = (i + 1) & mask) {
        struct slot *slot = &set->slot[i];
        if (slot->place == 0 || (slot->hash == h && is_name(set, slot->place, name, len)))
            return slot;
    }
}

static void double_slots(struct name_set *set)
{
    struct slot *old = set->slot;
    size_t slots = set->slots;
    set->slots *= 2;
    set->slot = mem_alloc(set->slots * sizeof *set->slot);
    size_t mask = set->slots - 1;
    for (size_t k = 0; k < slots; k++) {
        size_t i = old[k].hash & mask;
        while (old[k].place != 0 && set->slot[i].place != 0)
            i = (i + 1) & mask;
        if (old[k].place != 0)
            set->slot[i] = old[k];
    }
    free(old);
}

bool name_set_add(struct name_set *set, const char *name, size_t len)
{
    if (len > NAME_MAX_LEN || set->text_len + len + 2 > UINT32_MAX)
        return false;
    uint32_t h = hash(set, name, len);
    if (find(set, h, name, len)->place != 0)
        return true;
    if ((set->count + 1) * 2 > set->slots)
        double_slots(set);
    if (set->text_cap - set->text_len < len + 2) {
        set->text_cap = set->text_cap + set->text_cap / 2 + len + 2;
        set->text = mem_grow(set->text, set->text_cap, 1);
    }
    char *at = set->text + set->text_len;
    at[0] = (char)(len >> 8);
    at[1] = (char)(len & 0xff);
    memcpy(at + 2, name, len);
    *find(set, h, name, len) = (struct slot){.hash = h, .place = (uint32_t)set->text_len};
    set->text_len += len + 2;
    set->count++;
    return true;
}

bool name_set_has(const struct name_set *set, const char *name, size_t len)
{
    return set->count > 0 && find(set, hash(set, name, len), name, len)->place != 0;
}
