/* SPDX-License-Identifier: ISC */
/*
 * backend_conn: one connection to a backend.
 *
 * Promises: replies are matched to commands in order; a reply that nobody waits for, or that comes
 * before its command or the end of the message has gone out, is a fault; each reply has its
 * deadline. How a connection gets ready is in backend_greet.c.
 * Limits: a reply has at most BACKEND_REPLY_MAX octets. RFC 5321, 2920.
 */
#include "proxy/backend_conn_int.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct backend_config *backend_conn_config(const struct backend_conn *conn)
{
    return &conn->setup->config->backend[conn->backend];
}

const struct timeouts_config *backend_conn_timeouts(const struct backend_conn *conn)
{
    return &conn->setup->config->timeouts;
}

bool backend_conn_names_client(const struct backend_config *config)
{
    return config->client_address != CLIENT_ADDRESS_NONE &&
           config->client_address != CLIENT_ADDRESS_XFORWARD;
}

void backend_conn_fault(struct backend_conn *conn, char *why)
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

void backend_conn_fault_reply(struct backend_conn *conn, const char *where,
                              const struct backend_reply *reply)
{
    backend_conn_fault(conn, mem_printf("%s answered %d %s", where, reply->code, reply->text));
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
        backend_conn_fault_reply(conn, "unasked, the backend", reply);
        return;
    }
    int tag = pending->tag;
    STAILQ_REMOVE_HEAD(&conn->queue, link);
    free(pending);
    conn->heard++;
    conn->errors += reply->code >= 400;
    pump(conn);
    conn->fn(conn, BACKEND_REPLY, tag, reply, conn->arg);
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
            backend_conn_fault(conn, mem_printf("the backend's reply is malformed: %s", why));
            return;
        }
        io_consume(conn->io, used);
        if (conn->state == CONN_READY)
            on_answer(conn, &reply);
        else
            backend_greet_reply(conn, &reply);
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
        backend_greet_secured(conn);
        break;
    case IO_EOF:
        backend_conn_fault(
            conn, mem_printf("the backend closed the connection instead of %s", waiting_for(conn)));
        break;
    case IO_FAILED:
        backend_conn_fault(conn, mem_printf("%s: %s", conn->name, io_error(io)));
        break;
    case IO_TIMEOUT:
        backend_conn_fault(conn, mem_printf("the backend was silent for too long: no sign of %s",
                                            waiting_for(conn)));
        break;
    }
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
    if (backend_conn_names_client(backend_conn_config(conn)))
        conn->helo = mem_strdup(dial->view->helo);
    conn->view.helo = NULL; /* the caller's; `helo` is our copy */
    STAILQ_INIT(&conn->queue);
    conn->dialled = loop_now(conn->loop);
    addr_text(&conn->to, conn->name);
    backend_greet_dial(conn, on_event);
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
    io_deadline(conn->io, backend_conn_timeouts(conn)->backend_reply);
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
    return !io_local_fault(conn->io) && (!conn->connected || !conn->named);
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
    if (backend_conn_config(conn)->original &&
        (conn->to.port != view->server.port || !addr_same_ip(&conn->to, &view->server)))
        return false;
    if (!backend_conn_names_client(backend_conn_config(conn)))
        return true;
    return addr_same_ip(&conn->view.client, &view->client) &&
           addr_same_ip(&conn->view.server, &view->server) && conn->view.esmtp == view->esmtp &&
           conn->helo != NULL && view->helo != NULL && strcmp(conn->helo, view->helo) == 0;
}

size_t backend_conn_errors(const struct backend_conn *conn)
{
    return conn->errors;
}

uint64_t backend_conn_age(const struct backend_conn *conn)
{
    return loop_now(conn->loop) - conn->dialled;
}
