/* SPDX-License-Identifier: ISC */
/*
 * cmd_mail: MAIL FROM (RFC 5321 4.1.1.2, SIZE 1870, SMTPUTF8 6531).
 *
 * MAIL is answered here; the backend hears it with the first recipient that passes.
 */
#include "proxy/session_int.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <stdlib.h>
#include <string.h>

/* Replies for what is wrong with the parameters; true: nothing is. */
static bool params_ok(struct session *s, enum param_result result, const char *why)
{
    switch (result) {
    case PARAM_OK:
        return true;
    case PARAM_SYNTAX:
        session_reply(s, REPLY_BAD_PARAMETER, why);
        return false;
    case PARAM_UNKNOWN:
        session_reply(s, REPLY_PARAMETER_UNKNOWN, why);
        return false;
    case PARAM_NOT_POSSIBLE:
        session_reply(s, REPLY_PARAMETER_VALUE, why);
        return false;
    }
    return false;
}

static bool limits_ok(struct session *s, const struct path *sender, const struct param_set *params)
{
    if (sender->utf8 && !(params->seen & PARAM_SMTPUTF8))
        session_reply(s, REPLY_NEEDS_SMTPUTF8, NULL);
    else if ((params->seen & PARAM_SIZE) && s->offered.size != 0 && params->size > s->offered.size)
        session_reply(s, REPLY_TOO_BIG, NULL);
    else if (s->offered.mail_max != 0 && s->mails >= s->offered.mail_max)
        session_reply(s, REPLY_TOO_MANY_MESSAGES, NULL);
    else
        return true;
    return false;
}

/* The command for the backend: the path without its route, the parameters as given; SIZE= only
 * where it was offered behind. */
static char *mail_line(const struct session *s, const struct path *sender, const char *params,
                       size_t len)
{
    unsigned drop = (s->backend_bits & CAP_SIZE) ? 0 : PARAM_SIZE;
    char *rest = mem_alloc(len + 1);
    param_copy(params, len, drop, rest);
    char *line = mem_printf("MAIL FROM:<%s>%s\r\n", sender->text, rest);
    free(rest);
    return line;
}

/* No error of the client's, but not to be asked for without end either. */
static void refuse_for_now(struct session *s, const struct gate_refusal *refusal)
{
    if (++s->junk > session_config(s)->limits.junk_commands)
        session_close(s, REPLY_TOO_MUCH_JUNK, "too many messages refused for now");
    else
        session_reply(s, refusal->reply, refusal->text);
}

void cmd_mail(struct session *s, const char *args, size_t len)
{
    struct path sender;
    struct param_set params;
    size_t used;
    const char *why = "";
    if (!str_case_starts(args, len, "FROM:")) {
        session_reply(s, REPLY_SYNTAX, "MAIL FROM:<address>");
        return;
    }
    args += 5;
    len -= 5;
    if (path_parse(args, len, true, &sender, &used) != PATH_OK) {
        session_reply(s, REPLY_BAD_SENDER, NULL);
        return;
    }
    unsigned known = capability_params(&s->offered) | (s->authenticated ? PARAM_AUTH : 0);
    enum param_result result = param_parse_mail(args + used, len - used, known, &params, &why);
    if (!params_ok(s, result, why) || !limits_ok(s, &sender, &params))
        return;
    struct gate_refusal refusal;
    if (!session_count(s, TRIAL_MESSAGE, &refusal)) {
        refuse_for_now(s, &refusal);
        return;
    }
    gate_sender(s->trial, &sender);
    char *line = mail_line(s, &sender, args + used, len - used);
    s->mails++;
    s->txn = transaction_new(&sender, &params, line, session_now(s));
    free(line);
    session_reply(s, REPLY_SENDER_OK, NULL);
}
