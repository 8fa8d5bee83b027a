/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_CHECK_RIG_H
#define TESTS_UNIT_SUPPORT_CHECK_RIG_H
/*
 * One check alone: its configuration read as from a file, its DNS from a table, and what it says
 * written down. The trial's side of policy/check.h is replaced at link time by what stands here, so
 * it is to be included by one file of a binary.
 *
 * A case is run several times: answered in the order of its DNS table, in the opposite order, all
 * at once, and stopped after each number of answers. What is said must be the same each time it
 * comes to its end. A run is freed in check_done(), so what touches it afterwards shows under ASan.
 */

#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/auth/message_auth.h"
#include "policy/check.h"
#include "tests/unit/support/fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig_case {
    const char *name;
    const char *config; /* what stands in the check's block, or NULL */
    const char *client; /* NULL: 192.0.2.17 */
    const char *helo;
    const char *domain; /* the sender's */
    const char *sender; /* NULL: "user@..." where there is a domain */
    bool no_lookup;
    enum check_stage stage;
    bool proven, reverse_confirmed, reverse_unknown, forwarder, arc_trusted, arc_unsure, listed;
    const char *reverse_name; /* NULL: "" */
    score_t score;
    const struct spf_known *spf, *spf_helo; /* NULL: nobody asked */
    const struct message_auth_results *message;
    bool seen; /* what check_seen() says is written down, too */
    /* A line each: "A name 192.0.2.1", "MX name 10 mx.example", or one of "A name !NODATA",
     * "!NXDOMAIN", "!TEMPFAIL why". What it does not name does not exist. */
    const char *dns;
    /* What is said, a line each: "found 2 label [answer] reason", with " (5.7.25)" behind where it
     * has a code; "refused" likewise; "abstain label [why]"; "seen label [answer]"; "reverse name
     * confirmed|unconfirmed" or "reverse none"; "spf mailfrom|helo RESULT domain", with " open"
     * behind; "mark WORD override WORDS", "-" for none. */
    const char *said;
    size_t asked; /* questions, where that is worth knowing; else 0 */
};

struct rig {
    struct check_facts facts;
    struct addr client, server;
    struct dns *dns;
    struct loop *loop;
    struct buf said;
    bool seen;
    bool done;
    bool stopped;
};

/* What the trial would be. */
static struct rig *rig;

const struct check_facts *check_facts(const struct check_run *run)
{
    (void)run;
    return &rig->facts;
}

struct dns *check_dns(const struct check_run *run)
{
    (void)run;
    assert_true(rig->facts.lookup);
    return rig->dns;
}

struct loop *check_loop(const struct check_run *run)
{
    (void)run;
    return rig->loop;
}

uint64_t check_now(const struct check_run *run)
{
    (void)run;
    return 1000;
}

static void rig_may_speak(void)
{
    assert_false(rig->done);
    assert_false(rig->stopped);
}

static void rig_say(const char *how, score_t score, const char *label, const char *answer,
                    const char *reason, const char *enhanced)
{
    rig_may_speak();
    buf_printf(&rig->said, "%s %g %s [%s] %s", how, score / 100.0, label, answer, reason);
    if (enhanced != NULL)
        buf_printf(&rig->said, " (%s)", enhanced);
    buf_add_str(&rig->said, "\n");
}

void check_found_code(struct check_run *run, score_t score, const char *label, const char *answer,
                      const char *reason, const char *enhanced)
{
    (void)run;
    rig_say("found", score, label, answer, reason, enhanced);
}

void check_refused(struct check_run *run, score_t score, const char *label, const char *answer,
                   const char *reason, const char *enhanced)
{
    (void)run;
    rig_say("refused", score, label, answer, reason, enhanced);
}

void check_found(struct check_run *run, score_t score, const char *label, const char *answer,
                 const char *reason)
{
    check_found_code(run, score, label, answer, reason, NULL);
}

void check_abstain(struct check_run *run, const char *label, const char *why)
{
    (void)run;
    rig_may_speak();
    buf_printf(&rig->said, "abstain %s [%s]\n", label, why);
}

void check_seen(struct check_run *run, const char *label, const char *answer)
{
    (void)run;
    rig_may_speak();
    if (rig->seen)
        buf_printf(&rig->said, "seen %s [%s]\n", label, answer);
}

void check_skipped(struct check_run *run)
{
    (void)run;
    rig_may_speak();
}

void check_reverse_known(struct check_run *run, const char *name, bool confirmed, bool dynamic)
{
    (void)dynamic;
    (void)run;
    rig_may_speak();
    if (name == NULL)
        buf_add_str(&rig->said, "reverse none\n");
    else
        buf_printf(&rig->said, "reverse %s %s\n", name, confirmed ? "confirmed" : "unconfirmed");
}

