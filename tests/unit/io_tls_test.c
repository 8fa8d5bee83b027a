/* SPDX-License-Identifier: ISC */
/*
 * io_tls_test: the I/O object under TLS. The peer is OpenSSL in the test's own hands, so that it
 * can say goodbye or not, cut the connection in the middle of a handshake, or talk out of turn.
 */
#include "lib/io.h"

#include "lib/loop.h"
#include "lib/tls.h"
#include "tests/unit/support/net.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG (1u << 20)

static char directory[] = "/tmp/io_tls_test.XXXXXX";
static struct tls_server *server;
static struct tls_client *anyone, *strict;
static SSL_CTX *peer_ctx; /* client and server side */

struct world {
    struct loop *loop;
    struct io *io;
    int fd;
    SSL *ssl;       /* the peer's */
    char story[64]; /* as in io_test */
    struct buf got;
    enum io_event free_in;
    bool frees;
    bool leave;
    bool pause_when_secured;
};

static const char letter[] = "CDRSEFT";

static void on_event(struct io *io, enum io_event event, void *arg)
{
    struct world *w = arg;
    size_t told = strlen(w->story);
    if ((event != IO_DATA || told == 0 || w->story[told - 1] != 'D') && told + 1 < sizeof w->story)
        w->story[told] = letter[event];
    if (event == IO_DATA && !w->leave) {
        size_t len;
        const char *data = io_data(io, &len);
        buf_add(&w->got, data, len);
        io_consume(io, len);
    }
    if (event == IO_SECURED && w->pause_when_secured)
        io_pause(io);
    if (w->frees && event == w->free_in) {
        io_free(io);
        w->io = NULL;
    }
}

static char *path_of(const char *name)
{
    static char room[2][128];
    static unsigned turn;
    char *path = room[turn++ % 2];
    snprintf(path, sizeof room[0], "%s/%s", directory, name);
    return path;
}

static int setup_all(void **state)
{
    (void)state;
    char *why = NULL;
    assert_non_null(mkdtemp(directory));
    net_certificate(directory, "mx.test");
    const struct tls_pair pair = {path_of("mx.test.pem"), path_of("mx.test.key")};
    const struct tls_server_config config = {.pair = &pair, .count = 1, .min_version = "1.2"};
    server = tls_server_new(&config, &why);
    assert_non_null(server);
    anyone = tls_client_new(&(struct tls_client_config){0}, &why);
    assert_non_null(anyone);
    strict = tls_client_new(
        &(struct tls_client_config){.verify = true, .ca_file = path_of("mx.test.pem")}, &why);
    assert_non_null(strict);
    peer_ctx = SSL_CTX_new(TLS_method());
    SSL_CTX_set_mode(peer_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(peer_ctx, pair.certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(peer_ctx, pair.key, SSL_FILETYPE_PEM), 1);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    SSL_CTX_free(peer_ctx);
    tls_client_unref(strict);
    tls_client_unref(anyone);
    tls_server_unref(server);
    unlink(path_of("mx.test.pem"));
    unlink(path_of("mx.test.key"));
    return rmdir(directory);
}

static int setup_with(void **state, bool small)
{
    int fd[2];
    struct world *w = calloc(1, sizeof *w);
    w->loop = loop_new();
    net_pair(fd, small);
    w->fd = fd[1];
    w->io = io_new(w->loop, fd[0], NULL, on_event, w);
    w->ssl = SSL_new(peer_ctx);
    SSL_set_fd(w->ssl, w->fd);
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, false);
}

static int setup_small(void **state)
{
    return setup_with(state, true);
}

static int teardown(void **state)
{
    struct world *w = *state;
    io_free(w->io);
    SSL_free(w->ssl);
    if (w->fd >= 0)
        close(w->fd);
    buf_free(&w->got);
    loop_free(w->loop);
    free(w);
    return 0;
}

static char *pattern(size_t len)
{
    char *data = malloc(len);
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (char)(x >> 24);
    }
    return data;
}

/* ---- the peer ---- */

