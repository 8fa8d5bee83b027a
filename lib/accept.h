/* SPDX-License-Identifier: ISC */
#ifndef LIB_ACCEPT_H
#define LIB_ACCEPT_H
/* Listening sockets: opened once, accepted from by every loop that wants to. */

#include "lib/addr.h"

#include <stdbool.h>

struct io;
struct loop;
struct acceptor;

/* A new connection; the io has no owner yet: io_set_owner() in this callback, or io_free(). */
typedef void (*accept_fn)(struct io *io, void *arg);
/* Accepting stopped for a while, since descriptors or memory ran out (`why`); for the log. */
typedef void (*accept_pause_fn)(const char *why, void *arg);

/* A bound, listening, non-blocking descriptor ([::] is IPv6 only; TCP_NODELAY is inherited by what
 * is accepted), or -1: *why (caller frees) says what to do. `transparent`: takes connections to
 * addresses that are not ours (IP_TRANSPARENT, CAP_NET_RAW or CAP_NET_ADMIN). Any thread. */
int accept_listen(const struct addr *address, bool transparent, char **why);
/* Makes a listening descriptor that somebody else opened (systemd) what accept_listen() would have
 * made it: non-blocking, TCP_NODELAY. *out gets its address. False: it does not listen on IP. */
bool accept_adopt(int fd, struct addr *out);

/* Accepts from `fd` (the caller's, and shared between loops) until freed. One connection a
 * wake-up, so that idle loops get their share. */
struct acceptor *acceptor_new(struct loop *loop, int fd, accept_fn fn, accept_pause_fn pause,
                              void *arg) __attribute__((warn_unused_result));
void acceptor_free(struct acceptor *acceptor);

#endif
