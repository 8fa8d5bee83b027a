/* SPDX-License-Identifier: ISC */
/*
 * check_sender_domain: can mail go back to the sender? Stage: SENDER. At most one finding a sender.
 *
 * sender-domain.unresolved  no such domain, no address of it, or none of its MX hosts
 * sender-domain.null-mx     it says that it takes no mail (RFC 7505)
 * sender-domain.private     its mail goes to addresses that are not of the public Internet only
 *
 * MX, and where there is none the domain's own A and AAAA (RFC 5321 5.1; a domain that does not
 * exist has none). One target after the other, A before AAAA, until one public address is seen, so
 * a good domain costs two questions. Special-use names (domain_form.h) are not asked for. A null MX
 * beside others is against RFC 7505 and passed over.
 *
 * Limits: at most 5 targets are looked at. Where one could not be told, or more are there, the
 * check abstains instead of finding something. Nothing is said of <>, nor of senders of clients
 * that are not looked up (private, trusted), whose domains may be known to their own network only.
 */
#include "policy/check_names.h"

#include "policy/domain_form.h"

#include <stdio.h>
#include <string.h>

#define TARGETS_MAX 5

struct sender_config {
    struct check_config common;
    score_t null_mx, private;
};

struct sender_run {
    struct dns_question *question;
    char target[TARGETS_MAX][DNS_NAME_MAX + 1]; /* hosts that take the mail */
    size_t targets;
    size_t unseen;                                  /* further ones */
    size_t at;                                      /* the target that is asked for */
    bool six;                                       /* its AAAA */
    char private[DNS_NAME_MAX + ADDR_TEXT_MAX + 2]; /* one that is: "host address"; "" none */
    char nothing[DNS_NAME_MAX + 32];                /* one that has no address */
    char fault[DNS_NAME_MAX + 96];                  /* one that could not be told */
};

static const struct conf_row rows[] = {
    CHECK_ROWS(struct sender_config, "score", "3"),
    {.name = "null-mx",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct sender_config, null_mx),
     .initial = "6",
     .help = "what a domain counts that takes no mail (null MX)"},
    {.name = "private",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct sender_config, private),
     .initial = "3",
     .help = "what a domain counts whose mail goes to private addresses only"},
};

static const struct conf_section section = {
    .name = "sender-domain",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "the domain of the sender's address",
};

static const struct sender_config *config_of(const struct check_run *run)
{
    return (const struct sender_config *)run->config;
}

static const char *domain_of(const struct check_run *run)
{
    return check_facts(run)->sender_domain;
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

static void unresolved(struct check_run *run, const char *answer)
{
    check_found_code(run, config_of(run)->common.score, "sender-domain.unresolved", answer,
                     "no mail can be sent to your sender's domain", "5.1.8");
    check_done(run);
}

static void stays_private(struct check_run *run, const char *answer)
{
    check_found_code(run, config_of(run)->private, "sender-domain.private", answer,
                     "mail to your sender's domain goes to a private address", "5.1.8");
    check_done(run);
}

static void null_mx(struct check_run *run)
{
    check_found_code(run, config_of(run)->null_mx, "sender-domain.null-mx", "MX 0 .",
                     "sender address has null MX", "5.7.27");
    check_done(run);
}

static void abstain(struct check_run *run, const char *why)
{
    check_abstain(run, "sender-domain", why);
    check_done(run);
}

/* No target has a public address. */
static void conclude(struct check_run *run)
{
    const struct sender_run *own = run->memory;
    if (own->fault[0] != '\0')
        abstain(run, own->fault);
    else if (own->unseen > 0)
        abstain(run, "more MX hosts than are looked at");
    else if (own->private[0] != '\0')
        stays_private(run, own->private);
    else
        unresolved(run, own->nothing);
}

/* ---- its targets -------------------------------------------------------------------------------
 */

static void on_address(const struct dns_answer *answer, void *arg);

/* Asks for the next target's address, or comes to an end. */
static void go_on(struct check_run *run)
{
    struct sender_run *own = run->memory;
    while (own->at < own->targets && domain_form_special(own->target[own->at])) {
        snprintf(own->private, sizeof own->private, "%s", own->target[own->at]);
        own->at++;
    }
    if (own->at == own->targets)
        conclude(run);
    else
        own->question = dns_ask(check_dns(run), own->six ? DNS_AAAA : DNS_A, own->target[own->at],
                                on_address, run);
}

static bool is_public(struct sender_run *own, const struct dns_answer *answer)
{
    char ip[ADDR_TEXT_MAX];
    for (size_t i = 0; i < answer->count; i++) {
        if (!addr_is_private(&answer->addr[i]))
            return true;
        snprintf(own->private, sizeof own->private, "%s %s", own->target[own->at],
                 addr_ip_text(&answer->addr[i], ip));
    }
    return false;
}

static void on_address(const struct dns_answer *answer, void *arg)
{
    struct check_run *run = arg;
    struct sender_run *own = run->memory;
    const char *target = own->target[own->at];
    own->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        if (is_public(own, answer)) {
            check_done(run);
            return;
        }
        break;
    case DNS_NODATA:
        snprintf(own->nothing, sizeof own->nothing, "%s NODATA", target);
        break;
    case DNS_NXDOMAIN:
        snprintf(own->nothing, sizeof own->nothing, "%s NXDOMAIN", target);
        break;
    case DNS_TEMPFAIL:
        snprintf(own->fault, sizeof own->fault, "%s: %s", target, answer->why);
        break;
    }
    own->at += own->six;
    own->six = !own->six;
    go_on(run);
}

