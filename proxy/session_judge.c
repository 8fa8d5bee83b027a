/* SPDX-License-Identifier: ISC */
/*
 * session_judge: the session before the policy: the wait before the banner, limits, verdicts, and
 * the way to the tarpit.
 *
 * Promises: the relay rule has spoken before a verdict is asked for, and no verdict loosens it; a
 * verdict that is not there yet holds only this client, and for the checks' time at most; the
 * tarpit takes a client before the banner, at EHLO or at RCPT, never once it spoke TLS, has
 * authenticated, or had a recipient accepted.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "proxy/worker.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_MOST 64 /* octets of what was said too early, for the log */

/* ---- the trial --------------------------------------------------------------------------------
 */

static void ask_message(struct session *s);

/* What was open is answered, or the client has turned out hostile. From the loop. */
static void on_changed(void *arg)
{
    struct session *s = arg;
    bool asks = s->state == SESSION_JUDGE || s->state == SESSION_WEIGH;
    if (asks && io_peer_gone(s->io)) /* nobody is there to be told */
        session_client_left(s);
    else if (s->state == SESSION_JUDGE)
        session_judge_recipient(s);
    else if (s->state == SESSION_WEIGH)
        ask_message(s);
    else if (s->state == SESSION_GREET && !session_tarpit(s, TARPIT_BANNER) &&
             trial_greet_wait(s->trial) == 0) /* proven by its name */
        session_greet_timeout(s);
}

void session_open_trial(struct session *s)
{
    struct gate_client who = {
        .worker = s->worker,
        .setup = s->setup,
        .listen = s->listen,
        .server = s->server,
        .trusted = s->trusted,
        .changed = on_changed,
        .arg = s,
    };
    if (!s->nameless) /* a balancer that names nobody is nobody */
        who.client = s->client;
    trial_free(s->trial);
    s->trial = gate_open(&who);
    s->judged = false;
    s->accepted = false;
    s->hurries = 0;
}

/* ---- before the banner --------------------------------------------------------------------------
 */

void session_banner(struct session *s)
{
    session_enter(s, SESSION_COMMAND);
    session_reply(s, REPLY_BANNER, session_config(s)->hostname);
}

void session_banner_or_wait(struct session *s)
{
    uint64_t wait = trial_greet_wait(s->trial);
    if (wait == 0) {
        session_banner(s);
        return;
    }
    if (trial_teaser(s->trial)) {
        struct buf line = {0};
        reply_write_more(REPLY_BANNER, session_config(s)->hostname, &line);
        io_write(s->io, buf_data(&line), buf_len(&line));
        buf_free(&line);
    }
    session_enter(s, SESSION_GREET);
    io_deadline(s->io, wait);
}

bool session_greet_step(struct session *s)
{
    size_t len;
    const char *data = io_data(s->io, &len);
    if (len == 0)
        return false;
    char *seen = mem_strndup(data, len < SEEN_MOST ? len : SEEN_MOST);
    seen[strcspn(seen, "\r\n")] = '\0';
    if (trial_behaved(s->trial, TRIAL_PREGREET, seen))
        s->hurries++;
    free(seen);
    io_pause(s->io); /* the rest is read as commands, after the banner */
    session_tarpit(s, TARPIT_BANNER);
    return false;
}

void session_greet_timeout(struct session *s)
{
    session_banner(s);
    io_resume(s->io);
}

/* ---- limits -------------------------------------------------------------------------------------
 */

bool session_connection_allowed(struct session *s)
{
    const char *why = "";
    struct gate_refusal refusal = {.text = ""};
    if (trial_within(s->trial, TRIAL_CONNECTION, &why))
        return true;
    if (!s->listen->implicit_tls || s->tls) { /* else it waits for a handshake, not for words */
        gate_limited(session_config(s), s->id, REPLY_LIMITED, why, &refusal);
        session_reply(s, refusal.reply, refusal.text);
    }
    session_record_connection(s, refusal.text);
    session_kill(s, why); /* not lingering: they may be many, and nobody counts them any more */
    return false;
}

/* Has the reply ready where a limit said no; returns what it said. */
static bool limit_in_words(const struct session *s, bool within, const char *why,
                           struct gate_refusal *refusal)
{
    if (!within)
        gate_limited(session_config(s), s->id, REPLY_DEFERRED, why, refusal);
    return within;
}

