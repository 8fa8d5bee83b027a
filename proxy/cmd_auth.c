/* SPDX-License-Identifier: ISC */
/*
 * cmd_auth: AUTH (RFC 4954), passed through to the backend that holds the users.
 *
 * Promises: only mechanisms that the backend offers and that survive a proxy are let through; the
 * lines of the dialogue go on as they came and are never logged; after the backend's 235 the
 * client may relay and the session stays with that connection; failures are counted for the
 * client's network before the backend is asked again.
 * Limits: lines of SESSION_AUTH_LINE octets.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/dialler.h"
#include "proxy/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tag { TAG_AUTH, TAG_RSET };

/* No answer of the backend: 451. */
static void failed(struct session *s, const char *why)
{
    session_log_fault(s, why);
    session_forget_conn(s);
    cmd_auth_forget(s);
    session_reply(s, REPLY_FAULT, NULL);
    session_resume(s);
}

void cmd_auth_forget(struct session *s)
{
    if (s->auth_line != NULL)
        explicit_bzero(s->auth_line, strlen(s->auth_line));
    free(s->auth_line);
    s->auth_line = NULL;
}

void cmd_auth_give_up(struct session *s, const char *why)
{
    struct backend_conn *conn = s->conn;
    cmd_auth_cancel(s);
    failed(s, why);
    backend_conn_free(conn);
}

static void succeed(struct session *s)
{
    s->authenticated = true;
    session_counted(s, COUNTER_CONNECTIONS_AUTH);
    s->conn_bound = true;
    trial_authenticated(s->trial);
}

/* Is the reply one that AUTH may have (RFC 4954 4, 6)? A 2xx other than 235 lets nobody in. */
static bool answers_auth(int code)
{
    return code == 235 || code == 334 || (code >= 400 && code != 421);
}

static void on_reply(struct session *s, const struct backend_reply *reply)
{
    if (!answers_auth(reply->code)) {
        struct backend_conn *conn = s->conn;
        char why[512];
        snprintf(why, sizeof why, "AUTH answered %d %.400s", reply->code, reply->text);
        failed(s, why);
        backend_conn_free(conn);
        return;
    }
    const char *why;
    session_reply_backend(s, reply);
    if (reply->code == 334) {
        session_enter(s, SESSION_AUTH);
        io_resume(s->io);
        io_hold(s->io, false);
        return;
    }
    if (reply->code == 235)
        succeed(s);
    else if (reply->code / 100 == 5 && reply->code != 501) /* 501: "*", or not understood */
        trial_count(s->trial, TRIAL_FAILED_LOGIN, &why);
    session_resume(s);
}

/* The connection while the dialogue runs, and after it until a transaction takes it over. */
static void on_conn(struct backend_conn *conn, enum backend_event event, int tag,
                    const struct backend_reply *reply, void *arg)
{
    struct session *s = arg;
    if (event == BACKEND_REPLY && tag == TAG_RSET)
        return;
    if (event == BACKEND_REPLY && s->state == SESSION_WAIT) {
        on_reply(s, reply);
        return;
    }
    if (event != BACKEND_FAULT)
        return;
    if (s->state == SESSION_WAIT) {
        failed(s, backend_conn_why(conn));
    } else if (s->state == SESSION_AUTH) {
        session_log_fault(s, backend_conn_why(conn));
        session_forget_conn(s); /* told in answer to the client's line, which may be under way */
    } else {
        session_forget_conn(s);
    }
    backend_conn_free(conn);
}

static void send_line(struct session *s, const char *line, size_t len)
{
    char *text = mem_printf("%.*s\r\n", (int)len, line);
    backend_conn_send(s->conn, TAG_AUTH, text, len + 2, session_config(s)->timeouts.backend_reply);
    explicit_bzero(text, len);
    free(text);
}

static unsigned mechanism_of(const char *args, size_t len)
{
    const char *end = memchr(args, ' ', len);
    return capability_auth_bit(args, end != NULL ? (size_t)(end - args) : len);
}

/* The connection is there: the command goes to the backend. */
static void begin(struct session *s)
{
    const struct capability *offer = backend_conn_offer(s->conn);
    const char *args = s->auth_line + strlen("AUTH ");
    backend_conn_set_owner(s->conn, on_conn, s);
    s->conn_tainted = true;
    if ((offer->auth & mechanism_of(args, strlen(args))) == 0) {
        backend_conn_free(s->conn);
        failed(s, "the backend does not offer in this session the mechanism it did before");
        return;
    }
    if (s->conn_dirty)
        backend_conn_send(s->conn, TAG_RSET, "RSET\r\n", 6,
                          session_config(s)->timeouts.backend_reply);
    s->conn_dirty = false;
    send_line(s, s->auth_line, strlen(s->auth_line));
    cmd_auth_forget(s);
}

static void on_dialled(struct backend_conn *conn, const char *why, void *arg)
{
    struct session *s = arg;
    s->dialler = NULL;
    s->conn = conn;
    if (conn != NULL)
        begin(s);
    else
        failed(s, why);
}

/* A fresh connection for each first attempt: what others used may close under the secret. A later
 * one goes on where the first was, unless a transaction has put another backend's in its place. */
static void dial(struct session *s)
{
    const struct client_view view = session_view(s);
    session_enter(s, SESSION_WAIT);
    if (s->conn != NULL && s->conn_tainted && backend_conn_same_view(s->conn, &view) &&
        backend_conn_backend(s->conn) == s->listen->auth_backend) {
        begin(s);
        return;
    }
    session_release_conn(s);
    s->dialler = dialler_ask(worker_loop(s->worker), s->setup, s->listen->auth_backend, &view,
                             on_dialled, s);
}

void cmd_auth(struct session *s, const char *args, size_t len)
{
    const char *why;
    unsigned mechanism = mechanism_of(args, len);
    if (s->authenticated) {
        session_reply(s, REPLY_SEQUENCE, "Already authenticated");
    } else if (s->offered.auth == 0 || !(s->offered.bits & CAP_AUTH)) {
        session_reply(s, REPLY_SEQUENCE, "AUTH is not offered here");
    } else if (mechanism == 0 || !(s->offered.auth & mechanism)) {
        session_reply(s, REPLY_MECHANISM_UNKNOWN, NULL);
    } else if (!trial_within(s->trial, TRIAL_FAILED_LOGIN, &why)) {
        session_reply(s, REPLY_AUTH_LIMIT, NULL);
    } else {
        s->auth_line = mem_printf("AUTH %s", args);
        dial(s);
    }
}

bool cmd_auth_step(struct session *s)
{
    size_t len;
    size_t line_len = 0;
    size_t used = 0;
    const char *data = io_data(s->io, &len);
    if (len == 0)
        return false;
    switch (line_split(data, len, SESSION_AUTH_LINE, &line_len, &used)) {
    case LINE_MORE:
        return false;
    case LINE_OK:
        break;
    case LINE_TOO_LONG:
    case LINE_BARE_CR:
    case LINE_BARE_LF:
    case LINE_NUL:
        session_close(s, REPLY_BAD_LINE, "bad line in the AUTH dialogue");
        return false;
    }
    if (s->conn == NULL) {
        io_consume(s->io, used);
        session_enter(s, SESSION_COMMAND);
        session_reply(s, REPLY_FAULT, NULL);
        session_settle(s);
        return true;
    }
    session_enter(s, SESSION_WAIT);
    send_line(s, data, line_len);
    io_consume(s->io, used);
    return s->state != SESSION_WAIT;
}

void cmd_auth_cancel(struct session *s)
{
    dialler_cancel(s->dialler);
    s->dialler = NULL;
}
