/* SPDX-License-Identifier: ISC */
/*
 * io_connect: dialling, for lib/io.
 *
 * Promises: never blocks; what goes wrong is told from the loop as IO_FAILED. A source address that
 * is not ours is bound with IP_TRANSPARENT, which needs CAP_NET_RAW; the kernel picks the port when
 * it knows the peer.
 */
#include "lib/io_int.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int set_option(int fd, int level, int name)
{
    const int on = 1;
    return setsockopt(fd, level, name, &on, sizeof on);
}

/* Binds to an address that need not be ours; the kernel picks the port when it knows the peer. */
static int bind_source(int fd, const struct io_route *route)
{
    struct addr from = route->from;
    if (from.family == AF_UNSPEC)
        return 0;
    from.port = 0;
    if (route->transparent) {
        int failed = from.family == AF_INET6 ? set_option(fd, SOL_IPV6, IPV6_TRANSPARENT)
                                             : set_option(fd, SOL_IP, IP_TRANSPARENT);
        if (failed)
            return -1;
    }
    set_option(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT);
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(&from, &sa);
    return bind(fd, (struct sockaddr *)&sa, len);
}

/* Is it something of ours that is missing, and not the peer? */
static bool ours(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EADDRNOTAVAIL || error == EADDRINUSE || error == EPERM || error == EACCES ||
           error == EAFNOSUPPORT;
}

/* A socket on its way to the peer, or -1 with errno. */
static int dial(const struct io_route *route)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(&route->to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    if (bind_source(fd, route) == 0 &&
        (connect(fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Only the read event is asked for: a connection that comes to nothing wakes it too, and where we
 * have something to say first the write waits for the connection by itself. */
struct io *io_connect(struct loop *loop, const struct io_route *route, io_fn fn, void *arg)
{
    int fd = dial(route);
    int error = fd < 0 ? errno : 0;
    struct io *io = io_new(loop, fd, &route->to, fn, arg);
    io->connecting = true;
    if (fd < 0) {
        io->error = strerrordesc_np(error);
        io->local_fault = ours(error);
        loop_task_queue(loop, &io->task);
    }
    return io;
}

bool io_local_fault(const struct io *io)
{
    return io->local_fault;
}
