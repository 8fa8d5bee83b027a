/* SPDX-License-Identifier: ISC */
/*
 * dmarc: does a message pass for its author's domain (RFC 9989 5.3)?
 *
 * The policy is looked for at once, the identifiers come at the end of the message. One that is the
 * author's domain, or its organisational domain, is aligned at sight; one that does not even lie
 * below that is not. Only what is left, where alignment is relaxed and there is a policy, costs a
 * walk each, all at the same time.
 *
 * Promises: one aligned identifier that passes is a pass, whatever else could not be told. Where
 * none is, a fault of DNS makes a temperror, not a fail, but only if what it hid might have been
 * aligned. A record that is bad is none (4.10.1), so permerror is never said here.
 *
 * Limits: DMARC_IDENTIFIERS_MOST identifiers, the first ones; one walk for each distinct one.
 */
#include "policy/auth/dmarc.h"

#include "lib/mem.h"
#include "policy/org_domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct identifier {
    struct dmarc *dmarc;
    char *domain;
    struct dmarc_walk *walk;
    bool spf, dkim; /* passed as */
    bool unsure_spf, unsure_dkim;
    bool aligned; /* relaxed */
    bool open;    /* whether it is aligned could not be told */
};

struct dmarc {
    struct dns *dns;
    enum dmarc_discovery how;
    void (*changed)(void *arg);
    void *arg;
    struct dmarc_walk *walk; /* of the policy */
    bool found;              /* it has come to its end, or there is no domain */
    bool failed;             /* with a fault of DNS */
    bool ended, settled;
    bool any_unsure_dkim; /* nobody knows whose */
    bool org_open;
    struct dmarc_record record;
    struct identifier identifier[DMARC_IDENTIFIERS_MOST];
    size_t identifiers;
    size_t walks; /* of identifiers, that are open */
    struct dmarc_answer answer;
    char *domain, *at, *org;
    char why[128];
};

const char *dmarc_result_name(enum dmarc_result result)
{
    static const char *const name[] = {"none", "pass", "fail", "temperror", "permerror"};
    return name[result];
}

/* ---- alignment ------------------------------------------------------------------------------- */

/* Is `name` the domain or below it? */
static bool within(const char *name, const char *domain)
{
    size_t len = strlen(name), tail = strlen(domain);
    return len >= tail && strcmp(name + len - tail, domain) == 0 &&
           (len == tail || name[len - tail - 1] == '.');
}

/* Might it be aligned, for all that is known? While a fault of DNS hides the organisational domain,
 * the Public Suffix List says who is a stranger to the author for sure. */
static bool may_align(const struct dmarc *dmarc, const char *name, bool strict)
{
    if (strict || strcmp(name, dmarc->domain) == 0)
        return strcmp(name, dmarc->domain) == 0;
    return dmarc->org_open ? org_domain_same(name, dmarc->domain) : within(name, dmarc->org);
}

static bool is_aligned(const struct dmarc *dmarc, const struct identifier *id, bool strict)
{
    return strict ? strcmp(id->domain, dmarc->domain) == 0 : id->aligned;
}

