/* SPDX-License-Identifier: ISC */
/*
 * message_auth: DKIM, ARC and DMARC of one message, in the order in which they can begin.
 *
 * The header section's end starts DKIM and ARC (keys are asked for, hashes of the body wanted) and
 * DMARC's discovery for the author's domain, side by side, while the body still comes. The
 * message's end settles the hashes. DMARC is told who has passed once DKIM has settled, since only
 * then it is known.
 *
 * Promises: any cut of the stream gives the same; who is told of the end may free it then (the
 * call comes from the loop by a post of its own, under no part's callback).
 * Limits: the header section's octets and fields (env, MESSAGE_AUTH_FIELDS). A longer one may hide
 * a second From or a field that is signed, so nothing in it can pass.
 */
#include "policy/auth/message_auth.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

#define TOO_LONG "the header section is longer than what is read"

struct message_auth {
    struct message_auth_env env;
    void (*changed)(void *arg);
    void *arg;
    struct header *header;
    struct body_hash *hash;
    struct dkim *dkim;   /* NULL before the header is complete, and where it is not wanted */
    struct arc *arc;     /* likewise */
    struct dmarc *dmarc; /* likewise */
    bool begun;          /* the header section is complete */
    bool ended;          /* message_auth_end() is through */
    bool dmarc_told;     /* who has passed */
    bool settled;
    const struct dkim_signature **signature;
    struct message_auth_results results;
};

static const struct dkim_signature cut_signature = {
    .result = DKIM_NEUTRAL,
    .why = TOO_LONG,
    .domain = "",
    .selector = "",
    .identity = "",
    .algorithm = "",
};
static const struct arc_answer no_arc = {
    .result = ARC_NONE, .why = "", .sealer = "", .oldest_pass = ""};
static const struct arc_answer cut_arc = {
    .result = ARC_FAIL, .why = TOO_LONG, .sealer = "", .oldest_pass = ""};
static const struct dmarc_answer no_dmarc = {
    .result = DMARC_NONE, .why = "", .domain = "", .at = "", .org = ""};

static void on_part_changed(void *arg);

struct message_auth *message_auth_new(const struct message_auth_env *env,
                                      void (*changed)(void *arg), void *arg)
{
    struct message_auth *auth = mem_alloc(sizeof *auth);
    auth->env = *env;
    auth->changed = changed;
    auth->arg = arg;
    auth->header = header_new(env->header_size, MESSAGE_AUTH_FIELDS);
    auth->hash = body_hash_new();
    auth->results =
        (struct message_auth_results){.header = auth->header, .arc = &no_arc, .dmarc = &no_dmarc};
    return auth;
}

static void notify(void *arg)
{
    struct message_auth *auth = arg;
    auth->changed(auth->arg);
}

void message_auth_free(struct message_auth *auth)
{
    if (auth == NULL)
        return;
    loop_unpost(auth->env.loop, notify, auth);
    dmarc_free(auth->dmarc);
    dkim_free(auth->dkim);
    arc_free(auth->arc);
    body_hash_free(auth->hash);
    header_free(auth->header);
    free(auth->signature);
    free(auth);
}

/* ---- the message -------------------------------------------------------------------------------
 */

/* The header section is complete. */
static void begin(struct message_auth *auth)
{
    const struct message_auth_env *env = &auth->env;
    struct author *author = &auth->results.author;
    auth->begun = true;
    author_find(auth->header, author);
    if (env->dmarc)
        auth->dmarc = dmarc_new(env->dns, author->status == AUTHOR_ONE ? author->domain : "",
                                env->discovery, on_part_changed, auth);
    if (header_cut(auth->header))
        return;
    if (env->dkim)
        auth->dkim =
            dkim_new(env->dns, auth->header, &env->dkim_rules, auth->hash, on_part_changed, auth);
    if (env->arc)
        auth->arc =
            arc_new(env->dns, auth->header, &env->arc_rules, auth->hash, on_part_changed, auth);
}

void message_auth_text(struct message_auth *auth, const char *data, size_t len)
{
    size_t used = 0;
    if (!auth->begun) {
        used = header_add(auth->header, data, len);
        if (header_complete(auth->header))
            begin(auth);
    }
    if (used < len && (auth->dkim != NULL || auth->arc != NULL))
        body_hash_add(auth->hash, data + used, len - used);
}

size_t message_auth_memory(const struct message_auth *auth)
{
    return header_memory(auth->header);
}

/* ---- what comes of it --------------------------------------------------------------------------
 */

