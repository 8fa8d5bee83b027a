/* SPDX-License-Identifier: ISC */
/*
 * cmd_data: DATA (RFC 5321 4.1.1.4), the message's text, and the end of data for DATA and BDAT.
 *
 * Promises: 354 only once the backend has accepted a recipient; the text is spooled until its one
 * legal end, CRLF.CRLF, and only then the backend hears DATA; one Received field goes in front,
 * then what the policy stamps; fields that claim to be ours are left out, and not one other byte is
 * changed; the 250 is the backend's. What is refused here: bare newlines and NUL (550 5.5.2,
 * close), beyond SIZE, too large a header, a loop, no room (452 4.3.1); and what the verdict, which
 * may have to be waited for, refuses. Limits: message-size, header-size, received, the least data
 * rate, memory and spool.
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
#define HEADER_FREE 8192 /* octets of memory for a header section that are not counted */

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

/* Is the message refused here, whatever the policy says? */
static bool unfit(const struct session *s, enum reply *reply)
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

/* The policy keeps the header section: beyond a little that counts as a message's memory does. */
static bool header_fits(struct session *s)
{
    struct transaction *txn = s->txn;
    uint64_t held = trial_text_memory(s->trial);
    if (held <= HEADER_FREE || held - HEADER_FREE <= txn->held)
        return true;
    uint64_t more = held - HEADER_FREE - txn->held;
    if (!spool_budget_take(txn->budget, more))
        return false;
    txn->held += more;
    return true;
}

/* To the policy, as long as anybody will ask what it makes of it. */
static void tell(struct session *s, const char *data, size_t len)
{
    enum reply reply;
    if (unfit(s, &reply))
        return;
    trial_text(s->trial, data, len);
    if (header_fits(s))
        return;
    s->txn->spool_full = true;
    log_event(LOG_LEVEL_WARNING, s->id, "spool-full", "no memory for the header section");
    drop_text(s->txn);
}

void cmd_data_store(void *arg, const char *data, size_t len)
{
    struct session *s = arg;
    struct transaction *txn = s->txn;
    uint64_t most = most_octets(s);
    if (txn->stored == 0 && len > 0)
        txn->folded = data[0] == ' ' || data[0] == '\t';
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
    tell(s, data, len);
}

void cmd_data_begin(struct session *s, bool dotted)
{
    struct transaction *txn = s->txn;
    txn->text_begun = true;
    txn->budget = s->setup->server->budget;
    txn->spool = spool_new(txn->budget);
    trial_text_begin(s->trial);
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

static void write_received(struct session *s)
{
    struct transaction *txn = s->txn;
    const struct io_secure *secure = io_secure(s->io);
    const struct received field = {
        .helo = s->helo,
        .client = &s->client,
        .client_name = trial_confirmed_name(s->trial),
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

/* Received comes first. A message that begins with a folded line goes on with the field above it:
 * that must not be one that is believed. */
static void write_head(struct session *s)
{
    struct buf *head = &s->txn->head;
    if (s->txn->folded)
        trial_stamp(s->trial, head);
    write_received(s);
    if (!s->txn->folded)
        trial_stamp(s->trial, head);
}

static void leave_out(uint64_t offset, uint64_t len, void *arg)
{
    spool_cut(arg, offset, len);
}

/* What goes in front of the message, and what of the message is left out. What is cut are whole
 * lines, so no other begins with a dot than before. */
static void prepare_text(struct session *s)
{
    struct transaction *txn = s->txn;
    write_head(s);
    trial_cuts(s->trial, leave_out, txn->spool);
    if (spool_end_cut(txn->spool))
        txn->text.ends_in_crlf = true;
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
    prepare_text(s);
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

static void refuse(struct session *s, enum reply reply, const char *argument,
                   enum transaction_end end)
{
    bool waited = s->state == SESSION_WEIGH;
    s->txn->end = end;
    session_reply(s, reply, argument);
    session_end_transaction(s);
    if (waited) {
        session_resume(s);
        return;
    }
    session_enter(s, SESSION_COMMAND);
    session_settle(s);
}

void cmd_data_judged(struct session *s, const struct gate_refusal *refusal)
{
    if (refusal != NULL)
        refuse(s, refusal->reply, refusal->text, TRANSACTION_JUDGED);
    else
        deliver(s);
}

void cmd_data_finish(struct session *s)
{
    enum reply reply = REPLY_FAULT;
    if (s->txn->text.faults & (TEXT_BARE_CR | TEXT_BARE_LF))
        trial_behaved(s->trial, TRIAL_NEWLINE, "in the message");
    if (!unfit(s, &reply)) {
        session_judge_message(s);
        return;
    }
    if (reply != REPLY_BARE_NEWLINE) {
        refuse(s, reply, NULL, TRANSACTION_UNFIT);
        return;
    }
    s->txn->end = TRANSACTION_UNFIT;
    session_close(s, reply, "bare newline or NUL in the message");
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
