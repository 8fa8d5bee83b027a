/* SPDX-License-Identifier: ISC */
/*
 * cmd_rcpt: RCPT TO (RFC 5321 4.1.1.3): check, ask the gate (the relay rule first, then the limits,
 * then the verdict), ask the backend, pass its answer on.
 *
 * Promises: a recipient is accepted by the backend only; a fault between us is 451, never a 5xx;
 * recipients of another route, or of another class than the first that was accepted, wait for a
 * transaction of their own (452 4.5.3), so nothing slips in under a recipient that is exempt from
 * the policy. A spamtrap is answered as a recipient that is not there.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/mem.h"
#include "lib/str.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED_MOST 10000 /* recipients refused in one transaction: nobody means that many */

/* Refuses the recipient, and notes it for the transaction's log line and for a decision record. */
static void refuse(struct session *s, const char *address, enum refusal why, enum reply reply,
                   const char *argument)
{
    session_reply(s, reply, argument);
    transaction_note(s->txn, address, false, s->txn->reply);
    session_record_recipient(s, address, why);
}

static void note_backend(struct transaction *txn)
{
    const char *name = delivery_backend(txn->delivery);
    if (name != NULL)
        snprintf(txn->backend_name, sizeof txn->backend_name, "%s", name);
}

/* What the backend's answer to a recipient says of the client. */
static void note_answer(struct session *s, int code)
{
    struct transaction *txn = s->txn;
    const char *why;
    if (code / 100 == 2) {
        s->accepted = true;
        txn->class = txn->rcpt_class;
    } else if (code / 100 == 5) {
        trial_count(s->trial, TRIAL_FAILED_RECIPIENT, &why);
    }
}

static void answer_rcpt(struct session *s, enum delivery_answer answer,
                        const struct backend_reply *reply, const char *why)
{
    struct transaction *txn = s->txn;
    char *address = txn->rcpt;
    txn->rcpt = NULL;
    if (answer == DELIVERY_FAULT) {
        session_log_fault(s, why);
        refuse(s, address, REFUSED_FAULT, REPLY_FAULT, NULL);
    } else {
        session_reply_backend(s, reply);
        transaction_note(txn, address, reply->code / 100 == 2, txn->reply);
        if (reply->code / 100 != 2)
            session_record_recipient(s, address, REFUSED_BACKEND);
        note_answer(s, reply->code);
    }
    free(address);
    session_resume(s);
}

static void on_answer(enum delivery_answer answer, const struct backend_reply *reply,
                      const char *why, void *arg)
{
    struct session *s = arg;
    note_backend(s->txn);
    if (s->state == SESSION_WAIT)
        answer_rcpt(s, answer, reply, why);
    else if (s->state == SESSION_DELIVER)
        cmd_data_answer(s, answer, reply, why);
}

/* The backend for this recipient: the session's own after AUTH, else by its domain. */
static size_t route(const struct session *s, const char *domain)
{
    if (s->authenticated)
        return s->listen->auth_backend;
    return setup_route(s->setup, domain);
}

/* It is not asked for any more. */
static void forget(struct transaction *txn)
{
    free(txn->rcpt);
    free(txn->rcpt_line);
    txn->rcpt = NULL;
    txn->rcpt_line = NULL;
}

bool cmd_rcpt_proceed(struct session *s)
{
    struct transaction *txn = s->txn;
    if (txn->accepted > 0 && txn->rcpt_class != txn->class) {
        refuse(s, txn->rcpt, REFUSED_FORM, REPLY_OTHER_CLASS, NULL);
        forget(txn);
        return false;
    }
    char *line = txn->rcpt_line;
    txn->rcpt_line = NULL;
    txn->asked++;
    if (txn->delivery == NULL)
        session_open_delivery(s, on_answer);
    session_enter(s, SESSION_WAIT);
    delivery_rcpt(txn->delivery, line, strlen(line));
    free(line);
    return true;
}

void cmd_rcpt_refused(struct session *s, const struct gate_refusal *refusal)
{
    struct transaction *txn = s->txn;
    refuse(s, txn->rcpt, REFUSED_JUDGED, refusal->reply, refusal->text);
    forget(txn);
}

static void ask_verdict(struct session *s, const struct path *path, const char *params)
{
    struct transaction *txn = s->txn;
    txn->rcpt = mem_strdup(path->text);
    txn->rcpt_line = mem_printf("RCPT TO:<%s>%s\r\n", path->text, params);
    txn->rcpt_exempt = gate_exempt(path);
    session_judge_recipient(s);
}

