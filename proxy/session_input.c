/* SPDX-License-Identifier: ISC */
/*
 * session_input: command lines, the one command table, and the guard in front of the handlers.
 *
 * Promises: a handler runs only where its row's flags allow it, so no handler checks them again;
 * a line that is not clean CRLF is refused and the session closed (or, with bare-newline =
 * normalize, a bare LF ends it); what is not SMTP at all ends the session.
 * RFC 5321 2.3.8, 4.1.1, 4.1.4, 4.5.3.1.4.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/str.h"
#include "proxy/line.h"

#include <string.h>

enum flag {
    NEEDS_HELLO = 1 << 0, /* 503 before HELO or EHLO */
    NEEDS_TXN = 1 << 1,   /* 503 before MAIL */
    NO_TXN = 1 << 2,      /* 503 within a transaction */
    NO_CHUNKS = 1 << 3,   /* 503 once BDAT has begun (RFC 3030 2) */
    NEEDS_ARGS = 1 << 4,  /* 501 without arguments */
    NO_ARGS = 1 << 5,     /* 501 with arguments */
    JUNK = 1 << 6,        /* counts against junk-commands */
    LAST = 1 << 7,        /* the client must wait for its reply (RFC 2920 3.1) */
};

struct row {
    const char *name;
    void (*run)(struct session *s, const char *args, size_t len);
    unsigned flags;
    const char *syntax;
};

static void cmd_rset(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_end_transaction(s);
    session_reply(s, REPLY_RESET, NULL);
}

static void cmd_noop(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_reply(s, REPLY_OK, NULL);
}

static void cmd_help(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_reply(s, REPLY_HELP, session_command_names());
}

static void cmd_vrfy(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_reply(s, REPLY_VRFY, NULL);
}

static void cmd_expn(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_reply(s, REPLY_NOT_IMPLEMENTED, NULL);
}

static void cmd_quit(struct session *s, const char *args, size_t len)
{
    (void)args;
    (void)len;
    session_end_transaction(s); /* its last words were not ours of now */
    session_close(s, REPLY_CLOSING, "quit");
}

static const struct row table[] = {
    {"EHLO", cmd_ehlo, NEEDS_ARGS | JUNK | LAST, "EHLO hostname"},
    {"HELO", cmd_helo, NEEDS_ARGS | JUNK | LAST, "HELO hostname"},
    {"MAIL", cmd_mail, NEEDS_HELLO | NO_TXN | NEEDS_ARGS, "MAIL FROM:<address>"},
    {"RCPT", cmd_rcpt, NEEDS_HELLO | NEEDS_TXN | NO_CHUNKS | NEEDS_ARGS, "RCPT TO:<address>"},
    {"DATA", cmd_data, NEEDS_HELLO | NEEDS_TXN | NO_CHUNKS | NO_ARGS | LAST, "DATA"},
    {"BDAT", cmd_bdat, NEEDS_ARGS, "BDAT octets [LAST]"},
    {"RSET", cmd_rset, NO_ARGS | JUNK, "RSET"},
    {"NOOP", cmd_noop, JUNK, "NOOP [text]"},
    {"QUIT", cmd_quit, NO_ARGS, "QUIT"},
    {"HELP", cmd_help, JUNK, "HELP [text]"},
    {"VRFY", cmd_vrfy, NEEDS_ARGS | JUNK, "VRFY text"},
    {"EXPN", cmd_expn, JUNK, "EXPN text"},
    {"STARTTLS", cmd_starttls, NEEDS_HELLO | NO_ARGS, "STARTTLS"},
    {"AUTH", cmd_auth, NEEDS_HELLO | NO_TXN | NEEDS_ARGS | LAST, "AUTH mechanism"},
    {"XCLIENT", cmd_xclient, NO_TXN | NEEDS_ARGS, "XCLIENT attribute=value..."},
};

const char *session_command_names(void)
{
    return "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY EXPN STARTTLS AUTH";
}

static const struct row *find(const char *verb, size_t len)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        /* Most rows differ in the first letter. */
        if ((verb[0] & ~0x20) == table[i].name[0] && str_case_eq(verb, len, table[i].name))
            return &table[i];
    }
    return NULL;
}

