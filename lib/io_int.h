/* SPDX-License-Identifier: ISC */
#ifndef LIB_IO_INT_H
#define LIB_IO_INT_H
/* The I/O object's inside, shared by io.c (the object) and io_tls.c (its TLS transport). */

#include "lib/buf.h"
#include "lib/io.h"
#include "lib/loop_int.h"

#include <sys/types.h>

struct io_tls;

enum io_tls_phase { IO_PLAIN, IO_TLS_WAITING, IO_TLS_HANDSHAKE, IO_TLS_OPEN };

struct io {
    struct loop *loop;
    LIST_ENTRY(io) closing_link; /* of loop_closing(), while `closing` */
    io_fn fn;
    void *arg;
    struct io_tls *tls;
    const char *error;
    const char *view; /* unread bytes in the loop's scratch while a callback runs, else NULL */
    size_t view_len;
    struct buf in;
    struct buf out;
    struct loop_task task;
    struct timer deadline;
    struct event read_event;
    struct event *write_event; /* made when the kernel's buffer is full for the first time */
    struct addr peer;
    int fd;
    enum io_tls_phase phase : 8;
    bool connecting : 1;
    bool local_fault : 1;
    bool reading : 1; /* the read event is pending */
    bool writing : 1; /* the write event is pending */
    bool paused : 1;
    bool hold : 1;
    bool deliver : 1; /* buffered bytes wait to be handed over (after io_resume) */
    bool want_drained : 1;
    bool eof : 1;
    bool failed : 1;
    bool closing : 1;
    bool lingering : 1;
    bool last : 1; /* the peer is to close first */
    bool dead : 1;
    uint32_t linger;
};

/* Reports IO_FAILED (once); `why` is a static text. */
void io_fail(struct io *io, const char *why);
/* Takes bytes out of the socket: > 0, 0 at end of file, -1 would block, -2 failed (io_fail was
 * called). `size` is a TLS record's (16 KiB) at least. */
ssize_t io_tls_read(struct io *io, char *data, size_t size);
/* The same for writing: > 0, -1 would block, -2 failed. */
ssize_t io_tls_write(struct io *io, const char *data, size_t len);
/* Goes on with the handshake; reports IO_SECURED or IO_FAILED. */
void io_tls_handshake(struct io *io);
/* The stream's end was read behind the last bytes: nothing will wake us to tell it. */
bool io_tls_pending(const struct io *io);
/* Says goodbye (close_notify) and frees. */
void io_tls_free(struct io *io, bool polite);
/* Asks for a wake-up when the socket can be written. */
void io_want_write(struct io *io);
/* Hands an event to the owner; false: the object is dead now. */
bool io_emit(struct io *io, enum io_event event);

#endif
