/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_SPF_H
#define POLICY_AUTH_SPF_H
/*
 * SPF (RFC 7208): may this client send for this domain? Asks through a resolver that is handed in;
 * knows no daemon, no SMTP, no policy. One thread, that of the resolver.
 */

#include "dns/dns.h"
#include "lib/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct spf;

enum spf_result { /* RFC 7208 2.6 */
                  SPF_NONE,
                  SPF_NEUTRAL,
                  SPF_PASS,
                  SPF_FAIL,
                  SPF_SOFTFAIL,
                  SPF_TEMPERROR,
                  SPF_PERMERROR,
};
const char *spf_result_name(enum spf_result result); /* "softfail" */

#define SPF_EXPLANATION_MAX 255 /* octets that are kept of one */
#define SPF_TERMS_MOST      10  /* terms that ask DNS (RFC 7208 4.6.4) */
#define SPF_VOIDS_MOST      2
#define SPF_NAMES_MOST      10 /* of one mx or ptr */

struct spf_query {
    struct addr client;   /* mapped IPv4 is IPv4 */
    const char *helo;     /* as said; "" : not known */
    const char *sender;   /* MAIL FROM as said; "" for <>: postmaster@ the HELO name (2.4) */
    bool helo_identity;   /* check the HELO name (2.3) in place of the sender */
    const char *hostname; /* ours, for %{r} */
    int64_t now;          /* seconds since the epoch, for %{t} */
    uint64_t time_ms;     /* for all of it; beyond it is temperror. At least 20 s (4.6.4) unless the
                             caller cannot wait */
};

struct spf_answer { /* strings live for the call; "" where there is nothing */
    enum spf_result result;
    const char *domain;    /* whose record it was asked: lower case, A-labels */
    const char *mechanism; /* what decided, as the record writes it: "-all", "include:x.example" */
    const char *why;       /* of temperror and permerror, and of none: a clause for people */
    const char *explanation; /* of fail: the domain's own words, printable US-ASCII */
    unsigned terms;          /* that asked DNS */
    unsigned voids;          /* look-ups without an answer */
    unsigned queries;        /* questions to DNS in all */
};

/* What happens, for people (gatepostctl spf): a line each, e.g. "  TXT example.org: v=spf1 -all";
 * each level of include is indented by two blanks. NULL: nobody wants to know. */
typedef void (*spf_trace_fn)(const char *line, void *arg);
typedef void (*spf_fn)(const struct spf_answer *answer, void *arg);

/* Asks; fn is called exactly once, from the loop and never from inside this call, unless cancelled.
 * Everything is copied. The token is good until fn is called. */
struct spf *spf_ask(struct loop *loop, struct dns *dns, const struct spf_query *query,
                    spf_trace_fn trace, spf_fn fn, void *arg) __attribute__((warn_unused_result));
void spf_cancel(struct spf *spf); /* NULL is fine */

#endif