bool session_count(struct session *s, enum trial_count what, struct gate_refusal *refusal)
{
    const char *why = "";
    bool within = trial_count(s->trial, what, &why);
    return limit_in_words(s, within, why, refusal);
}

bool session_within(struct session *s, enum trial_count what, struct gate_refusal *refusal)
{
    const char *why = "";
    bool within = trial_within(s->trial, what, &why);
    return limit_in_words(s, within, why, refusal);
}

/* ---- the tarpit ---------------------------------------------------------------------------------
 */

static bool may_leave(const struct session *s)
{
    return !s->tls && !s->listen->implicit_tls && !s->authenticated && !s->accepted;
}

/* False: there is no room for it. */
static bool leave(struct session *s, enum tarpit_stage stage)
{
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    if (!tarpit_take(worker_tarpit(s->worker), s->io, stage, &s->client, s->id))
        return false;
    s->io = NULL;
    log_begin(&line, LOG_LEVEL_INFO, s->id, "tarpit");
    log_str(&line, "client", addr_text(&s->client, text));
    log_str(&line, "helo", s->helo);
    trial_log(s->trial, &line);
    log_end(&line);
    session_record_tarpit(s, stage);
    s->judged = true; /* the findings are told */
    session_kill(s, "taken to the tarpit");
    return true;
}

bool session_tarpit(struct session *s, enum tarpit_stage stage)
{
    return trial_hostile(s->trial) && may_leave(s) && leave(s, stage);
}

/* ---- verdicts -----------------------------------------------------------------------------------
 */

static void proceed(struct session *s, const struct gate_refusal *refusal)
{
    bool waited = s->state == SESSION_JUDGE;
    if (refusal == NULL && cmd_rcpt_proceed(s))
        return;
    if (refusal != NULL)
        cmd_rcpt_refused(s, refusal);
    if (waited)
        session_resume(s);
}

void session_judge_recipient(struct session *s)
{
    struct gate_refusal refusal;
    const enum gate_ruling ruling =
        gate_judge(s->trial, s->setup, s->id, s->txn->rcpt_exempt, &refusal);
    if (ruling != GATE_WAIT)
        gate_count_greylist(s->trial, s->setup->server->counters);
    switch (ruling) {
    case GATE_PASS:
        s->txn->rcpt_class = trial_class(s->trial, s->txn->rcpt_exempt);
        proceed(s, NULL);
        break;
    case GATE_WAIT:
        if (s->state != SESSION_JUDGE)
            session_enter(s, SESSION_JUDGE);
        break;
    case GATE_TARPIT:
        if (!session_tarpit(s, TARPIT_RCPT))
            proceed(s, &refusal);
        break;
    case GATE_REFUSE:
        proceed(s, &refusal);
        break;
    }
}

/* Asks for the verdict on the message, once more where it had to be waited for. */
static void ask_message(struct session *s)
{
    struct gate_refusal refusal;
    const bool exempt = s->txn->class == TRIAL_CLASS_EXEMPT;
    switch (gate_judge(s->trial, s->setup, s->id, exempt, &refusal)) {
    case GATE_PASS:
        cmd_data_judged(s, NULL);
        break;
    case GATE_WAIT:
        if (s->state != SESSION_WEIGH)
            session_enter(s, SESSION_WEIGH);
        break;
    case GATE_REFUSE:
    case GATE_TARPIT: /* a recipient was accepted: it cannot go there any more */
        cmd_data_judged(s, &refusal);
        break;
    }
}

void session_judge_message(struct session *s)
{
    trial_message(s->trial, s->txn->class == TRIAL_CLASS_ALLOWED);
    ask_message(s);
}

/* ---- what a client does -------------------------------------------------------------------------
 */

void session_hurried(struct session *s, const char *verb)
{
    if (!trial_behaved(s->trial, TRIAL_PIPELINING, verb))
        return;
    s->hurries++;
    s->erred = true;
}

uint64_t session_delay(const struct session *s)
{
    const size_t soft = session_config(s)->limits.errors_soft;
    unsigned faults = s->hurries;
    if (trial_suspicious(s->trial))
        faults += s->errors;
    else if (s->errors >= soft)
        faults += s->errors - (unsigned)soft + 1;
    return faults > 0 ? trial_delay(s->trial, faults) : 0;
}
