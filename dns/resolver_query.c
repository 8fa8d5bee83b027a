/* SPDX-License-Identifier: ISC */
/*
 * resolver_query: what is asked of the servers, for one question or many that are the same.
 *
 * Promises: a query ends exactly once, with an answer to every question it still has; a CNAME that
 * leads out of a packet is asked next, by today's channel, as long as anybody waits; an answer is
 * kept for others even if nobody waits any more, but not if its servers are no longer ours.
 * Limits: ANSWER_ALIASES_MAX CNAMEs. A FORMERR is asked once more (see channel).
 */
#include "dns/resolver_int.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

struct query *resolver_query_find(struct resolver *r, const struct cache_key *key)
{
    struct query *query;
    LIST_FOREACH(query, &r->bucket[key->hash & (RESOLVER_BUCKETS - 1)], bucket)
    {
        if (query->key.hash == key->hash && query->key.type == key->type &&
            query->key.len == key->len && memcmp(query->name, key->name, key->len) == 0 &&
            query->channel == r->channel)
            return query;
    }
    return NULL;
}

struct query *resolver_query_new(struct resolver *r, const struct cache_key *key)
{
    struct query *query = mem_alloc(sizeof *query + key->len + 1);
    memcpy(query->name, key->name, key->len);
    query->key = *key;
    query->key.name = query->name;
    query->resolver = r;
    query->ttl = UINT32_MAX;
    LIST_INIT(&query->questions);
    LIST_INSERT_HEAD(&r->bucket[key->hash & (RESOLVER_BUCKETS - 1)], query, bucket);
    return query;
}

void resolver_query_free(struct query *query)
{
    LIST_REMOVE(query, bucket);
    free(query->alias);
    free(query);
}

/* Takes `answer`. */
static void query_end(struct query *query, struct answer *answer)
{
    struct resolver *r = query->resolver;
    struct question *q;
    if (query->channel == r->channel)
        cache_put(r->cache, &query->key, answer, loop_now(r->loop));
    else
        resolver_settle_soon(r); /* the channel may end now */
    while ((q = LIST_FIRST(&query->questions)) != NULL) {
        resolver_leave(r, q);
        resolver_done(r, q, answer_hold(answer), answer->said.ttl);
    }
    answer_drop(answer);
    resolver_query_free(query);
}

static void on_end(const unsigned char *packet, size_t len, const char *why, void *arg);

void resolver_query_send(struct query *query)
{
    struct resolver *r = query->resolver;
    query->channel = r->channel;
    r->counts.sent++;
    if (!r->ticking) {
        r->ticking = true;
        timer_set(r->tick, RESOLVER_TICK_MS);
    }
    channel_ask(r->channel, &query->out, query->key.type,
                query->alias != NULL ? query->alias : query->name, on_end, query);
}

static void query_alias(struct query *query, const struct answer_alias *alias)
{
    if (LIST_EMPTY(&query->questions)) { /* nobody waits any more */
        query_end(query, answer_none(query->key.type, DNS_TEMPFAIL, "timeout"));
        return;
    }
    free(query->alias);
    query->alias = mem_strdup(alias->name);
    query->aliases = alias->aliases;
    query->ttl = alias->ttl;
    resolver_query_send(query);
}

/* A server without EDNS: c-ares has noticed by now (see channel). */
static bool is_format_error(const unsigned char *packet, size_t len)
{
    return len > 3 && (packet[3] & 15) == 1;
}

static void on_end(const unsigned char *packet, size_t len, const char *why, void *arg)
{
    struct query *query = arg;
    enum dns_type type = query->key.type;
    if (packet == NULL) {
        query_end(query, answer_none(type, why != NULL ? DNS_TEMPFAIL : DNS_NXDOMAIN, why));
        return;
    }
    if (is_format_error(packet, len) && !query->repeated) {
        query->repeated = true;
        resolver_query_send(query);
        return;
    }
    struct answer_alias alias;
    struct answer_asked asked = {
        .type = type,
        .name = query->alias != NULL ? query->alias : query->name,
        .aliases = query->aliases,
        .ttl = query->ttl,
    };
    struct answer *answer = answer_read(packet, len, &asked, &alias);
    if (answer != NULL)
        query_end(query, answer);
    else
        query_alias(query, &alias);
}
