/* SPDX-License-Identifier: ISC */
/*
 * list_health: which DNS lists can be believed now.
 *
 * A zone is believed when its canaries were well at the last probe and it does not rest. Two things
 * make it rest: look-ups that fail, and listings of clients that are known to be good. Clients that
 * are not known count for neither share of the latter, so that a flood of truly listed ones never
 * turns the list off.
 *
 * Promises: the verdict is one atomic load; a note holds the zone's lock for a scan of at most 128
 * entries; nothing is logged under a lock. Memory is fixed per zone.
 * Limits: of more than 128 proven clients in 10 minutes the latest 128 are judged. Zones that left
 * the configuration keep their record (a few KiB) as long as the process lives.
 */
#include "policy/list_health.h"

#include "lib/hash.h"
#include "lib/log.h"
#include "lib/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define WINDOW_MS     (10 * 60 * 1000)
#define MINUTE_MS     (60 * 1000)
#define MINUTES       (WINDOW_MS / MINUTE_MS)
#define FAILURE_LEAST 20
#define SHARE_DEFAULT 10
#define LEAST_DEFAULT 20
#define CLIENTS_MOST  LIST_LEAST_MAX
#define TEXT_MAX      192

struct minute { /* look-ups of one minute */
    uint64_t number;
    uint32_t asked, failed;
    uint32_t timed, longest; /* answers that took a ms or more, and the longest of them in ms */
    uint64_t took;           /* all of them, ms */
};

struct client { /* a proven one */
    bool used, listed;
    uint64_t hash;
    uint64_t seen;      /* last */
    uint64_t listed_at; /* where `listed` */
};

enum rest { REST_NONE, REST_FAILURES, REST_LISTINGS };
enum probe { PROBE_NONE, PROBE_GOOD, PROBE_BAD };

struct list_zone {
    SLIST_ENTRY(list_zone) link;
    struct list_health *health;
    char *name;
    atomic_int verdict;   /* enum zone_verdict, derived from what follows */
    pthread_mutex_t lock; /* guards what follows */
    char *shown;
    enum probe probe;
    enum rest rest;
    uint64_t rest_until;
    bool doubtful; /* a look-up has failed since the last probe */
    bool told;     /* the log says that it is sick */
    char probe_why[TEXT_MAX], rest_why[TEXT_MAX];
    size_t share, least;
    uint64_t listed_until; /* from here on no client counts as listed */
    struct minute minute[MINUTES];
    uint64_t outcome[LIST_ERROR + 1]; /* since the start */
    bool probed;
    uint64_t probed_at;
    struct client client[CLIENTS_MOST];
};

struct list_health {
    struct hash_key key;
    pthread_mutex_t lock; /* guards zones */
    SLIST_HEAD(, list_zone) zones;
};

/* What is to be logged once the lock is given back. */
struct change {
    bool any, sick;
    char shown[TEXT_MAX], why[TEXT_MAX];
};

struct list_health *list_health_new(void)
{
    struct list_health *health = mem_alloc(sizeof *health);
    hash_key_new(&health->key);
    pthread_mutex_init(&health->lock, NULL);
    SLIST_INIT(&health->zones);
    return health;
}

static void zone_free(struct list_zone *zone)
{
    pthread_mutex_destroy(&zone->lock);
    free(zone->name);
    free(zone->shown);
    free(zone);
}

void list_health_free(struct list_health *health)
{
    if (health == NULL)
        return;
    while (!SLIST_EMPTY(&health->zones)) {
        struct list_zone *zone = SLIST_FIRST(&health->zones);
        SLIST_REMOVE_HEAD(&health->zones, link);
        zone_free(zone);
    }
    pthread_mutex_destroy(&health->lock);
    free(health);
}

static struct list_zone *zone_new(struct list_health *health, const char *name)
{
    struct list_zone *zone = mem_alloc(sizeof *zone);
    zone->health = health;
    zone->name = mem_strdup(name);
    zone->share = SHARE_DEFAULT;
    zone->least = LEAST_DEFAULT;
    atomic_init(&zone->verdict, LIST_UNPROBED);
    pthread_mutex_init(&zone->lock, NULL);
    SLIST_INSERT_HEAD(&health->zones, zone, link);
    return zone;
}

struct list_zone *list_health_find(struct list_health *health, const char *name, const char *shown)
{
    struct list_zone *zone;
    pthread_mutex_lock(&health->lock);
    SLIST_FOREACH(zone, &health->zones, link)
    if (strcmp(zone->name, name) == 0)
        break;
    if (zone == NULL)
        zone = zone_new(health, name);
    pthread_mutex_unlock(&health->lock);
    pthread_mutex_lock(&zone->lock);
    free(zone->shown);
    zone->shown = mem_strdup(shown);
    pthread_mutex_unlock(&zone->lock);
    return zone;
}

