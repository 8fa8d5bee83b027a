/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_SESSION_RIG_H
#define TESTS_UNIT_SUPPORT_SESSION_RIG_H
/*
 * A rig around one real session: real loop, pool, dialler and I/O objects, a client on one socket
 * pair and backends on others, a clock that stands still until the test moves it.
 *
 * What is replaced at link time: the worker (proxy/worker.c is not pulled out of the archive),
 * connect(2), which gives our side of a socket pair instead of the network, and clock_gettime(2)
 * for the monotonic clock, the kernel's as well as libevent's. So nothing here waits, and a run is
 * the same each time. To be included by one file of a binary, since it defines those functions.
 */

#include "lib/buf.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/check.h"
#include "policy/list_probe.h"
#include "proxy/config_int.h"
#include "proxy/pool.h"
#include "proxy/session.h"
#include "proxy/session_int.h"
#include "proxy/spool.h"
#include "proxy/tarpit.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/virtual_clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define RIG_BACKENDS 64 /* connections to backends in one run; more are refused */

struct worker { /* ours instead of proxy/worker.c's */
    struct loop *loop;
    struct pool *pool;
    struct dns *dns; /* answers when the test says so */
    struct tarpit *tarpit;
    struct list_probe *probe;
    struct session_list list;
};

struct rig_backend { /* the far end of one dialled connection */
    int fd;
    struct buf heard;
    bool eof;
};

struct rig {
    struct worker worker;
    struct server *server;
    struct setup *setup;
    int client;
    SSL *ssl;        /* the client's TLS */
    struct buf said; /* what the client has been told and nobody has looked at */
    size_t writes;   /* in how many pieces, on a SOCK_SEQPACKET client */
    bool eof;        /* the client sees the end */
    struct rig_backend backend[RIG_BACKENDS];
    size_t backends;
    size_t refuse; /* dials to come that are refused */
};

static struct rig *rig_current; /* whose dials connect() serves */
static struct buf rig_log;      /* every log line since it was looked at, one a line */
static size_t rig_ends;         /* how often the session was told to be over */
static size_t rig_delivered;    /* the messages that line counted */

struct loop *worker_loop(struct worker *worker)
{
    return worker->loop;
}

struct pool *worker_pool(struct worker *worker)
{
    return worker->pool;
}

struct dns *worker_dns(struct worker *worker)
{
    return worker->dns;
}

struct tarpit *worker_tarpit(struct worker *worker)
{
    return worker->tarpit;
}

void worker_remove(struct worker *worker, struct session *session)
{
    (void)worker;
    session_list_remove(session);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    struct rig *rig = rig_current;
    int pair[2];
    (void)address;
    (void)len;
    if (rig == NULL || rig->refuse > 0 || rig->backends == RIG_BACKENDS ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        if (rig != NULL && rig->refuse > 0)
            rig->refuse--;
        errno = ECONNREFUSED;
        return -1;
    }
    dup3(pair[0], fd, O_CLOEXEC);
    close(pair[0]);
    rig->backend[rig->backends++] = (struct rig_backend){.fd = pair[1]};
    return 0;
}

static inline void rig_journal(enum log_level level, const char *event, const char *session,
                               const char *message)
{
    (void)level;
    (void)session;
    if (strcmp(event, "disconnect") == 0) {
        const char *at = message;
        for (const char *next = at; next != NULL; next = strstr(at + 1, " messages="))
            at = next;
        rig_delivered = strtoul(at + strlen(" messages="), NULL, 10);
        rig_ends++;
    }
    buf_add_str(&rig_log, message);
    buf_add_str(&rig_log, "\n");
}

/* ---- the setup ---- */

/* A self-signed certificate for mx.example.org, made anew in each process. */
static inline struct tls_server *rig_tls(void)
{
    char file[2][32] = {"/tmp/rig.XXXXXX", "/tmp/rig.XXXXXX"};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mx.example.org",
                               -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    FILE *out = fdopen(mkstemp(file[0]), "w");
    PEM_write_X509(out, cert);
    fclose(out);
    out = fdopen(mkstemp(file[1]), "w");
    PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
    const struct tls_pair pair = {.certificate = file[0], .key = file[1]};
    const struct tls_server_config config = {.pair = &pair, .count = 1, .min_version = "1.2"};
    char *why = NULL;
    struct tls_server *tls = tls_server_new(&config, &why);
    unlink(file[0]);
    unlink(file[1]);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (tls == NULL)
        abort();
    return tls;
}

