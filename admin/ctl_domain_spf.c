/* SPDX-License-Identifier: ISC */
/*
 * ctl_domain_spf: a domain's SPF record (RFC 7208): what it costs and what is wrong with it.
 *
 * Two counts. The static one adds the terms that ask DNS in the record and in all that it includes,
 * whoever the client is; it is what a receiver may come to at worst. The other is an evaluation,
 * for an address that no sane record names, so it goes through to the end.
 *
 * Limits: RECORDS_MOST records are read; an include whose name hangs on the message is counted, but
 * cannot be followed.
 */
#include "admin/ctl_domain.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/spf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PART         "spf"
#define RECORDS_MOST 40
#define TIME_MS      20000
#define STRANGER     "240.0.0.1" /* reserved, RFC 1112 4 */

struct walk {
    struct ctl_domain *domain;
    json_t *out, *includes;
    char *name[RECORDS_MOST]; /* of records to read */
    size_t names;
    size_t terms; /* that ask DNS */
    bool cut;
};

/* One term of a record. */
struct term {
    char qualifier;
    const char *name;
    size_t name_len;
    const char *value; /* behind ':' or '=' */
    size_t value_len;
};

static bool next_term(const char **at, const char *end, struct term *out)
{
    while (*at < end && **at == ' ')
        (*at)++;
    if (*at == end)
        return false;
    const char *stop = memchr(*at, ' ', (size_t)(end - *at));
    if (stop == NULL)
        stop = end;
    const char *p = *at;
    out->qualifier = strchr("+-?~", *p) != NULL && *p != '\0' ? *p++ : '+';
    out->name = p;
    while (p < stop && *p != ':' && *p != '/' && *p != '=')
        p++;
    out->name_len = (size_t)(p - out->name);
    out->value = p < stop ? p + 1 : stop;
    out->value_len = (size_t)(stop - out->value);
    *at = stop;
    return true;
}

static bool is(const struct term *term, const char *name)
{
    return str_case_eq(term->name, term->name_len, name);
}

static bool has_all(const struct ctl_record *record)
{
    struct term term;
    const char *at = record->text;
    while (next_term(&at, record->text + record->len, &term))
        if (is(&term, "all"))
            return true;
    return false;
}

static void follow(struct walk *walk, const struct term *term)
{
    if (memchr(term->value, '%', term->value_len) != NULL || term->value_len == 0)
        return;
    if (walk->names == RECORDS_MOST)
        walk->cut = true;
    else
        walk->name[walk->names++] = mem_strndup(term->value, term->value_len);
}

static void say_all(struct walk *walk, const struct term *term)
{
    if (term->qualifier == '+')
        ctl_domain_fault(walk->domain, PART, "+all lets everybody send in its name");
    if (term->qualifier == '?')
        ctl_domain_note(walk->domain, PART, "?all says nothing of other senders; ~all or -all do");
}

/* Counts the terms; `own`: the domain's own record. */
static void read_terms(struct walk *walk, const struct ctl_record *record, bool own)
{
    static const char *const asking[] = {"a", "mx", "ptr", "exists"};
    struct term term;
    bool all = has_all(record), redirect = false;
    const char *at = record->text;
    while (next_term(&at, record->text + record->len, &term)) {
        bool modifier = is(&term, "redirect") && !all;
        for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++)
            walk->terms += is(&term, asking[i]);
        walk->terms += is(&term, "include") || modifier;
        if (is(&term, "include") || modifier)
            follow(walk, &term);
        if (is(&term, "ptr"))
            ctl_domain_fault(walk->domain, PART,
                             "ptr is slow and should not be used (RFC 7208 5.5)");
        if (own && is(&term, "all"))
            say_all(walk, &term);
        redirect = redirect || modifier;
    }
    if (own && !all && !redirect)
        ctl_domain_note(walk->domain, PART,
                        "it ends without all, and so says nothing of other senders");
}

