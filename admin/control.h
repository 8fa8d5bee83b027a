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
/* Leaves every asker, removes the socket. NULL is fine. */
void control_free(struct control *control);

#endif
