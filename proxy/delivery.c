/* SPDX-License-Identifier: ISC */
/*
 * delivery: the backend's half of one transaction.
 *
 * Promises: the backend hears MAIL with the first recipient and DATA only when the whole message
 * is here; a connection that turns out dead before its first reply, if it was used before, is
 * replaced silently, once; one that died while the client was sending is dialled again and the
 * envelope replayed, and goes on only where every answer is the same. What is not the backend's
 * verdict on this mail becomes a fault, never a 5xx of our own and never a 250.
 *
 * Which replies are its verdict: 2xx, 4xx but for 421, and 55x. All else is about the dialogue
 * between us, not the mail. RFC 5321 4.2, RFC 3030.
 */
#include "proxy/delivery.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/dialler.h"
#include "proxy/spool.h"
#include "proxy/text_in.h"
#include "proxy/xclient.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tag { TAG_RSET, TAG_XFORWARD, TAG_MAIL, TAG_REPLAY, TAG_RCPT, TAG_DATA, TAG_END };
enum question { ASK_NOTHING, ASK_RCPT, ASK_TEXT };

struct recipient { /* one that the backend has accepted, for a replay */
    size_t len;
    int code;
    char line[];
};

struct delivery {
    delivery_fn fn;
    void *arg;
    struct loop *loop;
    struct pool *pool;
    struct setup *setup;
    size_t backend;
    struct client_view view;
    char *helo;
    unsigned advertised;
    char *mail;
    struct backend_conn *conn;
    struct dialler *dialler;
    struct recipient **recipient;
    size_t recipients;
    size_t replayed;              /* replies to replayed RCPTs that came well */
    struct backend_reply refusal; /* of MAIL, code 0: none */
    int mail_code;                /* of the first MAIL, 0: not yet */
    enum question question;
    char *rcpt; /* the line asked for */
    size_t rcpt_len;
    struct delivery_text text;
    uint64_t sent;   /* octets of the spool handed to the connection */
    bool line_start; /* of dot-stuffing */
    bool dirty;      /* RSET comes before the next MAIL */
    bool bound;
    bool used;   /* the connection carried something before */
    bool mailed; /* MAIL is said on this connection */
    bool streaming;
    bool replaced; /* the silent replacement was made */
    size_t messages;
};

static void start(struct delivery *d);

static const struct timeouts_config *timeouts_of(const struct delivery *d)
{
    return &d->setup->config->timeouts;
}

static void drop_conn(struct delivery *d)
{
    backend_conn_free(d->conn);
    d->conn = NULL;
    d->mailed = false;
    d->streaming = false;
    d->dirty = false;
    d->messages = 0;
}

/* The question is answered; the callback may free us. */
static void answer(struct delivery *d, enum delivery_answer kind, const struct backend_reply *reply,
                   const char *why)
{
    d->question = ASK_NOTHING;
    d->fn(kind, reply, why, d->arg);
}

static void fail(struct delivery *d, const char *why)
{
    char text[512]; /* `why` may belong to the connection */
    snprintf(text, sizeof text, "%s", why);
    drop_conn(d);
    if (d->question != ASK_NOTHING)
        answer(d, DELIVERY_FAULT, NULL, text);
}

static void fail_reply(struct delivery *d, const char *where, const struct backend_reply *reply)
{
    char text[512];
    snprintf(text, sizeof text, "%s answered %d %.400s", where, reply->code, reply->text);
    fail(d, text);
}

/* Does the reply judge the mail, or is it about the dialogue between us? */
static bool verdict(const struct backend_reply *reply)
{
    int code = reply->code;
    return code / 100 == 2 || (code / 100 == 4 && code != 421) || code / 10 == 55;
}

static void send_line(struct delivery *d, int tag, const char *line, size_t len)
{
    backend_conn_send(d->conn, tag, line, len, timeouts_of(d)->backend_reply);
}

