/* SPDX-License-Identifier: ISC */
/*
 * tls: what the TLS contexts of both sides share: settings, lifetime, errors in words.
 *
 * TLS 1.2 at least. No renegotiation, no compression, no resumption (a ticket that a client leaves
 * unread turns its close into a reset, and ticket keys would outlive the sessions' secrecy). A
 * connection that ends without close_notify is an end of file: SMTP says itself when data is whole.
 *
 * Memory: an idle session gives its record buffers back (SSL_MODE_RELEASE_BUFFERS). What remains of
 * one accepted session is OpenSSL's state; tests/unit/tls_test.c bounds it.
 *
 * Lifetime: the reference count of a tls_server or tls_client is that of its first SSL_CTX, which
 * every SSL made from it holds. So a session needs no reference of its own, and callbacks find
 * their object alive.
 */
#include "lib/tls_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t owner_once = PTHREAD_ONCE_INIT;
static int owner_index;

static void free_owned(void *parent, void *owned, CRYPTO_EX_DATA *data, int index, long argl,
                       void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    struct tls_owned *what = owned;
    if (what != NULL)
        what->free(what);
}

static void make_owner_index(void)
{
    owner_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_owned);
    if (owner_index < 0)
        abort(); /* only memory can fail here */
}

void tls_context_own(SSL_CTX *ctx, struct tls_owned *what)
{
    pthread_once(&owner_once, make_owner_index);
    if (SSL_CTX_set_ex_data(ctx, owner_index, what) != 1)
        abort();
}

SSL_CTX *tls_context_new(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL)
        abort();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    return ctx;
}

const char *tls_reason(char *out, size_t size)
{
    unsigned long code = ERR_peek_error();
    const char *reason = "no reason given";
    if (code != 0 && ERR_SYSTEM_ERROR(code)) {
        reason = strerror_r(ERR_GET_REASON(code), out, size);
    } else if (code != 0) {
        reason = ERR_reason_error_string(code);
        if (reason == NULL) {
            ERR_error_string_n(code, out, size);
            reason = out;
        }
    }
    ERR_clear_error();
    return reason;
}

/* The certificate of the peer was refused by us. */
static void describe_refusal(const SSL *ssl, char *out, size_t size)
{
    long result = SSL_get_verify_result(ssl);
    snprintf(out, size, "certificate refused: %s",
             result == X509_V_ERR_APPLICATION_VERIFICATION ? "its SHA-256 is none of those pinned"
                                                           : X509_verify_cert_error_string(result));
    ERR_clear_error();
}

const char *tls_failure(const SSL *ssl, int ssl_error, char *out, size_t size)
{
    int error = errno;
    char room[128];
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        describe_refusal(ssl, out, size);
    else if (code != 0)
        snprintf(out, size, "TLS: %s", tls_reason(room, sizeof room));
    else if (ssl_error == SSL_ERROR_SYSCALL && error != 0)
        snprintf(out, size, "%s", strerror_r(error, room, sizeof room));
    else
        snprintf(out, size, "the peer closed the connection%s",
                 SSL_is_init_finished(ssl) ? "" : " during the TLS handshake");
    return out;
}
