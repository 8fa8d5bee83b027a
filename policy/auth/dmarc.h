/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_DMARC_H
#define POLICY_AUTH_DMARC_H
/*
 * DMARC (RFC 9989): what does the author's domain want done with mail that does not pass? Three
 * parts: a record, its discovery through DNS (tree walk, 4.10; or RFC 7489's way by the Public
 * Suffix List), and the evaluation of a message. Knows no daemon and no policy. One thread, that of
 * the resolver.
 */

#include "dns/dns.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- records: policy/auth/dmarc_record.c, pure */

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
const char *dmarc_policy_name(enum dmarc_policy policy);

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
    enum dmarc_policy p, sp, np; /* each with what it falls back to */
    bool testing;                /* t=y */
    bool strict_dkim, strict_spf;
    enum dmarc_psd psd;
    bool has_rua;
};

enum dmarc_reading {
    DMARC_RECORD,     /* *out */
    DMARC_NO_RECORD,  /* it is not one: does not begin with v=DMARC1 */
    DMARC_BAD_RECORD, /* it is one, but must be taken for none (no good p, and no rua; 4.10.1) */
};
/* `why` (static) of a bad one, whose psd is read all the same; "" of others. */
enum dmarc_reading dmarc_record_parse(const char *text, size_t len, struct dmarc_record *out,
                                      const char **why);

/* ---- discovery: policy/auth/dmarc_walk.c */

enum dmarc_discovery { DMARC_TREE_WALK, DMARC_PSL };

#define DMARC_QUERIES_MOST 8 /* of one walk (RFC 9989 4.10) */

struct dmarc_found {        /* strings live for the call */
    enum dns_status status; /* DNS_FOUND: there is a policy; DNS_TEMPFAIL; else DNS_NODATA */
    const char *why;        /* of DNS_TEMPFAIL, `org_open`, `absent` not known, or a record that did
                               not count; "" */
    const char *domain;     /* that was asked about */
    const char *at;         /* whose record applies; "" unless DNS_FOUND */
    const char *org;        /* its organisational domain; never "", unless `domain` is */
    bool org_open;          /* a fault of DNS hid it: `org` is what is known so far */
    struct dmarc_record record;
    enum dmarc_policy policy; /* for the domain asked: p, sp or np, as published */
    bool inherited;           /* the record is not the domain's own */
    bool absent;              /* the domain does not exist; looked at only where np is not sp */
    unsigned queries;         /* at most DMARC_QUERIES_MOST, and one for `absent` */
};
typedef void (*dmarc_found_fn)(const struct dmarc_found *found, void *arg);
struct dmarc_walk;

/* `domain`: lower-case A-labels. fn once, from the loop, unless cancelled; the token is good until
 * then. `want_policy` false: only the organisational domain is wanted (an aligned identifier);
 * status is then DNS_FOUND or DNS_TEMPFAIL, and nothing but `org` is said. */
struct dmarc_walk *dmarc_walk_ask(struct dns *dns, const char *domain, enum dmarc_discovery how,
                                  bool want_policy, dmarc_found_fn fn, void *arg)
    __attribute__((warn_unused_result));
void dmarc_walk_cancel(struct dmarc_walk *walk); /* NULL is fine */

/* ---- evaluation: policy/auth/dmarc.c */

enum dmarc_result { DMARC_NONE, DMARC_PASS, DMARC_FAIL, DMARC_TEMPERROR, DMARC_PERMERROR };
const char *dmarc_result_name(enum dmarc_result result);

struct dmarc_identifiers {  /* lower-case A-labels; copied */
    const char *spf_domain; /* of MAIL FROM, passed, or not known (spf_temperror); "" : none */
    bool spf_temperror;
    const char *const *dkim_domain; /* of passing signatures */
    size_t dkim_domains;
    bool dkim_temperror; /* of some signature it is not known whether it passes */
    /* Whose: what could never be aligned changes nothing, or anybody could hide from a policy
     * behind a dead name server of his own. None, though dkim_temperror: it might be any. */
    const char *const *dkim_unsure;
    size_t dkim_unsures;
};

struct dmarc_answer { /* strings live as long as the dmarc */
    enum dmarc_result result;
    const char *why;             /* of temperror and permerror, and of none: a clause */
    const char *domain;          /* the author's; "" : there is none */
    const char *at;              /* whose record applies; "" : none */
    const char *org;             /* the author's organisational domain */
    enum dmarc_policy published; /* for this domain: p, sp or np */
    enum dmarc_policy policy;    /* the same after t=y: one level lower */
    bool testing;
    bool inherited;                 /* the record is not the author's domain's own */
    struct dmarc_record record;     /* as it stands at `at`, where there is one */
    bool dkim_aligned, spf_aligned; /* and passed */
    unsigned queries;
};
struct dmarc;

/* Begins the discovery for the author's domain; "" is allowed (the result is none). `changed` from
 * the loop once it has settled, unless that was within dmarc_end() or dmarc_give_up(). */
struct dmarc *dmarc_new(struct dns *dns, const char *domain, enum dmarc_discovery how,
                        void (*changed)(void *arg), void *arg) __attribute__((warn_unused_result));
void dmarc_free(struct dmarc *dmarc); /* NULL is fine */
/* Who has passed, once all of that is known. More walks may be needed: one for each distinct
 * identifier that is not aligned at sight, at most DMARC_IDENTIFIERS_MOST. */
#define DMARC_IDENTIFIERS_MOST 16
void dmarc_end(struct dmarc *dmarc, const struct dmarc_identifiers *who);
bool dmarc_settled(const struct dmarc *dmarc); /* after dmarc_end() only */
void dmarc_give_up(struct dmarc *dmarc);       /* what is open becomes temperror */
const struct dmarc_answer *dmarc_answer(const struct dmarc *dmarc); /* once it is settled */

#endif
