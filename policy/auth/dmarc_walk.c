/* SPDX-License-Identifier: ISC */
/*
 * dmarc_walk: whose DMARC record applies to a domain, and which is its organisational domain.
 *
 * Tree walk (RFC 9989 4.10): _dmarc.DOMAIN first, then its parents down to the top-level domain,
 * one after the other; a name of 8 labels or more goes on with its last 7, so 8 queries at most.
 * Records that are none, and several at one name, count as nothing. The walk ends early at psd=y or
 * psd=n. The organisational domain (4.10.2): the one with psd=n, or one label below the one with
 * psd=y, or else the shortest with a record, or else the domain itself. What applies (4.10.1): the
 * domain's own record, its organisational domain's, its public suffix's, in this order; for an
 * inherited one np is asked for only where it would change something, by one more query: the domain
 * does not exist where DNS says NXDOMAIN of it. `_dmarc` below it having been seen spares that.
 *
 * psl (RFC 7489 6.6.3): the domain's own record, then the one of its organisational domain by the
 * Public Suffix List, of which sp applies; several at one name end it.
 *
 * A bad record of the domain's own ends it with nothing: it is not inherited past (4.10.1). Bad
 * ones of its parents are passed over, but their psd counts.
 *
 * A fault of DNS ends the walk: what is above is not known. If the domain's own record was seen,
 * its policy stands and only the organisational domain is open; if only np is open, the milder of
 * sp and np stands.
 *
 * Limits: no more than one query at a time; the time is the resolver's (and the asker's, who may
 * cancel).
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"
#include "policy/org_domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_KEPT (DMARC_QUERIES_MOST - 1)

struct hit {
    const char *at; /* in the walk's domain; NULL: none */
    struct dmarc_record record;
    bool bad; /* it applies no policy */
};

struct dmarc_walk {
    struct dns *dns;
    struct dns_question *question;
    enum dmarc_discovery how;
    bool want_policy;
    dmarc_found_fn fn;
    void *arg;
    char *domain;
    const char *at; /* the name asked about now: an end of `domain` */
    unsigned queries;
    bool exists; /* the domain does: something below it is there */
    bool failed; /* a fault of DNS: `why` */
    struct hit own, shortest, suffix;
    const char *org; /* NULL: not known yet */
    char why[96];
};

static void ask_record(struct dmarc_walk *walk);

/* ---- names ----------------------------------------------------------------------------------- */

/* Without its first label; "" where it has one only. */
static const char *parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot + 1 : "";
}

static size_t labels(const char *name)
{
    size_t count = 1;
    for (; *name != '\0'; name++)
        count += *name == '.';
    return count;
}

/* Whom the walk asks after `name` (4.10, steps 4 and 7); "": nobody. */
static const char *next_name(const char *name)
{
    size_t count = labels(name);
    do {
        name = parent(name);
        count--;
    } while (count > LABELS_KEPT);
    return name;
}

/* `at` is a parent of the walk's domain: the name with one label more. */
static const char *one_below(const struct dmarc_walk *walk, const char *at)
{
    const char *start = at - 1; /* the dot */
    while (start > walk->domain && start[-1] != '.')
        start--;
    return start;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void note(struct dmarc_walk *walk, const char *what, const char *why)
{
    snprintf(walk->why, sizeof walk->why, "%s%s", what, why);
}

/* By the list, no query can hide it. */
static bool org_open(const struct dmarc_walk *walk)
{
    return walk->failed && walk->how == DMARC_TREE_WALK;
}

static void walk_free(struct dmarc_walk *walk)
{
    free(walk->domain);
    free(walk);
}

static void say(struct dmarc_walk *walk, struct dmarc_found *found)
{
    found->why = walk->why;
    found->domain = walk->domain;
    found->org = walk->org;
    found->org_open = org_open(walk);
    found->queries = walk->queries;
    walk->fn(found, walk->arg);
    walk_free(walk);
}

/* No policy, or none that is known. */
static void say_none(struct dmarc_walk *walk)
{
    struct dmarc_found found = {.status = walk->failed ? DNS_TEMPFAIL : DNS_NODATA, .at = ""};
    say(walk, &found);
}

/* Whose record applies; NULL: nobody's. */
static const struct hit *applies(const struct dmarc_walk *walk)
{
    const struct hit *hit = &walk->suffix;
    if (walk->own.at != NULL)
        hit = &walk->own;
    else if (walk->shortest.at != NULL && walk->shortest.at == walk->org)
        hit = &walk->shortest;
    return hit->at != NULL && !hit->bad ? hit : NULL;
}

static void say_policy(struct dmarc_walk *walk, const struct hit *hit, enum dmarc_policy policy,
                       bool absent)
{
    struct dmarc_found found = {
        .status = DNS_FOUND,
        .at = hit->at,
        .record = hit->record,
        .policy = policy,
        .inherited = hit->at != walk->domain,
        .absent = absent,
    };
    say(walk, &found);
}

static enum dmarc_policy milder(enum dmarc_policy one, enum dmarc_policy other)
{
    return one < other ? one : other;
}

static void on_existence(const struct dns_answer *answer, void *arg)
{
    struct dmarc_walk *walk = arg;
    const struct hit *hit = applies(walk);
    const struct dmarc_record *record = &hit->record;
    walk->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
    case DNS_NODATA:
        say_policy(walk, hit, record->sp, false);
        break;
    case DNS_NXDOMAIN:
        say_policy(walk, hit, record->np, true);
        break;
    case DNS_TEMPFAIL:
        note(walk, "whether the domain exists: ", answer->why);
        say_policy(walk, hit, milder(record->sp, record->np), false);
        break;
    }
}

