/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_SMTP_REPLIES_H
#define TESTS_UNIT_SUPPORT_SMTP_REPLIES_H
/* Is what a server said a row of whole, valid replies, and which? */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SMTP_LINE_MOST 512 /* RFC 5321 4.5.3.1.5 */

static inline bool smtp_reply_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

/* One line at `text` (RFC 5321 4.2): its length with CRLF, 0: not valid. */
static inline size_t smtp_reply_line(const char *text, size_t len)
{
    const char *end = memmem(text, len, "\r\n", 2);
    size_t n = end == NULL ? 0 : (size_t)(end - text);
    if (n < 4 || n + 2 > SMTP_LINE_MOST || text[0] < '2' || text[0] > '5' ||
        !smtp_reply_digit(text[1]) || !smtp_reply_digit(text[2]) ||
        (text[3] != ' ' && text[3] != '-'))
        return 0;
    for (size_t i = 4; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return 0;
    return n + 2;
}

/* Writes the codes of the replies, joined by blanks, into `codes` ("220 250 550"). False: what was
 * said is not whole and valid throughout, or `size` is too small. */
static inline bool smtp_replies(const char *text, size_t len, char *codes, size_t size)
{
    char open[3] = "";
    size_t out = 0;
    while (len > 0) {
        size_t n = smtp_reply_line(text, len);
        if (n == 0 || (open[0] != '\0' && memcmp(open, text, 3) != 0) || out + 5 > size)
            return false;
        memcpy(open, text, 3);
        if (text[3] == ' ') {
            if (out > 0)
                codes[out++] = ' ';
            memcpy(codes + out, text, 3);
            out += 3;
            open[0] = '\0';
        }
        text += n;
        len -= n;
    }
    codes[out] = '\0';
    return open[0] == '\0';
}

#endif
