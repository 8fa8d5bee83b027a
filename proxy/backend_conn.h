/* SPDX-License-Identifier: ISC */
#ifndef PROXY_BACKEND_CONN_H
#define PROXY_BACKEND_CONN_H
/*
 * One connection to a backend: dials, says who the client is (PROXY, XCLIENT), greets, secures, and
 * then carries commands and their replies in order. What the commands mean is its owner's.
 * Everything belongs to one worker's thread.
 */

#include "lib/addr.h"
#include "proxy/backend_reply.h"
#include "proxy/capability.h"
#include "proxy/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend_conn;
struct loop;

/* Who the backend is told the client is. */
struct client_view {
    struct addr client;
    struct addr server; /* the address the client dialled */
    const char *helo;   /* NULL: none yet */
    const char *ident;  /* the session's id, for XFORWARD; lives as long as the session */
    bool esmtp;
    bool probe; /* we ask for ourselves: no client is named */
};

struct backend_dial {
    struct loop *loop;
    struct setup *setup;
    size_t backend;        /* index in setup->config */
    struct addr to;        /* AF_UNSPEC never */
    struct health *health; /* NULL: none is kept */
    const struct client_view *view;
};

enum backend_event {
    BACKEND_READY,   /* greeted: commands may be sent; once */
    BACKEND_REPLY,   /* to the oldest command not yet answered, `tag` as it was sent with */
    BACKEND_DRAINED, /* what was written has gone out (after backend_conn_want_drained) */
    BACKEND_FAULT,   /* broken, silent for too long or not to be trusted: backend_conn_why(); once,
                        the last event; the owner frees it */
};
typedef void (*backend_fn)(struct backend_conn *conn, enum backend_event event, int tag,
                           const struct backend_reply *reply, void *arg);

/* Dials `dial->to`; events come from the loop. Copies what it needs. */
struct backend_conn *backend_conn_new(const struct backend_dial *dial, backend_fn fn, void *arg)
    __attribute__((warn_unused_result));
void backend_conn_set_owner(struct backend_conn *conn, backend_fn fn, void *arg);
/* Drops the connection as it is: before end of data that undoes the transaction. NULL is fine,
 * and so is a call from its own event. */
void backend_conn_free(struct backend_conn *conn);
/* Says QUIT where nothing is under way, and frees. */
void backend_conn_quit(struct backend_conn *conn);

/* Sends one command (`line` with its CRLF); BACKEND_REPLY with `tag` follows within `timeout` ms
 * of the reply before it. Commands wait for each other where the backend has no PIPELINING. */
void backend_conn_send(struct backend_conn *conn, int tag, const char *line, size_t len,
                       uint64_t timeout);
/* Sends bytes that are no command (message text); only while no command waits. */
void backend_conn_text(struct backend_conn *conn, const void *data, size_t len);
/* A reply is due without a command: that to the end of data. */
void backend_conn_expect(struct backend_conn *conn, int tag, uint64_t timeout);
/* BACKEND_DRAINED when the bytes are gone; BACKEND_FAULT when none can go for a reply's time. */
void backend_conn_want_drained(struct backend_conn *conn);

const struct capability *backend_conn_offer(const struct backend_conn *conn);
const char *backend_conn_why(const struct backend_conn *conn);
/* After BACKEND_FAULT: is the backend itself to blame, and not what it was told of this client? So
 * that one client it dislikes cannot put it to rest for all. */
bool backend_conn_to_blame(const struct backend_conn *conn);
/* Nothing is owed by either side: a new command may start a transaction. */
bool backend_conn_quiet(const struct backend_conn *conn);
/* How many replies it has given since backend_conn_set_owner. */
size_t backend_conn_heard(const struct backend_conn *conn);
/* "192.0.2.1:25", for the log; lives as long as the connection. */
const char *backend_conn_name(const struct backend_conn *conn);
size_t backend_conn_backend(const struct backend_conn *conn);
const struct setup *backend_conn_setup(const struct backend_conn *conn);
/* Would a new connection for `view` go to the same place and say the same of the client? */
bool backend_conn_same_view(const struct backend_conn *conn, const struct client_view *view);
/* How many replies were refusals, 4xx or 5xx: servers grow unfriendly after some. */
size_t backend_conn_errors(const struct backend_conn *conn);
/* Milliseconds since the dial. */
uint64_t backend_conn_age(const struct backend_conn *conn);

#endif
