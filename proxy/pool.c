/* SPDX-License-Identifier: ISC */
/*
 * pool: idle backend connections of one worker.
 *
 * Promises: a connection is only given to a transaction whose client the backend would see the
 * same (any, where it is told none or by XFORWARD; else the same address and HELO); never one that
 * broke, owes a reply or belongs to an older configuration. Bounded in number, age, idle time
 * messages and refusals (reuse-connections, reuse-age, reuse-idle, reuse-messages, reuse-errors).
 */
#include "proxy/pool.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <sys/queue.h>

struct kept {
    TAILQ_ENTRY(kept) link;
    struct pool *pool;
    struct backend_conn *conn;
    size_t messages;
    uint64_t since;
    bool resetting; /* the reply to RSET is due */
};

struct pool {
    struct loop *loop;
    struct timer *sweep;
    TAILQ_HEAD(kept_list, kept) list; /* oldest first */
    size_t count;
};

#define SWEEP_MS 1000

static const struct backend_config *config_of(const struct backend_conn *conn)
{
    return &backend_conn_setup(conn)->config->backend[backend_conn_backend(conn)];
}

/* Takes it off the list and gives the connection out. */
static struct backend_conn *unlist(struct kept *kept)
{
    struct backend_conn *conn = kept->conn;
    TAILQ_REMOVE(&kept->pool->list, kept, link);
    kept->pool->count--;
    free(kept);
    return conn;
}

static void on_event(struct backend_conn *conn, enum backend_event event, int tag,
                     const struct backend_reply *reply, void *arg)
{
    (void)tag;
    struct kept *kept = arg;
    if (event == BACKEND_REPLY && reply->code / 100 == 2)
        kept->resetting = false;
    else if (event == BACKEND_REPLY || event == BACKEND_FAULT)
        backend_conn_free(unlist(kept));
    (void)conn;
}

static bool too_old(const struct kept *kept, uint64_t now)
{
    const struct backend_config *config = config_of(kept->conn);
    return now - kept->since >= config->reuse_idle ||
           backend_conn_age(kept->conn) >= config->reuse_age;
}

static void on_sweep(void *arg)
{
    struct pool *pool = arg;
    uint64_t now = loop_now(pool->loop);
    struct kept *kept = TAILQ_FIRST(&pool->list);
    while (kept != NULL) {
        struct kept *next = TAILQ_NEXT(kept, link);
        if (too_old(kept, now))
            backend_conn_quit(unlist(kept));
        kept = next;
    }
    if (pool->count > 0)
        timer_set(pool->sweep, SWEEP_MS);
}

struct pool *pool_new(struct loop *loop)
{
    struct pool *pool = mem_alloc(sizeof *pool);
    pool->loop = loop;
    pool->sweep = timer_new(loop, on_sweep, pool);
    TAILQ_INIT(&pool->list);
    return pool;
}

void pool_clear(struct pool *pool)
{
    while (!TAILQ_EMPTY(&pool->list))
        backend_conn_quit(unlist(TAILQ_FIRST(&pool->list)));
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    while (!TAILQ_EMPTY(&pool->list))
        backend_conn_free(unlist(TAILQ_FIRST(&pool->list)));
    timer_free(pool->sweep);
    free(pool);
}

/* How many are kept for the same backend. */
static size_t kept_for(const struct pool *pool, const struct backend_config *config)
{
    const struct kept *kept;
    size_t count = 0;
    TAILQ_FOREACH(kept, &pool->list, link)
    count += config_of(kept->conn) == config;
    return count;
}

/* May it be kept for somebody else? */
static bool keepable(struct pool *pool, const struct backend_conn *conn, size_t messages)
{
    const struct backend_config *config = config_of(conn);
    return config->reuse && backend_conn_quiet(conn) && messages < config->reuse_messages &&
           backend_conn_errors(conn) < config->reuse_errors &&
           backend_conn_age(conn) < config->reuse_age &&
           kept_for(pool, config) < config->reuse_connections;
}

void pool_put(struct pool *pool, struct backend_conn *conn, bool dirty, size_t messages)
{
    if (conn == NULL)
        return;
    if (!keepable(pool, conn, messages)) {
        backend_conn_quit(conn);
        return;
    }
    struct kept *kept = mem_alloc(sizeof *kept);
    kept->pool = pool;
    kept->conn = conn;
    kept->messages = messages;
    kept->since = loop_now(pool->loop);
    kept->resetting = dirty;
    TAILQ_INSERT_TAIL(&pool->list, kept, link);
    pool->count++;
    backend_conn_set_owner(conn, on_event, kept);
    if (dirty)
        backend_conn_send(conn, 0, "RSET\r\n", 6,
                          backend_conn_setup(conn)->config->timeouts.backend_reply);
    if (pool->count == 1)
        timer_set(pool->sweep, SWEEP_MS);
}

static bool fits(const struct kept *kept, const struct setup *setup, size_t backend)
{
    return !kept->resetting && backend_conn_setup(kept->conn) == setup &&
           backend_conn_backend(kept->conn) == backend && backend_conn_quiet(kept->conn);
}

struct backend_conn *pool_take(struct pool *pool, const struct setup *setup, size_t backend,
                               const struct client_view *view, size_t *messages)
{
    struct kept *kept;
    uint64_t now = loop_now(pool->loop);
    /* The one used last is the one least likely to have been closed meanwhile. */
    TAILQ_FOREACH_REVERSE(kept, &pool->list, kept_list, link)
    {
        if (!fits(kept, setup, backend) || too_old(kept, now))
            continue;
        if (!backend_conn_same_view(kept->conn, view))
            continue;
        *messages = kept->messages;
        return unlist(kept);
    }
    return NULL;
}
