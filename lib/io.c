/* SPDX-License-Identifier: ISC */
/*
 * io: one connected socket, over libevent's raw events.
 *
 * Promises: events come from the loop only; bytes are read 64 KiB at a time into a buffer that all
 * objects of the loop share, so an idle object holds none; writes are gathered and handed to the
 * kernel once, when the running callback returns; a freed object is never touched again, whoever
 * frees it. Pausing costs nothing until the peer talks into the pause.
 * Limits: what is queued for writing is bounded by the users (io_pending, io_want_drained); what a
 * paused object has buffered is at most one read.
 *
 * The life of the descriptor: open -> (closing -> lingering) -> dead.
 */
#include "lib/io_int.h"

#include "lib/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void flush(struct io *io);

static void set_reading(struct io *io, bool on)
{
    if (io->reading == on)
        return;
    io->reading = on;
    if (on)
        event_add(&io->read_event, NULL);
    else
        event_del(&io->read_event);
}

/* Closes the descriptor; the memory goes once the running callbacks are through. */
static void kill_io(struct io *io, bool polite)
{
    if (io->dead)
        return;
    io->dead = true;
    if (io->closing)
        LIST_REMOVE(io, closing_link);
    io_tls_free(io, polite);
    set_reading(io, false);
    if (io->write_event != NULL)
        event_free(io->write_event);
    timer_stop(&io->deadline);
    if (io->fd >= 0)
        close(io->fd);
    io->view = NULL;
    buf_free(&io->in);
    buf_free(&io->out);
    loop_task_queue(io->loop, &io->task);
}

bool io_emit(struct io *io, enum io_event event)
{
    if (!io->dead && io->fn != NULL)
        io->fn(io, event, io->arg);
    return !io->dead;
}

void io_fail(struct io *io, const char *why)
{
    if (io->failed || io->dead)
        return;
    io->failed = true;
    io->error = why;
    set_reading(io, false);
    buf_free(&io->out);
    if (io->closing)
        kill_io(io, false);
    else
        io_emit(io, IO_FAILED);
}

/* Hands unread bytes over; what the owner leaves is kept for later. */
static void emit_data(struct io *io)
{
    if (!io_emit(io, IO_DATA))
        return;
    if (io->view != NULL) {
        buf_add(&io->in, io->view, io->view_len);
        io->view = NULL;
        io->view_len = 0;
    } else if (buf_len(&io->in) == 0) {
        buf_free(&io->in);
    }
}

/* What a read or write came to: > 0 (or 0), -1 not now, -2 broken, and told. */
static ssize_t outcome(struct io *io, ssize_t n)
{
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR)
        return -1;
    io_fail(io, strerrordesc_np(errno));
    return -2;
}

static ssize_t read_some(struct io *io, char *data, size_t size)
{
    if (io->phase != IO_PLAIN)
        return io_tls_read(io, data, size);
    return outcome(io, read(io->fd, data, size));
}

/* A closing object only waits for the end: whatever comes is dropped. */
static void read_to_drop(struct io *io)
{
    ssize_t n = read(io->fd, loop_scratch(io->loop), LOOP_SCRATCH);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        kill_io(io, false);
}

static void take_input(struct io *io)
{
    char *scratch = loop_scratch(io->loop);
    ssize_t n = read_some(io, scratch, LOOP_SCRATCH);
    if (n == -1 || n == -2)
        return;
    if (io->connecting) {
        io->connecting = false;
        if (!io_emit(io, IO_CONNECTED) || io->phase == IO_TLS_WAITING)
            return; /* what came before TLS is dropped */
    }
    if (n == 0) {
        io->eof = true;
        set_reading(io, false);
        io_emit(io, IO_EOF);
        return;
    }
    if (buf_len(&io->in) > 0 || io->paused) {
        buf_add(&io->in, scratch, (size_t)n);
    } else {
        io->view = scratch;
        io->view_len = (size_t)n;
    }
    if (!io->paused)
        emit_data(io);
    if (!io->dead && io_tls_pending(io)) {
        io->deliver = true;
        loop_task_queue(io->loop, &io->task);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct io *io = arg;
    struct loop *loop = io->loop;
    loop_enter(loop);
    if (io->closing && !io->lingering)
        set_reading(io, false); /* our own words first */
    else if (io->closing)
        read_to_drop(io);
    else if (io->phase == IO_TLS_HANDSHAKE)
        io_tls_handshake(io);
    else if (io->paused || io->phase == IO_TLS_WAITING)
        set_reading(io, false); /* the peer talks into the pause, or before our last plaintext */
    else
        take_input(io);
    loop_leave(loop);
}

static void set_connected(struct io *io)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        io_fail(io, strerrordesc_np(error));
        return;
    }
    io->connecting = false;
    io_emit(io, IO_CONNECTED);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct io *io = arg;
    struct loop *loop = io->loop;
    loop_enter(loop);
    io->writing = false;
    if (io->connecting)
        set_connected(io);
    if (!io->dead && !io->failed) {
        if (io->phase == IO_TLS_HANDSHAKE)
            io_tls_handshake(io);
        else
            flush(io);
    }
    loop_leave(loop);
}

