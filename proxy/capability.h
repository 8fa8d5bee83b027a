/* SPDX-License-Identifier: ISC */
#ifndef PROXY_CAPABILITY_H
#define PROXY_CAPABILITY_H
/* What an EHLO reply offers, what several backends offer in common, and what we advertise: by an
 * allow-list of keywords, never by passing on what we do not know. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum capability_bit {
    CAP_PIPELINING = 1 << 0,
    CAP_SIZE = 1 << 1,
    CAP_8BITMIME = 1 << 2,
    CAP_ENHANCEDSTATUSCODES = 1 << 3,
    CAP_CHUNKING = 1 << 4,
    CAP_DSN = 1 << 5,
    CAP_SMTPUTF8 = 1 << 6,
    CAP_STARTTLS = 1 << 7,
    CAP_DELIVERBY = 1 << 8,
    CAP_MT_PRIORITY = 1 << 9,
    CAP_RRVS = 1 << 10,
    CAP_NO_SOLICITING = 1 << 11,
    CAP_LIMITS = 1 << 12,
    CAP_XCLIENT = 1 << 13,
    CAP_XFORWARD = 1 << 14,
    CAP_AUTH = 1 << 15,
};

enum capability_auth { /* mechanisms that may pass through */
                       AUTH_PLAIN = 1 << 0,
                       AUTH_LOGIN = 1 << 1,
                       AUTH_CRAM_MD5 = 1 << 2,
                       AUTH_SCRAM_SHA_1 = 1 << 3,
                       AUTH_SCRAM_SHA_256 = 1 << 4,
                       AUTH_SCRAM_SHA_512 = 1 << 5,
                       AUTH_OAUTHBEARER = 1 << 6,
                       AUTH_XOAUTH2 = 1 << 7,
};

struct capability {
    unsigned bits;
    unsigned auth;            /* capability_auth */
    uint64_t size;            /* SIZE=, 0: no fixed limit */
    uint32_t rcpt_max;        /* LIMITS RCPTMAX, 0: none */
    uint32_t mail_max;        /* LIMITS MAILMAX, 0: none */
    uint32_t rcpt_domain_max; /* LIMITS RCPTDOMAINMAX, 0: none */
    unsigned xclient;         /* xclient_attr offered */
    unsigned xforward;
};

/* Reads one EHLO line (keyword and arguments, no code) into `cap`; unknown keywords are ignored. */
void capability_parse_line(struct capability *cap, const char *line, size_t len);
/* Reads a whole EHLO reply: '\n'-joined lines; the first (the greeting) is skipped. */
void capability_parse(struct capability *cap, const char *text);
/* What both have: bits and mechanisms and'ed, the smaller of each number that is set. */
void capability_intersect(struct capability *into, const struct capability *other);
/* What may be said while a backend's EHLO is not known: PIPELINING only. */
struct capability capability_safe(void);
/* The param_bits (param.h) a client may use when `cap` was advertised. */
unsigned capability_params(const struct capability *cap);
/* Appends the keywords as EHLO lines without code and CRLF, each ended by '\n'. XCLIENT, XFORWARD
 * and STARTTLS only where their bit is set in `cap`; XCLIENT lists NAME ADDR PORT PROTO HELO LOGIN
 * DESTADDR DESTPORT. */
void capability_print(const struct capability *cap, struct buf *out);
/* The bit of a mechanism name (any case), 0: unknown or never passed on. */
unsigned capability_auth_bit(const char *name, size_t len);

#endif
