/* SPDX-License-Identifier: ISC */
#ifndef DNS_RESOLVER_INT_H
#define DNS_RESOLVER_INT_H
/* The resolver's inside: questions of users (resolver.c) and queries to servers (resolver_query.c).
 */

#include "dns/answer.h"
#include "dns/cache.h"
#include "dns/channel.h"
#include "dns/resolver.h"

#include <sys/queue.h>

#define RESOLVER_TICK_MS 50
#define RESOLVER_BUCKETS 1024 /* of queries in flight; a power of two */

struct question {
    struct dns_question base;   /* first: the token */
    TAILQ_ENTRY(question) turn; /* in `open` by deadline, then in `done` */
    LIST_ENTRY(question) link;  /* in its query's, while open */
    struct query *query;        /* NULL: done */
    enum dns_type type;
    dns_fn fn;
    void *arg;
    uint64_t deadline;
    struct answer *answer; /* once done */
    uint32_t ttl;
};
TAILQ_HEAD(question_list, question);

struct query {
    LIST_ENTRY(query) bucket;
    struct resolver *resolver;
    struct channel *channel; /* asked last */
    struct channel_query out;
    LIST_HEAD(, question) questions;
    char *alias; /* asked for instead of the name, or NULL */
    unsigned aliases;
    uint32_t ttl; /* the least of the aliases' */
    bool repeated;
    struct cache_key key;
    char name[];
};

struct resolver {
    struct dns dns; /* first: what users see */
    struct loop *loop;
    uint64_t total_ms;
    struct cache *cache;
    struct channel *channel;
    struct channel **old; /* of configurations before, until their queries have ended */
    size_t olds;
    struct timer *tick;
    bool ticking;
    bool settling; /* settle() runs, or is on its way */
    bool freed;    /* by the user: settle() ends it */
    struct question_list open, done;
    struct resolver_counts counts;
    LIST_HEAD(, query) bucket[RESOLVER_BUCKETS];
};

/* The question has `answer`, which it takes, and is on its way to be told. */
void resolver_done(struct resolver *r, struct question *q, struct answer *answer, uint32_t ttl);
/* Takes an open question out of its query and the list of open ones. */
void resolver_leave(struct resolver *r, struct question *q);
/* Users are told and old channels end, once everything that runs now has returned. */
void resolver_settle_soon(struct resolver *r);

/* The query in flight that a question can join, or NULL. */
struct query *resolver_query_find(struct resolver *r, const struct cache_key *key);
struct query *resolver_query_new(struct resolver *r, const struct cache_key *key);
/* Without a word to its questions. */
void resolver_query_free(struct query *query);
/* Asks the servers. The query may be gone when this returns. */
void resolver_query_send(struct query *query);

#endif
