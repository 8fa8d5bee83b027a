/* SPDX-License-Identifier: ISC */
/*
 * session_log: a session's lines in the log: one at connect, one a transaction, one at close, and
 * one for each fault between us and a backend. Their words are in gatepostd(8), LOG.
 *
 * Promises: peer text is escaped and cut by lib/log; what AUTH carried never comes here.
 */
#include "proxy/session_int.h"

#include "lib/log.h"

void session_log_connect(const struct session *s)
{
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    log_begin(&line, LOG_LEVEL_INFO, s->id, "connect");
    log_str(&line, "client", addr_text(&s->client, text));
    log_str(&line, "listener", s->listen->name);
    if (!addr_same_ip(&s->client, io_peer(s->io)))
        log_str(&line, "proxy", addr_text(io_peer(s->io), text));
    log_end(&line);
}

static void log_tls(struct log_line *line, const struct session *s)
{
    const struct io_secure *secure = s->tls ? io_secure(s->io) : NULL;
    if (secure == NULL) /* the tarpit may have the connection by now; it takes plain ones only */
        return;
    log_str(line, "tls", secure->version);
    log_str(line, "cipher", secure->cipher);
}

void session_log_transaction(const struct session *s)
{
    const struct transaction *txn = s->txn;
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    log_begin(&line, LOG_LEVEL_INFO, s->id, "transaction");
    log_str(&line, "client", addr_text(&s->client, text));
    log_str(&line, "helo", s->helo);
    log_tls(&line, s);
    if (s->authenticated)
        log_str(&line, "auth", "yes");
    log_str(&line, "from", txn->sender);
    log_num(&line, "recipients", (long long)txn->accepted);
    if (buf_len(&txn->to) > 0)
        log_bytes(&line, "to", buf_data(&txn->to), buf_len(&txn->to));
    if (txn->refused > 0) {
        log_num(&line, "refused", (long long)txn->refused);
        log_bytes(&line, "refusals", buf_data(&txn->refusals), buf_len(&txn->refusals));
    }
    log_num(&line, "size", (long long)txn->text.size);
    if (txn->backend_name[0] != '\0')
        log_str(&line, "backend", txn->backend_name);
    log_str(&line, "reply", txn->reply);
    trial_log(s->trial, &line);
    log_num(&line, "ms", (long long)(session_now(s) - txn->began));
    log_end(&line);
}

void session_log_close(const struct session *s, const char *reason)
{
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    log_begin(&line, LOG_LEVEL_INFO, s->id, "disconnect");
    log_str(&line, "client", addr_text(&s->client, text));
    log_str(&line, "reason", reason);
    log_num(&line, "messages", (long long)s->messages);
    log_num(&line, "errors", (long long)s->errors);
    if (!s->judged && s->trial != NULL)
        trial_log(s->trial, &line);
    log_num(&line, "ms", (long long)(session_now(s) - s->began));
    log_end(&line);
}

void session_log_fault(const struct session *s, const char *why)
{
    struct log_line line;
    session_counted(s, COUNTER_BACKEND_FAULTS);
    log_begin(&line, LOG_LEVEL_WARNING, s->id, "backend-fault");
    if (s->txn != NULL && s->txn->backend_name[0] != '\0')
        log_str(&line, "backend", s->txn->backend_name);
    log_str(&line, "why", why);
    log_end(&line);
}
