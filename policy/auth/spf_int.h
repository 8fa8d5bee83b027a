/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_SPF_INT_H
#define POLICY_AUTH_SPF_INT_H
/*
 * What the files of spf share. An evaluation is a stack of frames (a record each: the first, and
 * one for each include within it) and the step that is to be taken next. Steps are taken until one
 * has asked DNS; its answer's hearer says whether to go on. A step that must first learn something
 * asks for it and is taken again.
 */

#include "policy/auth/spf.h"
#include "policy/auth/spf_macro.h"
#include "policy/auth/spf_record.h"

enum spf_flow {
    SPF_GO_ON, /* take s->step */
    SPF_WAITS, /* for DNS */
    SPF_ENDED, /* `s` is gone */
};
typedef enum spf_flow (*spf_step_fn)(struct spf *s);
typedef enum spf_flow (*spf_hear_fn)(struct spf *s, const struct dns_answer *answer);

struct spf_frame {
    struct spf_record record;
    char domain[DNS_NAME_MAX + 1];
    size_t at;            /* in the record, behind `term` */
    struct spf_term term; /* under evaluation; of all frames but the last, the include */
};

enum spf_validity { SPF_NOT_LOOKED, SPF_VALID, SPF_NOT_VALID };

/* The client's names in DNS, for ptr and %{p}; asked for at most once. */
struct spf_names {
    bool asked, nothing; /* `nothing`: there is no such record */
    bool late;           /* their half of the time is over: what is not known is not valid */
    size_t count;
    char name[SPF_NAMES_MOST][DNS_NAME_MAX + 1];
    enum spf_validity validity[SPF_NAMES_MOST]; /* do its addresses hold the client's? */
    size_t looking;                             /* the one that is asked for */
};

struct spf {
    struct loop *loop;
    struct dns *dns;
    struct timer *timer, *names_timer;
    struct dns_question *question;
    spf_trace_fn trace;
    spf_fn fn;
    void *arg;
    struct addr client;
    char *local, *origin, *helo, *hostname; /* for macros */
    int64_t now;
    bool begun;

    struct spf_frame *frame[SPF_TERMS_MOST + 1];
    size_t frames;
    spf_step_fn step;
    spf_hear_fn hear;
    enum dns_type type; /* of the question, */
    char asked[DNS_NAME_MAX + 1];
    char target[DNS_NAME_MAX + 1]; /* the term's domain, expanded */
    char mx[SPF_NAMES_MOST][DNS_NAME_MAX + 1];
    size_t mx_count, mx_at;
    bool mx_addresses; /* one of them had an address */
    struct spf_names names;

    enum spf_result result; /* while the explanation is sought */
    unsigned terms, voids, queries;
    char domain[DNS_NAME_MAX + 1];
    char mechanism[256];
    char why[512];
    struct spf_text explanation; /* the TXT record: ours */
    char words[SPF_EXPLANATION_MAX + 1];
};

/* ---- spf.c */
struct spf_frame *spf_top(struct spf *s);
/* Asks; SPF_WAITS. */
enum spf_flow spf_query(struct spf *s, enum dns_type type, const char *name, spf_hear_fn hear);
/* The term under evaluation matches, or not. */
enum spf_flow spf_match(struct spf *s, bool matches);
/* The whole of it is temperror or permerror. */
enum spf_flow spf_error(struct spf *s, enum spf_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum spf_flow spf_dns_error(struct spf *s, const struct dns_answer *answer);
/* A term's look-up brought nothing; false: that was one too many. */
bool spf_void(struct spf *s);
/* What macros are made of, but for %{p}. */
struct spf_macro_facts spf_facts(const struct spf *s, const char *domain);
/* `spec` expanded for the frame's domain; false: a %{p} in it has been asked for. */
bool spf_expand(struct spf *s, struct spf_text spec, const char *domain,
                char out[static DNS_NAME_MAX + 1]);

/* ---- spf_trace.c */
void spf_say(struct spf *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void spf_say_answer(struct spf *s, const struct dns_answer *answer);
const char *spf_type_name(enum dns_type type); /* "AAAA" */

/* ---- spf_match.c: the mechanisms whose domain is s->target */
enum spf_flow spf_match_term(struct spf *s);

/* ---- spf_names.c */
/* A host's name as it can be asked for, from how dns.h shows it; false: it cannot, or is empty. */
bool spf_host(const char *shown, char out[static DNS_NAME_MAX + 1]);
/* *out: the validated name to show for `domain`, or "unknown". False: DNS has been asked. */
bool spf_names_show(struct spf *s, const char *domain, const char **out);
/* The step of ptr. */
enum spf_flow spf_names_match(struct spf *s);
/* No more time for the names. True: DNS was being asked for them, and s->step can be taken now. */
bool spf_names_late(struct spf *s);
bool spf_holds(const struct spf *s, const struct dns_answer *answer, unsigned bits4,
               unsigned bits6);
enum dns_type spf_address_type(const struct spf *s);

/* ---- spf_explain.c */
/* The step that finds the words for s->result, a fail. */
enum spf_flow spf_explain(struct spf *s);
enum spf_flow spf_end(struct spf *s, enum spf_result result);

#endif
