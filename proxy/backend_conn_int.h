/* SPDX-License-Identifier: ISC */
#ifndef PROXY_BACKEND_CONN_INT_H
#define PROXY_BACKEND_CONN_INT_H
/* The backend connection's inside, shared by backend_conn.c (its life, commands and replies) and
 * backend_greet.c (from the dial until commands may be sent). */

#include "proxy/backend_conn.h"

#include "lib/io.h"

#include <sys/queue.h>

enum conn_state {
    CONN_GREETING, /* dialled; the banner is awaited */
    CONN_EHLO,     /* EHLO sent */
    CONN_STARTTLS, /* STARTTLS sent */
    CONN_SECURING, /* in the TLS handshake */
    CONN_XCLIENT,  /* XCLIENT sent; `xclients` replies are due */
    CONN_READY,    /* carries the owner's commands */
    CONN_BROKEN,   /* the fault was told */
};

struct pending { /* a command whose reply is due, or which waits to be sent */
    STAILQ_ENTRY(pending) link;
    int tag;
    bool sent;
    uint64_t timeout;
    uint64_t end; /* of what was written with it, as `written` counts */
    size_t len;
    char line[];
};

struct backend_conn {
    backend_fn fn;
    void *arg;
    struct io *io;
    struct loop *loop;
    struct setup *setup;
    size_t backend;
    struct addr to;
    struct health *health;
    struct client_view view;
    char *helo; /* the client's, where the backend hears it; else NULL */
    struct capability offer;
    STAILQ_HEAD(, pending) queue;
    size_t heard;
    size_t errors;
    uint64_t written; /* octets of the owner's handed to io */
    size_t xclients;
    uint64_t dialled;
    char *why;
    enum conn_state state;
    bool connected;
    bool named; /* the client was named to the backend: by PROXY, XCLIENT or its address */
    bool dead;
    bool waits_drained;
    char name[ADDR_TEXT_MAX];
};

/* backend_conn.c */
const struct backend_config *backend_conn_config(const struct backend_conn *conn);
const struct timeouts_config *backend_conn_timeouts(const struct backend_conn *conn);
/* Does the backend's view of the client differ from client to client? */
bool backend_conn_names_client(const struct backend_config *config);
/* Tells the owner of a fault, once; `why` is taken over. */
void backend_conn_fault(struct backend_conn *conn, char *why);
/* A fault that the backend put in words. */
void backend_conn_fault_reply(struct backend_conn *conn, const char *where,
                              const struct backend_reply *reply);

/* backend_greet.c */
/* Dials; `fn` gets the events of the I/O object. */
void backend_greet_dial(struct backend_conn *conn, io_fn fn);
/* A reply of the backend before the connection is ready. */
void backend_greet_reply(struct backend_conn *conn, const struct backend_reply *reply);
/* The TLS handshake is done. */
void backend_greet_secured(struct backend_conn *conn);

#endif
