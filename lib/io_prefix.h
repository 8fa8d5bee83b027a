/* SPDX-License-Identifier: ISC */
#ifndef LIB_IO_PREFIX_H
#define LIB_IO_PREFIX_H
/* Bytes already read from a socket, given back to the TLS layer in front of the rest; lib/ only. */

#include <openssl/ssl.h>
#include <stddef.h>

/* From now on `ssl`, whose BIO is its socket, reads `data` first (taken over, freed with the SSL).
 */
void io_prefix_push(SSL *ssl, char *data, size_t len);

#endif
