/* SPDX-License-Identifier: ISC */
/*
 * list_table: the entries in memory and the lock around them.
 *
 * Promises: look-ups never wait longer than for a slice of SLICE entries going in, however many are
 * put in at once: tables grow beside those who read, and the entries of files are built aside and
 * swapped. Who changes something holds `writer` throughout, so may read without `lock`. The lock
 * prefers those who write, or a steady stream of look-ups would keep changes out for ever.
 *
 * Limits: an expired entry is passed over by look-ups, and its memory comes back by
 * list_table_sweep.
 */
#include "policy/list_table_int.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SLICE 64   /* entries that go in under one lock: some microseconds */
#define SWEPT 4096 /* slots a sweep looks at */

struct list_table *list_table_new(void)
{
    struct list_table *table = mem_alloc(sizeof *table);
    pthread_rwlockattr_t prefer;
    pthread_rwlockattr_init(&prefer);
    pthread_rwlockattr_setkind_np(&prefer, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&table->lock, &prefer);
    pthread_rwlockattr_destroy(&prefer);
    pthread_mutex_init(&table->writer, NULL);
    hash_key_new(&table->seed);
    table->live = list_store_new(&table->seed);
    table->files = list_store_new(&table->seed);
    return table;
}

void list_table_free(struct list_table *table)
{
    if (table == NULL)
        return;
    list_store_free(table->live);
    list_store_free(table->files);
    pthread_rwlock_destroy(&table->lock);
    pthread_mutex_destroy(&table->writer);
    free(table);
}

/* ---- changes ------------------------------------------------------------------------------------
 */

/* One entry on its way in. */
struct record {
    struct list_key key;
    struct list_slot slot;
};

static size_t make_records(const struct list_table *table, const struct entry *entry, size_t count,
                           struct record record[static SLICE])
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        struct record *r = &record[made];
        if (!list_key_entry(&r->key, &table->seed, entry[i].kind, entry[i].key))
            continue;
        list_slot_of(&r->slot, &entry[i]);
        r->slot.name.text = mem_strdup(r->key.text);
        made++;
    }
    return made;
}

/* Room for a slice, made beside those who read. */
static void make_room(struct list_table *table, unsigned place)
{
    struct list_hash bigger;
    if (!list_hash_grow(table->live, place, SLICE, &bigger))
        return;
    pthread_rwlock_wrlock(&table->lock);
    struct list_hash old = table->live->place[place];
    table->live->place[place] = bigger;
    pthread_rwlock_unlock(&table->lock);
    list_hash_free(&old);
}

void list_table_put_all(struct list_table *table, const struct entry *entry, size_t count)
{
    struct record record[SLICE];
    pthread_mutex_lock(&table->writer);
    while (count > 0) {
        size_t slice = count < SLICE ? count : SLICE;
        size_t made = make_records(table, entry, slice, record);
        for (size_t i = 0; i < made; i++)
            make_room(table, record[i].key.place);
        pthread_rwlock_wrlock(&table->lock);
        for (size_t i = 0; i < made; i++)
            list_store_put_slot(table->live, &record[i].key, &record[i].slot);
        pthread_rwlock_unlock(&table->lock);
        entry += slice;
        count -= slice;
    }
    pthread_mutex_unlock(&table->writer);
}

void list_table_put(struct list_table *table, const struct entry *entry)
{
    list_table_put_all(table, entry, 1);
}

unsigned list_table_remove(struct list_table *table, enum entry_list list, enum entry_kind kind,
                           const char *text)
{
    struct list_key key;
    if (!list_key_entry(&key, &table->seed, kind, text))
        return 0;
    pthread_mutex_lock(&table->writer);
    pthread_rwlock_wrlock(&table->lock);
    unsigned removed = list_store_remove(table->live, list, &key);
    pthread_rwlock_unlock(&table->lock);
    table->removals++;
    table->moved += removed > 0;
    pthread_mutex_unlock(&table->writer);
    return removed;
}

void list_table_sweep(struct list_table *table, int64_t now)
{
    pthread_mutex_lock(&table->writer);
    pthread_rwlock_wrlock(&table->lock);
    unsigned swept = list_store_sweep(table->live, SWEPT, now);
    pthread_rwlock_unlock(&table->lock);
    table->moved += swept > 0;
    pthread_mutex_unlock(&table->writer);
}

/* ---- files --------------------------------------------------------------------------------------
 */

struct list_store *list_table_aside(const struct list_table *table)
{
    return list_store_new(&table->seed);
}

void list_table_use_files(struct list_table *table, struct list_store *files)
{
    pthread_mutex_lock(&table->writer);
    pthread_rwlock_wrlock(&table->lock);
    struct list_store *old = table->files;
    table->files = files;
    pthread_rwlock_unlock(&table->lock);
    pthread_mutex_unlock(&table->writer);
    list_store_free(old); /* nobody reads it any more */
}

