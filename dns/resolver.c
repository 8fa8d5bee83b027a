/* SPDX-License-Identifier: ISC */
/*
 * resolver: the cache in front, questions in flight, deadlines; behind it a channel (c-ares).
 *
 * A question is what a user asked, a query what is asked of the servers for one or more of them. A
 * query is found by type and name, so the same question is asked once; its CNAMEs are followed from
 * answer to answer. A question that is cancelled or out of time leaves its query, which goes on and
 * fills the cache.
 *
 * Promises: an answer is given by settle() only, which the loop calls when everything else has
 * returned: never inside an ask, never inside c-ares, so users may ask, cancel, configure and free
 * within it. A question is answered by its deadline, to the last tick before it. A failure is not
 * remembered. The tick runs while queries are out, no longer.
 * Configuring makes a new channel; the old one lives until its last query has ended, is joined by
 * nobody, and its answers are not kept.
 * Limits: a question that joins a query gets its failure too, however early. RFC 1035, 2308.
 */
#include "dns/resolver_int.h"

#include "dns/name.h"
#include "lib/loop.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

static struct resolver *of(struct dns *dns)
{
    return (struct resolver *)dns;
}

/* ---- answers to users ---- */

static void destroy(struct resolver *r);

static void retire_channels(struct resolver *r)
{
    size_t left = 0;
    for (size_t i = 0; i < r->olds; i++) {
        if (channel_out(r->old[i]) == 0)
            channel_free(r->old[i]);
        else
            r->old[left++] = r->old[i];
    }
    r->olds = left;
}

/* The one place where users are called and channels end: nothing of ours is below us then. */
static void settle(void *arg)
{
    struct resolver *r = arg;
    struct question *q;
    while ((q = TAILQ_FIRST(&r->done)) != NULL) {
        struct question last = *q;
        TAILQ_REMOVE(&r->done, q, turn);
        free(q);
        struct dns_answer said = last.answer->said;
        said.ttl = last.ttl;
        if (said.status == DNS_TEMPFAIL)
            r->counts.tempfail++;
        last.fn(&said, last.arg);
        answer_drop(last.answer);
    }
    r->settling = false;
    retire_channels(r);
    if (r->freed)
        destroy(r);
}

void resolver_settle_soon(struct resolver *r)
{
    if (r->settling)
        return;
    r->settling = true;
    loop_defer(r->loop, settle, r);
}

/* Gives `answer` away. */
void resolver_done(struct resolver *r, struct question *q, struct answer *answer, uint32_t ttl)
{
    q->query = NULL;
    q->answer = answer;
    q->ttl = ttl;
    TAILQ_INSERT_TAIL(&r->done, q, turn);
    resolver_settle_soon(r);
}

void resolver_leave(struct resolver *r, struct question *q)
{
    LIST_REMOVE(q, link);
    TAILQ_REMOVE(&r->open, q, turn);
}

/* ---- time ---- */

/* What the next tick would find late is late now. */
static void expire(struct resolver *r)
{
    uint64_t until = loop_now(r->loop) + RESOLVER_TICK_MS;
    struct question *q;
    while ((q = TAILQ_FIRST(&r->open)) != NULL && q->deadline < until) {
        struct answer *answer = answer_none(q->type, DNS_TEMPFAIL, "timeout");
        resolver_leave(r, q);
        resolver_done(r, q, answer, 0);
    }
}

static void on_tick(void *arg)
{
    struct resolver *r = arg;
    size_t out = 0;
    for (size_t i = 0; i < r->olds; i++) {
        channel_tick(r->old[i]);
        out += channel_out(r->old[i]);
    }
    channel_tick(r->channel);
    out += channel_out(r->channel);
    expire(r);
    r->ticking = out > 0;
    if (r->ticking)
        timer_set(r->tick, RESOLVER_TICK_MS);
}

/* ---- what users call ---- */

static void ask_servers(struct resolver *r, struct question *q, const struct cache_key *key)
{
    struct query *query = resolver_query_find(r, key);
    bool new = query == NULL;
    if (new)
        query = resolver_query_new(r, key);
    else
        r->counts.joined++;
    q->deadline = loop_now(r->loop) + r->total_ms;
    q->query = query;
    TAILQ_INSERT_TAIL(&r->open, q, turn);
    LIST_INSERT_HEAD(&query->questions, q, link);
    if (new)
        resolver_query_send(query);
}

