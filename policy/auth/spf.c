/* SPDX-License-Identifier: ISC */
/*
 * spf: may this client send for this domain? (RFC 7208): the evaluation of records; their terms are
 * in spf_match and spf_names, the explanation in spf_explain, what is told in spf_trace.
 *
 * Promises: one question at a time, so that none is asked in vain; nothing recurses: an include is
 * a frame on a stack that the limit on terms bounds, a redirect takes its frame over. A record is
 * checked whole before its first term is looked at.
 * The limits (4.6.4): terms that ask DNS (include, a, mx, ptr, exists, redirect) over all records,
 * terms whose look-up brought nothing, MX hosts and names. So an evaluation asks at most 1 (the
 * record) + 10 (terms) + 100 (MX hosts) + 11 (PTR and names) + 1 (explanation) times.
 * What DNS cannot be asked for (4.3) does not exist: none where it is the first domain, permerror
 * by include and redirect, no match elsewhere.
 */
#include "policy/auth/spf_int.h"

#include "dns/name.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum spf_flow next_term(struct spf *s);
static enum spf_flow seek_record(struct spf *s);

const char *spf_result_name(enum spf_result result)
{
    static const char *const name[] = {"none",     "neutral",   "pass",     "fail",
                                       "softfail", "temperror", "permerror"};
    return name[result];
}

struct spf_frame *spf_top(struct spf *s)
{
    return s->frame[s->frames - 1];
}

/* ---- begin and end -----------------------------------------------------------------------------
 */

static void frame_free(struct spf_frame *frame)
{
    spf_record_clear(&frame->record);
    free(frame);
}

static void begin(void *arg);

static void spf_free(struct spf *s)
{
    dns_cancel(s->question);
    timer_free(s->timer);
    timer_free(s->names_timer);
    if (!s->begun)
        loop_unpost(s->loop, begin, s);
    while (s->frames > 0)
        frame_free(s->frame[--s->frames]);
    free((char *)s->explanation.text);
    free(s->local);
    free(s->origin);
    free(s->helo);
    free(s->hostname);
    free(s);
}

void spf_cancel(struct spf *s)
{
    if (s != NULL)
        spf_free(s);
}

enum spf_flow spf_end(struct spf *s, enum spf_result result)
{
    while (s->frames > 1)
        frame_free(s->frame[--s->frames]);
    struct spf_answer answer = {
        .result = result,
        .domain = s->domain,
        .mechanism = s->mechanism,
        .why = s->why,
        .explanation = s->words,
        .terms = s->terms,
        .voids = s->voids,
        .queries = s->queries,
    };
    dns_cancel(s->question);
    s->question = NULL;
    s->fn(&answer, s->arg);
    spf_free(s);
    return SPF_ENDED;
}

enum spf_flow spf_error(struct spf *s, enum spf_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    spf_say(s, "%s: %s", spf_result_name(result), s->why);
    return spf_end(s, result);
}

enum spf_flow spf_dns_error(struct spf *s, const struct dns_answer *answer)
{
    return spf_error(s, SPF_TEMPERROR, "%s %s: %s", spf_type_name(s->type), s->asked, answer->why);
}

