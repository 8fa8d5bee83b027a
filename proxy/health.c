/* SPDX-License-Identifier: ISC */
/*
 * health: what is known of each backend address.
 *
 * One record an address, kept over reloads, so that a new configuration knows at once what the old
 * one had learned. Failures are counted in atomics, the EHLO behind a lock held for one copy.
 * Limits: HEALTH_MAX records; they are never dropped while the process lives.
 */
#include "proxy/health.h"

#include "lib/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

#define HEALTH_MAX      1024
#define REST_FIRST_MS   1000ULL
#define REST_LONGEST_MS 60000

struct health {
    SLIST_ENTRY(health) link;
    struct addr address;
    _Atomic unsigned failures; /* in a row */
    _Atomic uint64_t rest_until;
    pthread_mutex_t lock; /* guards offer, known */
    struct capability offer;
    bool known;
};

struct health_table {
    pthread_mutex_t lock; /* guards list, count */
    SLIST_HEAD(, health) list;
    size_t count;
};

struct health_table *health_table_new(void)
{
    struct health_table *table = mem_alloc(sizeof *table);
    pthread_mutex_init(&table->lock, NULL);
    SLIST_INIT(&table->list);
    return table;
}

void health_table_free(struct health_table *table)
{
    if (table == NULL)
        return;
    struct health *health;
    while ((health = SLIST_FIRST(&table->list)) != NULL) {
        SLIST_REMOVE_HEAD(&table->list, link);
        pthread_mutex_destroy(&health->lock);
        free(health);
    }
    pthread_mutex_destroy(&table->lock);
    free(table);
}

static struct health *add(struct health_table *table, const struct addr *address)
{
    if (table->count >= HEALTH_MAX)
        return NULL;
    struct health *health = mem_alloc(sizeof *health);
    health->address = *address;
    pthread_mutex_init(&health->lock, NULL);
    SLIST_INSERT_HEAD(&table->list, health, link);
    table->count++;
    return health;
}

struct health *health_find(struct health_table *table, const struct addr *address)
{
    struct health *health;
    pthread_mutex_lock(&table->lock);
    SLIST_FOREACH(health, &table->list, link)
    {
        if (health->address.port == address->port && addr_same_ip(&health->address, address))
            break;
    }
    if (health == NULL)
        health = add(table, address);
    pthread_mutex_unlock(&table->lock);
    return health;
}

bool health_usable(const struct health *health, uint64_t now)
{
    return atomic_load(&health->rest_until) <= now;
}

void health_good(struct health *health)
{
    if (atomic_load(&health->failures) == 0)
        return; /* the common case writes nothing that workers share */
    atomic_store(&health->failures, 0);
    atomic_store(&health->rest_until, 0);
}

void health_bad(struct health *health, uint64_t now)
{
    unsigned failures = atomic_fetch_add(&health->failures, 1);
    uint64_t rest = (uint64_t)REST_FIRST_MS << (failures < 6 ? failures : 6);
    atomic_store(&health->rest_until, now + (rest < REST_LONGEST_MS ? rest : REST_LONGEST_MS));
}

void health_learn(struct health *health, const struct capability *offer)
{
    pthread_mutex_lock(&health->lock);
    health->offer = *offer;
    health->known = true;
    pthread_mutex_unlock(&health->lock);
}

bool health_offer(const struct health *health, struct capability *out)
{
    struct health *record = (struct health *)health; /* only its lock is written */
    pthread_mutex_lock(&record->lock);
    bool known = record->known;
    if (known)
        *out = record->offer;
    pthread_mutex_unlock(&record->lock);
    return known;
}
