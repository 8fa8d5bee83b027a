/* SPDX-License-Identifier: ISC */
#ifndef LIB_TLS_H
#define LIB_TLS_H
/* TLS contexts: certificates with SNI for the server side, trust for the client side. Reference
 * counted, so that a reload swaps them under running sessions. Any thread may hold references. */

#include <stdbool.h>
#include <stddef.h>

struct tls_server;
struct tls_client;

struct tls_pair {
    const char *certificate; /* PEM file, the chain behind the leaf */
    const char *key;         /* PEM file */
};

struct tls_server_config {
    const struct tls_pair *pair; /* the first is the default where SNI names no other */
    size_t count;
    const char *min_version; /* "1.2" or "1.3" */
    const char *ciphers;     /* TLS 1.2 cipher list, NULL: OpenSSL's */
};

/* Loads every pair. NULL: *why (caller frees) names the file, what is wrong and what to do. */
struct tls_server *tls_server_new(const struct tls_server_config *config, char **why)
    __attribute__((warn_unused_result));
/* What works but is likely not meant (a certificate that has expired, one that is never chosen), a
 * sentence a line; NULL: nothing. Valid while the object is. */
const char *tls_server_warnings(const struct tls_server *tls);
struct tls_server *tls_server_ref(struct tls_server *tls);
void tls_server_unref(struct tls_server *tls);

struct tls_client_config {
    bool verify;             /* a CA or a pin must match, or the handshake fails */
    const char *ca_file;     /* NULL: the system's */
    const char *const *pins; /* SHA-256 of the certificate (DER), hex with or without colons */
    size_t pin_count;        /* with pins, no CA is asked */
};
struct tls_client *tls_client_new(const struct tls_client_config *config, char **why)
    __attribute__((warn_unused_result));
struct tls_client *tls_client_ref(struct tls_client *tls);
void tls_client_unref(struct tls_client *tls);

#endif
