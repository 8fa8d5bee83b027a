/* SPDX-License-Identifier: ISC */
#ifndef LIB_MEM_H
#define LIB_MEM_H
/* Allocation that never returns NULL: see mem.c for why stopping is the safe answer. */

#include <stddef.h>

/* Zeroed memory of `size` bytes (never NULL); the caller frees it with free(). Any thread. */
void *mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));
/* realloc() to `count` elements of `size` bytes, overflow checked; the new part is not zeroed. */
void *mem_grow(void *old, size_t count, size_t size) __attribute__((warn_unused_result));
/* A copy of `text`, or NULL for NULL; the caller frees it. */
char *mem_strdup(const char *text) __attribute__((malloc, warn_unused_result));
/* A NUL-terminated copy of the `len` bytes at `text`; the caller frees it. */
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, warn_unused_result));
/* printf into fresh memory; the caller frees it. */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2), warn_unused_result));

#endif