static void peer_shakes_hands(struct world *w, bool as_server)
{
    int done = 0;
    if (as_server)
        SSL_set_accept_state(w->ssl);
    else if (SSL_in_before(w->ssl)) /* not begun yet */
        SSL_set_connect_state(w->ssl);
    UNTIL(w->loop, (done = SSL_do_handshake(w->ssl)) == 1 ||
                       SSL_get_error(w->ssl, done) > SSL_ERROR_WANT_WRITE ||
                       SSL_get_error(w->ssl, done) == SSL_ERROR_SSL);
    ERR_clear_error();
}

static void secure(struct world *w)
{
    io_start_tls_server(w->io, server);
    peer_shakes_hands(w, false);
    UNTIL(w->loop, strchr(w->story, 'S') != NULL);
    assert_string_equal(w->story, "S");
}

static void peer_says(struct world *w, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = 0;
        UNTIL(w->loop, SSL_write_ex(w->ssl, data + at, len - at, &n) == 1);
        at += n;
    }
}

/* Reads `len` bytes; the kernel's buffers may be small. */
static void peer_hears(struct world *w, struct buf *into, size_t len)
{
    char room[16384];
    while (buf_len(into) < len) {
        size_t n = 0;
        UNTIL(w->loop, SSL_read_ex(w->ssl, room, sizeof room, &n) == 1);
        buf_add(into, room, n);
    }
}

static void assert_got(const struct world *w, const char *text)
{
    assert_int_equal(buf_len(&w->got), strlen(text));
    assert_memory_equal(buf_data(&w->got), text, strlen(text));
}

/* ---- handshakes ---- */

static void test_a_server_secures_and_both_sides_talk(void **state)
{
    struct world *w = *state;
    struct buf into = {0};
    assert_null(io_secure(w->io));
    secure(w);
    const struct io_secure *secure = io_secure(w->io);
    assert_non_null(secure);
    assert_string_equal(secure->version, "TLSv1.3");
    assert_true(strncmp(secure->cipher, "TLS_", 4) == 0);
    assert_true(secure->bits >= 128);
    assert_false(secure->verified);
    peer_says(w, "EHLO x\r\n", 8);
    UNTIL(w->loop, buf_len(&w->got) == 8);
    io_write(w->io, "250 y\r\n", 7);
    peer_hears(w, &into, 7);
    assert_memory_equal(buf_data(&into), "250 y\r\n", 7);
    buf_free(&into);
}

static void test_tls_1_2_too(void **state)
{
    struct world *w = *state;
    SSL_set_max_proto_version(w->ssl, TLS1_2_VERSION);
    secure(w);
    assert_string_equal(io_secure(w->io)->version, "TLSv1.2");
    peer_says(w, "x", 1);
    UNTIL(w->loop, buf_len(&w->got) == 1);
}

static void test_tls_1_1_is_refused(void **state)
{
    struct world *w = *state;
    SSL_set_security_level(w->ssl, 0);
    SSL_set_max_proto_version(w->ssl, TLS1_1_VERSION);
    io_start_tls_server(w->io, server);
    peer_shakes_hands(w, false);
    UNTIL(w->loop, w->story[0] != '\0');
    assert_string_equal(w->story, "F");
    assert_non_null(strstr(io_error(w->io), "protocol"));
}

static void test_a_client_that_verifies_says_so(void **state)
{
    struct world *w = *state;
    io_start_tls_client(w->io, strict, "mx.test");
    peer_shakes_hands(w, true);
    UNTIL(w->loop, strcmp(w->story, "S") == 0);
    assert_true(io_secure(w->io)->verified);
    peer_says(w, "220 x", 5);
    UNTIL(w->loop, buf_len(&w->got) == 5);
}

static void test_a_client_that_asks_nothing_does_not(void **state)
{
    struct world *w = *state;
    io_start_tls_client(w->io, anyone, "other.test");
    peer_shakes_hands(w, true);
    UNTIL(w->loop, strcmp(w->story, "S") == 0);
    assert_false(io_secure(w->io)->verified);
}

static void test_a_wrong_name_fails(void **state)
{
    struct world *w = *state;
    io_start_tls_client(w->io, strict, "other.test");
    peer_shakes_hands(w, true);
    UNTIL(w->loop, w->story[0] != '\0');
    assert_string_equal(w->story, "F");
    assert_string_not_equal(io_error(w->io), "");
    assert_null(io_secure(w->io));
}