void io_want_write(struct io *io)
{
    if (io->writing)
        return;
    if (io->write_event == NULL) {
        io->write_event = event_new(loop_base(io->loop), io->fd, EV_WRITE, on_writable, io);
        if (io->write_event == NULL)
            abort();
    }
    io->writing = true;
    event_add(io->write_event, NULL);
}

static ssize_t write_some(struct io *io, const char *data, size_t len)
{
    if (io->phase == IO_TLS_OPEN)
        return io_tls_write(io, data, len);
    return outcome(io, write(io->fd, data, len));
}

static void finish_sending(struct io *io)
{
    io_tls_free(io, true);
    shutdown(io->fd, SHUT_WR);
}

/* All is written: what was waiting for that goes on. */
static void drained(struct io *io)
{
    if (io->phase == IO_TLS_WAITING) {
        io->phase = IO_TLS_HANDSHAKE;
        set_reading(io, !io->eof);
        io_tls_handshake(io);
    } else if (io->closing && !io->lingering) {
        if (io->linger == 0) {
            kill_io(io, true);
            return;
        }
        io->lingering = true;
        if (!io->last || io->tls != NULL)
            finish_sending(io);
        timer_set(&io->deadline, io->linger);
        io->paused = false;
        set_reading(io, true);
    } else if (io->want_drained) {
        io->want_drained = false;
        io_emit(io, IO_DRAINED);
    }
}

static void flush(struct io *io)
{
    if (io->phase == IO_TLS_HANDSHAKE || io->writing || io->failed)
        return;
    while (buf_len(&io->out) > 0) {
        ssize_t n = write_some(io, buf_data(&io->out), buf_len(&io->out));
        if (n == -2)
            return;
        if (n == -1) {
            io_want_write(io);
            return;
        }
        buf_consume(&io->out, (size_t)n);
    }
    buf_free(&io->out);
    drained(io);
}

/* The end of the running callback: write what was queued, hand over what was buffered. */
static void on_task(void *arg)
{
    struct io *io = arg;
    if (io->dead) {
        free(io);
        return;
    }
    if (io->fd < 0) { /* a dial that came to nothing is told from the loop, like any fault */
        io_fail(io, io->error);
        return;
    }
    if (!io->hold || io->closing || io->phase == IO_TLS_WAITING)
        flush(io);
    if (!io->deliver || io->dead || io->paused || io->failed || io->closing)
        return;
    io->deliver = false;
    if (buf_len(&io->in) > 0)
        emit_data(io);
    if (!io->dead && !io->paused && io_tls_pending(io))
        take_input(io);
}

static void on_deadline(void *arg)
{
    struct io *io = arg;
    if (io->closing)
        kill_io(io, false);
    else if (!io->failed) /* a failure is the last that is told */
        io_emit(io, IO_TIMEOUT);
}

struct io *io_new(struct loop *loop, int fd, const struct addr *peer, io_fn fn, void *arg)
{
    struct io *io = mem_alloc(sizeof *io);
    io->loop = loop;
    io->fd = fd;
    io->fn = fn;
    io->arg = arg;
    io->error = "";
    if (peer != NULL)
        io->peer = *peer;
    io->task.fn = on_task;
    io->task.arg = io;
    timer_init(&io->deadline, loop, on_deadline, io);
    if (fd >= 0) {
        event_assign(&io->read_event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, io);
        set_reading(io, true);
    }
    return io;
}

void io_set_owner(struct io *io, io_fn fn, void *arg)
{
    io->fn = fn;
    io->arg = arg;
}

void io_free(struct io *io)
{
    if (io == NULL)
        return;
    io->fn = NULL;
    kill_io(io, false);
}

/* All that is pending to the kernel, now. A fault is left for the loop to find and tell. */
static bool flush_now(struct io *io)
{
    while (buf_len(&io->out) > 0) {
        ssize_t n = write(io->fd, buf_data(&io->out), buf_len(&io->out));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        buf_consume(&io->out, (size_t)n);
    }
    return true;
}

