/* SPDX-License-Identifier: ISC */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H
/*
 * The resolver of one loop: c-ares underneath, a cache in front, identical questions in flight
 * asked once, a deadline on everything. One per thread; no locks.
 */

#include "dns/dns.h"

#include <stdbool.h>

struct loop;
struct resolver;

struct resolver_config {
    const struct addr *server; /* with ports; none: those of /etc/resolv.conf */
    size_t servers;
    uint64_t query_ms;   /* one try at one server */
    uint64_t total_ms;   /* a question, tries and CNAMEs and TCP included */
    size_t cache_octets; /* at most; 0: no cache */
};

struct resolver_counts { /* since the start */
    uint64_t asked;      /* by users */
    uint64_t cached;     /* of them answered by the cache */
    uint64_t joined;     /* of them by another's question in flight */
    uint64_t sent;       /* queries made of the rest, CNAME steps included */
    uint64_t tempfail;   /* answers DNS_TEMPFAIL */
    size_t cache_octets; /* now */
};

/* Once per process before any thread makes a resolver; and after the last is freed. */
void resolver_init(void);
void resolver_shutdown(void);

/* NULL: *why (caller frees). `config` is copied. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_config *config, char **why)
    __attribute__((warn_unused_result));
/* Every question must have been answered or cancelled. NULL is fine. */
void resolver_free(struct resolver *resolver);
/* Takes other servers, times or bounds from now on; questions in flight are still answered, the
 * cache is emptied if the servers changed. False: *why (caller frees), all stays as it was. */
bool resolver_configure(struct resolver *resolver, const struct resolver_config *config,
                        char **why);
/* What users ask. */
struct dns *resolver_dns(struct resolver *resolver);
struct resolver_counts resolver_counts(const struct resolver *resolver);

#endif
