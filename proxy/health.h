/* SPDX-License-Identifier: ISC */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H
/* What is known of each backend address: does it answer, what does its EHLO offer, is it ourselves.
 * Shared by all workers; any thread may call anything here but new and free. */

#include "lib/addr.h"
#include "proxy/capability.h"

#include <stdbool.h>
#include <stdint.h>

struct health_table;
struct health;

struct health_table *health_table_new(void) __attribute__((warn_unused_result));
void health_table_free(struct health_table *table);
/* The record of `address`, made at the first call; valid until the table goes. NULL once the table
 * is full (HEALTH_MAX addresses; only `original` destinations can be that many). */
struct health *health_find(struct health_table *table, const struct addr *address);

/* False while the address rests after failures; `now` in monotonic milliseconds. */
bool health_usable(const struct health *health, uint64_t now);
/* It answered. */
void health_good(struct health *health);
/* It did not: it rests 1 s, then twice as long each time, at most a minute. */
void health_bad(struct health *health, uint64_t now);
/* Its EHLO, as last heard. */
void health_learn(struct health *health, const struct capability *offer);
/* False: it was never heard. */
bool health_offer(const struct health *health, struct capability *out);

#endif