/* What is wrong with the parameters, or true. */
static bool params_ok(struct session *s, const struct path *path, const char *text, size_t len)
{
    struct param_set params;
    const char *why = "";
    switch (param_parse_rcpt(text, len, capability_params(&s->offered), &params, &why)) {
    case PARAM_OK:
        return true;
    case PARAM_SYNTAX:
        refuse(s, path->text, REFUSED_FORM, REPLY_BAD_PARAMETER, why);
        return false;
    case PARAM_UNKNOWN:
        refuse(s, path->text, REFUSED_FORM, REPLY_PARAMETER_UNKNOWN, why);
        return false;
    case PARAM_NOT_POSSIBLE:
        refuse(s, path->text, REFUSED_FORM, REPLY_PARAMETER_VALUE, why);
        return false;
    }
    return false;
}

/* A client at its limit for recipients, good or bad; true: it is not. */
static bool within_limits(struct session *s, const struct path *path)
{
    struct gate_refusal refusal;
    bool within = session_within(s, TRIAL_FAILED_RECIPIENT, &refusal) &&
                  session_count(s, TRIAL_RECIPIENT, &refusal);
    if (within || gate_exempt(path))
        return true;
    refuse(s, path->text, REFUSED_LIMIT, refusal.reply, refusal.text);
    return false;
}

/* What the relay rule refuses counts, and sends a hostile client to the tarpit as a verdict would.
 * A client at its limit is no longer told who is there and who is not. */
static void refuse_by_rule(struct session *s, const struct path *path, enum reply reply)
{
    const char *why;
    struct gate_refusal refusal;
    if (session_tarpit(s, TARPIT_RCPT))
        return;
    if (reply == REPLY_NO_SUCH_RECIPIENT && !session_within(s, TRIAL_FAILED_RECIPIENT, &refusal)) {
        refuse(s, path->text, REFUSED_LIMIT, refusal.reply, refusal.text);
        return;
    }
    refuse(s, path->text, reply == REPLY_NO_SUCH_RECIPIENT ? REFUSED_UNKNOWN : REFUSED_RELAY, reply,
           s->id);
    trial_count(s->trial, TRIAL_FAILED_RECIPIENT, &why);
}

/* The relay rule, and of an own recipient whether it is a trap; true: it passes. */
static bool own_recipient(struct session *s, const struct path *path,
                          char domain[static PATH_DOMAIN_MAX + 1], enum reply *reply)
{
    bool own =
        gate_recipient(session_config(s), path, s->trusted || s->authenticated, domain, reply);
    if (!own && *reply != REPLY_NO_SUCH_RECIPIENT)
        return false;
    if (trial_trapped(s->trial)) {
        *reply = REPLY_NO_SUCH_RECIPIENT;
        return false;
    }
    return own;
}

/* The relay rule and what else needs no verdict; true: it passes. */
static bool judge(struct session *s, const struct path *path)
{
    struct transaction *txn = s->txn;
    char domain[PATH_DOMAIN_MAX + 1];
    enum reply reply = REPLY_FAULT;
    trial_recipient(s->trial, path->text);
    if (s->nameless) {
        refuse(s, path->text, REFUSED_FORM, REPLY_NO_CLIENT, NULL);
    } else if (path->utf8 && !(txn->params.seen & PARAM_SMTPUTF8)) {
        refuse(s, path->text, REFUSED_FORM, REPLY_NEEDS_SMTPUTF8, NULL);
    } else if (!own_recipient(s, path, domain, &reply)) {
        refuse_by_rule(s, path, reply);
    } else if (txn->asked >= s->offered.rcpt_max && s->offered.rcpt_max != 0) {
        refuse(s, path->text, REFUSED_FORM, REPLY_TOO_MANY_RECIPIENTS, NULL);
    } else {
        size_t backend = route(s, domain);
        if (txn->delivery == NULL)
            txn->backend = backend;
        if (backend == txn->backend)
            return true;
        refuse(s, path->text, REFUSED_FORM, REPLY_OTHER_ROUTE, NULL);
    }
    return false;
}

void cmd_rcpt(struct session *s, const char *args, size_t len)
{
    struct path path;
    size_t used;
    if (!str_case_starts(args, len, "TO:")) {
        session_reply(s, REPLY_SYNTAX, "RCPT TO:<address>");
        return;
    }
    args += 3;
    len -= 3;
    if (path_parse(args, len, false, &path, &used) != PATH_OK) {
        session_reply(s, REPLY_BAD_RECIPIENT, NULL);
        return;
    }
    if (s->txn->refused >= REFUSED_MOST) { /* those refused for now are no errors */
        session_close(s, REPLY_TOO_MANY_ERRORS, "too many refused recipients");
        return;
    }
    if (params_ok(s, &path, args + used, len - used) && judge(s, &path) && within_limits(s, &path))
        ask_verdict(s, &path, args + used);
}
