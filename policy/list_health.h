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
void list_health_free(struct list_health *health);
/* The zone's record, made on first asking; lives as long as `health`. `shown`: its name for the
 * log (no query key). */
struct list_zone *list_health_find(struct list_health *health, const char *zone, const char *shown);

enum list_verdict {
    LIST_UNPROBED, /* its canaries have not been answered yet: abstain */
    LIST_WELL,
    LIST_SICK, /* abstain: list_zone_why() */
};
enum list_verdict list_zone_verdict(struct list_zone *zone);
/* Why it is sick, a copy into `out`. */
void list_zone_why(struct list_zone *zone, char *out, size_t size);

enum list_outcome { LIST_CLEAN, LIST_LISTED, LIST_TIMEOUT, LIST_ERROR };
/* What one client's look-up came to. `proven`: a known good client (only those can trip it). `now`:
 * monotonic ms. `share`: listed proven clients, hundredths, that trip it (default 10 %), of at
 * least `least` (20) in 10 minutes; timeouts: over half of at least 20. Logs a change once. */
void list_zone_note(struct list_zone *zone, const struct addr *client, bool proven,
                    enum list_outcome outcome, uint64_t now);
/* What a probe came to: NULL: both canaries answered as they should; else why not, a clause. A zone
 * comes back by itself at the next good probe, or when its window has passed. */
void list_zone_probed(struct list_zone *zone, const char *why, uint64_t now);
/* For zones whose canaries are off: well until look-ups say otherwise. */
void list_zone_assume_well(struct list_zone *zone);

#endif
