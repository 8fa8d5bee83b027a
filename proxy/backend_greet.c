/* SPDX-License-Identifier: ISC */
/*
 * backend_greet: a backend connection from the dial until commands may be sent.
 *
 *   GREETING -> EHLO -> [STARTTLS -> SECURING -> EHLO] -> [XCLIENT -> EHLO] -> READY
 *
 * Promises: the backend is told the client's address in the one configured way or the connection
 * is a fault, never a fallback; plaintext behind its 220 to STARTTLS is a fault (RFC 3207, CVE-
 * 2011-0411 in the other direction); a backend that is ourselves is known by the token in its EHLO.
 * RFC 5321, 3207; Postfix XCLIENT_README; haproxy's proxy-protocol.txt.
 */
#include "proxy/backend_conn_int.h"

#include "lib/mem.h"
#include "proxy/proxy_header.h"
#include "proxy/xclient.h"

#include <stdio.h>
#include <string.h>

static void put(struct backend_conn *conn, const char *line)
{
    io_write(conn->io, line, strlen(line));
    io_deadline(conn->io, backend_conn_timeouts(conn)->backend_reply);
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
        backend_conn_fault(conn,
                           mem_strdup("the backend does not offer XCLIENT with ADDR to us, which "
                                      "client-address = xclient needs"));
        return;
    }
    conn->state = CONN_XCLIENT;
    conn->named = true;
    io_write(conn->io, buf_data(&lines), buf_len(&lines));
    io_deadline(conn->io, backend_conn_timeouts(conn)->backend_reply);
    buf_free(&lines);
}

/* What comes after an EHLO reply: TLS first, then who the client is. */
static void after_ehlo(struct backend_conn *conn)
{
    const struct backend_config *config = backend_conn_config(conn);
    bool plain = io_secure(conn->io) == NULL;
    if (config->tls != BACKEND_TLS_NO && plain && (conn->offer.bits & CAP_STARTTLS)) {
        conn->state = CONN_STARTTLS;
        put(conn, "STARTTLS\r\n");
    } else if (config->tls == BACKEND_TLS_VERIFY && plain) {
        backend_conn_fault(
            conn, mem_strdup("the backend does not offer STARTTLS, which tls = verify needs"));
    } else if (config->client_address == CLIENT_ADDRESS_XCLIENT && !conn->named &&
               !conn->view.probe) {
        send_xclient(conn);
    } else if (config->client_address == CLIENT_ADDRESS_XFORWARD &&
               !(conn->offer.xforward & XCLIENT_ADDR) && !conn->view.probe) {
        backend_conn_fault(conn,
                           mem_strdup("the backend does not offer XFORWARD with ADDR to us, which "
                                      "client-address = xforward needs"));
    } else {
        ready(conn);
    }
}

static void on_ehlo(struct backend_conn *conn, const struct backend_reply *reply)
{
    if (reply->code != 250) {
        backend_conn_fault_reply(conn, "EHLO", reply);
        return;
    }
    if (strstr(reply->text, conn->setup->server->token) != NULL) {
        backend_conn_fault(
            conn, mem_strdup("this backend is ourselves: mail would loop; correct its address"));
        return;
    }
    conn->offer = (struct capability){0};
    capability_parse(&conn->offer, reply->text);
    /* What a client may be told is learned before XCLIENT: every connection sees it alike. */
    bool last_plain = backend_conn_config(conn)->tls == BACKEND_TLS_NO ||
                      io_secure(conn->io) != NULL || !(conn->offer.bits & CAP_STARTTLS);
    if (conn->health != NULL && last_plain &&
        (!conn->named || backend_conn_config(conn)->client_address != CLIENT_ADDRESS_XCLIENT))
        health_learn(conn->health, &conn->offer);
    after_ehlo(conn);
}

static void on_starttls(struct backend_conn *conn, const struct backend_reply *reply)
{
    size_t extra;
    io_data(conn->io, &extra);
    if (reply->code != 220) {
        backend_conn_fault_reply(conn, "STARTTLS", reply);
    } else if (extra > 0) {
        backend_conn_fault(conn, mem_strdup("plaintext behind the backend's 220 to STARTTLS"));
    } else {
        conn->state = CONN_SECURING;
        io_deadline(conn->io, backend_conn_timeouts(conn)->handshake);
        io_start_tls_client(conn->io, backend_conn_config(conn)->tls_client,
                            backend_conn_config(conn)->tls_name);
    }
}

static void on_xclient(struct backend_conn *conn, const struct backend_reply *reply)
{
    bool last = conn->xclients == 1;
    if (reply->code != 220 && (last || reply->code != 250)) {
        backend_conn_fault_reply(conn, "XCLIENT", reply);
    } else if (--conn->xclients == 0) {
        send_ehlo(conn);
    }
}

static void on_greeting(struct backend_conn *conn, const struct backend_reply *reply)
{
    if (reply->code == 220)
        send_ehlo(conn);
    else
        backend_conn_fault_reply(conn, "the banner", reply);
}

/* The PROXY header is the very first thing said; a probe of ours names no client. */
static void write_proxy_header(struct backend_conn *conn)
{
    enum client_address mode = backend_conn_config(conn)->client_address;
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
    if (backend_conn_config(conn)->client_address == CLIENT_ADDRESS_TPROXY && !conn->view.probe) {
        route.from = conn->view.client;
        route.transparent = true;
    }
    return route;
}

void backend_greet_secured(struct backend_conn *conn)
{
    send_ehlo(conn);
}

void backend_greet_reply(struct backend_conn *conn, const struct backend_reply *reply)
{
    if (io_pending(conn->io) > 0) {
        backend_conn_fault_reply(conn, "unasked, the backend", reply);
        return;
    }
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
    case CONN_SECURING:
    case CONN_READY:
    case CONN_BROKEN:
        break;
    }
}

void backend_greet_dial(struct backend_conn *conn, io_fn fn)
{
    const struct io_route route = route_of(conn);
    conn->state = CONN_GREETING;
    conn->named = backend_conn_names_client(backend_conn_config(conn)) && !conn->view.probe &&
                  backend_conn_config(conn)->client_address != CLIENT_ADDRESS_XCLIENT;
    conn->io = io_connect(conn->loop, &route, fn, conn);
    io_deadline(conn->io, backend_conn_timeouts(conn)->backend_connect);
    write_proxy_header(conn);
}