static bool has_arc(const struct header *header)
{
    return header_first(header, "ARC-Seal") != NULL ||
           header_first(header, "ARC-Message-Signature") != NULL ||
           header_first(header, "ARC-Authentication-Results") != NULL;
}

static void take_signatures(struct message_auth *auth)
{
    struct message_auth_results *results = &auth->results;
    bool cut = auth->env.dkim && header_cut(auth->header);
    size_t count = auth->dkim != NULL ? dkim_count(auth->dkim) : cut ? 1 : 0;
    auth->signature = mem_alloc((count + 1) * sizeof(const struct dkim_signature *));
    for (size_t i = 0; i < count; i++)
        auth->signature[i] = cut ? &cut_signature : dkim_signature(auth->dkim, i);
    results->signatures = count;
    results->signature = auth->signature;
}

/* DKIM has settled, so DMARC can be told who has passed. */
static void tell_dmarc(struct message_auth *auth)
{
    const struct message_auth_results *results = &auth->results;
    const struct spf_known *spf = &results->spf;
    const char **domain = mem_alloc((results->signatures + 1) * sizeof(const char *));
    const char **unsure = mem_alloc((results->signatures + 1) * sizeof(const char *));
    bool spf_temperror = spf->result == SPF_TEMPERROR;
    struct dmarc_identifiers who = {
        .spf_domain = spf->result == SPF_PASS || spf_temperror ? spf->domain : "",
        .spf_temperror = spf_temperror,
        .dkim_domain = domain,
        .dkim_unsure = unsure,
    };
    for (size_t i = 0; i < results->signatures; i++) {
        const struct dkim_signature *signature = results->signature[i];
        if (signature->result == DKIM_PASS)
            domain[who.dkim_domains++] = signature->domain;
        if (signature->result == DKIM_TEMPERROR)
            unsure[who.dkim_unsures++] = signature->domain;
    }
    if (header_cut(auth->header))
        who = (struct dmarc_identifiers){.spf_domain = ""};
    dmarc_end(auth->dmarc, &who);
    free(domain);
    free(unsure);
}

/* Takes what has settled; true once that is everything. */
static bool take(struct message_auth *auth)
{
    if (auth->dkim != NULL && !dkim_settled(auth->dkim))
        return false;
    if (auth->signature == NULL)
        take_signatures(auth);
    if (auth->dmarc != NULL && !auth->dmarc_told) {
        auth->dmarc_told = true;
        tell_dmarc(auth);
    }
    if ((auth->arc != NULL && !arc_settled(auth->arc)) ||
        (auth->dmarc != NULL && !dmarc_settled(auth->dmarc)))
        return false;
    if (auth->arc != NULL)
        auth->results.arc = arc_answer(auth->arc);
    else if (auth->env.arc && header_cut(auth->header) && has_arc(auth->header))
        auth->results.arc = &cut_arc;
    if (auth->dmarc != NULL)
        auth->results.dmarc = dmarc_answer(auth->dmarc);
    auth->settled = true;
    return true;
}

static void on_part_changed(void *arg)
{
    struct message_auth *auth = arg;
    if (auth->ended && !auth->settled && take(auth))
        loop_post(auth->env.loop, notify, auth);
}

void message_auth_end(struct message_auth *auth, const struct spf_known *spf,
                      const struct spf_known *spf_helo)
{
    auth->results.spf = *spf;
    auth->results.spf_helo = *spf_helo;
    if (!auth->begun) {
        header_end(auth->header);
        begin(auth);
    }
    body_hash_end(auth->hash);
    if (auth->dkim != NULL)
        dkim_end(auth->dkim);
    if (auth->arc != NULL)
        arc_end(auth->arc);
    (void)take(auth);
    auth->ended = true;
}

bool message_auth_settled(const struct message_auth *auth)
{
    return auth->settled;
}

void message_auth_give_up(struct message_auth *auth)
{
    loop_unpost(auth->env.loop, notify, auth);
    if (auth->settled)
        return;
    auth->ended = false; /* nobody waits any more */
    if (auth->dkim != NULL)
        dkim_give_up(auth->dkim);
    if (auth->arc != NULL)
        arc_give_up(auth->arc);
    if (!take(auth)) {
        if (auth->dmarc != NULL)
            dmarc_give_up(auth->dmarc);
        if (!take(auth))
            abort(); /* a part that gave up has settled */
    }
}

const struct message_auth_results *message_auth_results(const struct message_auth *auth)
{
    return &auth->results;
}
