/* SPDX-License-Identifier: ISC */
#ifndef LIB_TLS_INT_H
#define LIB_TLS_INT_H
/* What lib/io needs of the TLS contexts, and what tls.c, tls_server.c and tls_client.c share;
 * included by lib/ only. */

#include "lib/tls.h"

#include <openssl/ssl.h>

/* ---- for lib/io ---- */

/* A new SSL in accept state, without BIOs; the caller frees it. It keeps all it needs alive: the
 * tls_server may be unreferenced meanwhile. Never NULL. */
SSL *tls_server_session(struct tls_server *tls) __attribute__((warn_unused_result));
/* The same in connect state. `name` (may be NULL, a DNS name or an IP address in text) is sent as
 * SNI where it is a DNS name, and must be in the certificate where a CA is asked. */
SSL *tls_client_session(struct tls_client *tls, const char *name)
    __attribute__((warn_unused_result));
/* A CA or a pin must match. After a handshake that succeeded it did. */
bool tls_client_verifies(const struct tls_client *tls);
/* Why a call on `ssl` failed, in words for the log, from errno, this thread's OpenSSL error queue
 * (which it empties) and the verification result. `ssl_error`: SSL_get_error(), taken at once after
 * the call. Returns `out`. */
const char *tls_failure(const SSL *ssl, int ssl_error, char *out, size_t size);

/* ---- for tls_server.c and tls_client.c ---- */

/* What lives as long as an SSL_CTX, and so as every session made from it. First member of its
 * struct; `free` frees that. */
struct tls_owned {
    void (*free)(struct tls_owned *self);
};

/* A context with the settings that both sides share; never NULL. */
SSL_CTX *tls_context_new(const SSL_METHOD *method) __attribute__((warn_unused_result));
/* Gives `what` to the context; it is freed with it. Once per context. */
void tls_context_own(SSL_CTX *ctx, struct tls_owned *what);
/* OpenSSL's first reason in this thread's error queue, which is emptied. A static text or `out`. */
const char *tls_reason(char *out, size_t size);

#endif
