/* SPDX-License-Identifier: ISC */
/*
 * known: who has sent mail that the backend accepted, in two distinct hours.
 *
 * Each identity is proven by itself, so the hosts of one domain prove it together, and a client
 * keeps its proof where it changes its address or its name. Texts compare in lower case without a
 * trailing dot.
 *
 * Promises: bounded memory, and only deliveries take any of it, so strangers evict nobody; those
 * proven are evicted last. Hours are those of UTC: two messages a minute apart may lie in two of
 * them. A clock that was ahead for a while proves nobody for longer than a lifetime.
 */
#include "policy/known.h"

#include "db/store.h"
#include "lib/mem.h"
#include "policy/peer_table.h"

#include <stdlib.h>
#include <string.h>

#define HOUR      3600
#define DAY       (24 * HOUR)
#define TEXT_MOST 255

struct identity {
    int64_t last;   /* delivery */
    uint32_t hour;  /* of the first */
    uint32_t state; /* enum standing */
};

enum standing { STANDING_NEW, STANDING_SEEN, STANDING_PROVEN };

struct known {
    struct peer_table *identities;
};

struct key {
    char text[TEXT_MOST + 1];
    size_t len; /* 0: no identity */
};

static bool is_proven(const void *record)
{
    return ((const struct identity *)record)->state == STANDING_PROVEN;
}

struct known *known_new(size_t octets)
{
    struct known *known = mem_alloc(sizeof *known);
    known->identities = peer_table_new(sizeof(struct identity), octets, is_proven);
    return known;
}

void known_free(struct known *known)
{
    if (known == NULL)
        return;
    peer_table_free(known->identities);
    free(known);
}

static void make_key(struct key *key, const char *text)
{
    size_t len = text != NULL ? strnlen(text, TEXT_MOST + 2) : 0;
    if (len > 0 && text[len - 1] == '.')
        len--;
    key->len = len <= TEXT_MOST ? len : 0;
    for (size_t i = 0; i < key->len; i++)
        key->text[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i]);
    key->text[key->len] = '\0';
}

/* Its last delivery is too long ago, or in a future that has been taken back. */
static bool stale(const struct identity *identity, uint32_t lifetime, int64_t now)
{
    return now - identity->last >= lifetime || identity->last - now >= lifetime;
}

static uint32_t hour_of(int64_t now)
{
    return (uint32_t)(now / HOUR);
}

/* True: the store wants to hear of it. */
static bool deliver(struct identity *identity, uint32_t lifetime, int64_t now)
{
    struct identity was = *identity;
    if (identity->state == STANDING_NEW || stale(identity, lifetime, now))
        *identity = (struct identity){.last = now, .hour = hour_of(now), .state = STANDING_SEEN};
    else if (hour_of(now) > identity->hour)
        identity->state = STANDING_PROVEN;
    /* Another thread's clock may be ahead of ours, and the system's may have been. */
    if (now > identity->last || identity->last - now > DAY)
        identity->last = now;
    return identity->state != was.state || identity->hour != was.hour ||
           hour_of(identity->last) != hour_of(was.last);
}

static void tell(struct store *store, const struct key *key, const struct identity *identity,
                 int64_t now)
{
    const struct identity_item item = {.text = key->text,
                                       .first = (int64_t)identity->hour * HOUR,
                                       .last = identity->last,
                                       .proven = is_proven(identity)};
    const struct store_question question = {
        .op = STORE_IDENTITY_PUT, .now = now, .put = {.count = 1, .identity = &item}};
    if (store != NULL)
        store_tell(store, &question);
}

void known_delivered(struct known *known, const char *const *text, size_t count, uint32_t lifetime,
                     int64_t now, struct store *store)
{
    struct key key;
    for (size_t i = 0; i < count; i++) {
        make_key(&key, text[i]);
        if (key.len == 0)
            continue;
        struct identity *identity = peer_table_get(known->identities, key.text, key.len, true);
        bool changed = deliver(identity, lifetime, now);
        struct identity copy = *identity;
        peer_table_release(known->identities, identity);
        if (changed)
            tell(store, &key, &copy, now);
    }
}

bool known_proven(struct known *known, const char *text, uint32_t lifetime, int64_t now)
{
    struct key key;
    make_key(&key, text);
    if (key.len == 0)
        return false;
    struct identity *identity = peer_table_get(known->identities, key.text, key.len, false);
    if (identity == NULL)
        return false;
    bool is = is_proven(identity) && !stale(identity, lifetime, now);
    peer_table_release(known->identities, identity);
    return is;
}

/* What the store has of one that may have delivered since: it was down meanwhile, or is read late.
 * What had ended by then counts no more. */
static void add(struct identity *identity, const struct identity *stored)
{
    if (identity->state == STANDING_NEW) {
        *identity = *stored;
        return;
    }
    if (stale(stored, KNOWN_LIFETIME, identity->last))
        return;
    if (stored->hour < identity->hour)
        identity->hour = stored->hour;
    if (stored->state > identity->state)
        identity->state = stored->state;
    if (stored->last > identity->last)
        identity->last = stored->last;
}

void known_load(struct known *known, const struct identity_item *item, size_t count)
{
    struct key key;
    for (size_t i = 0; i < count; i++) {
        make_key(&key, item[i].text);
        if (key.len == 0 || item[i].first < 0 || item[i].last < 0)
            continue;
        struct identity *identity = peer_table_get(known->identities, key.text, key.len, true);
        add(identity,
            &(struct identity){.last = item[i].last,
                               .hour = hour_of(item[i].first),
                               .state = item[i].proven ? STANDING_PROVEN : STANDING_SEEN});
        peer_table_release(known->identities, identity);
    }
}