int io_detach(struct io *io)
{
    int fd = io->fd;
    if (io->dead || io->failed || io->closing || io->connecting || fd < 0 ||
        io->phase != IO_PLAIN || !flush_now(io))
        return -1;
    set_reading(io, false);
    io->fn = NULL;
    io->fd = -1; /* its events are gone before anyone can close it */
    kill_io(io, false);
    return fd;
}

void io_close(struct io *io, uint64_t linger)
{
    if (io == NULL || io->dead)
        return;
    io->fn = NULL;
    if (io->failed || io->fd < 0 || (io->eof && buf_len(&io->out) == 0) ||
        io->phase == IO_TLS_HANDSHAKE || io->phase == IO_TLS_WAITING) {
        kill_io(io, !io->failed);
        return;
    }
    io->closing = true;
    LIST_INSERT_HEAD(loop_closing(io->loop), io, closing_link);
    io->linger = io->eof ? 0 : (uint32_t)linger;
    if (linger == 0)
        set_reading(io, false);
    timer_set(&io->deadline, IO_CLOSE_MS);
    loop_task_queue(io->loop, &io->task);
}

void io_close_last(struct io *io, uint64_t ms)
{
    if (io != NULL)
        io->last = true;
    io_close(io, ms);
}

void io_kill_closing(struct io_list *list)
{
    while (!LIST_EMPTY(list))
        kill_io(LIST_FIRST(list), true);
}

const char *io_data(const struct io *io, size_t *len)
{
    *len = io->view != NULL ? io->view_len : buf_len(&io->in);
    return io->view != NULL ? io->view : buf_data(&io->in);
}

void io_consume(struct io *io, size_t len)
{
    if (io->dead)
        return;
    if (io->view == NULL) {
        buf_consume(&io->in, len);
        return;
    }
    if (len > io->view_len)
        len = io->view_len;
    io->view += len;
    io->view_len -= len;
}

void io_pause(struct io *io)
{
    io->paused = true;
}

void io_resume(struct io *io)
{
    if (!io->paused || io->dead)
        return;
    io->paused = false;
    if (!io->eof && !io->failed && io->fd >= 0 && io->phase != IO_TLS_WAITING)
        set_reading(io, true);
    io->deliver = true;
    loop_task_queue(io->loop, &io->task);
}

bool io_peer_gone(const struct io *io)
{
    struct pollfd look = {.fd = io->fd, .events = POLLRDHUP};
    char byte;
    if (io->dead || io->failed || io->eof)
        return true;
    if (poll(&look, 1, 0) <= 0)
        return false;
    if (look.revents & (POLLERR | POLLHUP))
        return true;
    /* It has said its last: QUIT may be among what is unread, and its replies still wanted. */
    return io->phase != IO_PLAIN || (buf_len(&io->in) == 0 && io->view_len == 0 &&
                                     recv(io->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0);
}

void io_write(struct io *io, const void *data, size_t len)
{
    if (io->dead || io->failed || io->closing)
        return;
    buf_add(&io->out, data, len);
    if (!io->hold)
        loop_task_queue(io->loop, &io->task);
}

void io_hold(struct io *io, bool hold)
{
    if (io->hold && !hold && (buf_len(&io->out) > 0 || io->want_drained))
        loop_task_queue(io->loop, &io->task);
    io->hold = hold;
}

size_t io_pending(const struct io *io)
{
    return buf_len(&io->out);
}

void io_want_drained(struct io *io)
{
    io->want_drained = true;
    loop_task_queue(io->loop, &io->task);
}

void io_deadline(struct io *io, uint64_t ms)
{
    if (ms == 0)
        timer_clear(&io->deadline);
    else if (!io->dead)
        timer_set(&io->deadline, ms);
}

const struct addr *io_peer(const struct io *io)
{
    return &io->peer;
}

bool io_peer_user(const struct io *io, uid_t *out)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int domain = AF_UNSPEC;
    socklen_t domain_len = sizeof domain;
    if (io->fd < 0 || getsockopt(io->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) != 0 ||
        domain != AF_UNIX || getsockopt(io->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
        return false;
    *out = who.uid;
    return true;
}

bool io_peer_deaf(const struct io *io)
{
    struct pollfd look = {.fd = io->fd};
    return io->dead || io->failed || poll(&look, 1, 0) > 0;
}

struct addr io_local(const struct io *io)
{
    struct addr local = {0};
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    if (io->fd >= 0 && getsockname(io->fd, (struct sockaddr *)&sa, &len) == 0)
        addr_from_sockaddr((struct sockaddr *)&sa, &local);
    return local;
}

const char *io_error(const struct io *io)
{
    return io->error;
}
