/* SPDX-License-Identifier: ISC */
/* resolve: from the section dns to a resolver. */
#include "proxy/resolve.h"

#include "dns/resolver.h"
#include "lib/log.h"

#include <stdlib.h>

void resolve_use(struct resolver **resolver, struct loop *loop, const struct dns_config *config)
{
    const struct resolver_config wanted = {
        .server = config->server,
        .servers = config->server_count,
        .query_ms = config->query_timeout,
        .total_ms = config->timeout,
        .cache_octets = config->cache,
    };
    char *why = NULL;
    bool ok;
    if (*resolver == NULL) {
        *resolver = resolver_new(loop, &wanted, &why);
        ok = *resolver != NULL;
    } else {
        ok = resolver_configure(*resolver, &wanted, &why);
    }
    if (!ok)
        log_event(LOG_LEVEL_ERROR, NULL, "dns-fault", "no resolver as configured: %s", why);
    free(why);
}