static void read_included(struct walk *walk, const char *name)
{
    const struct ctl_record *record = ctl_domain_text(walk->domain, PART, name, "v=spf1", " ");
    json_array_append_new(
        walk->includes,
        json_pack("{s:o, s:o}", "name", ctl_dns_text(name, strlen(name)), "record",
                  record != NULL ? ctl_dns_text(record->text, record->len) : json_null()));
    if (record == NULL)
        ctl_domain_fault(walk->domain, PART, "%s, which it includes, has no SPF record: permerror",
                         name);
    else
        read_terms(walk, record, false);
}

static void say_count(struct walk *walk)
{
    json_object_set_new(walk->out, "terms", json_integer((json_int_t)walk->terms));
    json_object_set_new(walk->out, "terms-most", json_integer(SPF_TERMS_MOST));
    if (walk->terms > SPF_TERMS_MOST || walk->cut)
        ctl_domain_fault(walk->domain, PART,
                         "%s%zu terms ask DNS, all includes together; beyond %d receivers give up "
                         "with permerror (RFC 7208 4.6.4)",
                         walk->cut ? "more than " : "", walk->terms, SPF_TERMS_MOST);
}

static void on_answer(const struct spf_answer *answer, void *arg)
{
    struct walk *walk = arg;
    json_object_set_new(walk->out, "stranger", json_string(spf_result_name(answer->result)));
    json_object_set_new(walk->out, "asked", json_integer(answer->terms));
    json_object_set_new(walk->out, "void", json_integer(answer->voids));
    json_object_set_new(walk->out, "queries", json_integer(answer->queries));
    if (answer->result == SPF_PERMERROR || answer->result == SPF_TEMPERROR)
        ctl_domain_fault(walk->domain, PART, "an evaluation ends with %s: %s",
                         spf_result_name(answer->result), answer->why);
    else if (answer->result == SPF_PASS)
        ctl_domain_fault(walk->domain, PART, "%s, an address of nobody, passes by %s", STRANGER,
                         answer->mechanism);
    else if (answer->voids > 0)
        ctl_domain_note(walk->domain, PART,
                        "%u of its look-ups find nothing; more than %d are a permerror",
                        answer->voids, SPF_VOIDS_MOST);
    ctl_dns_stop(walk->domain->dns);
}

static void evaluate(struct walk *walk)
{
    const struct ctl_domain *domain = walk->domain;
    char *sender = mem_printf("postmaster@%s", domain->name);
    struct spf_query query = {.helo = domain->name,
                              .sender = sender,
                              .hostname = "localhost",
                              .now = (int64_t)time(NULL),
                              .time_ms = TIME_MS};
    addr_parse_ip(STRANGER, &query.client);
    struct spf *spf = spf_ask(ctl_dns_loop(domain->dns), ctl_dns_asker(domain->dns), &query, NULL,
                              on_answer, walk);
    (void)spf;
    ctl_dns_run(domain->dns);
    free(sender);
}

void ctl_domain_spf(struct ctl_domain *domain)
{
    struct walk walk = {.domain = domain, .out = json_object(), .includes = json_array()};
    const struct ctl_record *record = ctl_domain_text(domain, PART, domain->name, "v=spf1", " ");
    json_object_set_new(domain->out, PART, walk.out);
    json_object_set_new(walk.out, "record",
                        record != NULL ? ctl_dns_text(record->text, record->len) : json_null());
    if (record != NULL) {
        read_terms(&walk, record, true);
        for (size_t i = 0; i < walk.names; i++)
            read_included(&walk, walk.name[i]);
        say_count(&walk);
        evaluate(&walk);
        json_object_set(walk.out, "includes", walk.includes);
    } else {
        ctl_domain_fault(domain, PART,
                         "no SPF record that counts: nobody can tell who may send in "
                         "its name; \"v=spf1 -all\" says nobody may");
    }
    for (size_t i = 0; i < walk.names; i++)
        free(walk.name[i]);
    json_decref(walk.includes);
}
