/* SPDX-License-Identifier: ISC */
/*
 * reply: every reply of our own, in one table.
 *
 * Promises: faults are 4xx, and each 2xx here is about the dialogue: the 2xx to recipients and to
 * a message are the backend's words and never come from this table. Enhanced codes stand in every
 * reply that may carry one (RFC 2034: not in the greeting, in 354, or in replies to HELO and EHLO).
 */
#include "proxy/reply.h"

#include "lib/str.h"

#include <stddef.h>
#include <string.h>

#define ARGUMENT_MAX 480
#define WORDS_MAX                                                                                  \
    504 /* octets of text and argument: a line of 512 (RFC 5321 4.5.3.1.5) less its                \
         * code and CRLF, and an enhanced code of 2.2.2 */

struct row {
    int code;
    const char *enhanced; /* NULL: none */
    const char *text;
};

static const struct row table[] = {
    [REPLY_BANNER] = {220, NULL, "%s ESMTP"},
    [REPLY_HELO] = {250, NULL, "%s"},
    [REPLY_CLOSING] = {221, "2.0.0", "Bye"},
    [REPLY_OK] = {250, "2.0.0", "Ok"},
    [REPLY_RESET] = {250, "2.0.0", "Ok, forgotten"},
    [REPLY_SENDER_OK] = {250, "2.1.0", "Sender noted"},
    [REPLY_CHUNK_OK] = {250, "2.0.0", "%s octets received"},
    [REPLY_VRFY] = {252, "2.1.5", "Send some mail, it will be tried"},
    [REPLY_HELP] = {214, "2.0.0", "Commands: %s"},
    [REPLY_START_TLS] = {220, "2.0.0", "Ready to start TLS"},
    [REPLY_XCLIENT_OK] = {220, NULL, "%s ESMTP"},
    [REPLY_START_DATA] = {354, NULL, "End data with <CR><LF>.<CR><LF>"},
    [REPLY_SHUTTING_DOWN] = {421, "4.3.2", "The service is stopping, please try again"},
    [REPLY_TIMEOUT] = {421, "4.4.2", "Timeout, closing"},
    [REPLY_TOO_SLOW] = {421, "4.4.2", "The data came too slowly, closing"},
    [REPLY_TOO_MANY_SESSIONS] = {421, "4.3.2", "Too many sessions, please try again later"},
    [REPLY_TOO_MANY_ERRORS] = {421, "4.7.0", "Too many errors, closing"},
    [REPLY_TOO_MUCH_JUNK] = {421, "4.7.0", "Too many commands without a message, closing"},
    [REPLY_LIMITED] = {421, NULL, "%s, closing"},
    [REPLY_DEFERRED] = {450, NULL, "%s"},
    [REPLY_NOT_NOW] = {451, NULL, "%s"},
    [REPLY_NO_CLIENT] = {450, "4.7.1", "The proxy in front named no client, no mail is taken"},
    [REPLY_FAULT] = {451, "4.3.0", "The mail server behind has a problem, please try again"},
    [REPLY_SPOOL_FULL] = {452, "4.3.1", "No room for the message now, please try again"},
    [REPLY_TOO_MANY_RECIPIENTS] = {452, "4.5.3", "Too many recipients"},
    [REPLY_TOO_MANY_MESSAGES] = {452, "4.5.3", "Too many messages in one session"},
    [REPLY_OTHER_ROUTE] = {452, "4.5.3", "This recipient needs a transaction of its own"},
    [REPLY_OTHER_CLASS] = {452, "4.5.3",
                           "Please send to this recipient in a transaction of its own"},
    [REPLY_AUTH_LIMIT] = {454, "4.7.0", "Too many failed attempts, please try again later"},
    [REPLY_TLS_UNAVAILABLE] = {454, "4.7.0", "TLS is not available"},
    [REPLY_UNKNOWN_COMMAND] = {500, "5.5.1", "Command unknown"},
    [REPLY_LINE_TOO_LONG] = {500, "5.5.2", "Line too long"},
    [REPLY_BAD_LINE] = {500, "5.5.2", "Only CRLF ends a line, closing"},
    [REPLY_BAD_PROXY] = {500, "5.5.2", "Bad PROXY header, closing"},
    [REPLY_SYNTAX] = {501, "5.5.4", "Syntax: %s"},
    [REPLY_BAD_PARAMETER] = {501, "5.5.4", "%s"},
    [REPLY_BAD_SENDER] = {501, "5.1.7", "Bad sender address syntax"},
    [REPLY_BAD_RECIPIENT] = {501, "5.1.3", "Bad recipient address syntax"},
    [REPLY_BAD_HELO] = {501, "5.5.4", "Give a host name or an address literal"},
    [REPLY_NOT_IMPLEMENTED] = {502, "5.5.1", "Command not implemented"},
    [REPLY_SEQUENCE] = {503, "5.5.1", "%s"},
    [REPLY_MECHANISM_UNKNOWN] = {504, "5.5.4", "Mechanism not offered"},
    [REPLY_PARAMETER_VALUE] = {504, "5.5.4", "%s"},
    [REPLY_PARAMETER_UNKNOWN] = {555, "5.5.4", "%s"},
    [REPLY_NEEDS_SMTPUTF8] = {553, "5.6.7", "This address needs SMTPUTF8"},
    [REPLY_REFUSED] = {550, NULL, "%s"},
    [REPLY_RELAY_DENIED] = {550, "5.7.1", "Relaying denied: not a domain of this server (%s)"},
    [REPLY_ROUTED_LOCAL_PART] = {550, "5.7.1", "Relaying denied: source-routed local part (%s)"},
    [REPLY_NO_SUCH_RECIPIENT] = {550, "5.1.1", "No such recipient here (%s)"},
    [REPLY_BARE_NEWLINE] = {550, "5.5.2", "Message holds a bare CR, bare LF or NUL, closing"},
    [REPLY_TOO_BIG] = {552, "5.3.4", "Message too big"},
    [REPLY_HEADER_TOO_BIG] = {552, "5.3.4", "Message header too big"},
    [REPLY_LOOP] = {554, "5.4.6", "Too many Received fields: mail loop"},
    [REPLY_NO_RECIPIENTS] = {554, "5.5.1", "No valid recipients"},
    [REPLY_NOT_SMTP] = {554, "5.5.1", "This is not SMTP, closing"},
    [REPLY_TLS_INJECTION] = {554, "5.5.0", "Nothing may follow STARTTLS, closing"},
};

