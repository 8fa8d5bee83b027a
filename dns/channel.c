/* SPDX-License-Identifier: ISC */
/*
 * channel: c-ares 1.18 on our loop, with its traps fenced in.
 *
 * - ares_cancel() and ares_destroy() inside a query's callback free twice (CVE-2026-33630): the one
 *   is never called, the other only by channel_free(), at the loop's top.
 * - Without NOCHECKRESP a SERVFAIL ends as "connection refused" after all tries; with it the packet
 *   comes at once, and its rcode is read by who gets it: c-ares takes most for success.
 * - ares_timeout() looks at every query, so a tick by the owner stands in for it.
 * - The callback may come inside ares_query(): the books are in order before that call.
 * - When a connection to a server fails, c-ares gives up all that it was asked, by UDP too. So TCP
 *   has a c-ares of its own (a line), and a server that truncates and refuses TCP, or closes it
 *   when idle, harms nobody else.
 * - A server that answers FORMERR without EDNS turns EDNS off for the channel; what was out with it
 *   ends as FORMERR. The owner asks that once more.
 * - With 65536 queries out c-ares would search for a free id for ever: beyond OUT_MAX there is no
 *   asking.
 *
 * Limits: one UDP socket a server, 16 bits of id: the resolver should be on this host or behind a
 * network that is trusted. EDNS 1232 octets (no fragments), TCP after a truncated answer. Once off,
 * EDNS stays off until the next channel_new(); answers beyond 512 octets then take TCP.
 */
#include "dns/channel.h"

#include "dns/answer.h"
#include "lib/loop.h"
#include "lib/mem.h"

#include <ares.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define TRIES          2
#define EDNS_OCTETS    1232
#define RECEIVE_BUFFER (1 << 20) /* asked for; the kernel gives what net.core.rmem_max allows */
#define OUT_MAX        16384
#define CLASS_IN       1

struct socket {
    LIST_ENTRY(socket) link;
    struct line *line;
    int fd;
    struct watch *read, *write;
};

enum { LINE_UDP, LINE_TCP, LINES };

struct line {
    struct channel *channel;
    ares_channel ares;
    LIST_HEAD(, socket) sockets;
};

struct channel {
    struct loop *loop;
    struct line line[LINES];
    size_t out;
    bool ending;
    char *servers;
};

/* ---- sockets ---- */

static void on_readable(void *arg)
{
    const struct socket *s = arg;
    ares_process_fd(s->line->ares, s->fd, ARES_SOCKET_BAD); /* `s` may be gone */
}

static void on_writable(void *arg)
{
    const struct socket *s = arg;
    ares_process_fd(s->line->ares, ARES_SOCKET_BAD, s->fd);
}

static void socket_free(struct socket *s)
{
    LIST_REMOVE(s, link);
    watch_free(s->read);
    watch_free(s->write);
    free(s);
}

static void set_watch(struct socket *s, struct watch **watch, int what, bool on)
{
    if (on == (*watch != NULL))
        return;
    watch_free(*watch);
    *watch = on ? watch_fd(s->line->channel->loop, s->fd, what,
                           what == WATCH_READ ? on_readable : on_writable, s)
                : NULL;
}

/* c-ares says what it waits for; for nothing, right before it closes the socket. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct line *line = arg;
    struct socket *s;
    LIST_FOREACH(s, &line->sockets, link)
    {
        if (s->fd == fd)
            break;
    }
    if (!readable && !writable) {
        if (s != NULL)
            socket_free(s);
        return;
    }
    if (s == NULL) {
        s = mem_alloc(sizeof *s);
        s->line = line;
        s->fd = fd;
        LIST_INSERT_HEAD(&line->sockets, s, link);
    }
    set_watch(s, &s->read, WATCH_READ, readable);
    set_watch(s, &s->write, WATCH_WRITE, writable);
}

/* ---- the channel ---- */

void channel_init(void)
{
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        abort();
}

void channel_shutdown(void)
{
    ares_library_cleanup();
}

/* "192.0.2.1:53,[2001:db8::1]:53"; the caller frees. */
static char *servers_text(const struct addr *server, size_t servers)
{
    char *text = mem_alloc(servers * (ADDR_TEXT_MAX + 1) + 1), *end = text;
    for (size_t i = 0; i < servers; i++) {
        char one[ADDR_TEXT_MAX];
        size_t len = strlen(addr_text(&server[i], one));
        if (i > 0)
            *end++ = ',';
        memcpy(end, one, len);
        end += len;
    }
    *end = '\0';
    return text;
}

/* The same of what c-ares found in resolv.conf; the caller frees. */
static char *servers_found(ares_channel ares)
{
    struct ares_addr_port_node *nodes = NULL;
    size_t count = 0;
    if (ares_get_servers_ports(ares, &nodes) != ARES_SUCCESS)
        return mem_strdup("");
    for (const struct ares_addr_port_node *n = nodes; n != NULL; n = n->next)
        count++;
    struct addr *server = mem_alloc((count + 1) * sizeof *server);
    count = 0;
    for (const struct ares_addr_port_node *n = nodes; n != NULL; n = n->next) {
        struct addr *a = &server[count++];
        a->family = (uint8_t)n->family;
        a->port = (uint16_t)(n->udp_port != 0 ? n->udp_port : 53);
        memcpy(a->ip, &n->addr, n->family == AF_INET ? 4 : 16);
    }
    char *text = servers_text(server, count);
    free(server);
    ares_free_data(nodes);
    return text;
}

