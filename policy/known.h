/* SPDX-License-Identifier: ISC */
#ifndef POLICY_KNOWN_H
#define POLICY_KNOWN_H
/*
 * Known good clients: an identity is proven once the backend took mail of it in 2 distinct hours.
 * An identity is a text: an address ("192.0.2.1"), an organisational domain or a network
 * (policy/identity.h). In memory, bounded; any thread. Times are seconds since the epoch, so that a
 * proof outlives a restart: each change is told to the store, and read back from there.
 *
 * A text that is NULL, "" or longer than 255 octets is no identity.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity_item; /* db/store.h */
struct known;
struct store;

#define KNOWN_LIFETIME ((uint32_t)36 * 24 * 3600) /* usual seconds of a proof */

/* At most `octets` in all, some 52 an identity; little while idle. */
struct known *known_new(size_t octets) __attribute__((warn_unused_result));
void known_free(struct known *known); /* NULL is fine */

/* The backend took a message of one who has these identities. `lifetime`: seconds from the last
 * message to the end of a proof. `store` (NULL: none) is told where a record changed its state or
 * its hour. */
void known_delivered(struct known *known, const char *const *text, size_t count, uint32_t lifetime,
                     int64_t now, struct store *store);
/* Is it proven? */
bool known_proven(struct known *known, const char *text, uint32_t lifetime, int64_t now);
/* What the store has, at the start and after it was down; what is known of these already stays,
 * but gains a proof, or an earlier first hour, that had not ended when they delivered. */
void known_load(struct known *known, const struct identity_item *item, size_t count);

#endif