void list_zone_trip(struct list_zone *zone, size_t share, size_t least)
{
    pthread_mutex_lock(&zone->lock);
    zone->share = share;
    zone->least = least < LIST_LEAST_MAX ? least : LIST_LEAST_MAX;
    pthread_mutex_unlock(&zone->lock);
}

/* ---- the verdict -------------------------------------------------------------------------------
 */

enum zone_verdict list_zone_verdict(struct list_zone *zone)
{
    return (enum zone_verdict)atomic_load_explicit(&zone->verdict, memory_order_relaxed);
}

static const char *why_of(const struct list_zone *zone)
{
    if (zone->probe == PROBE_BAD)
        return zone->probe_why;
    return zone->rest != REST_NONE ? zone->rest_why : "";
}

void list_zone_why(struct list_zone *zone, char *out, size_t size)
{
    pthread_mutex_lock(&zone->lock);
    snprintf(out, size, "%s", why_of(zone));
    pthread_mutex_unlock(&zone->lock);
}

static enum zone_verdict derive(const struct list_zone *zone)
{
    if (zone->probe == PROBE_BAD || zone->rest != REST_NONE)
        return LIST_SICK;
    return zone->probe == PROBE_NONE ? LIST_UNPROBED : LIST_WELL;
}

/* Derives the verdict; under the lock. */
static void settle(struct list_zone *zone, struct change *change)
{
    enum zone_verdict verdict = derive(zone);
    bool sick = verdict == LIST_SICK;
    atomic_store_explicit(&zone->verdict, (int)verdict, memory_order_relaxed);
    if (sick == zone->told || verdict == LIST_UNPROBED)
        return;
    zone->told = sick;
    change->any = true;
    change->sick = sick;
    snprintf(change->shown, sizeof change->shown, "%s", zone->shown);
    snprintf(change->why, sizeof change->why, "%s", why_of(zone));
}

/* Gives the lock back and tells the log what has changed. */
static void finish(struct list_zone *zone, const struct change *change)
{
    struct log_line line;
    pthread_mutex_unlock(&zone->lock);
    if (!change->any)
        return;
    if (change->sick)
        log_begin(&line, LOG_LEVEL_WARNING, NULL, "list-sick");
    else
        log_begin(&line, LOG_LEVEL_INFO, NULL, "list-well");
    log_str(&line, "list", change->shown);
    if (change->sick)
        log_str(&line, "why", change->why);
    log_end(&line);
}

/* ---- look-ups ----------------------------------------------------------------------------------
 */

/* Workers' clocks differ a little: `then` may lie ahead of `now`. */
static bool is_past(uint64_t then, uint64_t now)
{
    return then + WINDOW_MS <= now;
}

static void begin_rest(struct list_zone *zone, enum rest rest, uint64_t now)
{
    zone->rest = rest;
    zone->rest_until = now + WINDOW_MS;
}

/* What led to it is forgotten, so that a new beginning has a chance. */
static void end_rest(struct list_zone *zone)
{
    if (zone->rest == REST_FAILURES)
        memset(zone->minute, 0, sizeof zone->minute);
    else if (zone->rest == REST_LISTINGS)
        memset(zone->client, 0, sizeof zone->client);
    zone->rest = REST_NONE;
}

static void count_failures(struct list_zone *zone, uint64_t now)
{
    uint64_t number = now / MINUTE_MS;
    uint64_t asked = 0;
    uint64_t failed = 0;
    for (size_t i = 0; i < MINUTES; i++) {
        if (zone->minute[i].number + MINUTES > number) {
            asked += zone->minute[i].asked;
            failed += zone->minute[i].failed;
        }
    }
    if (zone->rest != REST_NONE || asked < FAILURE_LEAST || failed * 2 <= asked)
        return;
    snprintf(zone->rest_why, sizeof zone->rest_why,
             "no usable answer to %llu of the last %llu look-ups", (unsigned long long)failed,
             (unsigned long long)asked);
    begin_rest(zone, REST_FAILURES, now);
}

static void note_time(struct minute *minute, uint32_t ms)
{
    if (ms == 0)
        return;
    minute->timed++;
    minute->took += ms;
    if (ms > minute->longest)
        minute->longest = ms;
}

static void note_lookup(struct list_zone *zone, bool failed, uint32_t ms, uint64_t now)
{
    uint64_t number = now / MINUTE_MS;
    struct minute *minute = &zone->minute[number % MINUTES];
    if (minute->number < number)
        *minute = (struct minute){.number = number};
    minute->asked++;
    note_time(minute, failed ? 0 : ms);
    if (failed) {
        minute->failed++;
        zone->doubtful = true;
        count_failures(zone, now);
    }
}

static uint64_t hash_client(const struct list_zone *zone, const struct addr *client)
{
    return hash_bytes(&zone->health->key, client->ip, client->family == AF_INET6 ? 8 : 4);
}

