/* SPDX-License-Identifier: ISC */
/*
 * spf_match: the mechanisms that compare addresses: all, a, mx, exists, ip4, ip6 (RFC 7208 5).
 *
 * Promises: a host is asked for the addresses of the client's family only, `exists` for A always
 * (5.7). A DNS fault is temperror (5). More than SPF_NAMES_MOST MX records are permerror before any
 * host is asked for (4.6.4); the hosts are asked one after the other, and none after the first that
 * matches. The term's void look-up (4.6.4 speaks of terms) is its first one, or that none of the MX
 * hosts has an address: a domain whose hosts have IPv4 only is not to blame for an IPv6 client.
 */
#include "policy/auth/spf_int.h"

#include <string.h>

enum dns_type spf_address_type(const struct spf *s)
{
    return s->client.family == AF_INET6 ? DNS_AAAA : DNS_A;
}

static bool same_network(const struct addr *a, const struct addr *b, unsigned bits)
{
    unsigned octets = bits / 8, rest = bits % 8;
    if (a->family != b->family || memcmp(a->ip, b->ip, octets) != 0)
        return false;
    return rest == 0 || ((a->ip[octets] ^ b->ip[octets]) >> (8 - rest)) == 0;
}

bool spf_holds(const struct spf *s, const struct dns_answer *answer, unsigned bits4, unsigned bits6)
{
    unsigned bits = s->client.family == AF_INET6 ? bits6 : bits4;
    for (size_t i = 0; i < answer->count; i++)
        if (same_network(&answer->addr[i], &s->client, bits))
            return true;
    return false;
}

static bool term_holds(struct spf *s, const struct dns_answer *answer)
{
    const struct spf_term *term = &spf_top(s)->term;
    return spf_holds(s, answer, term->bits4, term->bits6);
}

/* Nothing was there: no match, unless it was one too many. */
static enum spf_flow nothing(struct spf *s)
{
    if (!spf_void(s))
        return spf_error(s, SPF_PERMERROR, "more than %d look-ups without an answer",
                         SPF_VOIDS_MOST);
    return spf_match(s, false);
}

/* ---- a, exists ---------------------------------------------------------------------------------
 */

/* A term's first answer: only one with records is for the term itself to judge. */
static enum spf_flow take(struct spf *s, const struct dns_answer *answer,
                          enum spf_flow (*found)(struct spf *s, const struct dns_answer *answer))
{
    switch (answer->status) {
    case DNS_FOUND:
        return found(s, answer);
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        return nothing(s);
    case DNS_TEMPFAIL:
        break;
    }
    return spf_dns_error(s, answer);
}

static enum spf_flow compare_addresses(struct spf *s, const struct dns_answer *answer)
{
    return spf_match(s, term_holds(s, answer));
}

static enum spf_flow on_a(struct spf *s, const struct dns_answer *answer)
{
    return take(s, answer, compare_addresses);
}

static enum spf_flow match_any(struct spf *s, const struct dns_answer *answer)
{
    (void)answer;
    return spf_match(s, true);
}

static enum spf_flow on_exists(struct spf *s, const struct dns_answer *answer)
{
    return take(s, answer, match_any);
}

/* ---- mx ----------------------------------------------------------------------------------------
 */

static enum spf_flow on_mx_host(struct spf *s, const struct dns_answer *answer)
{
    if (answer->status == DNS_TEMPFAIL)
        return spf_dns_error(s, answer);
    if (answer->status == DNS_FOUND) {
        s->mx_addresses = true;
        if (term_holds(s, answer))
            return spf_match(s, true);
    }
    return SPF_GO_ON;
}

static enum spf_flow next_mx_host(struct spf *s)
{
    if (s->mx_at < s->mx_count)
        return spf_query(s, spf_address_type(s), s->mx[s->mx_at++], on_mx_host);
    return s->mx_addresses || s->mx_count == 0 ? spf_match(s, false) : nothing(s);
}

static enum spf_flow take_mx(struct spf *s, const struct dns_answer *answer)
{
    if (answer->count > SPF_NAMES_MOST)
        return spf_error(s, SPF_PERMERROR, "more than %d MX records at %s", SPF_NAMES_MOST,
                         s->target);
    s->mx_at = s->mx_count = 0;
    s->mx_addresses = false;
    for (size_t i = 0; i < answer->count; i++) /* without a null MX */
        s->mx_count += spf_host(answer->mx[i].host, s->mx[s->mx_count]);
    s->step = next_mx_host;
    return SPF_GO_ON;
}

static enum spf_flow on_mx(struct spf *s, const struct dns_answer *answer)
{
    return take(s, answer, take_mx);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

enum spf_flow spf_match_term(struct spf *s)
{
    const struct spf_term *term = &spf_top(s)->term;
    switch (term->kind) {
    case SPF_A:
        return spf_query(s, spf_address_type(s), s->target, on_a);
    case SPF_MX:
        return spf_query(s, DNS_MX, s->target, on_mx);
    case SPF_EXISTS:
        return spf_query(s, DNS_A, s->target, on_exists);
    case SPF_PTR:
        return spf_names_match(s);
    case SPF_IP4:
        return spf_match(s, same_network(&term->network, &s->client, term->bits4));
    case SPF_IP6:
        return spf_match(s, same_network(&term->network, &s->client, term->bits6));
    case SPF_ALL:
    case SPF_INCLUDE: /* not for us */
    case SPF_REDIRECT:
    case SPF_EXP:
    case SPF_UNKNOWN:
        break;
    }
    return spf_match(s, true);
}
