/* SPDX-License-Identifier: ISC */
#ifndef PROXY_RESOLVE_H
#define PROXY_RESOLVE_H
/* A loop's resolver by the configuration's section dns. */

#include "proxy/config.h"

struct loop;
struct resolver;

/* Makes *resolver, or gives the one that is there its new servers and times. Where that fails it is
 * logged and *resolver stays as it was (NULL: checks that ask DNS abstain). The loop's thread. */
void resolve_use(struct resolver **resolver, struct loop *loop, const struct dns_config *config);

#endif