int reply_code(enum reply reply)
{
    return table[reply].code;
}

/* Not by printf: several replies a message are made here. */
static void write_line(enum reply reply, const char *argument, char separator, struct buf *out)
{
    const struct row *row = &table[reply];
    const char *hole = strstr(row->text, "%s");
    char code[STR_NUMBER_MAX];
    buf_add(out, code, str_number(code, (unsigned)row->code));
    buf_add(out, &separator, 1);
    if (row->enhanced != NULL) {
        buf_add_str(out, row->enhanced);
        buf_add(out, " ", 1);
    }
    if (hole == NULL) {
        buf_add_str(out, row->text);
    } else {
        size_t most = WORDS_MAX - strlen(row->text) - (row->enhanced != NULL ? 8 : 0);
        buf_add(out, row->text, (size_t)(hole - row->text));
        buf_add(out, argument,
                argument != NULL ? strnlen(argument, most < ARGUMENT_MAX ? most : ARGUMENT_MAX)
                                 : 0);
        buf_add_str(out, hole + 2);
    }
    buf_add(out, "\r\n", 2);
}

void reply_write(enum reply reply, const char *argument, struct buf *out)
{
    write_line(reply, argument, ' ', out);
}

void reply_write_more(enum reply reply, const char *argument, struct buf *out)
{
    write_line(reply, argument, '-', out);
}