void list_table_set_files(struct list_table *table, const struct entry *entry, size_t count)
{
    struct list_store *files = list_table_aside(table);
    for (size_t i = 0; i < count; i++)
        list_store_put(files, &entry[i]);
    list_table_use_files(table, files);
}

/* ---- what there is ------------------------------------------------------------------------------
 */

void list_table_count(struct list_table *table, size_t count[3])
{
    pthread_rwlock_rdlock(&table->lock);
    for (unsigned list = 0; list < 3; list++) {
        count[list] = 0;
        for (unsigned kind = 0; kind < ENTRY_KINDS; kind++)
            count[list] += table->live->count[list][kind] + table->files->count[list][kind];
    }
    pthread_rwlock_unlock(&table->lock);
}

bool list_table_has(const struct list_table *table, enum entry_kind kind)
{
    for (unsigned list = 0; list < 3; list++)
        if (table->live->count[list][kind] + table->files->count[list][kind] > 0)
            return true;
    return false;
}

bool list_may_allow(struct list_table *table)
{
    size_t count = 0;
    pthread_rwlock_rdlock(&table->lock);
    for (unsigned kind = ENTRY_HELO; kind < ENTRY_KINDS; kind++)
        count += table->live->count[ENTRY_ALLOW][kind] + table->files->count[ENTRY_ALLOW][kind];
    pthread_rwlock_unlock(&table->lock);
    return count > 0;
}

/* ---- walks --------------------------------------------------------------------------------------
 */

void list_walk_net(struct list_walk *walk, const struct list_table *table, const struct addr *net,
                   unsigned bits)
{
    *walk = (struct list_walk){.table = table, .kind = ENTRY_CLIENT, .family = net->family};
    memcpy(walk->ip, net->ip, sizeof walk->ip);
    walk->bits = net->family != AF_UNSPEC ? (int)bits : -1;
}

void list_walk_name(struct list_walk *walk, const struct list_table *table, enum entry_kind kind,
                    const char *text)
{
    unsigned place = list_place_name(kind);
    *walk = (struct list_walk){.table = table, .kind = kind, .text = text, .bits = -1};
    walk->labels = list_name_labels(text);
    walk->mailbox = strchr(text, '@') != NULL;
    walk->depths = table->live->place[place].depths | table->files->place[place].depths;
}

static bool next_net(struct list_walk *walk, struct list_key *key)
{
    const struct list_table *table = walk->table;
    while (walk->bits >= 0) {
        unsigned bits = (unsigned)walk->bits--;
        unsigned place = list_place_net(walk->family, bits);
        if (table->live->place[place].count + table->files->place[place].count == 0)
            continue;
        list_key_net(key, &table->seed, walk->family, walk->ip, bits);
        return true;
    }
    return false;
}

/* To the name above, or the domain of an address. */
static void walk_up(struct list_walk *walk)
{
    const char *at = strrchr(walk->text, '@');
    const char *dot = NULL;
    if (at == NULL && walk->text[0] != '[')
        dot = strchr(walk->text, '.');
    walk->labels -= dot != NULL ? 1 : 0;
    walk->mailbox = false;
    walk->text = at != NULL ? at + 1 : dot != NULL ? dot + 1 : NULL;
}

bool list_walk_next(struct list_walk *walk, struct list_key *key)
{
    if (walk->kind == ENTRY_CLIENT)
        return next_net(walk, key);
    while (walk->text != NULL &&
           (walk->depths >> list_name_depth(walk->mailbox, walk->labels) & 1) == 0)
        walk_up(walk);
    if (walk->text == NULL || *walk->text == '\0')
        return false;
    list_key_name(key, &walk->table->seed, walk->kind, walk->text);
    walk_up(walk);
    return true;
}

void list_table_covering(struct list_table *table, enum entry_kind kind, const char *text,
                         list_entry_fn fn, void *arg)
{
    struct list_walk walk;
    struct list_key key;
    struct cidr net;
    const char *why;
    char out[ENTRY_KEY_MOST];
    if (kind == ENTRY_CLIENT && !cidr_parse(text, &net, &why))
        return;
    pthread_rwlock_rdlock(&table->lock);
    if (kind == ENTRY_CLIENT)
        list_walk_net(&walk, table, &net.net, net.bits);
    else
        list_walk_name(&walk, table, kind, text);
    while (list_walk_next(&walk, &key)) {
        const struct list_store *const store[] = {table->live, table->files};
        const struct list_slot *slot;
        list_key_text(&key, out);
        for (size_t i = 0, at = 0; i < 2; i++, at = 0) {
            while ((slot = list_store_next(store[i], &key, &at)) != NULL) {
                struct entry entry = {
                    slot->list, kind, slot->action, slot->origin, slot->unproven, out, "",
                    "",         0,    slot->expires};
                fn(&entry, arg);
            }
        }
    }
    pthread_rwlock_unlock(&table->lock);
}
