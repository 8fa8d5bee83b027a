/* SPDX-License-Identifier: ISC */
#ifndef POLICY_KNOWN_H
#define POLICY_KNOWN_H
/*
 * Known good clients: an identity (an address, or a forward-confirmed reverse name) is proven once
 * the backend took mail of it in 2 distinct hours. In memory, bounded; any thread. An address that
 * is AF_UNSPEC and a name that is NULL, "" or longer than 255 octets are no identities.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;

/* At most `octets` in all, some 52 an identity; little while idle. */
struct known *known_new(size_t octets) __attribute__((warn_unused_result));
void known_free(struct known *known); /* NULL is fine */

/* The backend took a message. `now`: monotonic milliseconds; threads need not agree exactly.
 * `reverse_name`: confirmed, or NULL or "". */
void known_delivered(struct known *known, const struct addr *client, const char *reverse_name,
                     uint64_t now);
/* Is either identity proven? A proof ends 36 days after the last message. */
bool known_proven(struct known *known, const struct addr *client, const char *reverse_name,
                  uint64_t now);

#endif
