/* SPDX-License-Identifier: ISC */
/*
 * cmd_bdat: BDAT (RFC 3030): the message in counted chunks.
 *
 * Promises: a middle chunk's 250 is ours, LAST's the backend's; the octets of a chunk that is
 * refused are read and dropped, so that the dialogue stays in step; after a refusal later chunks
 * of the transaction are 503; a chunk announced beyond SIZE is 552 and the end of the session,
 * since its octets are not worth waiting for.
 */
#include "proxy/session_int.h"

#include "lib/io.h"
#include "lib/str.h"
#include "proxy/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TINY_CHUNK 1024 /* octets; shorter ones count as junk commands, but for the last */

/* "octets [LAST]"; false: not of this form. */
static bool parse(const char *args, size_t len, uint64_t *size, bool *last)
{
    size_t digits = strspn(args, "0123456789");
    if (digits == 0)
        return false;
    errno = 0;
    *size = strtoull(args, NULL, 10);
    if (errno != 0)
        *size = UINT64_MAX; /* beyond any SIZE */
    const char *rest = args + digits + strspn(args + digits, " \t");
    *last = str_case_eq(rest, len - (size_t)(rest - args), "LAST");
    return *last ? rest > args + digits : rest == args + len;
}

/* Could the message, with this chunk, still be within SIZE? */
static bool within_size(const struct session *s, uint64_t size)
{
    uint64_t most = s->offered.size != 0 ? s->offered.size : session_config(s)->limits.message_size;
    uint64_t before = s->txn != NULL && s->txn->text_begun ? s->txn->text.size : 0;
    if (most == 0)
        return size < UINT64_MAX;
    return size <= most && before <= most - size;
}

void cmd_bdat(struct session *s, const char *args, size_t len)
{
    uint64_t size;
    bool last;
    if (!parse(args, len, &size, &last)) {
        session_reply(s, REPLY_SYNTAX, "BDAT octets [LAST], closing");
        session_end(s, "BDAT that cannot be read: its octets would be taken for commands");
        return;
    }
    if (!within_size(s, size)) {
        session_close(s, REPLY_TOO_BIG, "a chunk beyond SIZE");
        return;
    }
    struct transaction *txn = s->txn;
    if (size < TINY_CHUNK && !last && ++s->junk > session_config(s)->limits.junk_commands) {
        session_close(s, REPLY_TOO_MUCH_JUNK, "too many tiny chunks");
        return;
    }
    s->chunk_left = size;
    s->chunk_size = size;
    s->chunk_last = last;
    s->chunk_drop = txn == NULL || txn->accepted == 0 || txn->chunk_refused;
    if (!s->chunk_drop && !txn->text_begun)
        cmd_data_begin(s, false);
    if (s->chunk_drop) { /* dropped chunks have a rate of their own */
        s->text_began = session_now(s);
        s->text_octets = 0;
    }
    if (txn != NULL) {
        txn->chunked = true;
        txn->chunk_refused = s->chunk_drop;
    }
    session_enter(s, SESSION_BDAT);
}

/* A refused chunk is through: why it was refused. */
static void reply_dropped(struct session *s)
{
    const struct transaction *txn = s->txn;
    session_enter(s, SESSION_COMMAND);
    if (s->helo == NULL)
        session_reply(s, REPLY_SEQUENCE, "Send EHLO or HELO first");
    else if (txn == NULL)
        session_reply(s, REPLY_SEQUENCE, "Send MAIL first");
    else if (txn->asked + txn->refused == 0)
        session_reply(s, REPLY_SEQUENCE, "Send RCPT first");
    else
        session_reply(s, REPLY_SEQUENCE, "No valid recipients, or an earlier chunk was refused");
    session_settle(s);
}

static void chunk_done(struct session *s)
{
    struct transaction *txn = s->txn;
    char octets[24];
    if (s->chunk_drop) {
        reply_dropped(s);
    } else if (s->chunk_last) {
        text_in_finish(&txn->text, cmd_data_store, s);
        cmd_data_finish(s);
    } else {
        session_enter(s, SESSION_COMMAND);
        snprintf(octets, sizeof octets, "%llu", (unsigned long long)s->chunk_size);
        if (txn->spool_full) { /* within_size() sees to too_big */
            txn->chunk_refused = true;
            session_reply(s, REPLY_SPOOL_FULL, NULL);
        } else {
            session_reply(s, REPLY_CHUNK_OK, octets);
        }
        session_settle(s);
    }
}

bool cmd_bdat_step(struct session *s)
{
    size_t len;
    bool end = false;
    const char *data = io_data(s->io, &len);
    if (len > s->chunk_left)
        len = (size_t)s->chunk_left;
    if (!s->chunk_drop && len > 0)
        text_in_feed(&s->txn->text, data, len, cmd_data_store, s, &end);
    io_consume(s->io, len);
    s->chunk_left -= len;
    if (s->chunk_left > 0) {
        cmd_data_block(s, len);
        return false;
    }
    chunk_done(s);
    return s->state != SESSION_CLOSED;
}
