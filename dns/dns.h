/* SPDX-License-Identifier: ISC */
#ifndef DNS_DNS_H
#define DNS_DNS_H
/*
 * Asking DNS, as those see it who ask: a type and a name in, one answer back through the loop. The
 * resolver (dns/resolver.h) answers from the network, tests from a table; who asks cannot tell.
 *
 * Everything belongs to the thread of the one who answers.
 */

#include "lib/addr.h"

#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 253 /* characters of a name, without the trailing dot */

enum dns_type { DNS_A, DNS_AAAA, DNS_PTR, DNS_MX, DNS_TXT, DNS_TLSA };

/* Never merged: a name that is not there is not a server that did not answer. */
enum dns_status {
    DNS_FOUND,
    DNS_NODATA,   /* the name exists, with nothing of that type */
    DNS_NXDOMAIN, /* the name does not exist (of a CNAME's chain: its last) */
    DNS_TEMPFAIL, /* no usable answer: `why` */
};

struct dns_mx {
    uint16_t preference;
    const char *host; /* as a PTR's name; "" is the root: a null MX (RFC 7505) */
};

struct dns_txt {
    const char *text; /* the record's strings joined, and a NUL behind; may hold any octet */
    size_t len;
};

struct dns_tlsa {
    uint8_t usage, selector, matching;
    const unsigned char *data;
    size_t len;
};

struct dns_answer {
    enum dns_status status;
    enum dns_type type;
    uint32_t ttl;    /* seconds; the least of the chain's, or of the SOA where nothing was found */
    const char *why; /* DNS_TEMPFAIL: "timeout", "SERVFAIL", "malformed answer"...; else NULL */
    size_t count;    /* records; 0 unless DNS_FOUND */
    union {          /* by `type` */
        const struct addr *addr;     /* A, AAAA; port 0; a mapped AAAA is IPv4, as everywhere */
        const char *const *name;     /* PTR; lower case, no trailing dot; what is no host name shows
                                      * octets outside letters, digits, '-', '_', '.' as \DDD,
                                      * and so may have up to 1003 characters */
        const struct dns_mx *mx;     /* by preference */
        const struct dns_txt *txt;   /* */
        const struct dns_tlsa *tlsa; /* */
    };
};

/* The answer is valid during the call only. */
typedef void (*dns_fn)(const struct dns_answer *answer, void *arg);

struct dns;
struct dns_question;

struct dns_ops { /* one row per kind of answerer */
    struct dns_question *(*ask)(struct dns *dns, enum dns_type type, const char *name, dns_fn fn,
                                void *arg);
    void (*cancel)(struct dns_question *question);
};
struct dns { /* first member of whoever answers */
    const struct dns_ops *ops;
};
struct dns_question { /* first member of the answerer's own */
    struct dns *dns;
};

/* Asks; fn is called exactly once, from the loop and never from inside this call, within the
 * resolver's time (5 s by default), unless cancelled. The token is good until fn is called or
 * dns_cancel. `name`: with or without a trailing dot, any case; one that cannot be asked (too long,
 * an empty label, an octet that needs escaping) is answered DNS_NXDOMAIN without asking. */
static inline struct dns_question *dns_ask(struct dns *dns, enum dns_type type, const char *name,
                                           dns_fn fn, void *arg)
{
    return dns->ops->ask(dns, type, name, fn, arg);
}

/* fn will not be called. Anywhere in the thread, within any callback; NULL is fine. */
static inline void dns_cancel(struct dns_question *question)
{
    if (question != NULL)
        question->dns->ops->cancel(question);
}

#endif
