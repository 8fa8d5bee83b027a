/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_FAKE_CHECK_H
#define TESTS_UNIT_SUPPORT_FAKE_CHECK_H
/*
 * Small checks whose findings a test chooses by what DNS answers, and a table of checks that has
 * them beside all real ones. For each stage there is a block with a title:
 *
 *     at-connect "name"  asks for the address of name         at-helo "name"    of HELO.name
 *     at-reverse "name"  of REVERSE.name                      at-sender "name"  of DOMAIN.name
 *     at-message "name"  of name, or at once                  at-always "name"  like at-connect,
 *                                                             for allowed clients, too
 *
 * Found: a finding of the block's `score`, its answer the first address, its reason "found by name"
 * and its reply code `code`; with `refuse = yes` it refuses alone (check_refused). With `at-once =
 * yes` it is said from inside start(), without DNS. No answer that can be used: it abstains. With
 * `fake-reverse { mode = score confirmed = yes dynamic = no }` the client's reverse name is what a
 * PTR question for "reverse.test" brings.
 *
 * To be included by one file of a binary, since it defines the table. FAKE_CHECK_REAL may name
 * more checks for it before, each with a comma.
 */

#include "lib/mem.h"
#include "policy/behaviour.h"
#include "policy/check.h"
#include "policy/check_dnsbl.h"
#include "policy/check_names.h"
#include "policy/client_limits.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef FAKE_CHECK_REAL
#define FAKE_CHECK_REAL
#endif

struct fake_config {
    struct check_config common;
    char *code;
    bool at_once;
    bool refuse;
    bool confirmed;
    bool dynamic;
};

struct fake_run {
    struct check_run *run;
    struct dns_question *question;
};

static const struct conf_row fake_rows[] = {
    CHECK_ROWS(struct fake_config, "score", "1"),
    {.name = "code", .type = CONF_STRING, .offset = offsetof(struct fake_config, code)},
    {.name = "at-once",
     .type = CONF_BOOL,
     .offset = offsetof(struct fake_config, at_once),
     .initial = "no"},
    {.name = "refuse",
     .type = CONF_BOOL,
     .offset = offsetof(struct fake_config, refuse),
     .initial = "no"},
};
static const struct conf_row fake_reverse_rows[] = {
    CHECK_ROWS(struct fake_config, "off", "1"),
    {.name = "confirmed",
     .type = CONF_BOOL,
     .offset = offsetof(struct fake_config, confirmed),
     .initial = "yes"},
    {.name = "dynamic",
     .type = CONF_BOOL,
     .offset = offsetof(struct fake_config, dynamic),
     .initial = "no"},
};

static inline void fake_prepare(struct check_config *config, struct conf *conf,
                                const struct conf_part *part)
{
    (void)conf;
    (void)part;
    if (config->title != NULL)
        config->label = config->block = config->title;
}

static inline void fake_found(struct check_run *run, const char *answer)
{
    const struct fake_config *config = (const struct fake_config *)(const void *)run->config;
    char *reason = mem_printf("found by %s", run->config->title);
    if (config->refuse)
        check_refused(run, run->config->score, run->config->title, answer, reason, config->code);
    else
        check_found_code(run, run->config->score, run->config->title, answer, reason, config->code);
    free(reason);
}

static inline void fake_answered(const struct dns_answer *answer, void *arg)
{
    struct fake_run *fake = arg;
    struct check_run *run = fake->run;
    char text[ADDR_TEXT_MAX];
    fake->question = NULL;
    if (answer->status == DNS_FOUND)
        fake_found(run, addr_ip_text(&answer->addr[0], text));
    else if (answer->status == DNS_TEMPFAIL)
        check_abstain(run, run->config->title, answer->why);
    check_done(run);
}

static inline void fake_ask(struct check_run *run, enum dns_type type, const char *name, dns_fn fn)
{
    struct fake_run *fake = run->memory;
    fake->run = run;
    fake->question = dns_ask(check_dns(run), type, name, fn, fake);
}

