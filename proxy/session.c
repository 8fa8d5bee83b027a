/* SPDX-License-Identifier: ISC */
/*
 * session: one client connection as one state machine: its life, its states, its events.
 *
 * Promises: states change in session_enter() only, along the table below; replies to a pipelined
 * group leave in one write, in order (RFC 2920 3.2); whatever happens the transaction and the
 * backend's connection are given back; a session ends with exactly one log line.
 * Limits: timeouts (RFC 5321 4.5.3.2 for a server), the error budget: from errors-soft on (for a
 * suspicious client, or one that does not wait, from the first fault on) each fault's reply is
 * delayed by a second more, five at most; at errors-hard the session ends.
 */
#include "proxy/session_int.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/dialler.h"
#include "proxy/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINGER_MS 3000
/* Octets of replies kept back for the rest of a pipelined group. */
#define HOLD_MOST 4096
/* Octets of replies that a client may leave unread before it is heard again. */
#define UNREAD_MOST 65536
/* Beyond what any check may take (dns { timeout } is 30 s at most, and two look-ups may follow each
 * other): only a bug of ours lets it pass. */
#define JUDGE_MS (2 * 60 * 1000)
/* What a client surely waits for RCPT and for the end of data (RFC 5321 4.5.3.2), less a minute. */
#define WAIT_MS    (4 * 60 * 1000)
#define DELIVER_MS (9 * 60 * 1000)

#define BIT(state) (1u << (state))
static const unsigned ways[] = {
    [SESSION_PROXY] = BIT(SESSION_COMMAND) | BIT(SESSION_TLS) |
                      BIT(SESSION_GREET), /* every session begins here */
    [SESSION_GREET] = BIT(SESSION_COMMAND),
    [SESSION_TLS] = BIT(SESSION_COMMAND),
    [SESSION_COMMAND] = BIT(SESSION_TLS) | BIT(SESSION_WAIT) | BIT(SESSION_DATA) |
                        BIT(SESSION_BDAT) | BIT(SESSION_DELAY) | BIT(SESSION_DELIVER) |
                        BIT(SESSION_JUDGE),
    [SESSION_JUDGE] = BIT(SESSION_COMMAND) | BIT(SESSION_WAIT),
    [SESSION_WAIT] = BIT(SESSION_COMMAND) | BIT(SESSION_AUTH),
    [SESSION_AUTH] = BIT(SESSION_WAIT) | BIT(SESSION_COMMAND),
    [SESSION_DATA] = BIT(SESSION_WEIGH) | BIT(SESSION_DELIVER) | BIT(SESSION_COMMAND),
    [SESSION_BDAT] = BIT(SESSION_WEIGH) | BIT(SESSION_DELIVER) | BIT(SESSION_COMMAND),
    [SESSION_WEIGH] = BIT(SESSION_DELIVER) | BIT(SESSION_COMMAND),
    [SESSION_DELIVER] = BIT(SESSION_COMMAND),
    [SESSION_DELAY] = BIT(SESSION_COMMAND),
    [SESSION_CLOSED] = 0,
};

void session_enter(struct session *s, enum session_state state)
{
    assert(state == SESSION_CLOSED || (ways[s->state] & BIT(state)));
    s->state = state;
    const struct timeouts_config *timeouts = &session_config(s)->timeouts;
    switch (state) {
    case SESSION_PROXY:
        io_deadline(s->io, timeouts->proxy_header);
        break;
    case SESSION_TLS:
        io_deadline(s->io, timeouts->handshake);
        break;
    case SESSION_GREET: /* the deadline is the end of the wait */
        break;
    case SESSION_COMMAND:
    case SESSION_AUTH:
        io_deadline(s->io, timeouts->command);
        break;
    case SESSION_DATA:
    case SESSION_BDAT:
        io_deadline(s->io, timeouts->data);
        break;
    case SESSION_JUDGE:
    case SESSION_WEIGH:
        io_pause(s->io);
        io_deadline(s->io, JUDGE_MS);
        break;
    case SESSION_WAIT:
    case SESSION_DELIVER:
    case SESSION_DELAY:
        io_pause(s->io);
        io_deadline(s->io, state == SESSION_WAIT ? WAIT_MS : DELIVER_MS);
        break;
    case SESSION_CLOSED:
        break;
    }
}

uint64_t session_now(const struct session *s)
{
    return loop_now(worker_loop(s->worker));
}

const struct config *session_config(const struct session *s)
{
    return s->setup->config;
}

/* What the log line of the transaction will say of it. */
static void note_reply(struct session *s, const char *text, size_t len)
{
    if (s->txn == NULL)
        return;
    free(s->txn->reply);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    s->txn->reply = mem_strndup(text, len);
}

static void count_error(struct session *s)
{
    s->errors++;
    s->erred = true;
}

/* Temporary refusals that are the client's doing, and could be asked for without end. */
static bool counts(enum reply reply)
{
    return reply_code(reply) >= 500 || reply == REPLY_AUTH_LIMIT || reply == REPLY_NO_CLIENT;
}