void check_spf_known(struct check_run *run, bool helo, const struct spf_known *known)
{
    (void)run;
    rig_may_speak();
    assert_true(known->checked);
    buf_printf(&rig->said, "spf %s %s %s%s\n", helo ? "helo" : "mailfrom",
               spf_result_name(known->result), known->domain, known->open ? " open" : "");
}

void check_disposition(struct check_run *run, const char *mark, const char *override)
{
    (void)run;
    rig_may_speak();
    buf_printf(&rig->said, "mark %s override %s\n", mark[0] != '\0' ? mark : "-",
               override[0] != '\0' ? override : "-");
}

void check_done(struct check_run *run)
{
    rig_may_speak();
    rig->done = true;
    free(run->memory);
    free(run);
}

/* ---- the configuration -------------------------------------------------------------------------
 */

struct rig_config {
    struct conf *conf;
    const struct check *check;
    struct check_config *config;
    const struct conf_section *sections[3];
};

static const struct conf_section rig_top = {.help = "nothing"};

static struct rig_config *rig_config_new(const struct check *check, const char *text)
{
    struct rig_config *c = mem_alloc(sizeof *c);
    char *file = mem_printf("%s {\n%s\n}\n", check->name, text != NULL ? text : "");
    c->check = check;
    c->sections[0] = &rig_top;
    c->sections[1] = check->section;
    c->conf = conf_new("test.conf", c->sections);
    assert_true(conf_read_text(c->conf, file, strlen(file)));
    c->config = mem_alloc(check->config_size);
    c->config->check = check;
    conf_fill(c->conf, conf_part(c->conf, check->section, 0), c->config);
    if (check->prepare != NULL)
        check->prepare(c->config, c->conf, conf_part(c->conf, check->section, 0));
    free(file);
    return c;
}

static void rig_config_free(struct rig_config *c)
{
    if (c->check->release != NULL)
        c->check->release(c->config);
    conf_clear(c->check->section, c->config);
    conf_free(c->conf);
    free(c->config);
    free(c);
}

/* ---- the DNS -----------------------------------------------------------------------------------
 */

struct rig_line {
    enum dns_type type;
    char name[DNS_NAME_MAX + 1];
    char records[1024];
};

/* The next line of the table; false: there is none. */
static bool rig_line(const char **at, struct rig_line *line)
{
    static const char *const type[] = {[DNS_A] = "A",   [DNS_AAAA] = "AAAA", [DNS_PTR] = "PTR",
                                       [DNS_MX] = "MX", [DNS_TXT] = "TXT",   [DNS_TLSA] = "TLSA"};
    char word[8];
    if (*at == NULL || **at == '\0')
        return false;
    if (sscanf(*at, "%7s %253s %1023[^\n]", word, line->name, line->records) != 3)
        fail_msg("no line of a DNS table: %s", *at);
    for (size_t i = 0; i < sizeof type / sizeof type[0]; i++)
        if (strcmp(word, type[i]) == 0)
            line->type = (enum dns_type)i;
    const char *end = strchr(*at, '\n');
    *at = end != NULL ? end + 1 : *at + strlen(*at);
    return true;
}

static void rig_dns(struct dns *dns, const char *table)
{
    struct rig_line line;
    while (rig_line(&table, &line)) {
        if (strcmp(line.records, "!NODATA") == 0)
            fake_dns_status(dns, line.type, line.name, DNS_NODATA, NULL);
        else if (strcmp(line.records, "!NXDOMAIN") == 0)
            fake_dns_status(dns, line.type, line.name, DNS_NXDOMAIN, NULL);
        else if (strncmp(line.records, "!TEMPFAIL ", 10) == 0)
            fake_dns_status(dns, line.type, line.name, DNS_TEMPFAIL, line.records + 10);
        else
            fake_dns_set(dns, line.type, line.name, line.records);
    }
}

enum rig_order { RIG_FORWARD, RIG_BACKWARD, RIG_AT_ONCE };

