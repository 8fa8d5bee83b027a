/* SPDX-License-Identifier: ISC */
/* session_show: what administrators see of a session: a plain copy. */
#include "proxy/session_int.h"

#include <stdio.h>

static const char *state_name(enum session_state state)
{
    switch (state) {
    case SESSION_PROXY:
        return "proxy";
    case SESSION_GREET:
        return "greet";
    case SESSION_TLS:
        return "tls";
    case SESSION_COMMAND:
        return "command";
    case SESSION_JUDGE:
    case SESSION_WEIGH:
        return "judge";
    case SESSION_WAIT:
        return "wait";
    case SESSION_AUTH:
        return "auth";
    case SESSION_DATA:
        return "data";
    case SESSION_BDAT:
        return "bdat";
    case SESSION_DELIVER:
        return "deliver";
    case SESSION_DELAY:
        return "delay";
    case SESSION_CLOSED:
        return "closed";
    }
    return "";
}

void session_show(const struct session *s, struct session_shown *out)
{
    *out = (struct session_shown){
        .client = s->client,
        .step = state_name(s->state),
        .began = s->began,
        .messages = s->messages,
        .errors = s->errors,
        .tls = s->tls,
        .authenticated = s->authenticated,
        .trusted = s->trusted,
        .suspicious = s->trial != NULL && trial_suspicious(s->trial),
    };
    snprintf(out->id, sizeof out->id, "%s", s->id);
    snprintf(out->listener, sizeof out->listener, "%s", s->listen->name);
    snprintf(out->helo, sizeof out->helo, "%s", s->helo != NULL ? s->helo : "");
    if (s->txn == NULL)
        return;
    out->transaction = true;
    out->accepted = s->txn->accepted;
    out->refused = s->txn->refused;
    snprintf(out->sender, sizeof out->sender, "%s", s->txn->sender);
}

const char *session_id(const struct session *s)
{
    return s->id;
}
