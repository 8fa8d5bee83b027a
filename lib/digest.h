/* SPDX-License-Identifier: ISC */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H
/* SHA-256 of what comes in pieces (OpenSSL, which uses the processor's own instructions). */

#include <stddef.h>

#define DIGEST_SIZE 32

struct digest;

struct digest *digest_new(void) __attribute__((warn_unused_result));
void digest_free(struct digest *digest); /* NULL is fine */
/* One that has heard the same, to go on by itself. */
struct digest *digest_copy(const struct digest *digest) __attribute__((warn_unused_result));
void digest_add(struct digest *digest, const void *data, size_t len);
/* The digest of what was added by now; more may be added after it. */
void digest_peek(const struct digest *digest, unsigned char out[static DIGEST_SIZE]);
/* The same, at the end: cheaper. Nothing may follow but digest_free(). */
void digest_end(struct digest *digest, unsigned char out[static DIGEST_SIZE]);
/* All at once. */
void digest_of(const void *data, size_t len, unsigned char out[static DIGEST_SIZE]);

#endif
