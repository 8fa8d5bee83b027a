/* SPDX-License-Identifier: ISC */
/*
 * ctl_call: requests over the control socket, one JSON object a line; see gatepost-control(5).
 *
 * Blocking, one request at a time. The daemon waits a minute at most for who does not read, so
 * while standard output takes nothing (a pager that is paused) what comes is kept, up to HELD_MOST
 * octets. Bounds: a line of an answer is at most LINE_MOST octets, and the daemon may be silent for
 * at most the request's patience. Where a request has none, SIGINT and SIGTERM end it as wished:
 * they are read from a descriptor beside the socket, so no handler runs and nothing is torn. The
 * daemon's bytes are not trusted to be JSON, nor to be of the right form.
 */
#include "admin/ctl_call.h"

#include "lib/mem.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MOST    ((size_t)16 << 20)
#define HELD_MOST    ((size_t)1 << 30)
#define READ_ROOM    ((size_t)64 << 10)
#define SEND_SECONDS 30

struct socket_link {
    struct ctl_link link;
    int fd;
    char *path;
    char *text; /* what was read and is not taken yet */
    size_t start, len, cap;
    size_t searched; /* from `start` on there is no newline in so many octets */
};

static void socket_free(struct ctl_link *link)
{
    struct socket_link *s = (struct socket_link *)link;
    close(s->fd);
    free(s->path);
    free(s->text);
    free(s);
}

static bool send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool send_request(struct socket_link *s, const struct ctl_request *request)
{
    json_t *line = json_pack("{s:s, s:O}", "command", request->command, "args", request->args);
    char *text = json_dumps(line, JSON_COMPACT);
    size_t len = text != NULL ? strlen(text) : 0;
    bool sent = false;
    if (text != NULL) {
        text[len] = '\n'; /* in the place of the NUL */
        sent = send_all(s->fd, text, len + 1);
    }
    free(text);
    json_decref(line);
    return sent;
}

/* Room for more at the end of `text`; what is there moves only where that at least halves it. */
static void make_room(struct socket_link *s)
{
    if (s->start > 0 && s->start >= s->len) {
        memmove(s->text, s->text + s->start, s->len);
        s->start = 0;
    }
    if (s->cap - s->start - s->len >= READ_ROOM)
        return;
    s->cap = s->cap * 2 + READ_ROOM;
    s->text = mem_grow(s->text, s->cap, 1);
}

enum heard { HEARD_MORE, HEARD_SIGNAL, HEARD_NOTHING };

/* Reads what is there. *why is static text. */
static enum heard read_more(struct socket_link *s, const char **why)
{
    *why = "answered with a line that is too long";
    if (s->searched >= LINE_MOST)
        return HEARD_NOTHING;
    make_room(s);
    ssize_t got = recv(s->fd, s->text + s->start + s->len, s->cap - s->start - s->len, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return HEARD_MORE;
    *why = "left before its answer was whole";
    if (got <= 0)
        return HEARD_NOTHING;
    s->len += (size_t)got;
    return HEARD_MORE;
}

/* Waits for bytes and reads them; `signals` is a descriptor or -1. *why is static text. */
static enum heard hear(struct socket_link *s, int signals, unsigned patience, const char **why)
{
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    int ready = poll(fds, 2, patience != 0 ? (int)patience * 1000 : -1);
    if (ready < 0 && errno == EINTR)
        return HEARD_MORE;
    if (fds[1].revents != 0)
        return HEARD_SIGNAL;
    *why = "gave no answer in time; it is busy or stuck";
    return ready > 0 ? read_more(s, why) : HEARD_NOTHING;
}

/* Before a line is taken: reads on as long as standard output takes nothing. */
static void hold(struct socket_link *s, int signals)
{
    struct pollfd fds[3] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                            {.fd = s->fd, .events = POLLIN},
                            {.fd = signals, .events = POLLIN}};
    const char *why = NULL;
    while (poll(fds, 3, -1) >= 0 || errno == EINTR) {
        if (fds[0].revents != 0 || fds[2].revents != 0)
            return;
        if (fds[1].revents != 0 && (s->len >= HELD_MOST || read_more(s, &why) != HEARD_MORE))
            fds[1].fd = -1; /* whoever waits for the rest hears why there is none */
    }
}

