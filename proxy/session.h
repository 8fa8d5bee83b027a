/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SESSION_H
#define PROXY_SESSION_H
/* One client connection as one state machine. It lives and dies on one worker. */

#include "lib/io.h"
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

/* The worker's list of sessions. */
LIST_HEAD(session_list, session);
void session_list_add(struct session_list *list, struct session *session);
void session_list_remove(struct session *session);
struct session *session_list_next(struct session *session);

#endif