/* ---- its MX ------------------------------------------------------------------------------------
 */

static void add_target(struct sender_run *own, const char *host)
{
    size_t len = strlen(host);
    if (own->targets == TARGETS_MAX || len > DNS_NAME_MAX)
        own->unseen++;
    else
        memcpy(own->target[own->targets++], host, len + 1);
}

static void take_mx(struct check_run *run, const struct dns_answer *answer)
{
    struct sender_run *own = run->memory;
    for (size_t i = 0; i < answer->count; i++)
        if (answer->mx[i].host[0] != '\0')
            add_target(own, answer->mx[i].host);
    if (own->targets == 0 && own->unseen == 0)
        null_mx(run);
    else
        go_on(run);
}

static void on_mx(const struct dns_answer *answer, void *arg)
{
    struct check_run *run = arg;
    struct sender_run *own = run->memory;
    own->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        take_mx(run, answer);
        break;
    case DNS_NODATA:
        add_target(own, domain_of(run));
        go_on(run);
        break;
    case DNS_NXDOMAIN:
        unresolved(run, "NXDOMAIN");
        break;
    case DNS_TEMPFAIL:
        abstain(run, answer->why);
        break;
    }
}

static void start(struct check_run *run)
{
    struct sender_run *own = run->memory;
    const struct check_facts *facts = check_facts(run);
    const char *domain = facts->sender_domain;
    struct addr literal;
    if (domain[0] == '\0' || !facts->lookup)
        check_done(run);
    else if (domain_form(domain, &literal) == DOMAIN_LITERAL && addr_is_private(&literal))
        stays_private(run, domain);
    else if (domain[0] == '[')
        check_done(run);
    else if (domain_form_special(domain))
        unresolved(run, "special-use name");
    else
        own->question = dns_ask(check_dns(run), DNS_MX, domain, on_mx, run);
}

static void stop(struct check_run *run)
{
    struct sender_run *own = run->memory;
    dns_cancel(own->question);
    own->question = NULL;
}

static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    const struct sender_config *config = (const struct sender_config *)common;
    const struct {
        const char *label;
        score_t score;
    } scores[] = {{"sender-domain.unresolved", common->score},
                  {"sender-domain.null-mx", config->null_mx},
                  {"sender-domain.private", config->private}};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        *out = scores[i].score;
        if (strcmp(past->label, scores[i].label) == 0)
            return true;
    }
    return false;
}

const struct check check_sender_domain = {
    .name = "sender-domain",
    .section = &section,
    .config_size = sizeof(struct sender_config),
    .stages = CHECK_BIT(CHECK_AT_SENDER),
    .state_size = sizeof(struct sender_run),
    .start = start,
    .stop = stop,
    .rescore = rescore,
};
