/* SPDX-License-Identifier: ISC */
/*
 * io_tls: the TLS transport of an I/O object.
 *
 * Promises: plaintext that came before the handshake is dropped, never read as if it had been
 * protected (CVE-2011-0411); a peer that goes without close_notify is an end of file, since SMTP's
 * own end of data is explicit; close_notify is sent on a polite end.
 * Limits: one handshake an object, no renegotiation. RFC 3207, RFC 8446.
 */
#include "lib/io_int.h"

#include "lib/io_prefix.h"
#include "lib/mem.h"
#include "lib/tls_int.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct io_tls {
    SSL *ssl;
    struct io_secure secure;
    char *why;  /* of the failure */
    bool ended; /* the stream is over: with `why`, or in good order */
};

/* Remembers how the stream ended, and why it failed if it did; the text lives as long as the io. */
static void note_end(struct io *io, int ssl_error)
{
    char text[256];
    io->tls->ended = true;
    if (ssl_error != SSL_ERROR_ZERO_RETURN && io->tls->why == NULL)
        io->tls->why = mem_strdup(tls_failure(io->tls->ssl, ssl_error, text, sizeof text));
}

/* Reports the failure of a call on the SSL object. */
static void fail(struct io *io, int ssl_error)
{
    note_end(io, ssl_error);
    io_fail(io, io->tls->why != NULL ? io->tls->why : "the peer ended TLS");
}

static void start(struct io *io, SSL *ssl)
{
    io->tls = mem_alloc(sizeof *io->tls);
    io->tls->ssl = ssl;
    io->phase = IO_TLS_WAITING;
    buf_free(&io->in);
    io->view_len = 0;
    io->hold = false;
    io->paused = false;
    io->deliver = false;
    if (ssl == NULL || SSL_set_fd(ssl, io->fd) != 1)
        abort(); /* only memory can fail here */
    loop_task_queue(io->loop, &io->task);
}

void io_start_tls_server(struct io *io, struct tls_server *tls)
{
    if (io->dead || io->failed || io->tls != NULL)
        return;
    start(io, tls_server_session(tls));
}

void io_start_tls_server_early(struct io *io, struct tls_server *tls)
{
    size_t len;
    const char *unread = io_data(io, &len);
    if (io->dead || io->failed || io->tls != NULL)
        return;
    char *hello = len > 0 ? mem_strndup(unread, len) : NULL;
    start(io, tls_server_session(tls));
    if (hello != NULL)
        io_prefix_push(io->tls->ssl, hello, len);
}

void io_start_tls_client(struct io *io, struct tls_client *tls, const char *name)
{
    if (io->dead || io->failed || io->tls != NULL)
        return;
    start(io, tls_client_session(tls, name));
    io->tls->secure.verified = tls_client_verifies(tls);
}

void io_tls_handshake(struct io *io)
{
    ERR_clear_error();
    SSL *ssl = io->tls->ssl;
    int done = SSL_do_handshake(ssl);
    if (done == 1) {
        struct io_secure *secure = &io->tls->secure;
        secure->version = SSL_get_version(ssl);
        secure->cipher = SSL_get_cipher_name(ssl);
        SSL_get_cipher_bits(ssl, &secure->bits);
        io->phase = IO_TLS_OPEN;
        if (io_emit(io, IO_SECURED)) /* what was written meanwhile goes out */
            loop_task_queue(io->loop, &io->task);
        return;
    }
    int why = SSL_get_error(ssl, done);
    if (why == SSL_ERROR_WANT_WRITE)
        io_want_write(io);
    else if (why != SSL_ERROR_WANT_READ)
        fail(io, why);
}

/* Records are taken out whole, so that nothing stays inside the TLS layer of which the kernel knows
 * nothing, but for the stream's end: that is told by the next call. */
ssize_t io_tls_read(struct io *io, char *data, size_t size)
{
    size_t total = 0;
    int why = SSL_ERROR_NONE;
    ERR_clear_error();
    while (!io->tls->ended && size - total >= SSL3_RT_MAX_PLAIN_LENGTH) {
        size_t n = 0;
        if (SSL_read_ex(io->tls->ssl, data + total, size - total, &n) != 1) {
            why = SSL_get_error(io->tls->ssl, 0);
            break;
        }
        total += n;
    }
    if (why == SSL_ERROR_WANT_WRITE)
        io_want_write(io);
    else if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ)
        note_end(io, why);
    if (total > 0)
        return (ssize_t)total;
    if (!io->tls->ended)
        return -1;
    if (io->tls->why == NULL)
        return 0;
    io_fail(io, io->tls->why);
    return -2;
}

ssize_t io_tls_write(struct io *io, const char *data, size_t len)
{
    ERR_clear_error();
    size_t n = 0;
    if (SSL_write_ex(io->tls->ssl, data, len, &n) == 1)
        return (ssize_t)n;
    int why = SSL_get_error(io->tls->ssl, 0);
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        return -1;
    fail(io, why);
    return -2;
}

bool io_tls_pending(const struct io *io)
{
    return io->phase == IO_TLS_OPEN && io->tls->ended && !io->eof && !io->failed;
}

void io_tls_free(struct io *io, bool polite)
{
    if (io->tls == NULL)
        return;
    if (polite && io->phase == IO_TLS_OPEN && !io->failed) {
        ERR_clear_error();
        SSL_shutdown(io->tls->ssl);
    }
    SSL_free(io->tls->ssl);
    ERR_clear_error();
    if (io->error == io->tls->why && io->error != NULL)
        io->error = "TLS failed";
    free(io->tls->why);
    free(io->tls);
    io->tls = NULL;
    io->phase = IO_PLAIN;
}

const struct io_secure *io_secure(const struct io *io)
{
    return io->phase == IO_TLS_OPEN ? &io->tls->secure : NULL;
}
