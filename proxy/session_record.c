/* SPDX-License-Identifier: ISC */
/*
 * session_record: what a session tells of its decisions: counters, and a decision record for each
 * refused recipient, each client refused or taken to the tarpit, and each transaction in which a
 * recipient was accepted.
 *
 * Limits: of one transaction the first 20 refused recipients have records of their own; the rest
 * are counted, and refused like the others. What is wrong in form only (a parameter, a route) is
 * counted and has no record, for no verdict was asked.
 */
#include "proxy/session_int.h"

#include "lib/mem.h"
#include "proxy/gate_record.h"

#include <stdlib.h>

#define REFUSED_RECORDED 20

void session_counted(const struct session *s, enum counter counter)
{
    counters_add(s->setup->server->counters, counter, 1);
}

static void record(const struct session *s, const struct record_context *context)
{
    struct gate_decision decision = {.trial = s->trial, .setup = s->setup, .context = *context};
    decision.context.id = s->id;
    decision.context.listener = s->listen->name;
    if (s->trial != NULL)
        gate_record(&decision);
}

/* ---- recipients --------------------------------------------------------------------------------
 */

static const struct {
    enum counter counter;
    const char *refused; /* in the record; NULL: the verdict says it */
    bool recorded;
} refusals[] = {
    [REFUSED_JUDGED] = {COUNTER_RECIPIENT_POLICY, NULL, true},
    [REFUSED_RELAY] = {COUNTER_RECIPIENT_RELAY, "relay", true},
    [REFUSED_UNKNOWN] = {COUNTER_RECIPIENT_UNKNOWN, "unknown", true},
    [REFUSED_LIMIT] = {COUNTER_RECIPIENT_LIMIT, "limit", true},
    [REFUSED_FORM] = {COUNTER_RECIPIENT_FORM, "form", false},
    [REFUSED_BACKEND] = {COUNTER_RECIPIENT_BACKEND, "backend", true},
    [REFUSED_FAULT] = {COUNTER_RECIPIENT_FAULT, "fault", true},
};

void session_record_recipient(struct session *s, const char *address, enum refusal why)
{
    struct transaction *txn = s->txn;
    session_counted(s, refusals[why].counter);
    if (!refusals[why].recorded || txn->recorded >= REFUSED_RECORDED)
        return;
    txn->recorded++;
    const struct record_context context = {
        .stage = RECORD_RCPT,
        .exempt = txn->rcpt != NULL && txn->rcpt_exempt,
        .recipients = 1,
        .recipient = &address,
        .refused = refusals[why].refused,
        .reply = txn->reply,
    };
    record(s, &context);
}

/* ---- clients -----------------------------------------------------------------------------------
 */

void session_record_connection(struct session *s, const char *reply)
{
    const struct record_context context = {
        .stage = RECORD_CONNECT, .refused = "limit", .reply = reply};
    session_counted(s, COUNTER_CONNECTIONS_LIMIT);
    record(s, &context);
}

void session_record_tarpit(struct session *s, enum tarpit_stage stage)
{
    const char *address = stage == TARPIT_RCPT && s->txn != NULL ? s->txn->rcpt : NULL;
    struct record_context context = {.stage = RECORD_HELO};
    switch (stage) {
    case TARPIT_BANNER:
        context.stage = RECORD_CONNECT;
        session_counted(s, COUNTER_TARPIT_BANNER);
        break;
    case TARPIT_EHLO:
    case TARPIT_MAIL:
        session_counted(s, COUNTER_TARPIT_EHLO);
        break;
    case TARPIT_RCPT:
        context.stage = RECORD_RCPT;
        session_counted(s, COUNTER_TARPIT_RCPT);
        break;
    }
    context.recipients = address != NULL;
    context.recipient = &address;
    record(s, &context);
}

/* ---- transactions ------------------------------------------------------------------------------
 */

static const struct {
    enum counter counter;
    const char *refused;
} ends[] = {
    [TRANSACTION_LEFT] = {COUNTER_TRANSACTION_ENDED, NULL},
    [TRANSACTION_DELIVERED] = {COUNTER_TRANSACTION_DELIVERED, NULL},
    [TRANSACTION_JUDGED] = {COUNTER_TRANSACTION_REFUSED, NULL},
    [TRANSACTION_UNFIT] = {COUNTER_TRANSACTION_REFUSED, "form"},
    [TRANSACTION_REFUSED] = {COUNTER_TRANSACTION_BACKEND, "backend"},
    [TRANSACTION_FAULT] = {COUNTER_TRANSACTION_FAULT, "fault"},
};

void session_record_transaction(struct session *s)
{
    const struct transaction *txn = s->txn;
    struct counters *counters = s->setup->server->counters;
    const char *all[TRANSACTION_NAMED];
    counters_add(counters, ends[txn->end].counter, 1);
    counters_add(counters, COUNTER_RECIPIENT_ACCEPTED, txn->accepted);
    if (txn->end == TRANSACTION_DELIVERED)
        counters_add(counters, COUNTER_MESSAGE_OCTETS, txn->text.size);
    if (txn->accepted == 0)
        return; /* those refused have records */
    for (size_t i = 0; i < TRANSACTION_NAMED; i++)
        all[i] = txn->named[i];
    const struct record_context context = {
        .stage = RECORD_MESSAGE,
        .exempt = txn->class == TRIAL_CLASS_EXEMPT,
        .recipients = txn->accepted,
        .recipient = all,
        .refused = ends[txn->end].refused,
        .reply = txn->end != TRANSACTION_LEFT ? txn->reply : NULL, /* else that of a recipient */
    };
    record(s, &context);
}