static void send_xforward(struct delivery *d)
{
    const struct backend_config *config = &d->setup->config->backend[d->backend];
    if (config->client_address != CLIENT_ADDRESS_XFORWARD)
        return;
    struct xclient who = {
        .seen = XCLIENT_ADDR | XCLIENT_PORT | XCLIENT_PROTO | XCLIENT_IDENT |
                (d->helo != NULL ? XCLIENT_HELO : 0),
        .addr = d->view.client,
        .esmtp = d->view.esmtp,
    };
    snprintf(who.helo, sizeof who.helo, "%s", d->helo != NULL ? d->helo : "");
    snprintf(who.ident, sizeof who.ident, "%s", d->view.ident);
    struct buf lines = {0};
    xclient_build("XFORWARD", backend_conn_offer(d->conn)->xforward, &who, &lines);
    const char *end;
    while ((end = memchr(buf_data(&lines), '\n', buf_len(&lines))) != NULL) {
        size_t len = (size_t)(end - buf_data(&lines)) + 1;
        send_line(d, TAG_XFORWARD, buf_data(&lines), len);
        buf_consume(&lines, len);
    }
    buf_free(&lines);
}

/* MAIL on a connection that has not heard it, and the recipients accepted on an earlier one. */
static void send_envelope(struct delivery *d)
{
    d->mailed = true;
    d->replayed = 0;
    if (d->dirty)
        send_line(d, TAG_RSET, "RSET\r\n", 6);
    d->dirty = false;
    send_xforward(d);
    send_line(d, TAG_MAIL, d->mail, strlen(d->mail));
    for (size_t i = 0; i < d->recipients; i++)
        send_line(d, TAG_REPLAY, d->recipient[i]->line, d->recipient[i]->len);
}

static bool by_bdat(const struct delivery *d)
{
    return d->text.chunked && (backend_conn_offer(d->conn)->bits & CAP_CHUNKING);
}

static void send_data(struct delivery *d);

/* What was asked for, once the envelope is said. */
static void go_on(struct delivery *d)
{
    if (!d->mailed)
        send_envelope(d);
    if (d->question == ASK_RCPT)
        send_line(d, TAG_RCPT, d->rcpt, d->rcpt_len);
    else if (d->question == ASK_TEXT && d->replayed == d->recipients)
        send_data(d);
}

/* The message's next bytes; more when these have gone out. */
static void stream(struct delivery *d)
{
    if (!d->text.wanted(d->arg)) {
        fail(d, "the client left before the end of data was passed on");
        return;
    }
    char *room = mem_grow(NULL, 65536, 1); /* not zeroed: this is the hot path */
    const char *data = NULL;
    long n = spool_read(d->text.spool, d->sent, room, &data);
    bool dotted = !by_bdat(d);
    if (n < 0) {
        fail(d, "the spool cannot be read");
    } else if (n > 0) {
        if (dotted && d->text.dot_lines) {
            struct buf stuffed = {0};
            text_stuff(&stuffed, data, (size_t)n, &d->line_start);
            backend_conn_text(d->conn, buf_data(&stuffed), buf_len(&stuffed));
            buf_free(&stuffed);
        } else {
            backend_conn_text(d->conn, data, (size_t)n);
        }
        d->sent += (uint64_t)n;
    }
    free(room);
    if (n < 0)
        return;
    if (d->sent < spool_size(d->text.spool)) {
        backend_conn_want_drained(d->conn);
        return;
    }
    d->streaming = false;
    if (dotted)
        backend_conn_text(d->conn, d->text.ends_in_crlf ? ".\r\n" : "\r\n.\r\n",
                          d->text.ends_in_crlf ? 3 : 5);
    backend_conn_expect(d->conn, TAG_END, timeouts_of(d)->backend_end_of_data);
}

static void begin_stream(struct delivery *d)
{
    d->sent = 0;
    d->line_start = true;
    d->streaming = true;
    backend_conn_text(d->conn, buf_data(d->text.head), buf_len(d->text.head));
    stream(d);
}

static void send_data(struct delivery *d)
{
    if (!by_bdat(d)) {
        send_line(d, TAG_DATA, "DATA\r\n", 6);
        return;
    }
    char line[64];
    uint64_t size = buf_len(d->text.head) + spool_size(d->text.spool);
    int len = snprintf(line, sizeof line, "BDAT %llu LAST\r\n", (unsigned long long)size);
    backend_conn_text(d->conn, line, (size_t)len);
    begin_stream(d);
}

static void copy_reply(struct backend_reply *to, const struct backend_reply *from)
{
    to->code = from->code;
    to->lines = from->lines;
    to->text = mem_strdup(from->text);
}