/* The checks that `extra` does not name are off: a test gets what it asks for. The caller frees. */
static inline char *rig_checks_off(const char *extra)
{
    struct buf text = {0};
    for (const struct check *const *check = checks; *check != NULL; check++) {
        char *block = mem_printf("%s {", (*check)->name);
        if (!(*check)->section->many && strstr(extra, block) == NULL)
            buf_printf(&text, "%s mode = off }\n", block);
        free(block);
    }
    char *off = mem_strndup(buf_data(&text), buf_len(&text));
    buf_free(&text);
    return off;
}

/* The configuration `extra` adds to; `listen` and `backend` go into their blocks. */
static inline struct config *rig_config(const char *listen, const char *backend, const char *extra)
{
    char *faults = NULL;
    char *warnings = NULL;
    bool own = strstr(backend, "address = {") != NULL;
    const char *address = own ? "" : "address = {\"127.0.0.1:10025\"}";
    char *off = rig_checks_off(extra);
    char *text = mem_printf("hostname = mx.example.org\nstate-dir = \"/tmp\"\n"
                            "listen mx { address = {\"127.0.0.1:25\"} %s }\n"
                            "backend main { %s %s }\n"
                            "relay { domains = {\"example.org\", \"other.example\"} "
                            "networks = {\"192.0.2.0/24\"} }\n%s\n%s\n",
                            listen, address, backend, off, extra);
    free(off);
    struct config *config = config_read_text("rig.conf", text, strlen(text), &faults, &warnings);
    if (config == NULL)
        fprintf(stderr, "%s\n%s\n", text, faults);
    assert(config != NULL);
    free(text);
    free(faults);
    free(warnings);
    return config;
}

/* The server, new for each run, so that none learns from the one before. Takes a reference of
 * each. `offer`: what the first backend's EHLO is known to say, NULL: it was never heard. */
static inline void rig_setup(struct rig *rig, struct config *config, struct tls_server *tls,
                             const char *offer)
{
    char *why = NULL;
    rig->server = server_new("/tmp");
    spool_budget_set(rig->server->budget, config->limits.memory_message, config->limits.memory,
                     config->limits.spool);
    rig->setup = setup_new(rig->server, config_ref(config), &why);
    assert(rig->setup != NULL);
    rig->setup->tls = tls != NULL ? tls_server_ref(tls) : NULL;
    if (offer != NULL) {
        struct capability cap = {0};
        capability_parse(&cap, offer);
        health_learn(rig->setup->health[0][0], &cap);
    }
}

/* A session for a client at `ip`; `type` is SOCK_STREAM, or SOCK_SEQPACKET to count our writes. */
static inline void rig_begin(struct rig *rig, struct loop *loop, const char *ip, int type)
{
    int pair[2];
    struct addr peer;
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, rig_journal);
    rig_current = rig;
    rig_ends = 0;
    rig->worker.loop = loop;
    rig->worker.pool = pool_new(loop);
    rig->worker.dns = fake_dns_new();
    rig->worker.tarpit = tarpit_new(loop, &rig->server->tarpit);
    rig->worker.probe = list_probe_new(loop, rig->worker.dns, rig->setup->config->policy);
    tarpit_configure(rig->worker.tarpit, &rig->setup->config->tarpit, "mx.example.org");
    atomic_store(&rig->server->tarpit.most, 100);
    atomic_store(&rig->server->tarpit.descriptors, 1000);
    LIST_INIT(&rig->worker.list);
    if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    rig->client = pair[1];
    addr_parse_ip(ip, &peer);
    peer.port = 4711;
    struct io *io = io_new(loop, pair[0], &peer, NULL, NULL);
    struct session *session = session_new(&rig->worker, rig->setup, 0, io);
    session_list_add(&rig->worker.list, session);
    session_begin(session);
}

/* The session, NULL once it is over. */
static inline struct session *rig_session(const struct rig *rig)
{
    return LIST_FIRST(&rig->worker.list);
}

/* ---- what goes over the wires ---- */

