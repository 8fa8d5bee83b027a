/* SPDX-License-Identifier: ISC */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H
/* The one door from the proxy to the policy: facts in, an answer out. */

#include "lib/addr.h"
#include "proxy/config.h"
#include "proxy/path.h"
#include "proxy/reply.h"

#include <stdbool.h>

/* May the client send to foreign domains because of its address? Any thread. */
bool gate_client_trusted(const struct config *config, const struct addr *client);
/* May this recipient pass? `trusted`: by address or by AUTH. False: *reply says it. `domain` gets
 * the recipient's domain in normal form, for the route ("" for <postmaster>). Any thread. */
bool gate_recipient(const struct config *config, const struct path *path, bool trusted,
                    char domain[static PATH_DOMAIN_MAX + 1], enum reply *reply);

#endif