static void test_what_is_no_handshake_fails(void **state)
{
    struct world *w = *state;
    io_start_tls_server(w->io, server);
    net_say_text(w->loop, w->fd, "EHLO no tls here\r\n");
    UNTIL(w->loop, w->story[0] != '\0');
    net_run(w->loop, 5);
    assert_string_equal(w->story, "F");
    assert_string_not_equal(io_error(w->io), "");
}

static void test_a_peer_that_goes_in_the_handshake_is_a_failure(void **state)
{
    struct world *w = *state;
    io_start_tls_server(w->io, server);
    SSL_set_connect_state(w->ssl);
    SSL_do_handshake(w->ssl); /* ClientHello */
    net_run(w->loop, 20);
    assert_string_equal(w->story, "");
    shutdown(w->fd, SHUT_WR);
    UNTIL(w->loop, w->story[0] != '\0');
    net_run(w->loop, 5);
    assert_string_equal(w->story, "F");
    ERR_clear_error();
}

static void test_a_deadline_in_the_handshake_is_told(void **state)
{
    struct world *w = *state;
    io_start_tls_server(w->io, server);
    io_deadline(w->io, 10);
    UNTIL(w->loop, w->story[0] == 'T');
    io_close(w->io, 100); /* nothing to say goodbye with */
    w->io = NULL;
    assert_true(net_ended(w->loop, w->fd, NULL));
}

/* ---- plaintext before TLS ---- */

static void test_plaintext_left_over_is_never_read_as_protected(void **state)
{
    struct world *w = *state;
    w->leave = true;
    net_say_text(w->loop, w->fd, "STARTTLS\r\nMAIL FROM:<injected>\r\n");
    UNTIL(w->loop, w->story[0] == 'D');
    w->story[0] = '\0';
    w->leave = false;
    secure(w);
    size_t len;
    io_data(w->io, &len);
    assert_int_equal(len, 0);
    peer_says(w, "EHLO\r\n", 6);
    UNTIL(w->loop, buf_len(&w->got) > 0);
    assert_got(w, "EHLO\r\n");
}

static void test_our_plaintext_goes_first_though_the_peer_is_in_a_hurry(void **state)
{
    struct world *w = *state;
    struct buf into = {0};
    char *data = pattern(BIG);
    io_write(w->io, data, BIG);
    io_start_tls_server(w->io, server);
    SSL_set_connect_state(w->ssl);
    SSL_do_handshake(w->ssl); /* ClientHello while our plaintext does not fit */
    net_run(w->loop, 10);
    assert_true(io_pending(w->io) > 0);
    net_read(w->loop, w->fd, &into, BIG);
    assert_memory_equal(buf_data(&into), data, BIG);
    peer_shakes_hands(w, false);
    peer_says(w, "now", 3);
    UNTIL(w->loop, buf_len(&w->got) == 3);
    assert_string_equal(w->story, "SD");
    buf_free(&into);
    free(data);
}

static void test_tls_begins_in_a_pause_in_which_the_peer_talked(void **state)
{
    struct world *w = *state;
    io_pause(w->io);
    SSL_set_connect_state(w->ssl);
    SSL_do_handshake(w->ssl);
    net_run(w->loop, 10); /* reading is off by now */
    secure(w);
    peer_says(w, "x", 1);
    UNTIL(w->loop, buf_len(&w->got) == 1);
}

