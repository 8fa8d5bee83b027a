/* SPDX-License-Identifier: ISC */
#ifndef PROXY_BACKEND_REPLY_H
#define PROXY_BACKEND_REPLY_H
/* Replies of the backend (RFC 5321 4.2): whole, possibly of several lines, bounded. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define BACKEND_REPLY_MAX 16384 /* octets of one reply with all its lines */

struct backend_reply {
    int code;   /* 200..599 */
    char *text; /* the lines without code and CRLF, joined by '\n', controls replaced by '?' */
    size_t lines;
};

enum backend_reply_result {
    BACKEND_REPLY_MORE,
    BACKEND_REPLY_OK,
    BACKEND_REPLY_MALFORMED, /* *why says it: not a code, codes differ, too long, bare LF or CR */
};

/* Parses one reply at the start of `data`; *used gets its bytes (MALFORMED: up to the faulty line's
 * end, MORE: 0). On OK `reply->text` is fresh memory for backend_reply_clear(), otherwise NULL. A
 * line may be "250", "250 text" or "250-text". The same bytes with more behind them give the same
 * answer, but for MORE. */
enum backend_reply_result backend_reply_parse(const char *data, size_t len,
                                              struct backend_reply *reply, size_t *used,
                                              const char **why);
void backend_reply_clear(struct backend_reply *reply);
/* Appends the reply for the client: code and text, each line with CRLF, "NNN-" for all but the
 * last; lines over 510 octets are cut. */
void backend_reply_write(const struct backend_reply *reply, struct buf *out);

#endif
