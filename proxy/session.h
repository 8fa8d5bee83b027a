/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H
/* One client connection as one state machine. It lives and dies on one worker. */

#include "lib/io.h"
#include "lib/random.h"
#include "proxy/setup.h"
#include "proxy/worker.h"

#include <sys/queue.h>

struct session;

/* Begins a session on `io` (taken over) as block `listen` of the setup says (a reference is taken).
 * It ends by itself and tells the worker (worker_remove). */
struct session *session_new(struct worker *worker, struct setup *setup, size_t listen,
                            struct io *io);
/* Greets the client, or waits to hear who it is. The session, which its worker must have in its
 * list by now, may be over when this returns. */
void session_begin(struct session *session);
/* The service is stopping: 421 now, or when the transaction is through. May end the session. */
void session_drain(struct session *session);
/* The time to stop is over: 421 and the end, whatever it is doing. */
void session_stop(struct session *session);
/* Ends it at once, for the reason given to the log. */
void session_kill(struct session *session, const char *reason);

/* An administrator ends it: 421, for `reason` in the log. */
void session_dismiss(struct session *session, const char *reason);
/* What is shown of it: a copy, which anybody may keep. */
struct session_shown {
    char id[RANDOM_ID_LEN + 1];
    char listener[32];
    char helo[128];   /* as the client gave it, cut */
    char sender[160]; /* of the open transaction, cut; "" where there is none, or <> */
    struct addr client;
    const char *step; /* its state, one word, constant */
    uint64_t began;   /* monotonic ms */
    size_t messages;  /* delivered */
    size_t accepted;  /* recipients of the open transaction */
    size_t refused;
    unsigned errors;
    bool transaction, tls, authenticated, trusted, suspicious;
};
/* session_show.c */
const char *session_id(const struct session *session);
void session_show(const struct session *session, struct session_shown *out);

/* The worker's list of sessions. */
LIST_HEAD(session_list, session);
void session_list_add(struct session_list *list, struct session *session);
void session_list_remove(struct session *session);
struct session *session_list_next(struct session *session);

#endif
