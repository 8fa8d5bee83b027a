/* SPDX-License-Identifier: ISC */
/*
 * backend_conn: one connection to a backend.
 *
 *   GREETING -> EHLO -> [STARTTLS -> SECURING -> EHLO] -> [XCLIENT -> EHLO] -> READY
 *
 * Promises: the backend is told the client's address in the one configured way or the connection
 * is a fault, never a fallback; plaintext behind its 220 to STARTTLS is a fault (RFC 3207, CVE-
 * 2011-0411 in the other direction); replies are matched to commands in order, and a reply nobody
 * waits for is a fault; each reply has its deadline.
 * Limits: a reply has at most BACKEND_REPLY_MAX octets. RFC 5321, 2920, 3207; Postfix
 * XCLIENT_README; haproxy's proxy-protocol.txt.
 */
#include "proxy/backend_conn.h"

#include "lib/io.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/proxy_header.h"
#include "proxy/xclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void greet(struct backend_conn *conn);

static const struct backend_config *config_of(const struct backend_conn *conn)
{
    return &conn->setup->config->backend[conn->backend];
}

static const struct timeouts_config *timeouts_of(const struct backend_conn *conn)
{
    return &conn->setup->config->timeouts;
}

/* Does the backend's view of the client differ from client to client? */
static bool names_client(const struct backend_config *config)
{
    return config->client_address != CLIENT_ADDRESS_NONE &&
           config->client_address != CLIENT_ADDRESS_XFORWARD;
}

static void fault(struct backend_conn *conn, char *why)
{
    if (conn->state == CONN_BROKEN) {
        free(why);
        return;
    }
    conn->state = CONN_BROKEN;
    conn->why = why;
    io_deadline(conn->io, 0);
    io_pause(conn->io);
    conn->fn(conn, BACKEND_FAULT, 0, NULL, conn->arg);
}

/* A fault that the backend put in words. */
static void fault_reply(struct backend_conn *conn, const char *where,
                        const struct backend_reply *reply)
{
    fault(conn, mem_printf("%s answered %d %s", where, reply->code, reply->text));
}

static void put(struct backend_conn *conn, const char *line)
{
    io_write(conn->io, line, strlen(line));
    io_deadline(conn->io, timeouts_of(conn)->backend_reply);
}

static void ready(struct backend_conn *conn)
{
    conn->state = CONN_READY;
    conn->heard = 0;
    io_deadline(conn->io, 0);
    if (conn->health != NULL)
        health_good(conn->health);
    conn->fn(conn, BACKEND_READY, 0, NULL, conn->arg);
}

static void send_ehlo(struct backend_conn *conn)
{
    char line[512];
    const char *name = conn->helo != NULL ? conn->helo : conn->setup->config->hostname;
    snprintf(line, sizeof line, "EHLO %.480s\r\n", name);
    conn->state = CONN_EHLO;
    put(conn, line);
}

static void send_xclient(struct backend_conn *conn)
{
    struct xclient who = {
        .seen = XCLIENT_ADDR | XCLIENT_PORT | XCLIENT_PROTO | XCLIENT_DESTADDR | XCLIENT_DESTPORT,
        .addr = conn->view.client,
        .dest = conn->view.server,
        .esmtp = conn->view.esmtp,
    };
    if (conn->helo != NULL) {
        who.seen |= XCLIENT_HELO;
        snprintf(who.helo, sizeof who.helo, "%s", conn->helo);
    }
    struct buf lines = {0};
    conn->xclients = 0;
    if (conn->offer.xclient & XCLIENT_ADDR)
        conn->xclients = xclient_build("XCLIENT", conn->offer.xclient, &who, &lines);
    if (conn->xclients == 0) {
        buf_free(&lines);
        fault(conn, mem_strdup("the backend does not offer XCLIENT with ADDR to us, which "
                               "client-address = xclient needs"));
        return;
    }
    conn->state = CONN_XCLIENT;
    conn->named = true;
    io_write(conn->io, buf_data(&lines), buf_len(&lines));
    io_deadline(conn->io, timeouts_of(conn)->backend_reply);
    buf_free(&lines);
}

