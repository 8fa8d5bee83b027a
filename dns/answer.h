/* SPDX-License-Identifier: ISC */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H
/*
 * From a server's packet to an answer: one block of memory with all its records, shared by
 * counting. One thread's; but for the counting, pure.
 */

#include "dns/dns.h"

#define ANSWER_ALIASES_MAX  8     /* CNAMEs on the way to one answer, all packets together */
#define ANSWER_RECORDS_MAX  256   /* records in a packet's answer section; more is DNS_TEMPFAIL */
#define ANSWER_TTL_MAX      86400 /* seconds; a longer TTL counts as this */
#define ANSWER_NEGATIVE_MAX 3600  /* the same where nothing was found (RFC 2308 5) */
#define ANSWER_NO_SOA_TTL   30    /* nothing found, and no SOA to say for how long */

struct answer {
    uint32_t refs;
    uint32_t octets; /* of this block */
    struct dns_answer said;
};

/* What was asked, and the way to it. */
struct answer_asked {
    enum dns_type type;
    const char *name; /* as dns_name_normal() has it */
    unsigned aliases; /* CNAMEs that led to `name` */
    uint32_t ttl;     /* the least of theirs; UINT32_MAX if there are none */
};

/* What is to be asked next. */
struct answer_alias {
    char name[DNS_NAME_MAX + 1];
    unsigned aliases;
    uint32_t ttl;
};

/* The answer in the `len` octets at `packet`; the caller drops it. Never fails: a packet that is no
 * answer to this is DNS_TEMPFAIL. NULL: a CNAME leads out of the packet, *alias is to be asked. */
struct answer *answer_read(const unsigned char *packet, size_t len,
                           const struct answer_asked *asked, struct answer_alias *alias)
    __attribute__((warn_unused_result));
/* One without records; `why` (static) where `status` is DNS_TEMPFAIL. */
struct answer *answer_none(enum dns_type type, enum dns_status status, const char *why)
    __attribute__((warn_unused_result));
struct answer *answer_hold(struct answer *answer);
void answer_drop(struct answer *answer);

/* The type's number on the wire. */
uint16_t answer_wire_type(enum dns_type type);

#endif
