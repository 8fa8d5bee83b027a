/* SPDX-License-Identifier: ISC */
/*
 * Command lines out of a byte stream (RFC 5321 2.3.8, 4.5.3.1.4). Only CRLF ends a line; what looks
 * like another end is reported, never guessed at, since two servers that disagree about line ends
 * are how mail is smuggled. Of several faults in one line the first of this list is reported: too
 * long, NUL, bare CR, bare LF.
 *
 * The answer hangs only on the bytes up to the first LF, or on the first `max` bytes where they
 * hold none, so it cannot depend on how the network cut the stream. Each call costs three memchr()
 * over one line. Nothing is kept between calls.
 */
#include "proxy/line.h"

#include <stdbool.h>
#include <string.h>

/* More than `max` octets: everything up to the LF goes, if one has come. */
static enum line_result line_too_long(const char *data, size_t len, size_t *used)
{
    const char *lf = memchr(data, '\n', len);

    *used = lf != NULL ? (size_t)(lf - data) + 1 : len;
    return LINE_TOO_LONG;
}

enum line_result line_split(const char *data, size_t len, size_t max, size_t *line_len,
                            size_t *used)
{
    const char *lf = memchr(data, '\n', len < max ? len : max);
    size_t body;

    *line_len = 0;
    *used = 0;
    if (lf == NULL)
        return len < max ? LINE_MORE : line_too_long(data, len, used);

    body = (size_t)(lf - data);
    *used = body + 1;
    bool crlf = body > 0 && data[body - 1] == '\r';
    if (crlf)
        body--;
    *line_len = body;
    if (memchr(data, '\0', body) != NULL)
        return LINE_NUL;
    if (memchr(data, '\r', body) != NULL)
        return LINE_BARE_CR;
    return crlf ? LINE_OK : LINE_BARE_LF;
}