/* What comes after an EHLO reply: TLS first, then who the client is. */
static void after_ehlo(struct backend_conn *conn)
{
    const struct backend_config *config = config_of(conn);
    bool plain = io_secure(conn->io) == NULL;
    if (config->tls != BACKEND_TLS_NO && plain && (conn->offer.bits & CAP_STARTTLS)) {
        conn->state = CONN_STARTTLS;
        put(conn, "STARTTLS\r\n");
    } else if (config->tls == BACKEND_TLS_VERIFY && plain) {
        fault(conn, mem_strdup("the backend does not offer STARTTLS, which tls = verify needs"));
    } else if (config->client_address == CLIENT_ADDRESS_XCLIENT && !conn->named &&
               !conn->view.probe) {
        send_xclient(conn);
    } else if (config->client_address == CLIENT_ADDRESS_XFORWARD &&
               !(conn->offer.bits & CAP_XFORWARD) && !conn->view.probe) {
        fault(conn, mem_strdup("the backend does not offer XFORWARD to us, which "
                               "client-address = xforward needs"));
    } else {
        ready(conn);
    }
}

static void on_ehlo(struct backend_conn *conn, const struct backend_reply *reply)
{
    if (reply->code != 250) {
        fault_reply(conn, "EHLO", reply);
        return;
    }
    if (strstr(reply->text, conn->setup->server->token) != NULL) {
        fault(conn, mem_strdup("this backend is ourselves: mail would loop; correct its address"));
        return;
    }
    conn->offer = (struct capability){0};
    capability_parse(&conn->offer, reply->text);
    /* What a client may be told is learned before XCLIENT: every connection sees it alike. */
    bool last_plain = config_of(conn)->tls == BACKEND_TLS_NO || io_secure(conn->io) != NULL ||
                      !(conn->offer.bits & CAP_STARTTLS);
    if (conn->health != NULL && last_plain &&
        (!conn->named || config_of(conn)->client_address != CLIENT_ADDRESS_XCLIENT))
        health_learn(conn->health, &conn->offer);
    after_ehlo(conn);
}

static void on_starttls(struct backend_conn *conn, const struct backend_reply *reply)
{
    size_t extra;
    io_data(conn->io, &extra);
    if (reply->code != 220) {
        fault_reply(conn, "STARTTLS", reply);
    } else if (extra > 0) {
        fault(conn, mem_strdup("plaintext behind the backend's 220 to STARTTLS"));
    } else {
        conn->state = CONN_SECURING;
        io_deadline(conn->io, timeouts_of(conn)->handshake);
        io_start_tls_client(conn->io, config_of(conn)->tls_client, config_of(conn)->tls_name);
    }
}

static void on_xclient(struct backend_conn *conn, const struct backend_reply *reply)
{
    bool last = conn->xclients == 1;
    if (reply->code != 220 && (last || reply->code != 250)) {
        fault_reply(conn, "XCLIENT", reply);
    } else if (--conn->xclients == 0) {
        send_ehlo(conn);
    }
}

static void on_greeting(struct backend_conn *conn, const struct backend_reply *reply)
{
    if (reply->code == 220)
        send_ehlo(conn);
    else
        fault_reply(conn, "the banner", reply);
}

static void write_out(struct backend_conn *conn, const void *data, size_t len)
{
    io_write(conn->io, data, len);
    conn->written += len;
}

/* Has all of the command, or of the message, gone out? A reply before that answers something else,
 * and taken for the answer it would be a 250 to a message that the backend has not seen. */
static bool gone_out(const struct backend_conn *conn, const struct pending *pending)
{
    return pending->sent && pending->end + io_pending(conn->io) <= conn->written;
}

/* Sends what may go out: all of it with PIPELINING, else one command at a time. */
static void pump(struct backend_conn *conn)
{
    struct pending *first = STAILQ_FIRST(&conn->queue);
    struct pending *pending;
    STAILQ_FOREACH(pending, &conn->queue, link)
    {
        if (pending != first && !(conn->offer.bits & CAP_PIPELINING))
            break;
        if (!pending->sent) {
            write_out(conn, pending->line, pending->len);
            pending->end = conn->written;
            pending->sent = true;
        }
    }
    io_deadline(conn->io, first != NULL ? first->timeout : 0);
}

static void on_answer(struct backend_conn *conn, const struct backend_reply *reply)
{
    struct pending *pending = STAILQ_FIRST(&conn->queue);
    if (pending == NULL || !gone_out(conn, pending)) {
        fault_reply(conn, "unasked, the backend", reply);
        return;
    }
    int tag = pending->tag;
    STAILQ_REMOVE_HEAD(&conn->queue, link);
    free(pending);
    conn->heard++;
    pump(conn);
    conn->fn(conn, BACKEND_REPLY, tag, reply, conn->arg);
}

