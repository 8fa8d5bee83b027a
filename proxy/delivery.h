/* SPDX-License-Identifier: ISC */
#ifndef PROXY_DELIVERY_H
#define PROXY_DELIVERY_H
/*
 * The backend's half of one transaction: dials (or takes a kept connection), says MAIL, asks for
 * each recipient, hands the message over, and answers with the backend's own words or with a fault.
 * One question at a time; one worker's thread.
 */

#include "lib/buf.h"
#include "proxy/backend_conn.h"
#include "proxy/pool.h"

struct delivery;
struct spool;

enum delivery_answer {
    DELIVERY_REPLY, /* `reply` is the client's reply */
    DELIVERY_FAULT, /* something between us failed: the client hears 451 4.3.0, the log `why` */
};
/* Answers the question asked last, from the loop or from inside the asking call; may free the
 * delivery. `reply` and `why` live for the call. */
typedef void (*delivery_fn)(enum delivery_answer answer, const struct backend_reply *reply,
                            const char *why, void *arg);

struct delivery_request {
    struct loop *loop;
    struct pool *pool;
    struct setup *setup;
    size_t backend;
    const struct client_view *view;
    unsigned advertised; /* capability bits the client was told of; the backend must keep them */
    struct backend_conn *conn; /* the session's own from earlier, or NULL; taken over */
    bool dirty;                /* on it a transaction was left open */
    bool bound;                /* it was authenticated: no other will do */
    size_t messages;           /* how many it has carried */
    const char *mail;          /* the MAIL command with its CRLF; copied */
};

struct delivery *delivery_new(const struct delivery_request *request, delivery_fn fn, void *arg)
    __attribute__((warn_unused_result));
/* Asks for one more recipient (`line`: the RCPT command with its CRLF). */
void delivery_rcpt(struct delivery *delivery, const char *line, size_t len);
/* Hands over the message: `head` (our header lines), then the spool. Both must live until the
 * answer. `chunked`: it came by BDAT and goes by BDAT where the backend can. `dot_lines`: some line
 * begins with '.'; `ends_in_crlf`: false: one is added where it must go by DATA. */
struct delivery_text {
    const struct buf *head;
    struct spool *spool;
    bool chunked;
    bool dot_lines;
    bool ends_in_crlf;
    bool (*wanted)(void *arg); /* asked with the delivery's `arg` before each block, so before the
                                  last: false, and the backend never sees the end of data */
};
void delivery_text(struct delivery *delivery, const struct delivery_text *text);
/* The answer is waited for no longer: drops the connection and answers with a fault, now. */
void delivery_give_up(struct delivery *delivery, const char *why);
/* "192.0.2.1:25", or NULL while there is no connection. */
const char *delivery_backend(const struct delivery *delivery);
/* Ends it, wherever it stands; before the end of data that undoes the transaction. Gives back the
 * connection where it can carry another transaction (*dirty: RSET must come first; *messages), else
 * NULL. NULL is fine. */
struct backend_conn *delivery_free(struct delivery *delivery, bool *dirty, size_t *messages);

#endif