static inline ssize_t rig_client_read(struct rig *rig, char *data, size_t size)
{
    if (rig->ssl == NULL)
        return recv(rig->client, data, size, 0);
    ERR_clear_error();
    int n = SSL_read(rig->ssl, data, (int)size);
    if (n > 0)
        return n;
    int why = SSL_get_error(rig->ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    return 0;
}

/* Takes what has come for the client and the backends; true: there was something. */
static inline bool rig_take(struct rig *rig)
{
    static char data[65536];
    bool news = false;
    while (rig->client >= 0 && !rig->eof) {
        ssize_t n = rig_client_read(rig, data, sizeof data);
        if (n < 0 && errno == EAGAIN)
            break;
        news = true;
        rig->eof = n <= 0;
        rig->writes += n > 0;
        if (n > 0)
            buf_add(&rig->said, data, (size_t)n);
    }
    for (size_t i = 0; i < rig->backends; i++) {
        struct rig_backend *b = &rig->backend[i];
        while (b->fd >= 0 && !b->eof) {
            ssize_t n = recv(b->fd, data, sizeof data, 0);
            if (n < 0 && errno == EAGAIN)
                break;
            news = true;
            b->eof = n <= 0;
            if (n > 0)
                buf_add(&b->heard, data, (size_t)n);
        }
    }
    return news;
}

/* Runs the session until it has nothing more to do. */
static inline void rig_run(struct rig *rig)
{
    int turns = 0;
    for (int quiet = 0; quiet < 2; turns++) {
        loop_poll(rig->worker.loop);
        quiet = rig_take(rig) ? 0 : quiet + 1;
        assert(turns < 4000); /* it must come to rest */
    }
}

static inline void rig_pass(struct rig *rig, uint64_t ms)
{
    clock_ms += ms;
    rig_run(rig);
}

static inline void rig_client_send(struct rig *rig, const char *data, size_t len)
{
    for (int tries = 0; len > 0 && rig->client >= 0 && tries < 1000; tries++) {
        size_t piece = len < 16384 ? len : 16384; /* one read of the session's takes it */
        ssize_t n = rig->ssl != NULL ? SSL_write(rig->ssl, data, (int)piece)
                                     : send(rig->client, data, piece, MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            tries = 0;
        } else if (rig->ssl == NULL && errno != EAGAIN) {
            return; /* the session has closed */
        }
        if (len > 0)
            rig_run(rig);
    }
}

static inline void rig_backend_send(struct rig_backend *b, const char *data, size_t len)
{
    while (len > 0 && b->fd >= 0) {
        ssize_t n = send(b->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static inline void rig_backend_close(struct rig_backend *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

static inline void rig_client_close(struct rig *rig)
{
    SSL_free(rig->ssl);
    rig->ssl = NULL;
    if (rig->client >= 0)
        close(rig->client);
    rig->client = -1;
}

/* The client's side of a TLS handshake; false: it came to nothing. */
static inline bool rig_client_tls(struct rig *rig)
{
    static SSL_CTX *context;
    if (context == NULL)
        context = SSL_CTX_new(TLS_client_method());
    if (rig->client < 0 || rig->ssl != NULL)
        return false;
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, rig->client);
    for (int turn = 0; turn < 20; turn++) {
        ERR_clear_error();
        if (SSL_connect(ssl) == 1) {
            rig->ssl = ssl;
            rig_run(rig);
            return true;
        }
        loop_poll(rig->worker.loop);
    }
    ERR_clear_error();
    SSL_free(ssl);
    return false;
}

/* Ends the session if it still lives, and gives everything back. */
static inline void rig_end(struct rig *rig)
{
    uint64_t memory;
    uint64_t files;
    if (rig_session(rig) != NULL)
        session_kill(rig_session(rig), "end of test");
    assert(rig_session(rig) == NULL);
    assert(rig_ends == 1);
    rig_client_close(rig);
    for (size_t i = 0; i < rig->backends; i++)
        rig_backend_close(&rig->backend[i]);
    loop_poll(rig->worker.loop);
    list_probe_free(rig->worker.probe);
    fake_dns_free(rig->worker.dns);
    tarpit_free(rig->worker.tarpit);
    pool_free(rig->worker.pool);
    clock_ms += 60000; /* what lingers ends now */
    loop_poll(rig->worker.loop);
    loop_poll(rig->worker.loop);
    spool_budget_used(rig->server->budget, &memory, &files);
    assert(memory == 0 && files == 0);
    assert(rig->setup->refs == 1);
    for (size_t i = 0; i < rig->backends; i++)
        buf_free(&rig->backend[i].heard);
    buf_free(&rig->said);
    buf_free(&rig_log);
    setup_unref(rig->setup);
    server_free(rig->server);
    rig_current = NULL;
}

#endif
