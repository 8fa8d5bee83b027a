/* SPDX-License-Identifier: ISC */
#ifndef PROXY_AUTH_LIMIT_H
#define PROXY_AUTH_LIMIT_H
/* Failed AUTH attempts of each client network in the last ten minutes. Shared by all workers; any
 * thread. */

#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct auth_limit;

struct auth_limit *auth_limit_new(void) __attribute__((warn_unused_result));
void auth_limit_free(struct auth_limit *limit);
/* Has `client`'s network (an IPv4 address, a /64) failed `most` times or more? `now` in monotonic
 * milliseconds. */
bool auth_limit_reached(struct auth_limit *limit, const struct addr *client, size_t most,
                        uint64_t now);
void auth_limit_failed(struct auth_limit *limit, const struct addr *client, uint64_t now);

#endif