static inline void fake_start(struct check_run *run)
{
    const struct fake_config *config = (const struct fake_config *)(const void *)run->config;
    const struct check_facts *facts = check_facts(run);
    const char *front[CHECK_STAGES] = {NULL, facts->reverse_name, facts->helo,
                                       facts->sender_domain};
    if (config->at_once)
        fake_found(run, "at once");
    if (config->at_once || !facts->lookup) {
        check_done(run);
        return;
    }
    char *name = front[run->stage] != NULL
                     ? mem_printf("%s.%s", front[run->stage], run->config->title)
                     : mem_strdup(run->config->title);
    fake_ask(run, DNS_A, name, fake_answered);
    free(name);
}

static inline void fake_reverse_answered(const struct dns_answer *answer, void *arg)
{
    struct fake_run *fake = arg;
    struct check_run *run = fake->run;
    const struct fake_config *config = (const struct fake_config *)(const void *)run->config;
    fake->question = NULL;
    check_reverse_known(run, answer->status == DNS_FOUND ? answer->name[0] : NULL,
                        config->confirmed, config->dynamic);
    check_done(run);
}

static inline void fake_reverse_start(struct check_run *run)
{
    if (check_facts(run)->lookup)
        fake_ask(run, DNS_PTR, "reverse.test", fake_reverse_answered);
    else
        check_done(run);
}

static inline void fake_stop(struct check_run *run)
{
    struct fake_run *fake = run->memory;
    dns_cancel(fake->question);
}

#define FAKE_CHECK(variable, block, the_stage, runs_always)                                        \
    static const struct conf_section variable##_section = {                                        \
        .name = (block),                                                                           \
        .many = true,                                                                              \
        .row = fake_rows,                                                                          \
        .rows = sizeof fake_rows / sizeof fake_rows[0],                                            \
    };                                                                                             \
    static const struct check variable = {                                                         \
        .name = (block),                                                                           \
        .section = &variable##_section,                                                            \
        .config_size = sizeof(struct fake_config),                                                 \
        .prepare = fake_prepare,                                                                   \
        .stages = CHECK_BIT(the_stage),                                                            \
        .always = (runs_always),                                                                   \
        .allows = true,                                                                            \
        .state_size = sizeof(struct fake_run),                                                     \
        .start = fake_start,                                                                       \
        .stop = fake_stop,                                                                         \
    }

FAKE_CHECK(fake_connect, "at-connect", CHECK_AT_CONNECT, false);
FAKE_CHECK(fake_reverse, "at-reverse", CHECK_AT_REVERSE, false);
FAKE_CHECK(fake_helo, "at-helo", CHECK_AT_HELO, false);
FAKE_CHECK(fake_sender, "at-sender", CHECK_AT_SENDER, false);
FAKE_CHECK(fake_message, "at-message", CHECK_AT_MESSAGE, false);
FAKE_CHECK(fake_always, "at-always", CHECK_AT_CONNECT, true);

static const struct conf_section fake_ptr_section = {
    .name = "fake-reverse",
    .row = fake_reverse_rows,
    .rows = sizeof fake_reverse_rows / sizeof fake_reverse_rows[0],
};
static const struct check fake_ptr = {
    .name = "fake-reverse",
    .section = &fake_ptr_section,
    .config_size = sizeof(struct fake_config),
    .stages = CHECK_BIT(CHECK_AT_CONNECT),
    .state_size = sizeof(struct fake_run),
    .start = fake_reverse_start,
    .stop = fake_stop,
};

const struct check *const checks[] = {
    &check_reverse_dns,   &check_helo,     &check_sender_domain, &check_pregreet,
    &check_pipelining,    &check_commands, &check_newlines,      &check_hangup,
    &check_client_limits, &check_dnsbl,    &check_rhsbl,         &fake_connect,
    &fake_reverse,        &fake_helo,      &fake_sender,         &fake_message,
    &fake_always,         &fake_ptr,       FAKE_CHECK_REAL NULL,
};

#endif