static void on_reply(struct backend_conn *conn, const struct backend_reply *reply)
{
    switch (conn->state) {
    case CONN_GREETING:
        on_greeting(conn, reply);
        break;
    case CONN_EHLO:
        on_ehlo(conn, reply);
        break;
    case CONN_STARTTLS:
        on_starttls(conn, reply);
        break;
    case CONN_XCLIENT:
        on_xclient(conn, reply);
        break;
    case CONN_READY:
        on_answer(conn, reply);
        break;
    case CONN_SECURING:
    case CONN_BROKEN:
        break;
    }
}

static void on_data(struct backend_conn *conn)
{
    while (!conn->dead && conn->state != CONN_BROKEN && conn->state != CONN_SECURING) {
        size_t len;
        const char *data = io_data(conn->io, &len);
        struct backend_reply reply = {0};
        size_t used = 0;
        const char *why = "";
        if (len == 0)
            return;
        enum backend_reply_result result = backend_reply_parse(data, len, &reply, &used, &why);
        if (result == BACKEND_REPLY_MORE)
            return;
        if (result == BACKEND_REPLY_MALFORMED) {
            fault(conn, mem_printf("the backend's reply is malformed: %s", why));
            return;
        }
        io_consume(conn->io, used);
        on_reply(conn, &reply);
        backend_reply_clear(&reply);
    }
}

static const char *waiting_for(const struct backend_conn *conn)
{
    switch (conn->state) {
    case CONN_GREETING:
        return "its banner";
    case CONN_EHLO:
        return "its reply to EHLO";
    case CONN_STARTTLS:
    case CONN_SECURING:
        return "its TLS handshake";
    case CONN_XCLIENT:
        return "its reply to XCLIENT";
    case CONN_READY:
    case CONN_BROKEN:
        break;
    }
    return "its reply";
}

static void on_drained(struct backend_conn *conn)
{
    conn->waits_drained = false;
    struct pending *first = STAILQ_FIRST(&conn->queue);
    io_deadline(conn->io, first != NULL ? first->timeout : 0);
    if (conn->state == CONN_READY)
        conn->fn(conn, BACKEND_DRAINED, 0, NULL, conn->arg);
}

static void on_event(struct io *io, enum io_event event, void *arg)
{
    struct backend_conn *conn = arg;
    switch (event) {
    case IO_CONNECTED:
        conn->connected = true;
        break;
    case IO_DATA:
        on_data(conn);
        break;
    case IO_DRAINED:
        on_drained(conn);
        break;
    case IO_SECURED:
        send_ehlo(conn);
        break;
    case IO_EOF:
        fault(conn,
              mem_printf("the backend closed the connection instead of %s", waiting_for(conn)));
        break;
    case IO_FAILED:
        fault(conn, mem_printf("%s: %s", conn->name, io_error(io)));
        break;
    case IO_TIMEOUT:
        fault(conn,
              mem_printf("the backend was silent for too long: no sign of %s", waiting_for(conn)));
        break;
    }
}

