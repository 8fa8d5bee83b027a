/* SPDX-License-Identifier: ISC */
#ifndef PROXY_DIALLER_H
#define PROXY_DIALLER_H
/* A fresh backend connection, whichever address of the backend answers. One worker's thread. */

#include "proxy/backend_conn.h"

struct dialler;

/* `conn` is ready and the receiver's, or NULL: no address served, `why` says what the last one
 * did (valid during the call). The dialler is gone after the call. */
typedef void (*dialler_fn)(struct backend_conn *conn, const char *why, void *arg);

/* Tries the backend's addresses in the order the configuration and their health give, each once;
 * the answer comes from the loop. `dialled`: where the client connected to, for `original`. */
struct dialler *dialler_ask(struct loop *loop, struct setup *setup, size_t backend,
                            const struct client_view *view, dialler_fn fn, void *arg)
    __attribute__((warn_unused_result));
void dialler_cancel(struct dialler *dialler); /* NULL is fine; no answer comes */

#endif
