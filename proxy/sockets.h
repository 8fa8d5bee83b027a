/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SOCKETS_H
#define PROXY_SOCKETS_H
/* The listening sockets: opened by us or handed over by systemd, kept over reloads. Main thread. */

#include "proxy/config.h"
#include "proxy/worker.h"

struct sockets;

/* Takes what systemd handed over. */
struct sockets *sockets_new(void) __attribute__((warn_unused_result));
void sockets_free(struct sockets *sockets);
/*
 * Makes sure there is a socket for every listen address of `config`: one that is open already, one
 * of systemd's (by address, or by a FileDescriptorName= equal to the block's name), or a new one.
 * *out (caller frees) gets them all. False: *why (caller frees), and nothing has changed.
 */
bool sockets_open(struct sockets *sockets, const struct config *config,
                  struct worker_listener **out, size_t *count, char **why);
/* Closes all of them: nothing more will be accepted. */
void sockets_close_all(struct sockets *sockets);
/* Closes those that sockets_open() did not give out last. */
void sockets_close_unused(struct sockets *sockets);

#endif
