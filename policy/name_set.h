/* SPDX-License-Identifier: ISC */
#ifndef POLICY_NAME_SET_H
#define POLICY_NAME_SET_H
/* A set of names that only grows, small for its size: a million names of 30 octets take some 60 MB.
 */

#include <stdbool.h>
#include <stddef.h>

struct name_set;

struct name_set *name_set_new(void) __attribute__((warn_unused_result));
void name_set_free(struct name_set *set); /* NULL is fine */
/* Adds the `len` octets at `name` (a copy; twice is fine). False: over 512 octets, or the set has 4
 * GiB. */
bool name_set_add(struct name_set *set, const char *name, size_t len);
/* Any thread, as long as none adds. */
bool name_set_has(const struct name_set *set, const char *name, size_t len);

#endif
