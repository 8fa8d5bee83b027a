/* SPDX-License-Identifier: ISC */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H
/* Random bytes of the kernel, and the names made of them. Any thread. Never fails: a kernel without
 * random bytes ends the process. */

#include <stddef.h>

#define RANDOM_ID_LEN    16 /* characters of a session id: 80 random bits */
#define RANDOM_TOKEN_LEN 32 /* characters of a token: 160 random bits */

/* Fills `out` straight from the kernel: seeds, keys, whatever must not be guessed. */
void random_bytes(void *out, size_t len);
/* A session id: 16 characters of 0-9a-v and a NUL. Cheap (bytes are fetched for many at once);
 * unique, not a secret. */
void random_id(char out[static RANDOM_ID_LEN + 1]);
/* A secret of 32 characters of 0-9a-v and a NUL. */
void random_token(char out[static RANDOM_TOKEN_LEN + 1]);

#endif
