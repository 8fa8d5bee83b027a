/* SPDX-License-Identifier: ISC */
/*
 * cmd_data: DATA (RFC 5321 4.1.1.4), the message's text, and the end of data for DATA and BDAT.
 *
 * Promises: 354 only once the backend has accepted a recipient; the text is spooled until its one
 * legal end, CRLF.CRLF, and only then the backend hears DATA; one Received field goes in front and
 * not one other byte is changed; the 250 is the backend's. What is refused here: bare newlines and
 * NUL (550 5.5.2, close), beyond SIZE, too large a header, a loop, no room (452 4.3.1).
 * Limits: message-size, header-size, received, the least data rate, memory and spool.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "proxy/received.h"
#include "proxy/spool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Octets read and dropped behind SIZE before the session ends: an honest client's last lines. */
#define BEYOND_SIZE (1024 * 1024)

/* What SIZE said, or our own limit; 0: none. */
static uint64_t most_octets(const struct session *s)
{
    return s->offered.size != 0 ? s->offered.size : session_config(s)->limits.message_size;
}

/* The message will be refused: no more of it is kept. */
static void drop_text(struct transaction *txn)
{
    spool_free(txn->spool);
    txn->spool = NULL;
}

void cmd_data_store(void *arg, const char *data, size_t len)
{
    struct session *s = arg;
    struct transaction *txn = s->txn;
    uint64_t most = most_octets(s);
    txn->stored += len;
    txn->too_big = most != 0 && txn->stored > most;
    if (txn->spool == NULL)
        return;
    if (!txn->too_big && !spool_add(txn->spool, data, len)) {
        txn->spool_full = true;
        log_event(LOG_LEVEL_WARNING, s->id, "spool-full", "%s", spool_error(txn->spool));
    }
    if (txn->too_big || txn->spool_full)
        drop_text(txn);
}

void cmd_data_begin(struct session *s, bool dotted)
{
    struct transaction *txn = s->txn;
    txn->text_begun = true;
    txn->spool = spool_new(s->setup->server->budget);
    text_in_init(&txn->text, dotted, session_config(s)->bare_newline);
    s->text_began = session_now(s);
    s->text_octets = 0;
}

bool cmd_data_block(struct session *s, size_t len)
{
    const struct config *config = session_config(s);
    uint64_t most = most_octets(s);
    s->text_octets += len;
    if (most != 0 && s->text_octets > most + BEYOND_SIZE) {
        session_close(s, REPLY_TOO_BIG, "far more data than SIZE allows");
        return false;
    }
    io_deadline(s->io, config->timeouts.data);
    uint64_t allowed = config->timeouts.data;
    if (config->limits.data_rate != 0)
        allowed += s->text_octets * 1000 / config->limits.data_rate;
    else
        allowed = UINT64_MAX;
    if (session_now(s) - s->text_began <= allowed)
        return true;
    session_close(s, REPLY_TOO_SLOW, "data below the least rate");
    return false;
}

void cmd_data(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    struct transaction *txn = s->txn;
    if (txn->accepted == 0 && txn->asked + txn->refused > 0) {
        session_reply(s, REPLY_NO_RECIPIENTS, NULL);
        return;
    }
    if (txn->accepted == 0) {
        session_reply(s, REPLY_SEQUENCE, "Send RCPT first");
        return;
    }
    cmd_data_begin(s, true);
    session_reply(s, REPLY_START_DATA, NULL);
    session_enter(s, SESSION_DATA);
}

bool cmd_data_step(struct session *s)
{
    size_t len;
    bool end = false;
    const char *data = io_data(s->io, &len);
    if (len == 0)
        return false;
    size_t used = text_in_feed(&s->txn->text, data, len, cmd_data_store, s, &end);
    io_consume(s->io, used);
    if (end) {
        cmd_data_finish(s);
        return true;
    }
    cmd_data_block(s, used);
    return false;
}

