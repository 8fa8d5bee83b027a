/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_HEALTH_H
#define POLICY_LIST_HEALTH_H
/*
 * The health of each DNS list, shared by all workers and kept over reloads: is its answer worth
 * anything now? Fed by look-ups and by the prober's canaries; any thread.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list_health;
struct list_zone;

struct list_health *list_health_new(void) __attribute__((warn_unused_result));
void list_health_free(struct list_health *health); /* NULL is fine */
/* The zone's record, made on first asking; lives as long as `health`. `shown`: its name for the
 * log (no query key); the last one given is used. */
struct list_zone *list_health_find(struct list_health *health, const char *zone, const char *shown);

/* When listings of known good clients make a zone sick: `share` percent of at least `least`
 * different ones (an IPv6 network /64 is one) in 10 minutes. By default 10 and 20. */
#define LIST_LEAST_MAX 128
void list_zone_trip(struct list_zone *zone, size_t share, size_t least);

enum zone_verdict {
    LIST_UNPROBED, /* its canaries have not been answered yet: abstain */
    LIST_WELL,
    LIST_SICK, /* abstain: list_zone_why() */
};
enum zone_verdict list_zone_verdict(struct list_zone *zone);
/* Why it is sick, a copy into `out`; "" if it is not. */
void list_zone_why(struct list_zone *zone, char *out, size_t size);

enum list_outcome { LIST_CLEAN, LIST_LISTED, LIST_TIMEOUT, LIST_ERROR };
/* What one client's look-up came to. `proven`: a known good client whose listing speaks against the
 * zone; no number of others can trip it. `now`: monotonic ms. A `ms`: how long the answer took,
 * where there was one; from a cache it takes none. A zone rests when it lists too many of them (for
 * 10 minutes), or when over half of at least 20 look-ups in 10 minutes had no answer or an error
 * for one (10 minutes, or until its canaries are well). Logs a change once. */
void list_zone_note(struct list_zone *zone, const struct addr *client, bool proven,
                    enum list_outcome outcome, uint32_t ms, uint64_t now);
/* What a probe came to: NULL: the canaries answered as they should; else why not, a clause. */
void list_zone_probed(struct list_zone *zone, const char *why, uint64_t now);
/* What `gatepostctl dns-lists` shows of it, a copy. */
struct list_zone_state {
    enum zone_verdict verdict;
    char why[192];    /* it is sick; "" */
    uint64_t asked;   /* look-ups since the start that came to an end: */
    uint64_t listed;  /* listed, */
    uint64_t timeout; /* without an answer, */
    uint64_t error;   /* with one that is an error; else not listed */
    /* Of the last 10 minutes: */
    uint64_t recent;       /* look-ups */
    uint64_t failed;       /* without a usable answer */
    uint32_t latency;      /* ms, the mean of those that took one or more; 0: none did */
    uint32_t latency_most; /* ms, the longest */
    bool probed;           /* its canaries have been answered, or were too late, last... */
    uint64_t probed_at;    /* ...then: monotonic ms */
};
void list_zone_state(struct list_zone *zone, uint64_t now, struct list_zone_state *out);
/* For zones whose canaries are off: well until look-ups say otherwise. */
void list_zone_assume_well(struct list_zone *zone);
/* To be called every minute: ends a rest that is over. Is it to be probed before its time: never
 * probed, sick, or a look-up has failed since the last probe? */
bool list_zone_due(struct list_zone *zone, uint64_t now);

#endif