static void on_mail(struct delivery *d, const struct backend_reply *reply)
{
    bool first = d->mail_code == 0;
    if (first && verdict(reply))
        d->mail_code = reply->code;
    if (!verdict(reply) || (!first && reply->code / 100 != d->mail_code / 100))
        fail_reply(d, "MAIL", reply);
    else if (first && reply->code / 100 != 2)
        copy_reply(&d->refusal, reply);
}

static void on_replay(struct delivery *d, const struct backend_reply *reply)
{
    if (reply->code != d->recipient[d->replayed]->code) {
        fail_reply(d, "a recipient it had accepted before", reply);
        return;
    }
    d->replayed++;
    if (d->replayed == d->recipients && d->question == ASK_TEXT)
        send_data(d);
}

/* One more recipient stands: it is kept for a replay. */
static void keep_recipient(struct delivery *d, int code)
{
    struct recipient *one = mem_alloc(sizeof *one + d->rcpt_len);
    one->len = d->rcpt_len;
    one->code = code;
    memcpy(one->line, d->rcpt, d->rcpt_len);
    if ((d->recipients & (d->recipients + 1)) == 0 || d->recipients == 0)
        d->recipient = mem_grow(d->recipient, (d->recipients + 1) * 2, sizeof(struct recipient *));
    d->recipient[d->recipients++] = one;
    d->replayed = d->recipients;
}

static void on_rcpt(struct delivery *d, const struct backend_reply *reply)
{
    const struct backend_reply *words = d->refusal.code != 0 ? &d->refusal : reply;
    if (!verdict(words)) {
        fail_reply(d, "RCPT", words);
        return;
    }
    if (words->code / 100 == 2)
        keep_recipient(d, words->code);
    answer(d, DELIVERY_REPLY, words, NULL);
}

static void on_end(struct delivery *d, const struct backend_reply *reply)
{
    d->mailed = false; /* the transaction is over, whatever it says (RFC 5321 4.1.1.4)... */
    d->dirty = by_bdat(d) && reply->code / 100 != 2; /* ...but for BDAT (RFC 3030 2: RSET) */
    d->messages++;
    if (verdict(reply) && !d->streaming)
        answer(d, DELIVERY_REPLY, reply, NULL);
    else
        fail_reply(d, "end of data", reply);
}

static void on_data_reply(struct delivery *d, const struct backend_reply *reply)
{
    if (reply->code == 354) {
        begin_stream(d);
    } else if (verdict(reply) && reply->code / 100 != 2) {
        d->dirty = true; /* whether the transaction still stands there is not said */
        d->mailed = false;
        answer(d, DELIVERY_REPLY, reply, NULL);
    } else {
        fail_reply(d, "DATA", reply);
    }
}

/* A connection that was used before, and has closed or says 421 now to the first it hears, is no
 * news: it had gone while it was idle, and a fresh one takes its place, once. */
static bool replaceable(const struct delivery *d)
{
    return d->used && !d->replaced && !d->bound && !d->streaming;
}

static void replace(struct delivery *d)
{
    d->replaced = true;
    drop_conn(d);
    start(d);
}

static void on_reply(struct delivery *d, int tag, const struct backend_reply *reply)
{
    if (reply->code == 421 && backend_conn_heard(d->conn) == 1 && replaceable(d)) {
        replace(d);
        return;
    }
    switch ((enum tag)tag) {
    case TAG_RSET:
    case TAG_XFORWARD:
        if (reply->code != 250)
            fail_reply(d, tag == TAG_RSET ? "RSET" : "XFORWARD", reply);
        break;
    case TAG_MAIL:
        on_mail(d, reply);
        break;
    case TAG_REPLAY:
        on_replay(d, reply);
        break;
    case TAG_RCPT:
        on_rcpt(d, reply);
        break;
    case TAG_DATA:
        on_data_reply(d, reply);
        break;
    case TAG_END:
        on_end(d, reply);
        break;
    }
}

static void on_fault(struct delivery *d)
{
    if (d->question == ASK_NOTHING)
        drop_conn(d);
    else if (backend_conn_heard(d->conn) == 0 && replaceable(d))
        replace(d);
    else
        fail(d, backend_conn_why(d->conn));
}

static void on_conn(struct backend_conn *conn, enum backend_event event, int tag,
                    const struct backend_reply *reply, void *arg)
{
    struct delivery *d = arg;
    (void)conn;
    switch (event) {
    case BACKEND_READY:
        break;
    case BACKEND_REPLY:
        on_reply(d, tag, reply);
        break;
    case BACKEND_DRAINED:
        if (d->streaming)
            stream(d);
        break;
    case BACKEND_FAULT:
        on_fault(d);
        break;
    }
}