void session_reply(struct session *s, enum reply reply, const char *argument)
{
    struct buf text = {0};
    reply_write(reply, argument, &text);
    note_reply(s, buf_data(&text), buf_len(&text));
    io_write(s->io, buf_data(&text), buf_len(&text));
    buf_free(&text);
    if (counts(reply))
        count_error(s);
}

void session_reply_backend(struct session *s, const struct backend_reply *reply)
{
    struct buf text = {0};
    backend_reply_write(reply, &text);
    note_reply(s, buf_data(&text), buf_len(&text));
    io_write(s->io, buf_data(&text), buf_len(&text));
    buf_free(&text);
    if (reply->code >= 500)
        count_error(s);
}

static void release(void *arg)
{
    struct session *s = arg;
    setup_unref(s->setup);
    free(s->helo);
    cmd_auth_forget(s);
    free(s);
}

/* The one end: everything is given back, the worker and the log are told. */
static void finish(struct session *s, const char *reason, uint64_t linger)
{
    if (s->state == SESSION_CLOSED)
        return;
    cmd_auth_cancel(s);
    session_end_transaction(s);
    session_release_conn(s);
    if (s->trial == NULL) /* no client was named: it is the peer itself */
        session_log_connect(s);
    session_log_close(s, reason);
    session_enter(s, SESSION_CLOSED);
    trial_free(s->trial);
    s->trial = NULL;
    if (s->io != NULL) /* else the tarpit has it */
        io_close(s->io, linger);
    worker_remove(s->worker, s);
    loop_defer(worker_loop(s->worker), release, s);
}

void session_close(struct session *s, enum reply reply, const char *reason)
{
    if (s->state == SESSION_CLOSED)
        return;
    if (s->state == SESSION_GREET) /* a teaser is out: its reply must end in its own code */
        session_banner(s);
    session_reply(s, reply, NULL);
    finish(s, reason, reply == REPLY_CLOSING ? 0 : LINGER_MS);
}

void session_end(struct session *s, const char *reason)
{
    finish(s, reason, LINGER_MS);
}

void session_stop(struct session *s)
{
    session_dismiss(s, "stopping");
}

void session_dismiss(struct session *s, const char *reason)
{
    if (s->state == SESSION_PROXY || s->state == SESSION_TLS)
        session_kill(s, reason);
    else
        session_close(s, REPLY_SHUTTING_DOWN, reason);
}

void session_kill(struct session *s, const char *reason)
{
    finish(s, reason, 0);
}

void session_client_left(struct session *s)
{
    if (s->trial != NULL)
        trial_behaved(s->trial, TRIAL_HANGUP, s->helo);
    session_kill(s, s->trial != NULL ? "the client left" : "health check");
}

void session_drain(struct session *s)
{
    size_t unread;
    io_data(s->io, &unread);
    s->draining = true;
    if (s->state == SESSION_PROXY || s->state == SESSION_TLS)
        session_kill(s, "stopping");
    else if (s->state == SESSION_GREET ||
             (s->state == SESSION_COMMAND && s->txn == NULL && unread == 0))
        session_close(s, REPLY_SHUTTING_DOWN, "stopping");
}

void session_settle(struct session *s)
{
    const struct limits_config *limits = &session_config(s)->limits;
    if (s->state != SESSION_COMMAND)
        return;
    if (s->draining && s->txn == NULL) {
        session_close(s, REPLY_SHUTTING_DOWN, "stopping");
        return;
    }
    if (!s->erred)
        return;
    s->erred = false;
    if (s->errors >= limits->errors_hard) {
        session_close(s, REPLY_TOO_MANY_ERRORS, "too many errors");
        return;
    }
    uint64_t delay = session_delay(s);
    if (delay > 0) {
        session_enter(s, SESSION_DELAY);
        io_deadline(s->io, delay);
    }
}

static bool step(struct session *s)
{
    switch (s->state) {
    case SESSION_PROXY:
        return session_proxy_step(s);
    case SESSION_GREET:
        return session_greet_step(s);
    case SESSION_COMMAND:
        return session_command_step(s);
    case SESSION_AUTH:
        return cmd_auth_step(s);
    case SESSION_DATA:
        return cmd_data_step(s);
    case SESSION_BDAT:
        return cmd_bdat_step(s);
    case SESSION_TLS:
    case SESSION_JUDGE:
    case SESSION_WEIGH:
    case SESSION_WAIT:
    case SESSION_DELIVER:
    case SESSION_DELAY:
    case SESSION_CLOSED:
        return false;
    }
    return false;
}

/* Is the rest of a pipelined group there already, so that its replies may leave together? */
static bool more_to_come(const struct session *s)
{
    size_t len;
    const char *data = io_data(s->io, &len);
    return (s->state == SESSION_WAIT || s->state == SESSION_JUDGE) &&
           io_pending(s->io) < HOLD_MOST && memchr(data, '\n', len) != NULL;
}

/* Replies that nobody reads pile up: no more input until they are gone. */
static bool unread_replies(struct session *s)
{
    if (io_pending(s->io) < UNREAD_MOST)
        return false;
    io_pause(s->io);
    io_want_drained(s->io);
    return true;
}

