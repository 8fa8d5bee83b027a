/* SPDX-License-Identifier: ISC */
/*
 * accept: listening sockets and the acceptors of each loop.
 *
 * Promises: when descriptors run out accepting pauses for 100 ms, it never spins; [::] takes IPv6
 * only, so that 0.0.0.0 may stand beside it. TCP_DEFER_ACCEPT is never set: the SMTP server speaks
 * first.
 */
#include "lib/accept.h"

#include "lib/io.h"
#include "lib/loop_int.h"
#include "lib/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG  4096
#define PAUSE_MS 100

struct acceptor {
    struct loop *loop;
    int fd;
    accept_fn fn;
    accept_pause_fn pause;
    void *arg;
    struct event event;
    struct timer resume;
};

static bool set_options(int fd, const struct addr *address, bool transparent)
{
    const int on = 1;
    bool v6 = address->family == AF_INET6;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        return false;
    if (v6 && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return false;
    if (!transparent)
        return true;
    return setsockopt(fd, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &on,
                      sizeof on) == 0;
}

static const char *advice(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "; stop the server that holds this port, or choose another";
    case EACCES:
        return "; ports below 1024 need root, CAP_NET_BIND_SERVICE or a socket from systemd";
    case EPERM:
        return "; transparent = yes needs CAP_NET_RAW";
    case EADDRNOTAVAIL:
        return "; give an address of this machine";
    default:
        return "";
    }
}

int accept_listen(const struct addr *address, bool transparent, char **why)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(address, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && set_options(fd, address, transparent) &&
        bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    char text[ADDR_TEXT_MAX];
    *why = mem_printf("cannot listen on %s: %s%s", addr_text(address, text), strerrordesc_np(error),
                      advice(error));
    return -1;
}

bool accept_adopt(int fd, struct addr *out)
{
    const int on = 1;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening ||
        getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
        return false;
    addr_from_sockaddr((struct sockaddr *)&sa, out);
    int flags = fcntl(fd, F_GETFL);
    return out->family != AF_UNSPEC && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

static void on_resume(void *arg)
{
    struct acceptor *acceptor = arg;
    event_add(&acceptor->event, NULL);
}

/* True for faults of the connection that was waiting, not of ours (accept(2)). */
static bool passing(int error)
{
    return error == EAGAIN || error == EINTR || error == ECONNABORTED || error == EPROTO ||
           error == ENETDOWN || error == EHOSTDOWN || error == EHOSTUNREACH ||
           error == ENETUNREACH || error == ENONET;
}

static void on_connection(evutil_socket_t listener, short what, void *arg)
{
    (void)what;
    struct acceptor *acceptor = arg;
    struct loop *loop = acceptor->loop;
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    loop_enter(loop);
    int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        struct addr peer;
        addr_from_sockaddr((struct sockaddr *)&sa, &peer);
        acceptor->fn(io_new(loop, fd, &peer, NULL, NULL), acceptor->arg);
    } else if (!passing(errno)) {
        const char *why = strerrordesc_np(errno);
        event_del(&acceptor->event);
        timer_set(&acceptor->resume, PAUSE_MS);
        acceptor->pause(why, acceptor->arg);
    }
    loop_leave(loop);
}

struct acceptor *acceptor_new(struct loop *loop, int fd, accept_fn fn, accept_pause_fn pause,
                              void *arg)
{
    struct acceptor *acceptor = mem_alloc(sizeof *acceptor);
    acceptor->loop = loop;
    acceptor->fd = fd;
    acceptor->fn = fn;
    acceptor->pause = pause;
    acceptor->arg = arg;
    timer_init(&acceptor->resume, loop, on_resume, acceptor);
    event_assign(&acceptor->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_connection,
                 acceptor);
    event_add(&acceptor->event, NULL);
    return acceptor;
}

void acceptor_free(struct acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    event_del(&acceptor->event);
    timer_stop(&acceptor->resume);
    free(acceptor);
}