/* Is the message refused here? */
static bool refused(const struct session *s, enum reply *reply)
{
    const struct limits_config *limits = &session_config(s)->limits;
    const struct transaction *txn = s->txn;
    unsigned faults = txn->text.faults;
    if (session_config(s)->bare_newline == NEWLINE_NORMALIZE)
        faults &= TEXT_NUL;
    if (faults != 0)
        *reply = REPLY_BARE_NEWLINE;
    else if (txn->too_big)
        *reply = REPLY_TOO_BIG;
    else if (txn->text.header_size > limits->header_size)
        *reply = REPLY_HEADER_TOO_BIG;
    else if (txn->text.received > limits->received)
        *reply = REPLY_LOOP;
    else if (txn->spool_full)
        *reply = REPLY_SPOOL_FULL;
    else
        return false;
    return true;
}

static void write_received(struct session *s)
{
    struct transaction *txn = s->txn;
    const struct io_secure *secure = io_secure(s->io);
    const struct received field = {
        .helo = s->helo,
        .client = &s->client,
        .hostname = session_config(s)->hostname,
        .session = s->id,
        .esmtp = s->esmtp,
        .tls = secure != NULL,
        .auth = s->authenticated,
        .utf8 = (txn->params.seen & PARAM_SMTPUTF8) != 0,
        .tls_version = secure != NULL ? secure->version : NULL,
        .tls_cipher = secure != NULL ? secure->cipher : NULL,
        .tls_bits = secure != NULL ? secure->bits : 0,
        .recipient = txn->accepted == 1 ? txn->named[0] : NULL,
        .time = time(NULL),
    };
    received_write(&field, &txn->head);
}

/* For the delivery: is there still somebody to tell? */
static bool client_stays(void *arg)
{
    const struct session *s = arg;
    return !io_peer_gone(s->io);
}

static void deliver(struct session *s)
{
    struct transaction *txn = s->txn;
    write_received(s);
    const struct delivery_text text = {
        .head = &txn->head,
        .spool = txn->spool,
        .chunked = txn->chunked,
        .dot_lines = txn->text.dot_lines,
        .ends_in_crlf = txn->text.ends_in_crlf,
        .wanted = client_stays,
    };
    session_enter(s, SESSION_DELIVER);
    delivery_text(txn->delivery, &text);
}

static void refuse(struct session *s, enum reply reply, const char *argument)
{
    session_reply(s, reply, argument);
    session_end_transaction(s);
    session_enter(s, SESSION_COMMAND);
    session_settle(s);
}

void cmd_data_finish(struct session *s)
{
    enum reply reply = REPLY_FAULT;
    struct gate_refusal refusal;
    bool judged = session_message_refused(s, &refusal);
    bool ours = refused(s, &reply);
    if (ours || judged)
        s->txn->end = ours ? TRANSACTION_UNFIT : TRANSACTION_JUDGED;
    if (ours && reply == REPLY_BARE_NEWLINE)
        session_close(s, reply, "bare newline or NUL in the message");
    else if (ours)
        refuse(s, reply, NULL);
    else if (judged)
        refuse(s, refusal.reply, refusal.text);
    else
        deliver(s);
}

void cmd_data_answer(struct session *s, enum delivery_answer answer,
                     const struct backend_reply *reply, const char *why)
{
    if (answer == DELIVERY_FAULT) {
        session_log_fault(s, why);
        session_reply(s, REPLY_FAULT, NULL);
        s->txn->end = TRANSACTION_FAULT;
    } else {
        session_reply_backend(s, reply);
        s->txn->end = reply->code / 100 == 2 ? TRANSACTION_DELIVERED : TRANSACTION_REFUSED;
        if (reply->code / 100 == 2) {
            s->messages++;
            s->junk = 0;
            trial_delivered(s->trial);
            s->errors = 0; /* as Postfix counts: errors without delivering mail */
        }
    }
    session_end_transaction(s);
    session_resume(s);
}
