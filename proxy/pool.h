/* SPDX-License-Identifier: ISC */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H
/* Idle backend connections of one worker, kept for the next transaction (backend { reuse = yes }).
 * Only that worker's thread. */

#include "proxy/backend_conn.h"

struct pool;

struct pool *pool_new(struct loop *loop) __attribute__((warn_unused_result));
void pool_free(struct pool *pool);
/* Takes over a connection that its owner is through with: it is kept where the configuration lets
 * it be reused and it may (young, few messages, nothing owed but a RSET), else it hears QUIT.
 * `dirty`: a transaction was left open, so RSET comes first. */
void pool_put(struct pool *pool, struct backend_conn *conn, bool dirty, size_t messages);
/* A kept connection of this setup to `backend` that shows the backend the same client, or NULL.
 * *messages: how many it carried. The caller becomes its owner at once. */
struct backend_conn *pool_take(struct pool *pool, const struct setup *setup, size_t backend,
                               const struct client_view *view, size_t *messages);
/* Says QUIT to all: their configuration is gone. */
void pool_clear(struct pool *pool);

#endif
