/* SPDX-License-Identifier: ISC */
#ifndef PROXY_REPLY_H
#define PROXY_REPLY_H
/* Every reply of our own: one table of codes, enhanced codes (RFC 3463, 5248) and texts. */

#include "lib/buf.h"

enum reply {
    REPLY_BANNER,  /* hostname */
    REPLY_HELO,    /* hostname */
    REPLY_CLOSING, /* QUIT */
    REPLY_OK,
    REPLY_RESET,
    REPLY_SENDER_OK,
    REPLY_CHUNK_OK, /* octets */
    REPLY_VRFY,
    REPLY_HELP, /* the command names */
    REPLY_START_TLS,
    REPLY_XCLIENT_OK, /* hostname */
    REPLY_START_DATA,
    REPLY_SHUTTING_DOWN,
    REPLY_TIMEOUT,
    REPLY_TOO_SLOW,
    REPLY_TOO_MANY_SESSIONS,
    REPLY_TOO_MANY_ERRORS,
    REPLY_TOO_MUCH_JUNK,
    REPLY_LIMITED,   /* enhanced code and text: a limit of the client, at connect */
    REPLY_DEFERRED,  /* enhanced code and text of the policy */
    REPLY_NOT_NOW,   /* the same, where it is the greylist or a fault of DNS */
    REPLY_NO_CLIENT, /* PROXY LOCAL, UNKNOWN or silence: never trusted */
    REPLY_FAULT,     /* between us and the backend */
    REPLY_SPOOL_FULL,
    REPLY_TOO_MANY_RECIPIENTS,
    REPLY_TOO_MANY_MESSAGES,
    REPLY_OTHER_ROUTE,
    REPLY_OTHER_CLASS, /* another verdict could hold for its mail than for the others' */
    REPLY_AUTH_LIMIT,
    REPLY_TLS_UNAVAILABLE,
    REPLY_UNKNOWN_COMMAND,
    REPLY_LINE_TOO_LONG,
    REPLY_BAD_LINE, /* bare CR, LF or NUL in a command */
    REPLY_BAD_PROXY,
    REPLY_SYNTAX,        /* the right form */
    REPLY_BAD_PARAMETER, /* what is wrong */
    REPLY_BAD_SENDER,
    REPLY_BAD_RECIPIENT,
    REPLY_BAD_HELO,
    REPLY_NOT_IMPLEMENTED,
    REPLY_SEQUENCE, /* what must come first */
    REPLY_MECHANISM_UNKNOWN,
    REPLY_PARAMETER_VALUE,   /* what is wrong */
    REPLY_PARAMETER_UNKNOWN, /* what is wrong */
    REPLY_NEEDS_SMTPUTF8,
    REPLY_REFUSED, /* enhanced code and text of the policy */
    REPLY_RELAY_DENIED,
    REPLY_ROUTED_LOCAL_PART,
    REPLY_NO_SUCH_RECIPIENT,
    REPLY_BARE_NEWLINE,
    REPLY_TOO_BIG,
    REPLY_HEADER_TOO_BIG,
    REPLY_LOOP,
    REPLY_NO_RECIPIENTS,
    REPLY_NOT_SMTP,
    REPLY_TLS_INJECTION,
};

int reply_code(enum reply reply);
/* Appends the reply with its CRLF. `argument` fills the text's %s and may be NULL where it has
 * none. */
void reply_write(enum reply reply, const char *argument, struct buf *out);
/* The same as a line that another of the same code follows. */
void reply_write_more(enum reply reply, const char *argument, struct buf *out);

#endif
