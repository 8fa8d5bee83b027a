/* SPDX-License-Identifier: ISC */
/* driver_dns: the resolver of drivers, by what stands on their command line. */
#include "tests/unit/support/driver_dns.h"

#include "dns/resolver.h"
#include "lib/addr.h"

#include <stdio.h>
#include <stdlib.h>

struct resolver *driver_dns_new(struct loop *loop, const char *port, const char *ms)
{
    struct addr server = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    uint64_t total = ms != NULL ? strtoul(ms, NULL, 10) : 2000;
    struct resolver_config config = {
        .server = &server, .servers = 1, .query_ms = total / 2, .total_ms = total};
    char *why = NULL;
    server.port = (uint16_t)strtoul(port, NULL, 10);
    struct resolver *resolver = resolver_new(loop, &config, &why);
    if (resolver == NULL) {
        fprintf(stderr, "no resolver: %s\n", why);
        exit(1);
    }
    return resolver;
}
