/* SPDX-License-Identifier: ISC */
/* dns_server: answers as its header says, on the loop of the test. */
#include "tests/unit/support/dns_server.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define HELD_MAX   64

struct packet {
    unsigned char octet[PACKET_MAX];
    size_t len;
    struct sockaddr_storage from; /* UDP */
    socklen_t from_len;
    int conn; /* TCP, else -1 */
};

struct dns_server {
    struct loop *loop;
    struct addr address;
    int udp_fd, listener, conn;
    struct watch *udp_watch, *listener_watch, *conn_watch;
    size_t udp, tcp;
    struct packet held[HELD_MAX];
    size_t holds;
};

static void ensure(bool truth, const char *what)
{
    if (truth)
        return;
    fprintf(stderr, "dns_server: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- packets ---- */

static void put16(struct packet *p, unsigned value)
{
    p->octet[p->len++] = (unsigned char)(value >> 8);
    p->octet[p->len++] = (unsigned char)value;
}

static void put32(struct packet *p, uint32_t value)
{
    put16(p, value >> 16);
    put16(p, value & 0xffff);
}

static void put_name(struct packet *p, const char *name)
{
    while (*name != '\0') {
        size_t len = strcspn(name, ".");
        p->octet[p->len++] = (unsigned char)len;
        memcpy(p->octet + p->len, name, len);
        p->len += len;
        name += len + (name[len] == '.');
    }
    p->octet[p->len++] = 0;
}

static size_t question_end(const struct packet *query)
{
    size_t at = 12;
    while (query->octet[at] != 0)
        at += 1u + query->octet[at];
    return at + 5;
}

/* The query's header and question, made a response. */
static struct packet response(const struct packet *query, unsigned rcode)
{
    struct packet p = *query;
    p.len = question_end(query);
    p.octet[2] = 0x81;
    p.octet[3] = (unsigned char)(0x80 | rcode);
    memset(p.octet + 6, 0, 6);
    return p;
}

/* The fixed part of a record of the question's name, in section 1 (answer) or 2 (authority). */
static void put_record(struct packet *p, unsigned section, unsigned type, uint32_t ttl,
                       unsigned len)
{
    p->octet[5 + 2 * section]++;
    put16(p, 0xc00c);
    put16(p, type);
    put16(p, 1);
    put32(p, ttl);
    put16(p, len);
}

static void put_ok(struct packet *p)
{
    put_record(p, 1, 1, 300, 4);
    put32(p, 0xc0000201);
}

static void put_soa(struct packet *p)
{
    put_record(p, 2, 6, 300, 22);
    put16(p, 0);
    for (uint32_t i = 0; i < 4; i++)
        put32(p, i);
    put32(p, 60);
}

static void put_cname(struct packet *p, const char *target)
{
    put_record(p, 1, 5, 200, (unsigned)strlen(target) + 2);
    put_name(p, target);
}

static void send_packet(const struct dns_server *server, const struct packet *p)
{
    if (p->conn < 0) {
        sendto(server->udp_fd, p->octet, p->len, 0, (const struct sockaddr *)&p->from, p->from_len);
        return;
    }
    unsigned char framed[PACKET_MAX + 2] = {(unsigned char)(p->len >> 8), (unsigned char)p->len};
    memcpy(framed + 2, p->octet, p->len);
    ensure(send(p->conn, framed, p->len + 2, MSG_NOSIGNAL) > 0, "send");
}

static void send_rcode(const struct dns_server *server, const struct packet *query, unsigned rcode,
                       bool soa)
{
    struct packet p = response(query, rcode);
    if (soa)
        put_soa(&p);
    send_packet(server, &p);
}

static void send_ok(const struct dns_server *server, const struct packet *query)
{
    struct packet p = response(query, 0);
    put_ok(&p);
    send_packet(server, &p);
}

static void send_alias(const struct dns_server *server, const struct packet *query,
                       const char *target)
{
    struct packet p = response(query, 0);
    put_cname(&p, target);
    send_packet(server, &p);
}

static void send_nonsense(const struct dns_server *server, const struct packet *query)
{
    struct packet p = response(query, 0);
    put_ok(&p);
    p.len -= 2; /* the address is cut */
    send_packet(server, &p);
}

static void send_truncated(const struct dns_server *server, const struct packet *query)
{
    struct packet p = response(query, 0);
    p.octet[2] |= 2;
    send_packet(server, &p);
}

/* A lie that must not be believed, in front of the truth. */
static void send_lie(const struct dns_server *server, const struct packet *query, size_t twist)
{
    struct packet p = response(query, 0);
    put_ok(&p);
    p.octet[p.len - 1] = 66;
    p.octet[twist] ^= 1;
    send_packet(server, &p);
    send_ok(server, query);
}

static void answer_chain(const struct dns_server *server, const struct packet *query,
                         const char *label)
{
    char target[64];
    snprintf(target, sizeof target, "chain%d.example", atoi(label + strlen("chain")) + 1);
    send_alias(server, query, target);
}

static void answer(struct dns_server *server, const struct packet *query)
{
    char label[64] = "";
    memcpy(label, query->octet + 13, query->octet[12] & 63);
    bool edns = query->octet[11] != 0;
    if (strcmp(label, "ok") == 0)
        send_ok(server, query);
    else if (strcmp(label, "nodata") == 0)
        send_rcode(server, query, 0, true);
    else if (strcmp(label, "nx") == 0)
        send_rcode(server, query, 3, true);
    else if (strcmp(label, "servfail") == 0)
        send_rcode(server, query, 2, false);
    else if (strcmp(label, "refused") == 0)
        send_rcode(server, query, 5, false);
    else if (strcmp(label, "rcode9") == 0)
        send_rcode(server, query, 9, false);
    else if (strcmp(label, "nonsense") == 0)
        send_nonsense(server, query);
    else if (strcmp(label, "tc") == 0 && query->conn < 0)
        send_truncated(server, query);
    else if (strcmp(label, "tc") == 0)
        send_ok(server, query);
    else if (strcmp(label, "wrongid") == 0)
        send_lie(server, query, 0);
    else if (strcmp(label, "other") == 0)
        send_lie(server, query, 13);
    else if (strcmp(label, "alias") == 0)
        send_alias(server, query, "ok.example");
    else if (strcmp(label, "loop") == 0)
        send_alias(server, query, "loop2.example");
    else if (strcmp(label, "loop2") == 0)
        send_alias(server, query, "loop.example");
    else if (strncmp(label, "chain", 5) == 0)
        answer_chain(server, query, label);
    else if (strcmp(label, "formerr") == 0 && edns)
        send_rcode(server, query, 1, false);
    else if (strcmp(label, "formerr") == 0)
        send_ok(server, query);
    else if (strncmp(label, "hold", 4) == 0 && server->holds < HELD_MAX)
        server->held[server->holds++] = *query;
    else
        ensure(strcmp(label, "silent") == 0, label);
}

/* ---- sockets ---- */

static void on_udp(void *arg)
{
    struct dns_server *server = arg;
    struct packet query = {.conn = -1, .from_len = sizeof query.from};
    ssize_t len = recvfrom(server->udp_fd, query.octet, sizeof query.octet, MSG_DONTWAIT,
                           (struct sockaddr *)&query.from, &query.from_len);
    if (len < 12)
        return;
    query.len = (size_t)len;
    server->udp++;
    answer(server, &query);
}

static void close_conn(struct dns_server *server)
{
    if (server->conn < 0)
        return;
    watch_free(server->conn_watch);
    close(server->conn);
    server->conn = -1;
}

static void on_conn(void *arg)
{
    struct dns_server *server = arg;
    struct packet query = {.conn = server->conn};
    unsigned char size[2];
    if (recv(server->conn, size, 2, MSG_WAITALL) != 2) {
        close_conn(server);
        return;
    }
    query.len = (size_t)(size[0] << 8 | size[1]);
    ensure(recv(server->conn, query.octet, query.len, MSG_WAITALL) == (ssize_t)query.len, "recv");
    server->tcp++;
    answer(server, &query);
}

static void on_listener(void *arg)
{
    struct dns_server *server = arg;
    close_conn(server);
    server->conn = accept(server->listener, NULL, NULL);
    ensure(server->conn >= 0, "accept");
    server->conn_watch = watch_fd(server->loop, server->conn, WATCH_READ, on_conn, server);
}

static int bound(int type, struct addr *address)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(address, &sa);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    ensure(fd >= 0, "socket");
    if (bind(fd, (struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return -1;
    }
    ensure(getsockname(fd, (struct sockaddr *)&sa, &len) == 0, "getsockname");
    addr_from_sockaddr((struct sockaddr *)&sa, address);
    return fd;
}

/* A port that is free for both. */
static void bind_both(struct dns_server *server)
{
    for (unsigned i = 0; i < 100; i++) {
        server->address = (struct addr){.family = AF_INET, .ip = {127, 0, 0, 1}};
        server->udp_fd = bound(SOCK_DGRAM, &server->address);
        server->listener = bound(SOCK_STREAM, &server->address);
        if (server->listener >= 0)
            return;
        close(server->udp_fd);
    }
    ensure(false, "no port is free");
}

struct dns_server *dns_server_new(struct loop *loop, bool tcp)
{
    struct dns_server *server = mem_alloc(sizeof *server);
    server->loop = loop;
    server->conn = -1;
    bind_both(server);
    server->udp_watch = watch_fd(loop, server->udp_fd, WATCH_READ, on_udp, server);
    if (tcp) {
        ensure(listen(server->listener, 16) == 0, "listen");
        server->listener_watch = watch_fd(loop, server->listener, WATCH_READ, on_listener, server);
    }
    return server;
}

void dns_server_free(struct dns_server *server)
{
    close_conn(server);
    watch_free(server->udp_watch);
    watch_free(server->listener_watch);
    close(server->udp_fd);
    close(server->listener);
    free(server);
}

struct addr dns_server_address(const struct dns_server *server)
{
    return server->address;
}

void dns_server_release(struct dns_server *server)
{
    for (size_t i = 0; i < server->holds; i++) {
        if (server->held[i].octet[12] == strlen("hold"))
            send_ok(server, &server->held[i]);
        else
            send_alias(server, &server->held[i], "ok.example");
    }
    server->holds = 0;
}

size_t dns_server_udp(const struct dns_server *server)
{
    return server->udp;
}

size_t dns_server_tcp(const struct dns_server *server)
{
    return server->tcp;
}

size_t dns_server_held(const struct dns_server *server)
{
    return server->holds;
}
