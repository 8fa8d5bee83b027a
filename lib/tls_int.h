/* SPDX-License-Identifier: ISC */
#ifndef LIB_TLS_INT_H
#define LIB_TLS_INT_H
/* What lib/io.c needs of the TLS contexts; included by lib/ only. */

#include "lib/tls.h"

#include <openssl/ssl.h>

/* A new SSL in accept state, without BIOs; the caller frees it. It keeps all it needs alive: the
 * tls_server may be unreferenced meanwhile. Never NULL. */
SSL *tls_server_session(struct tls_server *tls) __attribute__((warn_unused_result));
/* The same in connect state. `name` (may be NULL, a DNS name or an IP address in text) is sent as
 * SNI where it is a DNS name, and must be in the certificate where a CA is asked. */
SSL *tls_client_session(struct tls_client *tls, const char *name)
    __attribute__((warn_unused_result));
/* A CA or a pin must match. After a handshake that succeeded it did. */
bool tls_client_verifies(const struct tls_client *tls);
/* Why a call on `ssl` failed, in words for the log, from this thread's OpenSSL error queue (which
 * it empties) and the verification result. `ssl_error`: SSL_get_error(), taken at once after the
 * call. Returns `out`. */
const char *tls_failure(const SSL *ssl, int ssl_error, char *out, size_t size);

#endif