void session_input(struct session *s)
{
    io_hold(s->io, true);
    while (s->state != SESSION_CLOSED && !unread_replies(s) && step(s))
        ;
    if (s->state != SESSION_CLOSED)
        io_hold(s->io, s->state == SESSION_DELAY || more_to_come(s));
}

/* Is an answer awaited, for which the client has to wait? */
static bool awaits(const struct session *s)
{
    return s->state == SESSION_JUDGE || s->state == SESSION_WEIGH || s->state == SESSION_WAIT ||
           s->state == SESSION_DELIVER;
}

/* The client has read its replies. */
static void on_drained(struct session *s)
{
    if (!awaits(s) && s->state != SESSION_DELAY)
        io_resume(s->io);
}

void session_resume(struct session *s)
{
    if (awaits(s))
        session_enter(s, SESSION_COMMAND);
    io_resume(s->io); /* delivers, from the loop, what came meanwhile */
    session_settle(s);
    if (s->state != SESSION_CLOSED) {
        size_t unread;
        io_data(s->io, &unread);
        io_hold(s->io, s->state == SESSION_DELAY || unread > 0);
    }
}

static void on_timeout(struct session *s)
{
    switch (s->state) {
    case SESSION_PROXY:
        session_proxy_timeout(s);
        break;
    case SESSION_GREET:
        session_greet_timeout(s);
        break;
    case SESSION_JUDGE:
    case SESSION_WEIGH:
        session_close(s, REPLY_FAULT, "the policy gave no verdict");
        break;
    case SESSION_TLS:
        session_kill(s, "timeout in the TLS handshake");
        break;
    case SESSION_COMMAND:
    case SESSION_AUTH:
        session_close(s, REPLY_TIMEOUT, "timeout waiting for a command");
        break;
    case SESSION_DATA:
    case SESSION_BDAT:
        session_close(s, REPLY_TIMEOUT, "timeout waiting for data");
        break;
    case SESSION_DELAY:
        session_enter(s, SESSION_COMMAND);
        io_hold(s->io, false);
        io_resume(s->io);
        session_settle(s);
        break;
    case SESSION_WAIT:
    case SESSION_DELIVER:
        session_give_up(s, "the backend took longer than the client will wait");
        break;
    case SESSION_CLOSED:
        break;
    }
}

static void on_secured(struct session *s)
{
    bool implicit = s->listen->implicit_tls && !s->tls;
    s->tls = true;
    session_counted(s, COUNTER_CONNECTIONS_TLS);
    session_enter(s, SESSION_COMMAND);
    if (implicit)
        session_reply(s, REPLY_BANNER, session_config(s)->hostname);
}

/* A reset is no QUIT either; what TLS did not come to says nothing. */
static void on_failed(struct session *s, const char *why)
{
    if (s->trial != NULL && s->state != SESSION_TLS)
        trial_behaved(s->trial, TRIAL_HANGUP, s->helo);
    session_kill(s, why);
}

static void on_event(struct io *io, enum io_event event, void *arg)
{
    struct session *s = arg;
    switch (event) {
    case IO_CONNECTED:
        break;
    case IO_DRAINED:
        on_drained(s);
        break;
    case IO_DATA:
        session_input(s);
        break;
    case IO_SECURED:
        on_secured(s);
        break;
    case IO_EOF:
        session_client_left(s);
        break;
    case IO_FAILED:
        on_failed(s, io_error(io));
        break;
    case IO_TIMEOUT:
        on_timeout(s);
        break;
    }
}

void session_greet(struct session *s)
{
    s->trusted = gate_client_trusted(session_config(s), &s->client) && !s->nameless;
    session_log_connect(s);
    session_open_trial(s);
    if (!session_connection_allowed(s) || session_tarpit(s, TARPIT_BANNER))
        return;
    if (s->listen->implicit_tls && !s->tls) {
        session_enter(s, SESSION_TLS);
        /* The hello may have come with the PROXY header. */
        io_start_tls_server_early(s->io, s->setup->tls);
        return;
    }
    session_banner_or_wait(s);
}

struct session *session_new(struct worker *worker, struct setup *setup, size_t listen,
                            struct io *io)
{
    struct session *s = mem_alloc(sizeof *s);
    s->worker = worker;
    s->setup = setup_ref(setup);
    s->listen = &setup->config->listen[listen];
    s->io = io;
    s->began = session_now(s);
    s->client = *io_peer(io);
    if (s->listen->transparent)
        s->server = io_local(io); /* else it is asked for when a backend wants to know */
    random_id(s->id);
    session_counted(s, COUNTER_CONNECTIONS);
    io_set_owner(io, on_event, s);
    return s;
}

void session_begin(struct session *s)
{
    if (cidr_set_match(&s->listen->proxy_from, &s->client))
        io_deadline(s->io, session_config(s)->timeouts.proxy_header);
    else
        session_greet(s);
}

void session_list_add(struct session_list *list, struct session *session)
{
    LIST_INSERT_HEAD(list, session, link);
}

void session_list_remove(struct session *session)
{
    LIST_REMOVE(session, link);
}

struct session *session_list_next(struct session *session)
{
    return LIST_NEXT(session, link);
}
