/* SPDX-License-Identifier: ISC */
/*
 * backend_reply: replies of the backend (RFC 5321 4.2, 4.2.1), parsed strictly.
 *
 * A reply is one line or several, all with the same code, each ended by CRLF: "250", "250 text" as
 * the last, "250-text" before it. 1xx is no reply of SMTP, nor is 600 and up: both are malformed,
 * as is a bare CR or LF. A reply may have BACKEND_REPLY_MAX octets. Text goes on to clients and
 * logs, so controls in it become '?'.
 *
 * Lines are found first and their text is looked at only when the reply is whole, so a backend
 * that sends its bytes one by one costs a few memchr() for each, not a parse.
 */
#include "proxy/backend_reply.h"

#include "lib/mem.h"
#include "lib/str.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_OUT 510 /* octets of a reply line without its CRLF (RFC 5321 4.5.3.1.5) */
#define HEAD         4   /* octets of "250-" */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The code a line of `len` octets begins with, 0: none that a reply may have. */
static int line_code(const char *line, size_t len)
{
    if (len < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2]))
        return 0;
    int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    return code >= 200 && code <= 599 ? code : 0;
}

/* Checks the frame of one line (`len` octets without its CRLF); *last: no '-' behind the code. */
static const char *check_line(const char *line, size_t len, int *code, bool *last)
{
    int found = line_code(line, len);
    if (found == 0)
        return "not a reply code";
    if (len > 3 && line[3] != ' ' && line[3] != '-')
        return "no space or hyphen behind the code";
    if (*code != 0 && *code != found)
        return "the lines have different codes";
    *code = found;
    *last = len == 3 || line[3] == ' ';
    return NULL;
}

/* Copies the texts of the lines in the `used` octets of a whole reply; false: a bare CR. */
static bool copy_text(const char *data, size_t used, char *text)
{
    for (size_t at = 0; at < used;) {
        const char *end = memchr(data + at, '\n', used - at);
        size_t line_end = (size_t)(end - data) - 1; /* at the CR */
        for (at += at + HEAD <= line_end ? HEAD : 3; at < line_end; at++) {
            unsigned char c = (unsigned char)data[at];
            if (c == '\r')
                return false;
            *text++ = (char)(c < 0x20 || c == 0x7f ? '?' : c);
        }
        at = line_end + 2;
        *text++ = at < used ? '\n' : '\0';
    }
    return true;
}

static enum backend_reply_result finish(const char *data, size_t used, struct backend_reply *reply,
                                        const char **why)
{
    reply->text = mem_alloc(used);
    if (copy_text(data, used, reply->text))
        return BACKEND_REPLY_OK;
    backend_reply_clear(reply);
    *why = "a bare CR in the reply";
    return BACKEND_REPLY_MALFORMED;
}

enum backend_reply_result backend_reply_parse(const char *data, size_t len,
                                              struct backend_reply *reply, size_t *used,
                                              const char **why)
{
    *reply = (struct backend_reply){0};
    *used = 0;
    size_t max = len < BACKEND_REPLY_MAX ? len : BACKEND_REPLY_MAX;
    const char *end;
    while (*used < max && (end = memchr(data + *used, '\n', max - *used)) != NULL) {
        const char *line = data + *used;
        size_t line_len = (size_t)(end - line);
        bool last = false;
        *used += line_len + 1;
        if (line_len == 0 || line[line_len - 1] != '\r')
            *why = "a bare LF in the reply";
        else
            *why = check_line(line, line_len - 1, &reply->code, &last);
        if (*why != NULL)
            return BACKEND_REPLY_MALFORMED;
        reply->lines++;
        if (last)
            return finish(data, *used, reply, why);
    }
    *used = 0;
    if (len < BACKEND_REPLY_MAX)
        return BACKEND_REPLY_MORE;
    *used = len;
    *why = "the reply is too long";
    return BACKEND_REPLY_MALFORMED;
}

void backend_reply_clear(struct backend_reply *reply)
{
    free(reply->text);
    *reply = (struct backend_reply){0};
}

/* At most `max` (over 3) octets of the `len` at `text`, no UTF-8 character cut in two. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t n = max;
    while (n > max - 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void backend_reply_write(const struct backend_reply *reply, struct buf *out)
{
    const char *line = reply->text != NULL ? reply->text : "";
    char head[STR_NUMBER_MAX];
    bool last = false;
    while (!last) {
        size_t len = strcspn(line, "\n");
        last = line[len] == '\0';
        buf_add(out, head, str_number(head, (unsigned)reply->code));
        buf_add(out, last ? " " : "-", 1);
        buf_add(out, line, cut(line, len, LINE_MAX_OUT - HEAD));
        buf_add(out, "\r\n", 2);
        line += len + 1;
    }
}