static void say_found(struct dmarc_walk *walk, const struct hit *hit)
{
    const struct dmarc_record *record = &hit->record;
    if (hit->at == walk->domain) {
        say_policy(walk, hit, record->p, false);
    } else if (walk->how == DMARC_PSL || record->sp == record->np || walk->exists) {
        say_policy(walk, hit, record->sp, false);
    } else {
        walk->queries++;
        walk->question = dns_ask(walk->dns, DNS_A, walk->domain, on_existence, walk);
    }
}

/* All has been asked that is to be asked. */
static void conclude(struct dmarc_walk *walk)
{
    if (walk->org == NULL)
        walk->org = walk->shortest.at != NULL ? walk->shortest.at : walk->domain;
    const struct hit *hit = applies(walk);
    if (!walk->want_policy) {
        struct dmarc_found found = {.status = org_open(walk) ? DNS_TEMPFAIL : DNS_FOUND, .at = ""};
        say(walk, &found);
    } else if (hit == NULL || (walk->failed && walk->own.at == NULL)) {
        say_none(walk);
    } else {
        say_found(walk, hit);
    }
}

/* ---- one name's records ---------------------------------------------------------------------- */

/* The one record of an answer. DMARC_NO_RECORD: there is none; several: *several. */
static enum dmarc_reading read_answer(struct dmarc_walk *walk, const struct dns_answer *answer,
                                      struct dmarc_record *out, bool *several)
{
    enum dmarc_reading found = DMARC_NO_RECORD;
    const char *why, *fault = "";
    *several = false;
    for (size_t i = 0; i < answer->count && !*several; i++) {
        struct dmarc_record record;
        enum dmarc_reading reading =
            dmarc_record_parse(answer->txt[i].text, answer->txt[i].len, &record, &why);
        if (reading == DMARC_NO_RECORD)
            continue;
        *several = found != DMARC_NO_RECORD;
        found = reading;
        *out = record;
        fault = why;
    }
    if (*several)
        note(walk, "", "there are several records");
    else if (found == DMARC_BAD_RECORD)
        note(walk, "", fault);
    return *several ? DMARC_NO_RECORD : found;
}

/* What the record at this name is to the walk. True: it ends here. */
static bool take_record(struct dmarc_walk *walk, const struct hit *hit)
{
    bool own = hit->at == walk->domain;
    if (own)
        walk->own = *hit;
    if (hit->record.psd == DMARC_PSD_YES && !own) {
        walk->suffix = *hit;
        walk->org = one_below(walk, hit->at);
        return true;
    }
    if (hit->record.psd == DMARC_PSD_UNKNOWN && hit->bad)
        return own && walk->want_policy;
    walk->shortest = *hit;
    return hit->record.psd != DMARC_PSD_UNKNOWN;
}

static void take_walked(struct dmarc_walk *walk, const struct dns_answer *answer)
{
    bool several;
    struct hit hit = {.at = walk->at};
    enum dmarc_reading reading = read_answer(walk, answer, &hit.record, &several);
    hit.bad = reading == DMARC_BAD_RECORD;
    bool over = reading != DMARC_NO_RECORD && take_record(walk, &hit);
    walk->at = next_name(walk->at);
    if (over || *walk->at == '\0')
        conclude(walk);
    else
        ask_record(walk);
}

/* RFC 7489: the domain's, or else that of `org`; psd means nothing. */
static void take_listed(struct dmarc_walk *walk, const struct dns_answer *answer)
{
    bool several;
    bool first = walk->at == walk->domain;
    struct hit hit = {.at = walk->at};
    enum dmarc_reading reading = read_answer(walk, answer, &hit.record, &several);
    hit.bad = reading == DMARC_BAD_RECORD;
    if (reading != DMARC_NO_RECORD)
        *(first ? &walk->own : &walk->shortest) = hit;
    walk->at = walk->org;
    if (first && reading == DMARC_NO_RECORD && !several && walk->want_policy &&
        walk->org != walk->domain)
        ask_record(walk);
    else
        conclude(walk);
}

static void on_record(const struct dns_answer *answer, void *arg)
{
    struct dmarc_walk *walk = arg;
    walk->question = NULL;
    if (answer->status == DNS_TEMPFAIL) {
        note(walk, "", answer->why);
        walk->failed = true;
        conclude(walk);
        return;
    }
    if (walk->at == walk->domain && answer->status != DNS_NXDOMAIN)
        walk->exists = true;
    if (walk->how == DMARC_PSL)
        take_listed(walk, answer);
    else
        take_walked(walk, answer);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask_record(struct dmarc_walk *walk)
{
    /* "" is no name, and is answered so. */
    char *name = mem_printf("%s%s", *walk->at != '\0' ? "_dmarc." : "", walk->at);
    walk->queries++;
    walk->question = dns_ask(walk->dns, DNS_TXT, name, on_record, walk);
    free(name);
}

struct dmarc_walk *dmarc_walk_ask(struct dns *dns, const char *domain, enum dmarc_discovery how,
                                  bool want_policy, dmarc_found_fn fn, void *arg)
{
    struct dmarc_walk *walk = mem_alloc(sizeof *walk);
    walk->dns = dns;
    walk->how = how;
    walk->want_policy = want_policy;
    walk->fn = fn;
    walk->arg = arg;
    walk->domain = mem_strdup(domain);
    walk->at = walk->domain;
    if (how == DMARC_PSL) {
        walk->org = org_domain(walk->domain);
        if (walk->org == NULL)
            walk->org = walk->domain;
    }
    ask_record(walk);
    return walk;
}

void dmarc_walk_cancel(struct dmarc_walk *walk)
{
    if (walk == NULL)
        return;
    dns_cancel(walk->question);
    walk_free(walk);
}