static struct dns_question *ask(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg)
{
    struct resolver *r = of(dns);
    struct question *q = mem_alloc(sizeof *q);
    q->base.dns = dns;
    q->type = type;
    q->fn = fn;
    q->arg = arg;
    r->counts.asked++;
    char normal[DNS_NAME_MAX + 1];
    if (!dns_name_normal(name, normal)) {
        resolver_done(r, q, answer_none(type, DNS_NXDOMAIN, NULL), 0);
        return &q->base;
    }
    struct cache_key key = {.type = type, .name = normal, .len = strlen(normal)};
    key.hash = cache_hash(r->cache, type, normal, key.len);
    uint32_t ttl;
    struct answer *answer = cache_get(r->cache, &key, loop_now(r->loop), &ttl);
    if (answer != NULL) {
        r->counts.cached++;
        resolver_done(r, q, answer, ttl);
    } else {
        ask_servers(r, q, &key);
    }
    return &q->base;
}

static void cancel(struct dns_question *question)
{
    struct question *q = (struct question *)question;
    struct resolver *r = of(question->dns);
    if (q->query != NULL) {
        resolver_leave(r, q);
    } else {
        TAILQ_REMOVE(&r->done, q, turn);
        answer_drop(q->answer);
    }
    free(q);
}

static const struct dns_ops resolver_ops = {ask, cancel};

void resolver_init(void)
{
    channel_init();
}

void resolver_shutdown(void)
{
    channel_shutdown();
}

struct resolver *resolver_new(struct loop *loop, const struct resolver_config *config, char **why)
{
    struct channel *channel =
        channel_new(loop, config->server, config->servers, config->query_ms, why);
    if (channel == NULL)
        return NULL;
    struct resolver *r = mem_alloc(sizeof *r);
    r->dns.ops = &resolver_ops;
    r->loop = loop;
    r->total_ms = config->total_ms;
    r->cache = cache_new(config->cache_octets);
    r->channel = channel;
    r->tick = timer_new(loop, on_tick, r);
    TAILQ_INIT(&r->open);
    TAILQ_INIT(&r->done);
    return r;
}

static void destroy(struct resolver *r)
{
    for (size_t i = 0; i < r->olds; i++)
        channel_free(r->old[i]);
    free(r->old);
    channel_free(r->channel);
    for (size_t i = 0; i < RESOLVER_BUCKETS; i++) {
        while (!LIST_EMPTY(&r->bucket[i]))
            resolver_query_free(LIST_FIRST(&r->bucket[i]));
    }
    timer_free(r->tick);
    cache_free(r->cache);
    free(r);
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    if (!TAILQ_EMPTY(&r->open) || !TAILQ_EMPTY(&r->done))
        abort(); /* whoever asked would never hear */
    if (r->settling)
        r->freed = true;
    else
        destroy(r);
}

/* No question waits longer than the new bound. */
static void shorten(struct resolver *r)
{
    uint64_t latest = loop_now(r->loop) + r->total_ms;
    struct question *q;
    TAILQ_FOREACH(q, &r->open, turn)
    {
        if (q->deadline > latest)
            q->deadline = latest;
    }
}

bool resolver_configure(struct resolver *r, const struct resolver_config *config, char **why)
{
    struct channel *channel =
        channel_new(r->loop, config->server, config->servers, config->query_ms, why);
    if (channel == NULL)
        return false;
    if (strcmp(channel_servers(channel), channel_servers(r->channel)) != 0)
        cache_clear(r->cache);
    cache_resize(r->cache, config->cache_octets);
    r->total_ms = config->total_ms;
    shorten(r);
    r->old = mem_grow(r->old, r->olds + 1, sizeof(struct channel *));
    r->old[r->olds++] = r->channel;
    r->channel = channel;
    resolver_settle_soon(r);
    return true;
}

struct dns *resolver_dns(struct resolver *r)
{
    return &r->dns;
}

struct resolver_counts resolver_counts(const struct resolver *r)
{
    struct resolver_counts counts = r->counts;
    counts.cache_octets = cache_octets(r->cache);
    return counts;
}
