/* SPDX-License-Identifier: ISC */
#ifndef POLICY_FIELD_CUTS_H
#define POLICY_FIELD_CUTS_H
/*
 * Which octets of a message are left out: header fields that claim to be ours, so that nobody
 * downstream believes what a stranger wrote in our name. It reads along while the message comes,
 * however long its header section is. One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_CUTS_NAMES 2
#define FIELD_CUTS_FIELD 16384 /* octets that are looked at of one field */
#define FIELD_CUTS_MOST  1000  /* pieces; from one more on the rest of the header section goes */

struct field_cuts_rules {               /* outlives it */
    const char *authserv_id;            /* whose Authentication-Results go */
    const char *name[FIELD_CUTS_NAMES]; /* fields that go in any case; NULL: none */
};

struct field_cuts;

struct field_cuts *field_cuts_new(const struct field_cuts_rules *rules)
    __attribute__((warn_unused_result));
void field_cuts_free(struct field_cuts *cuts); /* NULL is fine */
/* The message's octets in order, lines ending in CRLF; behind its header section it does nothing.
 */
void field_cuts_add(struct field_cuts *cuts, const char *data, size_t len);
void field_cuts_end(struct field_cuts *cuts); /* the message is whole */
/* After the end: each piece once, in order; none touch each other. */
void field_cuts_each(const struct field_cuts *cuts,
                     void (*fn)(uint64_t offset, uint64_t len, void *arg), void *arg);

#endif
