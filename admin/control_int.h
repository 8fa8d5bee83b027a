/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CONTROL_INT_H
#define ADMIN_CONTROL_INT_H
/* The inside of the control socket: what the listener (control.c) and its connections
 * (control_peer.c) share. */

#include "admin/control.h"
#include "admin/control_socket.h"

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct acceptor;
struct control_peer;
struct control_request;
struct io;

struct control_user {
    uid_t uid;
    char *name;
};

struct control {
    struct loop *loop;
    struct control_socket socket;
    struct acceptor *acceptor;
    struct command_set *set;   /* our own rows, then the configured ones */
    struct control_user *user; /* those of the level admin */
    size_t users;
    LIST_HEAD(, control_peer) peers;
    LIST_HEAD(, control_request) requests; /* those of askers who have left, too */
    size_t connected, orphans;             /* what counts against CONTROL_PEERS_MOST */
};

/* Speaks with whoever is behind `io` until he leaves; takes over `io`. `author` is copied. */
void control_peer_new(struct control *control, struct io *io, enum command_level level,
                      const char *author);
/* Everybody leaves; requests that must be finished go on without us. */
void control_peer_leave_all(struct control *control);
/* Says a last error to one who may not stay, and closes. Takes over `io`. */
void control_peer_refuse(struct io *io, const char *error);

#endif
