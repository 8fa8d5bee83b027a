/* SPDX-License-Identifier: ISC */
/*
 * list_page: a walk over all entries in memory, for whoever writes them down again.
 *
 * Promises: a part is taken while others look up, under the lock of those who change: LOOKED slots
 * at most. Where slots have moved between two parts (a table grew, something was taken out) the
 * place that was walked is begun anew, AGAIN times at most.
 */
#include "policy/list_table_int.h"

#include <string.h>

#define LOOKED 8192
#define AGAIN  16

size_t list_table_live(struct list_table *table)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&table->lock);
    for (unsigned list = 0; list < 3; list++)
        for (unsigned kind = 0; kind < ENTRY_KINDS; kind++)
            count += table->live->count[list][kind];
    pthread_rwlock_unlock(&table->lock);
    return count;
}

uint64_t list_table_removals(struct list_table *table)
{
    pthread_mutex_lock(&table->writer);
    uint64_t removals = table->removals;
    pthread_mutex_unlock(&table->writer);
    return removals;
}

bool list_table_holds(struct list_table *table, const struct entry *entry)
{
    struct list_key key;
    const struct list_slot *slot;
    size_t at = 0;
    bool holds = false;
    if (!list_key_entry(&key, &table->seed, entry->kind, entry->key))
        return false;
    pthread_rwlock_rdlock(&table->lock);
    while (!holds && (slot = list_store_next(table->live, &key, &at)) != NULL)
        holds = slot->list == entry->list && slot->origin == entry->origin;
    pthread_rwlock_unlock(&table->lock);
    return holds;
}

static void add(struct list_page *page, unsigned place, const struct list_slot *slot)
{
    char *text = page->key[page->count];
    struct list_key key = {.place = place};
    if (list_place_kind(place) != ENTRY_CLIENT)
        key.text = slot->name.text;
    else
        memcpy(key.ip, slot->ip, sizeof key.ip);
    list_key_text(&key, text);
    page->entry[page->count++] = (struct entry){.list = (enum entry_list)slot->list,
                                                .kind = list_place_kind(place),
                                                .action = (enum entry_action)slot->action,
                                                .origin = (enum entry_origin)slot->origin,
                                                .unproven = slot->unproven,
                                                .key = text,
                                                .reason = "",
                                                .author = "",
                                                .expires = slot->expires};
}

/* Is the slot still the one that the last part ended before? */
static void settle(const struct list_table *table, struct list_cursor *cursor)
{
    const struct list_hash *hash = &table->live->place[cursor->place];
    bool same = cursor->slots == hash->slots && cursor->moved == table->moved;
    if (!same && cursor->slot > 0 && cursor->again < AGAIN) {
        cursor->again++;
        cursor->slot = 0;
    }
    cursor->slots = hash->slots;
    cursor->moved = table->moved;
}

void list_table_page(struct list_table *table, struct list_cursor *cursor, int64_t now,
                     struct list_page *page)
{
    page->count = 0;
    pthread_mutex_lock(&table->writer);
    if (!cursor->ended)
        settle(table, cursor);
    for (unsigned looked = 0; !cursor->ended && looked < LOOKED && page->count < LIST_PAGE_MOST;) {
        const struct list_hash *hash = &table->live->place[cursor->place];
        if (hash->count == 0 || cursor->slot >= hash->slots) {
            cursor->place++;
            cursor->slot = 0;
            cursor->ended = cursor->place == LIST_PLACES;
            continue;
        }
        const struct list_slot *slot = &hash->slot[cursor->slot++];
        if (slot->used && (slot->expires == 0 || slot->expires > now))
            add(page, cursor->place, slot);
        looked++;
    }
    if (!cursor->ended)
        cursor->slots = table->live->place[cursor->place].slots;
    pthread_mutex_unlock(&table->writer);
}