/* The next whole line that is there already; NULL: none. */
static const char *take_line(struct socket_link *s, size_t *len)
{
    if (s->len == s->searched)
        return NULL;
    char *line = s->text + s->start;
    const char *end = memchr(line + s->searched, '\n', s->len - s->searched);
    if (end == NULL) {
        s->searched = s->len;
        return NULL;
    }
    *len = (size_t)(end - line);
    s->start += *len + 1;
    s->len -= *len + 1;
    s->searched = 0;
    return line;
}

static enum ctl_outcome broken(struct socket_link *s, struct ctl_reply *reply, const char *why)
{
    reply->why = mem_printf("gatepostd at %s %s", s->path, why);
    return CTL_BROKEN;
}

static enum ctl_outcome receive(struct socket_link *s, const struct ctl_request *request,
                                int signals, struct ctl_reply *reply)
{
    enum ctl_outcome outcome = CTL_BROKEN;
    const char *why = NULL;
    for (;;) {
        size_t len = 0;
        if (s->len > s->searched)
            hold(s, signals);
        const char *line = take_line(s, &len);
        if (line != NULL) {
            json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
            bool last = ctl_answer_line(object, request, reply, &outcome);
            json_decref(object);
            if (last)
                return outcome;
            continue;
        }
        switch (hear(s, signals, request->patience, &why)) {
        case HEARD_MORE:
            break;
        case HEARD_SIGNAL:
            return CTL_ENOUGH;
        case HEARD_NOTHING:
            return broken(s, reply, why);
        }
    }
}

/* A descriptor that hears SIGINT and SIGTERM from now on; -1: none. */
static int hear_signals(sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &set, old) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum ctl_outcome socket_ask(struct ctl_link *link, const struct ctl_request *request,
                                   struct ctl_reply *reply)
{
    struct socket_link *s = (struct socket_link *)link;
    if (!send_request(s, request))
        return broken(s, reply, "takes no requests");
    if (request->patience != 0)
        return receive(s, request, -1, reply);
    sigset_t old;
    int signals = hear_signals(&old);
    enum ctl_outcome outcome = receive(s, request, signals, reply);
    if (signals >= 0) {
        struct signalfd_siginfo taken; /* so that it does not kill us after all */
        while (read(signals, &taken, sizeof taken) > 0)
            continue;
        close(signals);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    return outcome;
}

bool ctl_answer_line(json_t *line, const struct ctl_request *request, struct ctl_reply *reply,
                     enum ctl_outcome *outcome)
{
    json_t *item = json_object_get(line, "item");
    json_t *ok = json_object_get(line, "ok");
    const char *error = json_string_value(json_object_get(line, "error"));
    if (item != NULL) {
        *outcome = CTL_ENOUGH;
        return request->item != NULL && !request->item(item, request->arg);
    }
    if (json_is_true(ok)) {
        json_t *result = json_object_get(line, "result");
        reply->result = json_is_object(result) ? json_incref(result) : json_object();
        *outcome = CTL_GOOD;
    } else if (json_is_false(ok) && error != NULL) {
        reply->why = mem_strdup(error);
        *outcome = json_is_true(json_object_get(line, "usage")) ? CTL_USAGE : CTL_BAD;
    } else {
        reply->why = mem_strdup("the answer is none of gatepostd's; what listens there is another "
                                "program or another version");
        *outcome = CTL_BROKEN;
    }
    return true;
}

/* Why connect() failed. */
static enum ctl_connect refused(const char *path, int error, char **why)
{
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
        *why = mem_printf("nothing listens on %s", path);
        return CTL_NOBODY;
    }
    if (error == EACCES || error == EPERM)
        *why = mem_printf("you may not use %s; become root or a member of the group it belongs to",
                          path);
    else
        *why = mem_printf("%s: %s", path, strerror(error));
    return CTL_REFUSED;
}

enum ctl_connect ctl_connect(const char *socket_path, struct ctl_link **out, char **why)
{
    static const struct ctl_link_ops ops = {socket_ask, socket_free};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(socket_path);
    if (len >= sizeof address.sun_path) {
        *why = mem_printf("%s is too long for a socket's path; at most %zu octets fit", socket_path,
                          sizeof address.sun_path - 1);
        return CTL_REFUSED;
    }
    memcpy(address.sun_path, socket_path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval bound = {.tv_sec = SEND_SECONDS};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return refused(socket_path, error, why);
    }
    struct socket_link *s = mem_alloc(sizeof *s);
    s->link.ops = &ops;
    s->fd = fd;
    s->path = mem_strdup(socket_path);
    *out = &s->link;
    return CTL_CONNECTED;
}

void ctl_link_free(struct ctl_link *link)
{
    if (link != NULL)
        link->ops->free(link);
}
