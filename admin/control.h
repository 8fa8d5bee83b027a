/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H
/*
 * The control socket: administrators' requests, one JSON object a line, to the rows of
 * lib/command.h. See gatepost-control(5) for the protocol.
 *
 *   {"command": "allow-add", "args": {"key": "192.0.2.1"}}
 *   {"ok": true, "result": {...}}         or   {"ok": false, "error": "...", "usage": true}
 *   {"item": {...}}                       any number before the last line, where there are many
 *
 * Main thread. Whoever can connect may ask; the peer's credentials say which level he has.
 */

#include "lib/command.h"

#define CONTROL_PEERS_MOST  32            /* connections at once */
#define CONTROL_PEERS_ADMIN 8             /* of them, kept for the level admin */
#define CONTROL_LINE_ADMIN  (1024 * 1024) /* octets of a request: entry-import of 1000 entries */
#define CONTROL_LINE_READ   (16 * 1024)   /* the same of one who may only read */
#define CONTROL_OUT_MOST    (8 * 1024 * 1024) /* octets of an answer not yet taken */
#define CONTROL_IDLE_MS     60000             /* for the next request */
#define CONTROL_STALL_MS    60000             /* for taking some of an answer */

struct io;
struct loop;
struct control;

struct control_config {
    const char *socket;        /* a path; an old socket nobody listens on is replaced */
    const char *group;         /* whose members may connect, and read: "gatepost" */
    const char *const *admins; /* names of users that have the level admin, beside root and the
                                  daemon's own user; ends with NULL */
};

/* Listens; mode 0660 and the group, or 0600 with a warning in the log where there is no such group.
 * `sets` ends with rows NULL and outlives it. NULL: *why (the caller frees). */
struct control *control_new(struct loop *loop, const struct control_config *config,
                            const struct command_set *sets, char **why)
    __attribute__((warn_unused_result));
/* Lets one in who is connected already, over a unix socket of any kind; takes over `io`. */
void control_admit(struct control *control, struct io *io);
/* Leaves every asker, removes the socket. A request whose row did not say command_on_gone goes on
 * unheard, so what it asks must be gone before or come to its end after. NULL is fine. */
void control_free(struct control *control);

#endif