/* Needs a walk: nothing shows at sight, and somebody wants to know. */
static bool needs_walk(const struct dmarc *dmarc, const struct identifier *id)
{
    bool wanted =
        (id->spf && !dmarc->record.strict_spf) || (id->dkim && !dmarc->record.strict_dkim);
    return wanted && !id->aligned && may_align(dmarc, id->domain, false);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void settle(struct dmarc *dmarc, enum dmarc_result result, const char *why)
{
    if (why != dmarc->why)
        snprintf(dmarc->why, sizeof dmarc->why, "%s", why);
    dmarc->answer.result = result;
    dmarc->answer.why = dmarc->why;
    dmarc->settled = true;
}

/* Why a message that does not pass cannot be said to fail, either; NULL: it can. */
static const char *doubt(const struct dmarc *dmarc)
{
    for (size_t i = 0; i < dmarc->identifiers; i++) {
        const struct identifier *id = &dmarc->identifier[i];
        if (id->open)
            return "an organisational domain could not be found";
        if (id->unsure_spf && may_align(dmarc, id->domain, dmarc->record.strict_spf))
            return "SPF is not known";
        if (id->unsure_dkim && may_align(dmarc, id->domain, dmarc->record.strict_dkim))
            return "a signature's key is not known";
    }
    return dmarc->any_unsure_dkim ? "a signature's key is not known" : NULL;
}

static void judge(struct dmarc *dmarc)
{
    struct dmarc_answer *answer = &dmarc->answer;
    for (size_t i = 0; i < dmarc->identifiers; i++) {
        const struct identifier *id = &dmarc->identifier[i];
        answer->spf_aligned |= id->spf && is_aligned(dmarc, id, dmarc->record.strict_spf);
        answer->dkim_aligned |= id->dkim && is_aligned(dmarc, id, dmarc->record.strict_dkim);
    }
    const char *why = doubt(dmarc);
    if (answer->spf_aligned || answer->dkim_aligned)
        settle(dmarc, DMARC_PASS, "");
    else if (why != NULL)
        settle(dmarc, DMARC_TEMPERROR, why);
    else
        settle(dmarc, DMARC_FAIL, "no aligned identifier passes");
}

/* ---- identifiers ----------------------------------------------------------------------------- */

static void on_identifier(const struct dmarc_found *found, void *arg)
{
    struct identifier *id = arg;
    struct dmarc *dmarc = id->dmarc;
    id->walk = NULL;
    dmarc->walks--;
    dmarc->answer.queries += found->queries;
    id->open = found->status == DNS_TEMPFAIL;
    id->aligned = !id->open && strcmp(found->org, dmarc->org) == 0;
    if (dmarc->walks == 0) {
        judge(dmarc);
        dmarc->changed(dmarc->arg);
    }
}

/* What shows of an identifier without asking. */
static void look(struct dmarc *dmarc, struct identifier *id)
{
    id->aligned = strcmp(id->domain, dmarc->domain) == 0 ||
                  (!dmarc->org_open && strcmp(id->domain, dmarc->org) == 0);
    if (!needs_walk(dmarc, id))
        return;
    if (dmarc->how == DMARC_PSL) {
        id->aligned = org_domain_same(id->domain, dmarc->domain);
    } else if (dmarc->org_open) {
        id->open = true; /* no walk could tell */
    } else {
        id->walk = dmarc_walk_ask(dmarc->dns, id->domain, dmarc->how, false, on_identifier, id);
        dmarc->walks++;
    }
}

/* Policy and identifiers are there. */
static void compare(struct dmarc *dmarc)
{
    if (dmarc->domain[0] == '\0')
        settle(dmarc, DMARC_NONE, "the message names no author's domain");
    else if (dmarc->failed)
        settle(dmarc, DMARC_TEMPERROR, dmarc->why);
    else if (dmarc->at == NULL)
        settle(dmarc, DMARC_NONE, dmarc->why);
    if (dmarc->settled)
        return;
    for (size_t i = 0; i < dmarc->identifiers; i++)
        look(dmarc, &dmarc->identifier[i]);
    if (dmarc->walks == 0)
        judge(dmarc);
}

/* The identifier of that name. NULL: there are too many, or it is none. */
static struct identifier *identifier(struct dmarc *dmarc, const char *domain)
{
    if (domain[0] == '\0')
        return NULL;
    for (size_t i = 0; i < dmarc->identifiers; i++)
        if (strcmp(dmarc->identifier[i].domain, domain) == 0)
            return &dmarc->identifier[i];
    if (dmarc->identifiers == DMARC_IDENTIFIERS_MOST)
        return NULL;
    struct identifier *id = &dmarc->identifier[dmarc->identifiers++];
    id->dmarc = dmarc;
    id->domain = mem_strdup(domain);
    return id;
}

static void take_identifiers(struct dmarc *dmarc, const struct dmarc_identifiers *who)
{
    struct identifier *id = identifier(dmarc, who->spf_domain);
    if (id != NULL) {
        id->spf = !who->spf_temperror;
        id->unsure_spf = who->spf_temperror;
    }
    for (size_t i = 0; i < who->dkim_domains; i++)
        if ((id = identifier(dmarc, who->dkim_domain[i])) != NULL)
            id->dkim = true;
    for (size_t i = 0; i < who->dkim_unsures; i++)
        if ((id = identifier(dmarc, who->dkim_unsure[i])) != NULL)
            id->unsure_dkim = true;
    dmarc->any_unsure_dkim = who->dkim_temperror && who->dkim_unsures == 0;
}

/* ---- the policy ------------------------------------------------------------------------------ */

static enum dmarc_policy one_lower(enum dmarc_policy policy)
{
    return policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

static void take_policy(struct dmarc *dmarc, const struct dmarc_found *found)
{
    struct dmarc_answer *answer = &dmarc->answer;
    dmarc->record = found->record;
    dmarc->at = mem_strdup(found->at);
    answer->record = found->record;
    answer->inherited = found->inherited;
    answer->at = dmarc->at;
    answer->published = found->policy;
    answer->testing = found->record.testing;
    answer->policy = answer->testing ? one_lower(found->policy) : found->policy;
}

static void on_policy(const struct dmarc_found *found, void *arg)
{
    struct dmarc *dmarc = arg;
    dmarc->walk = NULL;
    dmarc->found = true;
    dmarc->failed = found->status == DNS_TEMPFAIL;
    dmarc->org_open = found->org_open;
    dmarc->org = mem_strdup(found->org);
    dmarc->answer.org = dmarc->org;
    dmarc->answer.queries += found->queries;
    snprintf(dmarc->why, sizeof dmarc->why, "%s", found->why[0] != '\0' ? found->why : "no record");
    if (found->status == DNS_FOUND)
        take_policy(dmarc, found);
    if (dmarc->ended)
        compare(dmarc);
    if (dmarc->settled)
        dmarc->changed(dmarc->arg);
}

/* ---- the object ------------------------------------------------------------------------------ */

struct dmarc *dmarc_new(struct dns *dns, const char *domain, enum dmarc_discovery how,
                        void (*changed)(void *arg), void *arg)
{
    struct dmarc *dmarc = mem_alloc(sizeof *dmarc);
    dmarc->dns = dns;
    dmarc->how = how;
    dmarc->changed = changed;
    dmarc->arg = arg;
    dmarc->domain = mem_strdup(domain);
    dmarc->answer = (struct dmarc_answer){.why = "", .domain = dmarc->domain, .at = "", .org = ""};
    dmarc->found = domain[0] == '\0';
    if (!dmarc->found)
        dmarc->walk = dmarc_walk_ask(dns, domain, how, true, on_policy, dmarc);
    return dmarc;
}

void dmarc_free(struct dmarc *dmarc)
{
    if (dmarc == NULL)
        return;
    dmarc_walk_cancel(dmarc->walk);
    for (size_t i = 0; i < dmarc->identifiers; i++) {
        dmarc_walk_cancel(dmarc->identifier[i].walk);
        free(dmarc->identifier[i].domain);
    }
    free(dmarc->domain);
    free(dmarc->at);
    free(dmarc->org);
    free(dmarc);
}

void dmarc_end(struct dmarc *dmarc, const struct dmarc_identifiers *who)
{
    take_identifiers(dmarc, who);
    dmarc->ended = true;
    if (dmarc->found && !dmarc->settled)
        compare(dmarc);
}

bool dmarc_settled(const struct dmarc *dmarc)
{
    return dmarc->settled;
}

void dmarc_give_up(struct dmarc *dmarc)
{
    if (dmarc->settled)
        return;
    dmarc_walk_cancel(dmarc->walk);
    dmarc->walk = NULL;
    for (size_t i = 0; i < dmarc->identifiers; i++) {
        struct identifier *id = &dmarc->identifier[i];
        id->open |= id->walk != NULL;
        dmarc_walk_cancel(id->walk);
        id->walk = NULL;
    }
    dmarc->walks = 0;
    if (dmarc->found && dmarc->at == NULL)
        compare(dmarc); /* there is nothing to compare with */
    else if (dmarc->found && dmarc->ended)
        judge(dmarc);
    else
        settle(dmarc, DMARC_TEMPERROR, "no answer in time");
}

const struct dmarc_answer *dmarc_answer(const struct dmarc *dmarc)
{
    return &dmarc->answer;
}