/* The client's entry, or the one that is given up for it. */
static struct client *client_slot(struct list_zone *zone, uint64_t hash)
{
    struct client *oldest = zone->client;
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        struct client *client = &zone->client[i];
        if (client->used && client->hash == hash)
            return client;
        if (!client->used || (oldest->used && client->seen < oldest->seen))
            oldest = client;
    }
    *oldest = (struct client){.used = true, .hash = hash};
    return oldest;
}

static void count_listed(struct list_zone *zone, uint64_t now)
{
    size_t known = 0;
    size_t listed = 0;
    if (now >= zone->listed_until)
        return; /* nearly always: the look through all of them is saved */
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        const struct client *client = &zone->client[i];
        if (!client->used || is_past(client->seen, now))
            continue;
        known++;
        listed += client->listed && !is_past(client->listed_at, now);
    }
    if (zone->rest != REST_NONE || known < zone->least || listed * 100 <= zone->share * known)
        return;
    snprintf(zone->rest_why, sizeof zone->rest_why, "it lists %zu of %zu clients known to be good",
             listed, known);
    begin_rest(zone, REST_LISTINGS, now);
}

static void note_proven(struct list_zone *zone, const struct addr *who, bool listed, uint64_t now)
{
    struct client *client = client_slot(zone, hash_client(zone, who));
    client->seen = now;
    if (listed) {
        client->listed = true;
        client->listed_at = now;
        if (zone->listed_until < now + WINDOW_MS)
            zone->listed_until = now + WINDOW_MS;
    }
    count_listed(zone, now);
}

void list_zone_note(struct list_zone *zone, const struct addr *client, bool proven,
                    enum list_outcome outcome, uint32_t ms, uint64_t now)
{
    struct change change = {0};
    bool failed = outcome == LIST_TIMEOUT || outcome == LIST_ERROR;
    pthread_mutex_lock(&zone->lock);
    note_lookup(zone, failed, ms, now);
    zone->outcome[outcome]++;
    if (proven && !failed)
        note_proven(zone, client, outcome == LIST_LISTED, now);
    settle(zone, &change);
    finish(zone, &change);
}

/* ---- probes ------------------------------------------------------------------------------------
 */

void list_zone_probed(struct list_zone *zone, const char *why, uint64_t now)
{
    struct change change = {0};
    pthread_mutex_lock(&zone->lock);
    zone->probe = why == NULL ? PROBE_GOOD : PROBE_BAD;
    zone->probed = true;
    zone->probed_at = now;
    zone->doubtful = false;
    if (why != NULL)
        snprintf(zone->probe_why, sizeof zone->probe_why, "%s", why);
    if (zone->rest != REST_NONE &&
        (now >= zone->rest_until || (why == NULL && zone->rest == REST_FAILURES)))
        end_rest(zone);
    settle(zone, &change);
    finish(zone, &change);
}

void list_zone_assume_well(struct list_zone *zone)
{
    struct change change = {0};
    pthread_mutex_lock(&zone->lock);
    zone->probe = PROBE_GOOD;
    zone->doubtful = false;
    settle(zone, &change);
    finish(zone, &change);
}

bool list_zone_due(struct list_zone *zone, uint64_t now)
{
    struct change change = {0};
    pthread_mutex_lock(&zone->lock);
    if (zone->rest != REST_NONE && now >= zone->rest_until)
        end_rest(zone);
    settle(zone, &change);
    bool due = zone->doubtful || derive(zone) != LIST_WELL;
    finish(zone, &change);
    return due;
}

/* ---- for administrators ------------------------------------------------------------------------
 */

static void sum_minutes(const struct list_zone *zone, uint64_t now, struct list_zone_state *out)
{
    uint64_t took = 0;
    uint64_t timed = 0;
    for (size_t i = 0; i < MINUTES; i++) {
        const struct minute *minute = &zone->minute[i];
        if (minute->number + MINUTES <= now / MINUTE_MS)
            continue;
        out->recent += minute->asked;
        out->failed += minute->failed;
        timed += minute->timed;
        took += minute->took;
        if (minute->longest > out->latency_most)
            out->latency_most = minute->longest;
    }
    out->latency = timed > 0 ? (uint32_t)(took / timed) : 0;
}

void list_zone_state(struct list_zone *zone, uint64_t now, struct list_zone_state *out)
{
    *out = (struct list_zone_state){.verdict = list_zone_verdict(zone)};
    pthread_mutex_lock(&zone->lock);
    snprintf(out->why, sizeof out->why, "%s", why_of(zone));
    for (size_t i = 0; i <= LIST_ERROR; i++)
        out->asked += zone->outcome[i];
    out->listed = zone->outcome[LIST_LISTED];
    out->timeout = zone->outcome[LIST_TIMEOUT];
    out->error = zone->outcome[LIST_ERROR];
    out->probed = zone->probed;
    out->probed_at = zone->probed_at;
    sum_minutes(zone, now, out);
    pthread_mutex_unlock(&zone->lock);
}
