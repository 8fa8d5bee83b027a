/* SPDX-License-Identifier: ISC */
#ifndef LIB_IO_H
#define LIB_IO_H
/*
 * One connected socket as an opaque object: reading, writing, TLS, back-pressure and one deadline
 * inside, one callback outside. Users never see a descriptor, an event or an SSL object.
 *
 * Everything belongs to the thread of the loop. Writes are gathered and go out in one system call
 * when the running callback returns to the loop.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IO_CLOSE_MS 10000 /* what io_close() gives pending output at most */

struct io;
struct loop;
struct tls_server;
struct tls_client;

enum io_event {
    IO_CONNECTED, /* io_connect: it stands; told with the first byte that came or could go */
    IO_DATA,      /* unread bytes are there: io_data(); again on each arrival and after io_resume */
    IO_DRAINED,   /* all that was written has been handed to the kernel (after io_want_drained) */
    IO_SECURED,   /* the TLS handshake is done */
    IO_EOF,       /* the peer closed its side; unread bytes may still be there; once */
    IO_FAILED,    /* the connection broke or never stood: io_error(); once, the last event */
    IO_TIMEOUT,   /* the deadline passed (io_deadline); the object goes on */
};
/* May call any io function on any object of the loop, io_free of its own included. */
typedef void (*io_fn)(struct io *io, enum io_event event, void *arg);

struct io_secure {
    const char *version; /* "TLSv1.3" */
    const char *cipher;  /* "TLS_AES_256_GCM_SHA384" */
    int bits;
    bool verified; /* the peer's certificate matched what tls_client asked for */
};

struct io_route {
    struct addr to;
    struct addr from; /* AF_UNSPEC, or the local address to bind */
    bool transparent; /* bind `from` although it is not ours (IP_TRANSPARENT) */
};

/* Takes over a connected, non-blocking stream descriptor whose other end is `peer` (NULL: not an
 * IP address). Events come from the loop, never from inside this call. */
struct io *io_new(struct loop *loop, int fd, const struct addr *peer, io_fn fn, void *arg)
    __attribute__((warn_unused_result));
/* Dials; IO_CONNECTED or IO_FAILED follows from the loop. */
struct io *io_connect(struct loop *loop, const struct io_route *route, io_fn fn, void *arg)
    __attribute__((warn_unused_result));
/* Hands events to another owner from now on. */
void io_set_owner(struct io *io, io_fn fn, void *arg);
/* Frees at once: what is not yet written is dropped. NULL is fine; safe in callbacks. */
void io_free(struct io *io);
/* Gives the object back: what is pending is still written, TLS is closed properly, then the
 * socket. The owner hears nothing more. `linger`: the peer may be sending still; its bytes are
 * dropped for up to this many milliseconds, so that a reset does not eat our last words. */
void io_close(struct io *io, uint64_t linger);
/* The same after our last command to a server: its side is to close first (within `ms`), so that it
 * and not we keep the port in TIME_WAIT (RFC 5321 4.1.1.10). */
void io_close_last(struct io *io, uint64_t ms);
/* Hands the descriptor out and frees the object: it is the caller's now, still connected and
 * non-blocking. What is pending goes to the kernel first; unread bytes are dropped, so look at
 * io_data before. -1: not a plain connection that stands, or the kernel does not take all that is
 * pending now; then the object stays as it was. Safe in callbacks. */
int io_detach(struct io *io) __attribute__((warn_unused_result));

/* The unread bytes; valid until the callback returns or io_consume. */
const char *io_data(const struct io *io, size_t *len);
void io_consume(struct io *io, size_t len);
/* No IO_DATA and no reading until io_resume (which delivers what has been buffered, from the
 * loop). A paused object does not notice that its peer has gone. */
void io_pause(struct io *io);
void io_resume(struct io *io);

/* Has the peer closed its side, or the connection broken, with nothing left to read? Asked of the
 * kernel: also a paused object's peer. */
bool io_peer_gone(const struct io *io);

/* Queues bytes (copied). */
void io_write(struct io *io, const void *data, size_t len);
/* true: what is written waits, false: it goes out when the callback returns. For replies to a
 * group of pipelined commands. */
void io_hold(struct io *io, bool hold);
/* Bytes queued and not yet taken by the kernel. */
size_t io_pending(const struct io *io);
/* IO_DRAINED once, as soon as io_pending() is 0 (from the loop). */
void io_want_drained(struct io *io);

/* IO_TIMEOUT in `ms` milliseconds; 0: no deadline. */
void io_deadline(struct io *io, uint64_t ms);

/* Begins TLS after what is queued has gone out in plaintext. Unread plaintext must have been dealt
 * with by the caller; the object drops whatever is left. IO_SECURED or IO_FAILED follows. */
void io_start_tls_server(struct io *io,
                         struct tls_server *tls); /* write nothing before IO_SECURED */
/* The same where what is unread is no plaintext but the beginning of the handshake: implicit TLS
 * behind a PROXY header. */
void io_start_tls_server_early(struct io *io, struct tls_server *tls);
/* `name` is sent as SNI and checked where `tls` verifies; may be NULL. */
void io_start_tls_client(struct io *io, struct tls_client *tls, const char *name);
/* NULL while the connection is plain. */
const struct io_secure *io_secure(const struct io *io);

const struct addr *io_peer(const struct io *io);
/* The user whose process is at the other end of a unix socket, as it was when it connected. False:
 * no unix socket. */
bool io_peer_user(const struct io *io, uid_t *out);
/* Has the peer closed both directions, so that nothing we write is heard? One that has only said
 * its last (IO_EOF) still hears. */
bool io_peer_deaf(const struct io *io);
/* Our end of the connection, asked of the kernel. */
struct addr io_local(const struct io *io);
/* Did a dial fail on our side: no descriptor, no port, no right to the source address? */
bool io_local_fault(const struct io *io);
/* Why IO_FAILED came, in words for the log; "" before. */
const char *io_error(const struct io *io);

#endif