/* The peer's first flight, caught on its way and cut at `cut`; the header goes in front. */
static void early(struct world *w, size_t cut)
{
    char hello[4096] = "PROXY UNKNOWN\r\n";
    int pair[2];
    size_t unread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    SSL_set_fd(w->ssl, pair[0]);
    SSL_set_connect_state(w->ssl);
    assert_true(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    SSL_do_handshake(w->ssl);
    ssize_t n = read(pair[1], hello + 15, sizeof hello - 15);
    assert_true(n > 0 && cut <= (size_t)n);
    SSL_set_fd(w->ssl, w->fd);
    net_say(NULL, w->fd, hello, 15 + cut);
    w->leave = true;
    UNTIL(w->loop, (io_data(w->io, &unread), unread == 15 + cut));
    w->story[0] = '\0';
    w->leave = false;
    io_consume(w->io, 15);
    io_start_tls_server_early(w->io, server);
    net_say(w->loop, w->fd, hello + 15 + cut, (size_t)n - cut);
    peer_shakes_hands(w, false);
    UNTIL(w->loop, w->story[0] != '\0');
    assert_string_equal(w->story, "S");
    peer_says(w, "EHLO\r\n", 6);
    UNTIL(w->loop, buf_len(&w->got) > 0);
    assert_got(w, "EHLO\r\n");
    close(pair[0]);
    close(pair[1]);
}

static void test_a_hello_that_came_with_the_proxy_header_is_heard(void **state)
{
    early(*state, 200);
}

static void test_half_a_hello_that_came_with_the_proxy_header_too(void **state)
{
    early(*state, 3);
}

static void test_no_hello_with_the_proxy_header_is_fine(void **state)
{
    early(*state, 0);
}

static void test_tls_ends_a_hold(void **state)
{
    struct world *w = *state;
    io_hold(w->io, true);
    io_write(w->io, "220 go", 6);
    io_start_tls_server(w->io, server);
    assert_string_equal(net_hear(w->loop, w->fd, "go"), "220 go");
    peer_shakes_hands(w, false);
    UNTIL(w->loop, strcmp(w->story, "S") == 0);
}

/* ---- data ---- */

static void test_a_megabyte_each_way_through_small_buffers(void **state)
{
    struct world *w = *state;
    struct buf into = {0};
    char *data = pattern(BIG);
    secure(w);
    io_write(w->io, data, BIG);
    io_want_drained(w->io);
    net_run(w->loop, 5);
    assert_true(io_pending(w->io) > 0);
    peer_hears(w, &into, BIG);
    assert_memory_equal(buf_data(&into), data, BIG);
    UNTIL(w->loop, strcmp(w->story, "SR") == 0);
    peer_says(w, data, BIG);
    UNTIL(w->loop, buf_len(&w->got) == BIG);
    assert_memory_equal(buf_data(&w->got), data, BIG);
    buf_free(&into);
    free(data);
}

static void test_records_of_odd_sizes_all_come_out(void **state)
{
    static const size_t sizes[] = {1, 16384, 16383, 5, 16384, 16384, 16384, 16384, 16384, 9000, 1};
    struct world *w = *state;
    char *data = pattern(sizeof(sizes) / sizeof *sizes * 16384);
    size_t total = 0;
    secure(w);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = 0; /* all of it lies in the kernel before the loop looks */
        assert_int_equal(SSL_write_ex(w->ssl, data + total, sizes[i], &n), 1);
        assert_int_equal(n, sizes[i]);
        total += n;
    }
    UNTIL(w->loop, buf_len(&w->got) == total);
    assert_memory_equal(buf_data(&w->got), data, total);
    free(data);
}

static void test_half_a_record_waits_for_its_rest(void **state)
{
    struct world *w = *state;
    char record[512];
    int pair[2];
    secure(w);
    /* The peer's next record, caught on its way. */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    SSL_set_fd(w->ssl, pair[0]);
    assert_int_equal(SSL_write(w->ssl, "hello", 5), 5);
    ssize_t len = read(pair[1], record, sizeof record);
    assert_true(len > 10);
    net_say(w->loop, w->fd, record, 7);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "S");
    net_say(w->loop, w->fd, record + 7, (size_t)len - 7);
    UNTIL(w->loop, buf_len(&w->got) == 5);
    record[len - 1] ^= 1; /* and again: a record that was said already, and broken */
    net_say(w->loop, w->fd, record, (size_t)len);
    UNTIL(w->loop, strcmp(w->story, "SDF") == 0);
    close(pair[0]);
    close(pair[1]);
}