static int init_line(struct line *line, uint64_t query_ms, int flag)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_STAYOPEN | ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH |
                 ARES_FLAG_NOALIASES | flag,
        .timeout = query_ms < INT_MAX / 4 ? (int)query_ms : INT_MAX / 4,
        .tries = TRIES,
        .socket_receive_buffer_size = RECEIVE_BUFFER,
        .sock_state_cb = on_state,
        .sock_state_cb_data = line,
        .ednspsz = EDNS_OCTETS,
    };
    return ares_init_options(&line->ares, &options,
                             ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                 ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ);
}

static int init(struct channel *channel, uint64_t query_ms)
{
    static const int flag[LINES] = {ARES_FLAG_IGNTC, ARES_FLAG_USEVC};
    int status = ARES_SUCCESS;
    for (size_t i = 0; i < LINES && status == ARES_SUCCESS; i++) {
        channel->line[i].channel = channel;
        LIST_INIT(&channel->line[i].sockets);
        status = init_line(&channel->line[i], query_ms, flag[i]);
    }
    return status;
}

static int set_servers(struct channel *channel)
{
    int status = ARES_SUCCESS;
    for (size_t i = 0; i < LINES && status == ARES_SUCCESS; i++)
        status = ares_set_servers_ports_csv(channel->line[i].ares, channel->servers);
    return status;
}

struct channel *channel_new(struct loop *loop, const struct addr *server, size_t servers,
                            uint64_t query_ms, char **why)
{
    struct channel *channel = mem_alloc(sizeof *channel);
    channel->loop = loop;
    int status = init(channel, query_ms);
    if (status == ARES_SUCCESS && servers > 0) {
        channel->servers = servers_text(server, servers);
        status = set_servers(channel);
    } else if (status == ARES_SUCCESS) {
        channel->servers = servers_found(channel->line[LINE_UDP].ares);
    }
    if (status == ARES_SUCCESS)
        return channel;
    *why = mem_printf("cannot ask DNS servers %s: %s",
                      channel->servers != NULL ? channel->servers : "of /etc/resolv.conf",
                      ares_strerror(status));
    channel_free(channel);
    return NULL;
}

void channel_free(struct channel *channel)
{
    if (channel == NULL)
        return;
    channel->ending = true;
    for (size_t i = 0; i < LINES; i++) {
        if (channel->line[i].ares != NULL)
            ares_destroy(channel->line[i].ares); /* which closes every socket through on_state() */
    }
    free(channel->servers);
    free(channel);
}

/* ---- queries ---- */

static const char *reason(int status)
{
    switch (status) {
    case ARES_ETIMEOUT:
        return "timeout";
    case ARES_ECONNREFUSED:
        return "no DNS server reached";
    default:
        return ares_strerror(status);
    }
}

static void on_end(void *arg, int status, int timeouts, unsigned char *packet, int len);

static void send_query(struct channel_query *query)
{
    const struct channel *channel = query->channel;
    ares_query(channel->line[query->tcp ? LINE_TCP : LINE_UDP].ares, query->name, CLASS_IN,
               answer_wire_type(query->type), on_end, query);
}

static bool is_truncated(const unsigned char *packet, int len)
{
    return packet != NULL && len > 2 && (packet[2] & 2) != 0;
}

static void on_end(void *arg, int status, int timeouts, unsigned char *packet, int len)
{
    (void)timeouts;
    struct channel_query *asked = arg;
    if (is_truncated(packet, len) && !asked->tcp && !asked->channel->ending) {
        asked->tcp = true;
        send_query(asked);
        return;
    }
    struct channel_query query = *asked; /* its memory ends in fn */
    query.channel->out--;
    if (query.channel->ending)
        return;
    if (packet != NULL && len >= 0)
        query.fn(packet, (size_t)len, NULL, query.arg);
    else if (status == ARES_ENOTFOUND || status == ARES_EBADNAME)
        query.fn(NULL, 0, NULL, query.arg);
    else
        query.fn(NULL, 0, reason(status), query.arg);
}

void channel_ask(struct channel *channel, struct channel_query *query, enum dns_type type,
                 const char *name, channel_fn fn, void *arg)
{
    if (channel->out >= OUT_MAX) {
        fn(NULL, 0, "too many questions at a time", arg);
        return;
    }
    *query = (struct channel_query){
        .channel = channel, .type = type, .name = name, .fn = fn, .arg = arg};
    channel->out++;
    send_query(query);
}

void channel_tick(struct channel *channel)
{
    for (size_t i = 0; i < LINES; i++)
        ares_process_fd(channel->line[i].ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

size_t channel_out(const struct channel *channel)
{
    return channel->out;
}

const char *channel_servers(const struct channel *channel)
{
    return channel->servers;
}
