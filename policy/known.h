/* SPDX-License-Identifier: ISC */
#ifndef POLICY_KNOWN_H
#define POLICY_KNOWN_H
/*
 * Known good clients: an identity (an address, or a forward-confirmed reverse name) is proven once
 * the backend took mail of it in 2 distinct hours. In memory, bounded; any thread.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;

struct known *known_new(size_t octets) __attribute__((warn_unused_result));
void known_free(struct known *known);

/* The backend took a message. `now`: monotonic milliseconds. `reverse_name`: confirmed, or NULL or
 * "". */
void known_delivered(struct known *known, const struct addr *client, const char *reverse_name,
                     uint64_t now);
/* Is either identity proven? A proof ends 36 days after the last message. */
bool known_proven(struct known *known, const struct addr *client, const char *reverse_name,
                  uint64_t now);

#endif