static void test_a_broken_record_behind_a_good_one_spoils_only_itself(void **state)
{
    struct world *w = *state;
    char records[512];
    int pair[2];
    secure(w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    SSL_set_fd(w->ssl, pair[0]);
    assert_int_equal(SSL_write(w->ssl, "good", 4), 4);
    assert_int_equal(SSL_write(w->ssl, "bad!", 4), 4);
    ssize_t len = read(pair[1], records, sizeof records);
    records[len - 1] ^= 1;
    net_say(NULL, w->fd, records, (size_t)len);
    UNTIL(w->loop, strchr(w->story, 'F') != NULL);
    assert_string_equal(w->story, "SDF");
    assert_got(w, "good");
    assert_string_not_equal(io_error(w->io), "");
    close(pair[0]);
    close(pair[1]);
}

static void test_a_pause_keeps_tls_data_and_its_end_too(void **state)
{
    struct world *w = *state;
    secure(w);
    io_pause(w->io);
    peer_says(w, "in the pause", 12);
    SSL_shutdown(w->ssl);
    net_run(w->loop, 10);
    assert_string_equal(w->story, "S");
    io_resume(w->io);
    UNTIL(w->loop, strcmp(w->story, "SDE") == 0);
    assert_got(w, "in the pause");
}

static void test_what_is_written_before_the_handshake_is_done_goes_out_after_it(void **state)
{
    struct world *w = *state;
    struct buf into = {0};
    w->pause_when_secured = true;
    io_start_tls_server(w->io, server);
    SSL_set_connect_state(w->ssl);
    SSL_do_handshake(w->ssl);
    net_run(w->loop, 10); /* in the middle of it */
    io_write(w->io, "220 secret", 10);
    secure(w);
    peer_hears(w, &into, 10);
    assert_memory_equal(buf_data(&into), "220 secret", 10);
    peer_says(w, "x", 1);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "S"); /* it is paused */
    io_resume(w->io);
    UNTIL(w->loop, strcmp(w->story, "SD") == 0);
    buf_free(&into);
}

/* ---- the end ---- */

static void test_close_notify_is_the_end_though_the_connection_stays_open(void **state)
{
    struct world *w = *state;
    secure(w);
    SSL_shutdown(w->ssl);
    UNTIL(w->loop, strcmp(w->story, "SE") == 0);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "SE");
}

static void test_close_notify_right_behind_data_is_the_end_too(void **state)
{
    struct world *w = *state;
    secure(w);
    assert_int_equal(SSL_write(w->ssl, "QUIT\r\n", 6), 6);
    SSL_shutdown(w->ssl);
    UNTIL(w->loop, strchr(w->story, 'E') != NULL);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "SDE");
    assert_got(w, "QUIT\r\n");
}

static void test_an_end_without_close_notify_is_an_end(void **state)
{
    struct world *w = *state;
    secure(w);
    peer_says(w, "cut", 3);
    shutdown(w->fd, SHUT_WR);
    UNTIL(w->loop, strchr(w->story, 'E') != NULL);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "SDE");
    assert_got(w, "cut");
}

static void test_a_reset_is_a_failure(void **state)
{
    struct world *w = *state;
    const struct linger now = {.l_onoff = 1};
    secure(w);
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(w->fd);
    w->fd = -1;
    UNTIL(w->loop, strlen(w->story) > 1);
    io_write(w->io, "x", 1);
    net_run(w->loop, 5);
    assert_string_equal(w->story, "SF");
    assert_string_equal(io_error(w->io), "Connection reset by peer");
}