/* What the client was promised and this backend does not keep. */
static bool keeps_promises(const struct delivery *d)
{
    const unsigned promised = CAP_8BITMIME | CAP_SMTPUTF8 | CAP_DSN | CAP_ENHANCEDSTATUSCODES |
                              CAP_DELIVERBY | CAP_MT_PRIORITY | CAP_RRVS | CAP_NO_SOLICITING;
    return (d->advertised & promised & ~backend_conn_offer(d->conn)->bits) == 0;
}

static void use_conn(struct delivery *d, struct backend_conn *conn)
{
    d->conn = conn;
    backend_conn_set_owner(conn, on_conn, d);
    if (keeps_promises(d))
        go_on(d);
    else
        fail(d, "the backend offers less in this session than it did when we learned its EHLO");
}

static void on_dialled(struct backend_conn *conn, const char *why, void *arg)
{
    struct delivery *d = arg;
    d->dialler = NULL;
    d->used = false;
    if (conn != NULL)
        use_conn(d, conn);
    else
        fail(d, why);
}

/* Gets a connection: the one we have, a kept one, or a fresh one. */
static void start(struct delivery *d)
{
    if (d->conn != NULL) {
        go_on(d);
        return;
    }
    if (d->bound) {
        fail(d, "the connection on which the client authenticated is gone");
        return;
    }
    struct backend_conn *kept = NULL;
    if (!d->replaced)
        kept = pool_take(d->pool, d->setup, d->backend, &d->view, &d->messages);
    d->used = kept != NULL;
    if (kept != NULL)
        use_conn(d, kept);
    else
        d->dialler = dialler_ask(d->loop, d->setup, d->backend, &d->view, on_dialled, d);
}

struct delivery *delivery_new(const struct delivery_request *request, delivery_fn fn, void *arg)
{
    struct delivery *d = mem_alloc(sizeof *d);
    d->fn = fn;
    d->arg = arg;
    d->loop = request->loop;
    d->pool = request->pool;
    d->setup = setup_ref(request->setup);
    d->backend = request->backend;
    d->view = *request->view;
    d->helo = mem_strdup(request->view->helo);
    d->view.helo = d->helo;
    d->advertised = request->advertised;
    d->mail = mem_strdup(request->mail);
    d->conn = request->conn;
    d->dirty = request->dirty;
    d->bound = request->bound;
    d->messages = request->messages;
    d->used = d->conn != NULL;
    if (d->conn != NULL)
        backend_conn_set_owner(d->conn, on_conn, d);
    return d;
}

void delivery_rcpt(struct delivery *d, const char *line, size_t len)
{
    free(d->rcpt);
    d->rcpt = mem_strndup(line, len);
    d->rcpt_len = len;
    d->question = ASK_RCPT;
    if (d->refusal.code != 0)
        answer(d, DELIVERY_REPLY, &d->refusal, NULL);
    else
        start(d);
}

void delivery_text(struct delivery *d, const struct delivery_text *text)
{
    d->text = *text;
    d->question = ASK_TEXT;
    start(d);
}

void delivery_give_up(struct delivery *d, const char *why)
{
    dialler_cancel(d->dialler);
    d->dialler = NULL;
    fail(d, why);
}

const char *delivery_backend(const struct delivery *d)
{
    return d->conn != NULL ? backend_conn_name(d->conn) : NULL;
}

struct backend_conn *delivery_free(struct delivery *d, bool *dirty, size_t *messages)
{
    if (d == NULL)
        return NULL;
    struct backend_conn *conn = d->conn;
    *dirty = d->mailed || d->dirty;
    *messages = d->messages;
    if (conn != NULL && (d->streaming || !backend_conn_quiet(conn))) {
        backend_conn_free(conn);
        conn = NULL;
    }
    dialler_cancel(d->dialler);
    for (size_t i = 0; i < d->recipients; i++)
        free(d->recipient[i]);
    free(d->recipient);
    backend_reply_clear(&d->refusal);
    setup_unref(d->setup);
    free(d->helo);
    free(d->mail);
    free(d->rcpt);
    free(d);
    return conn;
}