static void on_time(void *arg)
{
    struct spf *s = arg;
    if (s->result == SPF_FAIL) /* all that is missing are its words */
        (void)spf_end(s, s->result);
    else
        (void)spf_error(s, SPF_TEMPERROR, "no answer in time");
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static void go(struct spf *s)
{
    while (s->step(s) == SPF_GO_ON)
        ;
}

static void on_names_time(void *arg)
{
    struct spf *s = arg;
    if (spf_names_late(s))
        go(s);
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct spf *s = arg;
    s->question = NULL;
    spf_say_answer(s, answer);
    if (s->hear(s, answer) == SPF_GO_ON)
        go(s);
}

enum spf_flow spf_query(struct spf *s, enum dns_type type, const char *name, spf_hear_fn hear)
{
    s->queries++;
    s->hear = hear;
    s->type = type;
    if (name != s->asked)
        snprintf(s->asked, sizeof s->asked, "%s", name);
    s->question = dns_ask(s->dns, type, s->asked, on_answer, s);
    return SPF_WAITS;
}

bool spf_void(struct spf *s)
{
    return ++s->voids <= SPF_VOIDS_MOST;
}

struct spf_macro_facts spf_facts(const struct spf *s, const char *domain)
{
    return (struct spf_macro_facts){
        .client = s->client,
        .local = s->local,
        .origin = s->origin,
        .domain = domain,
        .helo = s->helo,
        .name = "unknown",
        .hostname = s->hostname,
        .now = s->now,
    };
}

bool spf_expand(struct spf *s, struct spf_text spec, const char *domain,
                char out[static DNS_NAME_MAX + 1])
{
    struct spf_macro_facts facts = spf_facts(s, domain);
    bool wants_name;
    (void)spf_macro_fault(spec.text, spec.len, SPF_MACRO_NAME, &wants_name);
    if (wants_name && !spf_names_show(s, domain, &facts.name))
        return false;
    spf_macro_name(spec.text, spec.len, &facts, out);
    return true;
}

/* What decided, as the first record writes it. */
static void note_mechanism(struct spf *s)
{
    const struct spf_text *whole = &s->frame[0]->term.whole;
    if (s->frames == 1)
        str_printable(s->mechanism, sizeof s->mechanism, whole->text, whole->len);
}

static void say_match(struct spf *s, bool matches)
{
    const struct spf_text *whole = &spf_top(s)->term.whole;
    spf_say(s, "%.*s: %s", (int)whole->len, whole->text, matches ? "matches" : "no match");
}

/* The first record's result. */
static enum spf_flow conclude(struct spf *s, enum spf_result result)
{
    s->result = result;
    if (result != SPF_FAIL)
        return spf_end(s, result);
    s->step = spf_explain;
    return SPF_GO_ON;
}

/* The last frame's record says `result`: what an include makes of it (5.2). */
static enum spf_flow leave(struct spf *s, enum spf_result result)
{
    for (;;) {
        spf_say(s, "%s", spf_result_name(result));
        if (s->frames == 1)
            return conclude(s, result);
        frame_free(s->frame[--s->frames]);
        say_match(s, result == SPF_PASS);
        if (result != SPF_PASS) {
            s->step = next_term;
            return SPF_GO_ON;
        }
        result = spf_top(s)->term.result;
        note_mechanism(s);
    }
}

enum spf_flow spf_match(struct spf *s, bool matches)
{
    say_match(s, matches);
    if (!matches) {
        s->step = next_term;
        return SPF_GO_ON;
    }
    note_mechanism(s);
    return leave(s, spf_top(s)->term.result);
}

/* False: it is one too many. */
static bool count_term(struct spf *s)
{
    return ++s->terms <= SPF_TERMS_MOST;
}

static enum spf_flow too_many_terms(struct spf *s)
{
    return spf_error(s, SPF_PERMERROR, "more than %d terms that ask DNS", SPF_TERMS_MOST);
}

/* ---- records -----------------------------------------------------------------------------------
 */

/* s->target is asked for its record in a frame of its own. */
static enum spf_flow include(struct spf *s)
{
    struct spf_frame *frame = mem_alloc(sizeof *frame);
    memcpy(frame->domain, s->target, sizeof frame->domain);
    s->frame[s->frames++] = frame; /* there is room: each is a term that counts */
    s->step = seek_record;
    return SPF_GO_ON;
}

static enum spf_flow expand_term(struct spf *s)
{
    const struct spf_frame *frame = spf_top(s);
    if (frame->term.domain.len == 0)
        memcpy(s->target, frame->domain, sizeof s->target);
    else if (!spf_expand(s, frame->term.domain, frame->domain, s->target))
        return SPF_WAITS;
    s->step = frame->term.kind == SPF_INCLUDE ? include : spf_match_term;
    return SPF_GO_ON;
}

static enum spf_flow expand_redirect(struct spf *s)
{
    struct spf_frame *frame = spf_top(s);
    if (!spf_expand(s, frame->record.redirect, frame->domain, s->target))
        return SPF_WAITS;
    spf_say(s, "redirect=%s", s->target);
    spf_record_clear(&frame->record);
    frame->at = 0;
    memcpy(frame->domain, s->target, sizeof frame->domain);
    s->step = seek_record;
    return SPF_GO_ON;
}

/* No mechanism has matched (4.7). */
static enum spf_flow past_all(struct spf *s)
{
    if (spf_top(s)->record.redirect.len == 0)
        return leave(s, SPF_NEUTRAL);
    if (!count_term(s))
        return too_many_terms(s);
    s->step = expand_redirect;
    return SPF_GO_ON;
}

static enum spf_flow next_term(struct spf *s)
{
    struct spf_frame *frame = spf_top(s);
    if (!spf_record_next(&frame->record, &frame->at, &frame->term))
        return past_all(s);
    switch (frame->term.kind) {
    case SPF_INCLUDE:
    case SPF_A:
    case SPF_MX:
    case SPF_PTR:
    case SPF_EXISTS:
        if (!count_term(s))
            return too_many_terms(s);
        s->step = expand_term;
        return SPF_GO_ON;
    case SPF_ALL:
    case SPF_IP4:
    case SPF_IP6:
    case SPF_REDIRECT:
    case SPF_EXP:
    case SPF_UNKNOWN:
        break;
    }
    return spf_match_term(s);
}

/* A domain without a record: none for the first, permerror for all others (5.2, 6.1). */
static enum spf_flow no_record(struct spf *s, const char *what)
{
    const char *domain = spf_top(s)->domain;
    return spf_error(s, s->terms == 0 ? SPF_NONE : SPF_PERMERROR, "%s %s", domain, what);
}

static enum spf_flow take_record(struct spf *s, const struct dns_answer *answer)
{
    struct spf_frame *frame = spf_top(s);
    char why[SPF_WHY_MAX];
    size_t records = 0, which = 0;
    for (size_t i = 0; i < answer->count; i++)
        if (spf_record_is(answer->txt[i].text, answer->txt[i].len)) {
            which = i;
            records++;
        }
    if (records == 0)
        return no_record(s, "has no SPF record");
    if (records > 1)
        return spf_error(s, SPF_PERMERROR, "%s has %zu SPF records", frame->domain, records);
    if (!spf_record_read(&frame->record, answer->txt[which].text, answer->txt[which].len, why))
        return spf_error(s, SPF_PERMERROR, "%s has %s", frame->domain, why);
    s->step = next_term;
    return SPF_GO_ON;
}

static enum spf_flow on_record(struct spf *s, const struct dns_answer *answer)
{
    switch (answer->status) {
    case DNS_FOUND:
        return take_record(s, answer);
    case DNS_NODATA:
        return no_record(s, "has no SPF record");
    case DNS_NXDOMAIN:
        return no_record(s, "does not exist");
    case DNS_TEMPFAIL:
        break;
    }
    return spf_dns_error(s, answer);
}

static enum spf_flow seek_record(struct spf *s)
{
    return spf_query(s, DNS_TXT, spf_top(s)->domain, on_record);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

/* The domain as it can be asked for: lower case, A-labels, of two labels at least and no address.
 * False: *out is what was said of it, for people. */
static bool askable(const char *said, char out[static DNS_NAME_MAX + 1])
{
    char normal[DNS_NAME_MAX + 1];
    struct addr address;
    const char *name = said;
    for (const char *c = said; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80 && name == said)
            name = relay_domain_normal(said, normal, sizeof normal) ? normal : "";
    if (dns_name_normal(name, out) && strchr(out, '.') != NULL && out[0] != '[' &&
        !addr_parse_ip(out, &address))
        return true;
    str_printable(out, DNS_NAME_MAX + 1, said, strlen(said));
    return false;
}

/* Whose domain, and what stands before the '@'. */
static void take_identity(struct spf *s, const struct spf_query *query)
{
    const char *sender = query->helo_identity ? "" : query->sender;
    const char *at = strrchr(sender, '@');
    const char *domain = sender[0] == '\0' ? query->helo : at != NULL ? at + 1 : sender;
    s->frame[0] = mem_alloc(sizeof *s->frame[0]);
    s->frames = 1;
    bool good = askable(domain, s->domain);
    if (good)
        memcpy(s->frame[0]->domain, s->domain, sizeof s->domain);
    s->origin = mem_strdup(s->domain);
    s->local = at != NULL && at > sender ? mem_strndup(sender, (size_t)(at - sender))
                                         : mem_strdup("postmaster");
}

static void begin(void *arg)
{
    struct spf *s = arg;
    s->begun = true;
    if (s->domain[0] == '\0')
        (void)spf_error(s, SPF_NONE, "there is no domain");
    else if (s->frame[0]->domain[0] == '\0')
        (void)spf_error(s, SPF_NONE, "%s is no full domain name", s->domain);
    else
        go(s);
}

static bool is_mapped(const struct addr *client)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return client->family == AF_INET6 && memcmp(client->ip, mapped, sizeof mapped) == 0;
}

struct spf *spf_ask(struct loop *loop, struct dns *dns, const struct spf_query *query,
                    spf_trace_fn trace, spf_fn fn, void *arg)
{
    struct spf *s = mem_alloc(sizeof *s);
    s->loop = loop;
    s->dns = dns;
    s->trace = trace;
    s->fn = fn;
    s->arg = arg;
    s->client = query->client;
    if (is_mapped(&query->client)) {
        s->client = (struct addr){.family = AF_INET};
        memcpy(s->client.ip, query->client.ip + 12, 4);
    }
    s->helo = mem_strdup(query->helo);
    s->hostname = mem_strdup(query->hostname[0] != '\0' ? query->hostname : "unknown");
    s->now = query->now;
    s->step = seek_record;
    take_identity(s, query);
    s->timer = timer_new(loop, on_time, s);
    timer_set(s->timer, query->time_ms);
    s->names_timer = timer_new(loop, on_names_time, s);
    timer_set(s->names_timer, query->time_ms / 2);
    loop_post(loop, begin, s);
    return s;
}