/* Answers one question (all that are open, where at once); false: none is open. */
static bool rig_answer(const char *table, enum rig_order order)
{
    struct rig_line line;
    struct rig_line chosen;
    bool found = false;
    const char *at = table;
    if (fake_dns_open(rig->dns) == 0)
        return false;
    if (order == RIG_AT_ONCE)
        return fake_dns_run(rig->dns) > 0;
    while (!found && rig_line(&at, &line))
        found = order == RIG_FORWARD && fake_dns_run_for(rig->dns, line.type, line.name) > 0;
    if (found)
        return true;
    for (size_t lines = 0; order == RIG_BACKWARD; lines++) { /* the lines from the last on */
        size_t count = 0;
        for (at = table; rig_line(&at, &line); count++)
            ;
        if (lines == count)
            break;
        at = table;
        for (size_t i = 0; i < count - lines; i++)
            (void)rig_line(&at, &chosen);
        if (fake_dns_run_for(rig->dns, chosen.type, chosen.name) > 0)
            return true;
    }
    return fake_dns_run(rig->dns) > 0;
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static void rig_open(struct rig *r, const struct rig_case *c)
{
    static const struct spf_known nobody_asked;
    memset(r, 0, sizeof *r);
    assert_true(addr_parse_ip(c->client != NULL ? c->client : "192.0.2.17", &r->client));
    assert_true(addr_parse_ip("198.51.100.25", &r->server));
    r->facts = (struct check_facts){
        .client = &r->client,
        .lookup = !c->no_lookup,
        .proven = c->proven,
        .reverse_name = c->reverse_name != NULL ? c->reverse_name : "",
        .reverse_confirmed = c->reverse_confirmed,
        .reverse_unknown = c->reverse_unknown,
        .helo = c->helo != NULL ? c->helo : "",
        .sender = c->sender != NULL   ? c->sender
                  : c->domain != NULL ? "user@..."
                                      : "",
        .sender_domain = c->domain != NULL ? c->domain : "",
        .hostname = "mx.example.org",
        .server = &r->server,
        .forwarder = c->forwarder,
        .spf = c->spf != NULL ? c->spf : &nobody_asked,
        .spf_helo = c->spf_helo != NULL ? c->spf_helo : &nobody_asked,
        .message = c->message,
        .arc_trusted = c->arc_trusted,
        .arc_unsure = c->arc_unsure,
        .score = c->score,
        .listed = c->listed,
    };
    r->seen = c->seen;
    r->loop = loop_new();
    r->dns = fake_dns_new();
    rig_dns(r->dns, c->dns);
    rig = r;
}

static void rig_close(struct rig *r)
{
    assert_int_equal(fake_dns_open(r->dns), 0);
    fake_dns_free(r->dns);
    loop_free(r->loop);
    buf_free(&r->said);
    rig = NULL;
}

static void rig_compare(const struct rig_case *c, const char *how)
{
    buf_add(&rig->said, "", 1);
    if (!rig->done)
        fail_msg("%s (%s): not done, said %s", c->name, how, buf_data(&rig->said));
    if (strcmp(buf_data(&rig->said), c->said) != 0)
        fail_msg("%s (%s): said\n%sinstead of\n%s", c->name, how, buf_data(&rig->said), c->said);
    if (c->asked != 0 && fake_dns_asked(rig->dns) != c->asked)
        fail_msg("%s (%s): %zu questions", c->name, how, fake_dns_asked(rig->dns));
}

static struct check_run *rig_start(const struct rig_config *config, const struct rig_case *c)
{
    struct check_run *run = mem_alloc(sizeof *run);
    run->config = config->config;
    run->stage = c->stage;
    run->memory = mem_alloc(config->check->state_size);
    config->check->start(run);
    loop_poll(rig->loop); /* answers that need no DNS come from the loop, too */
    return run;
}

/* To the end. */
static void rig_run(const struct rig_config *config, const struct rig_case *c, enum rig_order order)
{
    static const char *const how[] = {"forward", "backward", "at once"};
    struct rig r;
    rig_open(&r, c);
    (void)rig_start(config, c);
    while (rig_answer(c->dns, order))
        ;
    rig_compare(c, how[order]);
    rig_close(&r);
}

/* Stopped after `answers`; false: it was done before. */
static bool rig_stop(const struct rig_config *config, const struct rig_case *c, size_t answers)
{
    struct rig r;
    rig_open(&r, c);
    struct check_run *run = rig_start(config, c);
    while (answers-- > 0 && rig_answer(c->dns, RIG_BACKWARD))
        ;
    bool done = r.done;
    if (!done) {
        assert_true(fake_dns_open(r.dns) > 0); /* what is not done waits for something */
        config->check->stop(run);
        r.stopped = true;
        assert_int_equal(fake_dns_open(r.dns), 0);
        free(run->memory);
        free(run);
    }
    rig_close(&r);
    return !done;
}

static void rig_case(const struct check *check, const struct rig_case *c)
{
    struct rig_config *config = rig_config_new(check, c->config);
    assert_int_equal(conf_fault_count(config->conf), 0);
    rig_run(config, c, RIG_FORWARD);
    rig_run(config, c, RIG_BACKWARD);
    rig_run(config, c, RIG_AT_ONCE);
    for (size_t answers = 0; rig_stop(config, c, answers); answers++)
        ;
    rig_config_free(config);
}

static void rig_cases(const struct check *check, const struct rig_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rig_case(check, &cases[i]);
}

#endif