/* The guard: true where the handler may run, else the reply has been given. */
static bool allowed(struct session *s, const struct row *row, size_t args_len)
{
    unsigned flags = row->flags;
    if ((flags & NEEDS_ARGS) && args_len == 0)
        session_reply(s, REPLY_SYNTAX, row->syntax);
    else if ((flags & NO_ARGS) && args_len > 0)
        session_reply(s, REPLY_SYNTAX, row->syntax);
    else if ((flags & NEEDS_HELLO) && s->helo == NULL)
        session_reply(s, REPLY_SEQUENCE, "Send EHLO or HELO first");
    else if ((flags & NEEDS_TXN) && s->txn == NULL)
        session_reply(s, REPLY_SEQUENCE, "Send MAIL first");
    else if ((flags & NO_TXN) && s->txn != NULL)
        session_reply(s, REPLY_SEQUENCE, "A transaction is open already");
    else if ((flags & NO_CHUNKS) && s->txn != NULL && s->txn->chunked)
        session_reply(s, REPLY_SEQUENCE, "BDAT has begun: only BDAT and RSET may follow");
    else
        return true;
    return false;
}

static bool junk_limit(struct session *s, const struct row *row)
{
    if (!(row->flags & JUNK) || ++s->junk <= session_config(s)->limits.junk_commands)
        return false;
    session_close(s, REPLY_TOO_MUCH_JUNK, "too many commands without a message");
    return true;
}

/* HTTP, a header line, a TLS hello in the clear: no mail client says that. */
static bool not_smtp(const char *verb, size_t len)
{
    static const char *const words[] = {"GET", "POST", "CONNECT", "HEAD", "PUT", "OPTIONS"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_case_eq(verb, len, words[i]))
            return true;
    }
    return len > 1 && verb[len - 1] == ':';
}

/* Is the next command here already although the client has not seen the reply it must see first?
 * Without EHLO there is no pipelining at all; what follows QUIT hurts nobody, and what follows BDAT
 * is its chunk. */
static void watch_pace(struct session *s, const struct row *row)
{
    size_t unread;
    io_data(s->io, &unread);
    if (unread == 0 || row->run == cmd_quit || row->run == cmd_bdat)
        return;
    if ((row->flags & LAST) || !s->esmtp)
        session_hurried(s, row->name);
}

/* Runs one line: splits verb from arguments, blanks around both dropped. */
static void run(struct session *s, char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    line[len] = '\0';
    size_t verb = strcspn(line, " \t");
    const char *args = line + verb + strspn(line + verb, " \t");
    size_t args_len = len - (size_t)(args - line);
    const struct row *row = find(line, verb);
    if (row != NULL && junk_limit(s, row))
        return;
    if (row != NULL)
        watch_pace(s, row);
    if (row != NULL) {
        if (allowed(s, row, args_len))
            row->run(s, args, args_len);
    } else if (not_smtp(line, verb)) {
        trial_behaved(s->trial, TRIAL_COMMAND, line);
        session_close(s, REPLY_NOT_SMTP, "not SMTP");
    } else {
        session_reply(s, REPLY_UNKNOWN_COMMAND, NULL);
    }
}

/* The rest of an overlong line goes unread; true once its end has come. */
static bool drop_line(struct session *s)
{
    size_t len;
    const char *data = io_data(s->io, &len);
    const char *end = memchr(data, '\n', len);
    io_consume(s->io, end != NULL ? (size_t)(end - data) + 1 : len);
    s->dropping = end == NULL;
    return end != NULL;
}

static bool is_auth(const char *data, size_t len)
{
    return str_case_starts(data, len, "AUTH ");
}

static bool refuse(struct session *s)
{
    session_close(s, REPLY_BAD_LINE, "bare newline or NUL in a command");
    return false;
}

static bool too_long(struct session *s, const char *data, size_t used)
{
    bool ended = used > 0 && data[used - 1] == '\n';
    io_consume(s->io, used);
    s->dropping = !ended;
    session_reply(s, REPLY_LINE_TOO_LONG, NULL);
    session_settle(s);
    return s->state == SESSION_COMMAND && ended;
}

bool session_command_step(struct session *s)
{
    size_t len;
    char line[SESSION_AUTH_LINE + 1];
    size_t line_len = 0;
    size_t used = 0;
    if (s->dropping && !drop_line(s))
        return false;
    const char *data = io_data(s->io, &len);
    if (len == 0)
        return false;
    size_t most = is_auth(data, len) ? SESSION_AUTH_LINE : session_config(s)->limits.command_line;
    switch (line_split(data, len, most, &line_len, &used)) {
    case LINE_MORE:
        return false;
    case LINE_TOO_LONG:
        return too_long(s, data, used);
    case LINE_BARE_LF:
        trial_behaved(s->trial, TRIAL_NEWLINE, "LF alone ends a command");
        if (session_config(s)->bare_newline == NEWLINE_NORMALIZE)
            break;
        return refuse(s);
    case LINE_BARE_CR:
    case LINE_NUL:
        return refuse(s);
    case LINE_OK:
        break;
    }
    memcpy(line, data, line_len);
    io_consume(s->io, used);
    io_deadline(s->io, session_config(s)->timeouts.command);
    run(s, line, line_len);
    session_settle(s);
    return s->state != SESSION_CLOSED;
}
