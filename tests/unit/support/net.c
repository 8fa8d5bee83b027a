/* SPDX-License-Identifier: ISC */
/*
 * net: sockets and waiting for the unit tests of what runs on a loop.
 *
 * The test holds the other end of each connection itself, so one thread does everything and the
 * order of events is the test's to choose.
 */
#include "tests/unit/support/net.h"

#include "lib/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

uint64_t net_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void net_turn(struct loop *loop)
{
    const struct timespec breath = {.tv_nsec = 50000};
    if (loop != NULL)
        loop_poll(loop);
    nanosleep(&breath, NULL);
}

void net_run(struct loop *loop, uint64_t ms)
{
    uint64_t end = net_clock() + ms;
    while (net_clock() < end)
        net_turn(loop);
}

struct addr net_loopback(uint16_t port)
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct addr out;
    addr_from_sockaddr((struct sockaddr *)&sa, &out);
    return out;
}

static struct addr own_address(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct addr out;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    addr_from_sockaddr((struct sockaddr *)&sa, &out);
    return out;
}

static int bound(void)
{
    struct sockaddr_storage sa;
    const struct addr any = net_loopback(0);
    socklen_t len = addr_to_sockaddr(&any, &sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    return fd;
}

int net_listen(struct addr *out)
{
    int fd = bound();
    assert_int_equal(listen(fd, 64), 0);
    *out = own_address(fd);
    return fd;
}

struct addr net_closed_port(void)
{
    int fd = bound();
    struct addr out = own_address(fd);
    close(fd);
    return out;
}

int net_accept(struct loop *loop, int listener)
{
    int fd = -1;
    const int on = 1;
    UNTIL(loop, (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void net_pair(int fd[2], bool small)
{
    struct addr address;
    struct sockaddr_storage sa;
    const int size = 4096;
    int listener = net_listen(&address);
    socklen_t len = addr_to_sockaddr(&address, &sa);
    if (small)
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (small)
        setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    assert_int_equal(connect(fd[0], (struct sockaddr *)&sa, len), 0);
    fcntl(fd[0], F_SETFL, O_NONBLOCK);
    fd[1] = net_accept(NULL, listener);
    close(listener);
}

void net_say(struct loop *loop, int fd, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = -1;
        UNTIL(loop, (n = send(fd, data + at, len - at, MSG_NOSIGNAL)) >= 0 || errno != EAGAIN);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

void net_say_text(struct loop *loop, int fd, const char *text)
{
    net_say(loop, fd, text, strlen(text));
}

void net_read(struct loop *loop, int fd, struct buf *into, size_t len)
{
    char room[65536];
    while (buf_len(into) < len) {
        ssize_t n = -1;
        size_t want = len - buf_len(into) < sizeof room ? len - buf_len(into) : sizeof room;
        UNTIL(loop, (n = read(fd, room, want)) >= 0 || errno != EAGAIN);
        if (n <= 0)
            fail_msg("the connection ended after %zu bytes of %zu", buf_len(into), len);
        buf_add(into, room, (size_t)n);
    }
}

const char *net_hear(struct loop *loop, int fd, const char *end)
{
    static char text[8192];
    size_t len = 0;
    size_t tail = strlen(end);
    while (len < tail || memcmp(text + len - tail, end, tail) != 0) {
        ssize_t n = -1;
        text[len] = '\0';
        UNTIL(loop, (n = read(fd, text + len, 1)) >= 0 || errno != EAGAIN);
        if (n <= 0 || len + 2 > sizeof text)
            fail_msg("no \"%s\" but \"%s\"", end, text);
        len += (size_t)n;
    }
    text[len] = '\0';
    return text;
}

bool net_ended(struct loop *loop, int fd, struct buf *into)
{
    char room[65536];
    for (;;) {
        ssize_t n = -1;
        UNTIL(loop, (n = read(fd, room, sizeof room)) >= 0 || errno != EAGAIN);
        if (n <= 0)
            return n == 0;
        if (into != NULL)
            buf_add(into, room, (size_t)n);
    }
}

bool net_silent(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static X509 *self_signed(EVP_PKEY *key, const char *name)
{
    char alt[128];
    snprintf(alt, sizeof alt, "DNS:%s", name);
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

void net_certificate(const char *directory, const char *name)
{
    char path[256];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = self_signed(key, name);
    snprintf(path, sizeof path, "%s/%s.pem", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    PEM_write_X509(file, x);
    fclose(file);
    snprintf(path, sizeof path, "%s/%s.key", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}
