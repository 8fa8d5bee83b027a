/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_SPF_RECORD_H
#define POLICY_AUTH_SPF_RECORD_H
/* SPF records (RFC 7208 4.5, 4.6, 5, 6): a text in, its terms out. Pure, any thread. */

#include "lib/addr.h"
#include "policy/auth/spf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum spf_kind {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_REDIRECT, /* modifiers from here on */
    SPF_EXP,
    SPF_UNKNOWN,
};

struct spf_text { /* a part of the record, not NUL-terminated */
    const char *text;
    size_t len; /* 0: there is none */
};

struct spf_term {
    enum spf_kind kind;
    enum spf_result result; /* of a match: pass, fail, softfail or neutral */
    struct spf_text whole;  /* as the record writes it */
    struct spf_text domain; /* its domain-spec, checked; none: the record's own domain */
    uint8_t bits4, bits6;   /* of a, mx, ip4, ip6 */
    struct addr network;    /* of ip4, ip6: the address; host bits may be set, a mapped one stays
                               IPv6 */
};

struct spf_record {
    char *text; /* NULL: there is none */
    size_t len;
    struct spf_text redirect, exp; /* their domain-specs */
};

/* Is it one at all: "v=spf1", and then a blank or the end? */
bool spf_record_is(const char *text, size_t len);
/* Checks the whole of one that is, and copies it. False: `why` is a clause for people, printable;
 * *out is empty. */
#define SPF_WHY_MAX 160
bool spf_record_read(struct spf_record *out, const char *text, size_t len,
                     char why[static SPF_WHY_MAX]);
void spf_record_clear(struct spf_record *record); /* an empty one is fine */
/* The next mechanism from *at (at first 0) on; false: there is none. */
bool spf_record_next(const struct spf_record *record, size_t *at, struct spf_term *out);

#endif