/* The PROXY header is the very first thing said; a probe of ours names no client. */
static void write_proxy_header(struct backend_conn *conn)
{
    enum client_address mode = config_of(conn)->client_address;
    char header[PROXY_HEADER_MAX];
    size_t len;
    if (mode != CLIENT_ADDRESS_PROXY_V1 && mode != CLIENT_ADDRESS_PROXY_V2)
        return;
    if (!conn->view.probe) {
        len = proxy_header_build(mode == CLIENT_ADDRESS_PROXY_V1 ? 1 : 2, &conn->view.client,
                                 &conn->view.server, header);
        io_write(conn->io, header, len);
    } else if (mode == CLIENT_ADDRESS_PROXY_V1) {
        io_write(conn->io, "PROXY UNKNOWN\r\n", 15);
    } else {
        io_write(conn->io, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
    }
}

static struct io_route route_of(const struct backend_conn *conn)
{
    struct io_route route = {.to = conn->to};
    if (config_of(conn)->client_address == CLIENT_ADDRESS_TPROXY && !conn->view.probe) {
        route.from = conn->view.client;
        route.transparent = true;
    }
    return route;
}

static void greet(struct backend_conn *conn)
{
    const struct io_route route = route_of(conn);
    conn->state = CONN_GREETING;
    conn->named = names_client(config_of(conn)) && !conn->view.probe &&
                  config_of(conn)->client_address != CLIENT_ADDRESS_XCLIENT;
    conn->io = io_connect(conn->loop, &route, on_event, conn);
    io_deadline(conn->io, timeouts_of(conn)->backend_connect);
    write_proxy_header(conn);
}

struct backend_conn *backend_conn_new(const struct backend_dial *dial, backend_fn fn, void *arg)
{
    struct backend_conn *conn = mem_alloc(sizeof *conn);
    conn->fn = fn;
    conn->arg = arg;
    conn->loop = dial->loop;
    conn->setup = setup_ref(dial->setup);
    conn->backend = dial->backend;
    conn->to = dial->to;
    conn->health = dial->health;
    conn->view = *dial->view;
    if (names_client(config_of(conn)))
        conn->helo = mem_strdup(dial->view->helo);
    conn->view.helo = NULL; /* the caller's; `helo` is our copy */
    STAILQ_INIT(&conn->queue);
    conn->dialled = loop_now(conn->loop);
    addr_text(&conn->to, conn->name);
    greet(conn);
    return conn;
}

void backend_conn_set_owner(struct backend_conn *conn, backend_fn fn, void *arg)
{
    conn->fn = fn;
    conn->arg = arg;
    conn->heard = 0;
}

static void release(void *arg)
{
    struct backend_conn *conn = arg;
    struct pending *pending;
    while ((pending = STAILQ_FIRST(&conn->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&conn->queue, link);
        free(pending);
    }
    setup_unref(conn->setup);
    free(conn->helo);
    free(conn->why);
    free(conn);
}

void backend_conn_free(struct backend_conn *conn)
{
    if (conn == NULL || conn->dead)
        return;
    conn->dead = true;
    io_free(conn->io);
    loop_defer(conn->loop, release, conn);
}

void backend_conn_quit(struct backend_conn *conn)
{
    if (conn == NULL || conn->dead)
        return;
    if (backend_conn_quiet(conn)) {
        conn->dead = true;
        io_write(conn->io, "QUIT\r\n", 6);
        io_close_last(conn->io, 1000);
        loop_defer(conn->loop, release, conn);
    } else {
        backend_conn_free(conn);
    }
}

static struct pending *queue(struct backend_conn *conn, int tag, const char *line, size_t len,
                             uint64_t timeout)
{
    struct pending *pending = mem_alloc(sizeof *pending + len);
    pending->tag = tag;
    pending->timeout = timeout;
    pending->len = len;
    if (len > 0)
        memcpy(pending->line, line, len);
    STAILQ_INSERT_TAIL(&conn->queue, pending, link);
    return pending;
}

void backend_conn_send(struct backend_conn *conn, int tag, const char *line, size_t len,
                       uint64_t timeout)
{
    queue(conn, tag, line, len, timeout);
    pump(conn);
}

void backend_conn_text(struct backend_conn *conn, const void *data, size_t len)
{
    write_out(conn, data, len);
}

void backend_conn_expect(struct backend_conn *conn, int tag, uint64_t timeout)
{
    struct pending *pending = queue(conn, tag, NULL, 0, timeout);
    pending->end = conn->written;
    pending->sent = true;
    if (!conn->waits_drained)
        pump(conn);
}

void backend_conn_want_drained(struct backend_conn *conn)
{
    conn->waits_drained = true;
    io_want_drained(conn->io);
    io_deadline(conn->io, timeouts_of(conn)->backend_reply);
}

const struct capability *backend_conn_offer(const struct backend_conn *conn)
{
    return &conn->offer;
}

const char *backend_conn_why(const struct backend_conn *conn)
{
    return conn->why != NULL ? conn->why : "";
}

bool backend_conn_to_blame(const struct backend_conn *conn)
{
    return !conn->connected || !conn->named;
}

bool backend_conn_quiet(const struct backend_conn *conn)
{
    return conn->state == CONN_READY && STAILQ_EMPTY(&conn->queue) && io_pending(conn->io) == 0;
}

size_t backend_conn_heard(const struct backend_conn *conn)
{
    return conn->heard;
}

const char *backend_conn_name(const struct backend_conn *conn)
{
    return conn->name;
}

size_t backend_conn_backend(const struct backend_conn *conn)
{
    return conn->backend;
}

const struct setup *backend_conn_setup(const struct backend_conn *conn)
{
    return conn->setup;
}

bool backend_conn_same_view(const struct backend_conn *conn, const struct client_view *view)
{
    if (config_of(conn)->original &&
        (conn->to.port != view->server.port || !addr_same_ip(&conn->to, &view->server)))
        return false;
    if (!names_client(config_of(conn)))
        return true;
    return addr_same_ip(&conn->view.client, &view->client) &&
           addr_same_ip(&conn->view.server, &view->server) && conn->view.esmtp == view->esmtp &&
           conn->helo != NULL && view->helo != NULL && strcmp(conn->helo, view->helo) == 0;
}

uint64_t backend_conn_age(const struct backend_conn *conn)
{
    return loop_now(conn->loop) - conn->dialled;
}