static void close_politely(struct world *w, uint64_t linger)
{
    struct buf into = {0};
    char *data = pattern(BIG);
    secure(w);
    io_write(w->io, data, BIG);
    io_close(w->io, linger);
    w->io = NULL;
    peer_hears(w, &into, BIG);
    assert_memory_equal(buf_data(&into), data, BIG);
    char c;
    size_t n;
    int done = 1;
    UNTIL(w->loop, (done = SSL_read_ex(w->ssl, &c, 1, &n)) == 0 &&
                       SSL_get_error(w->ssl, done) != SSL_ERROR_WANT_READ);
    assert_int_equal(SSL_get_shutdown(w->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    assert_true(net_ended(w->loop, w->fd, NULL));
    buf_free(&into);
    free(data);
}

static void test_close_sends_all_and_close_notify(void **state)
{
    close_politely(*state, 0);
}

static void test_a_lingering_close_sends_all_and_close_notify(void **state)
{
    close_politely(*state, 200);
}

static void free_in(void **state, enum io_event event, const char *story)
{
    struct world *w = *state;
    w->frees = true;
    w->free_in = event;
    io_start_tls_server(w->io, server);
    io_deadline(w->io, event == IO_TIMEOUT ? 1 : 0);
    if (event == IO_FAILED) {
        net_say_text(w->loop, w->fd, "no TLS");
    } else if (event != IO_TIMEOUT) {
        peer_shakes_hands(w, false);
        if (event != IO_SECURED)
            SSL_write(w->ssl, "data", 4);
        if (event == IO_EOF)
            SSL_shutdown(w->ssl);
    }
    UNTIL(w->loop, w->io == NULL);
    net_run(w->loop, 5);
    assert_string_equal(w->story, story);
}

static void test_free_in_secured(void **state)
{
    free_in(state, IO_SECURED, "S");
}
static void test_free_in_data(void **state)
{
    free_in(state, IO_DATA, "SD");
}
static void test_free_in_eof(void **state)
{
    free_in(state, IO_EOF, "SDE");
}
static void test_free_in_failed(void **state)
{
    free_in(state, IO_FAILED, "F");
}
static void test_free_in_timeout(void **state)
{
    free_in(state, IO_TIMEOUT, "T");
}

static void test_the_error_stays_readable_after_the_failure(void **state)
{
    struct world *w = *state;
    io_start_tls_server(w->io, server);
    net_say_text(w->loop, w->fd, "no TLS");
    UNTIL(w->loop, w->story[0] == 'F');
    io_start_tls_server(w->io, server); /* too late: nothing happens */
    io_close(w->io, 50);
    w->io = NULL;
    net_ended(w->loop, w->fd, NULL);
}

#define CASE(name)       cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_server_secures_and_both_sides_talk),
        CASE(test_tls_1_2_too),
        CASE(test_tls_1_1_is_refused),
        CASE(test_a_client_that_verifies_says_so),
        CASE(test_a_client_that_asks_nothing_does_not),
        CASE(test_a_wrong_name_fails),
        CASE(test_what_is_no_handshake_fails),
        CASE(test_a_peer_that_goes_in_the_handshake_is_a_failure),
        CASE(test_a_deadline_in_the_handshake_is_told),
        CASE(test_plaintext_left_over_is_never_read_as_protected),
        CASE_SMALL(test_our_plaintext_goes_first_though_the_peer_is_in_a_hurry),
        CASE(test_tls_begins_in_a_pause_in_which_the_peer_talked),
        CASE(test_a_hello_that_came_with_the_proxy_header_is_heard),
        CASE(test_half_a_hello_that_came_with_the_proxy_header_too),
        CASE(test_no_hello_with_the_proxy_header_is_fine),
        CASE(test_tls_ends_a_hold),
        CASE_SMALL(test_a_megabyte_each_way_through_small_buffers),
        CASE(test_records_of_odd_sizes_all_come_out),
        CASE(test_half_a_record_waits_for_its_rest),
        CASE(test_a_broken_record_behind_a_good_one_spoils_only_itself),
        CASE(test_a_pause_keeps_tls_data_and_its_end_too),
        CASE(test_what_is_written_before_the_handshake_is_done_goes_out_after_it),
        CASE(test_close_notify_is_the_end_though_the_connection_stays_open),
        CASE(test_close_notify_right_behind_data_is_the_end_too),
        CASE(test_an_end_without_close_notify_is_an_end),
        CASE(test_a_reset_is_a_failure),
        CASE_SMALL(test_close_sends_all_and_close_notify),
        CASE_SMALL(test_a_lingering_close_sends_all_and_close_notify),
        CASE(test_free_in_secured),
        CASE(test_free_in_data),
        CASE(test_free_in_eof),
        CASE(test_free_in_failed),
        CASE(test_free_in_timeout),
        CASE(test_the_error_stays_readable_after_the_failure),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
