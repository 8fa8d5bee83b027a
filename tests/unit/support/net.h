/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_NET_H
#define TESTS_UNIT_SUPPORT_NET_H
/* For tests of what runs on a loop: waiting for a condition, sockets whose other end the test
 * holds, certificates. Every wait is bounded and fails the test. */

#include "lib/addr.h"
#include "lib/buf.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

/* Runs the loop until `condition` holds; fails the test after some seconds. */
#define UNTIL(loop, condition)                                                                     \
    do {                                                                                           \
        uint64_t net_end = net_clock() + 4000;                                                     \
        while (!(condition)) {                                                                     \
            if (net_clock() > net_end)                                                             \
                fail_msg("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition);         \
            net_turn(loop);                                                                        \
        }                                                                                          \
    } while (0)

/* Monotonic milliseconds. */
uint64_t net_clock(void);
/* One pass of the loop and a breath. */
void net_turn(struct loop *loop);
/* Runs the loop for `ms` milliseconds: for what must not happen. */
void net_run(struct loop *loop, uint64_t ms);

/* "127.0.0.1:port" of our own making. */
struct addr net_loopback(uint16_t port);
/* A listening socket on a free port of 127.0.0.1. */
int net_listen(struct addr *out);
/* A port of 127.0.0.1 where nobody listens. */
struct addr net_closed_port(void);
/* The next connection, non-blocking; runs the loop (may be NULL) while it waits. */
int net_accept(struct loop *loop, int listener);
/* A connected pair of TCP sockets, non-blocking, with small buffers where `small`. */
void net_pair(int fd[2], bool small);

/* Writes all of it, running the loop while the other side is slow. */
void net_say(struct loop *loop, int fd, const char *data, size_t len);
void net_say_text(struct loop *loop, int fd, const char *text);
/* Reads into `into` until it holds `len` bytes. */
void net_read(struct loop *loop, int fd, struct buf *into, size_t len);
/* Reads until what came ends with `end`, and gives it as a string of its own (freed by the next
 * call). */
const char *net_hear(struct loop *loop, int fd, const char *end);
/* Waits for the end of file; what comes before it is added to `into` (may be NULL). False: the
 * connection was reset. */
bool net_ended(struct loop *loop, int fd, struct buf *into);
/* Nothing to read now, and no end? */
bool net_silent(int fd);

/* Makes a self-signed certificate for `name` (DNS) in `directory`/NAME.pem and .key. */
void net_certificate(const char *directory, const char *name);

#endif
