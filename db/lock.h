/* SPDX-License-Identifier: ISC */
#ifndef DB_LOCK_H
#define DB_LOCK_H
/* Who has the lock of a state directory may write its database. Blocking calls, any thread. */

#include <stdbool.h>

struct lock;

/* Takes DIRECTORY/gatepost.lock and writes our pid into it. NULL with *why (the caller frees):
 * another holds it, and its pid, or the file cannot be made. */
struct lock *lock_new(const char *directory, char **why) __attribute__((warn_unused_result));
/* Gives it back; the file stays. NULL is fine. */
void lock_free(struct lock *lock);
/* The file is still the one we locked, so nobody else can have locked another in its place. */
bool lock_held(const struct lock *lock);

#endif
