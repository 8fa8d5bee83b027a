/* SPDX-License-Identifier: ISC */
/*
 * check_reverse_dns: what the client's address is called. Stage: CONNECT. It also tells the trial
 * the name (check_reverse_known), always, and before it is done.
 *
 * reverse-dns.none           no PTR record, or none that holds a host name
 * reverse-dns.unconfirmed    no name's addresses hold the client's (RFC 8601 3, iprev)
 * reverse-dns.dynamic        the name looks like one given to whoever dials in
 * reverse-dns.holds-address  the name is made of the address; of these two the higher counts
 *
 * Of several names the kindest counts: one that is confirmed before one that is not, then one
 * without a sign. So the answer waits for all of them, unless one is confirmed and without a sign.
 *
 * Limits: 3 names are looked at; where there are more and none of these is confirmed, or a server
 * does not answer, whether the name is confirmed stays open: the check abstains from that, and
 * from a sign where a name that could not be told might have been kinder. Clients that are not
 * looked up (private, trusted) have no name here.
 */
#include "policy/check_names.h"

#include "dns/name.h"
#include "policy/domain_form.h"
#include "policy/name_pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CLAIMS_MAX 3

struct reverse_config {
    struct check_config common;
    score_t unconfirmed, dynamic, holds_address;
    char **pattern_text;
    size_t pattern_count;
    struct name_pattern *patterns;
};

/* What the address's answer to a name was, as bits for kindest(). */
enum told {
    ASKED = 0,
    CONFIRMED = 1,
    DENIED = 2,
    FAULT = 4,
};

enum sign { NO_SIGN, DYNAMIC, HOLDS_ADDRESS };

/* A name that a PTR record claims. */
struct claim {
    struct check_run *run;
    struct dns_question *question;
    enum told told;
    enum sign sign;
    char name[DNS_NAME_MAX + 1];
    char said[ADDR_TEXT_MAX]; /* the raw answer, or what was wrong */
};

struct reverse_run {
    struct dns_question *question; /* PTR */
    struct claim claim[CLAIMS_MAX];
    size_t claims;
    size_t unseen; /* further ones */
};

static const struct conf_row rows[] = {
    CHECK_ROWS(struct reverse_config, "score", "2"),
    {.name = "unconfirmed",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct reverse_config, unconfirmed),
     .initial = "1",
     .help = "what a name counts that does not lead back to the address"},
    {.name = "dynamic",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct reverse_config, dynamic),
     .initial = "1.5",
     .help = "what a name counts that looks dynamically assigned"},
    {.name = "holds-address",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct reverse_config, holds_address),
     .initial = "1",
     .help = "what a name counts that is made of the address"},
    {.name = "patterns",
     .type = CONF_STRINGS,
     .offset = offsetof(struct reverse_config, pattern_text),
     .count_offset = offsetof(struct reverse_config, pattern_count),
     .help = "what dynamically assigned names look like, instead of the built-in patterns"},
};

static const struct conf_section section = {
    .name = "reverse-dns",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "the name of the client's address",
};

static const struct reverse_config *config_of(const struct check_run *run)
{
    return (const struct reverse_config *)run->config;
}

static void prepare(struct check_config *common, struct conf *conf, const struct conf_part *part)
{
    struct reverse_config *config = (struct reverse_config *)common;
    size_t index = 0;
    char *why = NULL;
    config->patterns = name_pattern_new((const char *const *)config->pattern_text,
                                        config->pattern_count, &index, &why);
    if (config->patterns == NULL)
        conf_fault(conf, conf_line(part, "patterns", index), "patterns: %s", why);
    free(why);
}

static void release(struct check_config *common)
{
    struct reverse_config *config = (struct reverse_config *)common;
    name_pattern_free(config->patterns);
    config->patterns = NULL;
}

/* ---- signs of a name ---------------------------------------------------------------------------
 */

static score_t sign_score(const struct reverse_config *config, enum sign sign)
{
    switch (sign) {
    case NO_SIGN:
        return 0;
    case DYNAMIC:
        return config->dynamic;
    case HOLDS_ADDRESS:
        return config->holds_address;
    }
    return 0;
}

static enum sign sign_of(const struct reverse_config *config, const char *name,
                         const struct addr *client)
{
    bool dynamic = name_pattern_match(config->patterns, name) != NULL;
    bool holds = name_holds_address(name, client);
    if (dynamic && (!holds || config->dynamic >= config->holds_address))
        return DYNAMIC;
    return holds ? HOLDS_ADDRESS : NO_SIGN;
}

/* Of the claims that were told one of `told`, the one whose sign counts least; NULL: none. */
static const struct claim *kindest(const struct check_run *run, unsigned told)
{
    const struct reverse_run *own = run->memory;
    const struct claim *best = NULL;
    for (size_t i = 0; i < own->claims; i++) {
        const struct claim *claim = &own->claim[i];
        if ((told & claim->told) != 0 &&
            (best == NULL ||
             sign_score(config_of(run), claim->sign) < sign_score(config_of(run), best->sign)))
            best = claim;
    }
    return best;
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

static void say_sign(struct check_run *run, const struct claim *claim)
{
    score_t score = sign_score(config_of(run), claim->sign);
    switch (claim->sign) {
    case NO_SIGN:
        break;
    case DYNAMIC:
        check_found(run, score, "reverse-dns.dynamic", claim->name,
                    "your reverse DNS name looks dynamically assigned");
        break;
    case HOLDS_ADDRESS:
        check_found(run, score, "reverse-dns.holds-address", claim->name,
                    "your reverse DNS name is made of your address");
        break;
    }
}

static void say_unconfirmed(struct check_run *run, const struct claim *claim)
{
    const struct reverse_run *own = run->memory;
    const struct claim *fault = kindest(run, FAULT);
    char text[DNS_NAME_MAX + sizeof claim->said + 2];
    if (fault != NULL) {
        snprintf(text, sizeof text, "%s: %s", fault->name, fault->said);
        check_abstain(run, "reverse-dns", text);
    } else if (own->unseen > 0) {
        check_abstain(run, "reverse-dns", "more names than are looked at");
    } else {
        snprintf(text, sizeof text, "%s %s", claim->name, claim->said);
        check_found_code(run, config_of(run)->unconfirmed, "reverse-dns.unconfirmed", text,
                         "your reverse DNS name does not lead back to your address", "5.7.25");
    }
}

static void stop(struct check_run *run)
{
    struct reverse_run *own = run->memory;
    dns_cancel(own->question);
    own->question = NULL;
    for (size_t i = 0; i < own->claims; i++) {
        dns_cancel(own->claim[i].question);
        own->claim[i].question = NULL;
    }
}

/* All that will be known of the names is. */
static void conclude(struct check_run *run)
{
    stop(run);
    const struct claim *confirmed = kindest(run, CONFIRMED);
    const struct claim *any = kindest(run, CONFIRMED | DENIED | FAULT);
    const struct claim *judged = confirmed != NULL ? kindest(run, CONFIRMED | FAULT) : any;
    const struct claim *name = confirmed != NULL ? confirmed : any;
    check_reverse_known(run, name->name, confirmed != NULL, name->sign != NO_SIGN);
    if (confirmed == NULL)
        say_unconfirmed(run, any);
    say_sign(run, judged);
    check_done(run);
}

/* ---- its names ---------------------------------------------------------------------------------
 */

static bool is_told(const struct check_run *run)
{
    const struct reverse_run *own = run->memory;
    bool all = true;
    for (size_t i = 0; i < own->claims; i++) {
        if (own->claim[i].told == CONFIRMED && own->claim[i].sign == NO_SIGN)
            return true;
        all = all && own->claim[i].told != ASKED;
    }
    return all;
}

static enum told compare(struct claim *claim, const struct dns_answer *answer)
{
    const struct addr *client = check_facts(claim->run)->client;
    for (size_t i = 0; i < answer->count; i++)
        if (addr_same_ip(&answer->addr[i], client))
            return CONFIRMED;
    if (answer->count > 0)
        (void)addr_ip_text(&answer->addr[0], claim->said);
    return DENIED;
}

static enum told nothing(struct claim *claim, enum told told, const char *said)
{
    snprintf(claim->said, sizeof claim->said, "%s", said);
    return told;
}

static void on_address(const struct dns_answer *answer, void *arg)
{
    struct claim *claim = arg;
    claim->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        claim->told = compare(claim, answer);
        break;
    case DNS_NODATA:
        claim->told = nothing(claim, DENIED, "NODATA");
        break;
    case DNS_NXDOMAIN:
        claim->told = nothing(claim, DENIED, "NXDOMAIN");
        break;
    case DNS_TEMPFAIL:
        claim->told = nothing(claim, FAULT, answer->why);
        break;
    }
    if (is_told(claim->run))
        conclude(claim->run);
}

/* ---- the address's PTR -------------------------------------------------------------------------
 */

/* A host name, not octets that were escaped to be shown (dns.h). */
static bool is_host_name(const char *name)
{
    return domain_form_host(name) && strlen(name) <= DNS_NAME_MAX;
}

static void add_claim(struct check_run *run, const char *name)
{
    struct reverse_run *own = run->memory;
    if (own->claims == CLAIMS_MAX) {
        own->unseen++;
        return;
    }
    struct claim *claim = &own->claim[own->claims++];
    claim->run = run;
    memcpy(claim->name, name, strlen(name) + 1);
    claim->sign = sign_of(config_of(run), name, check_facts(run)->client);
}

static void none(struct check_run *run, const char *answer)
{
    check_reverse_known(run, NULL, false, false);
    check_found_code(run, config_of(run)->common.score, "reverse-dns.none", answer,
                     "your address has no reverse DNS name", "5.7.25");
    check_done(run);
}

static void take_names(struct check_run *run, const struct dns_answer *answer)
{
    struct reverse_run *own = run->memory;
    enum dns_type type = check_facts(run)->client->family == AF_INET6 ? DNS_AAAA : DNS_A;
    for (size_t i = 0; i < answer->count; i++)
        if (is_host_name(answer->name[i]))
            add_claim(run, answer->name[i]);
    if (own->claims == 0) {
        none(run, answer->count > 0 ? answer->name[0] : "NODATA");
        return;
    }
    for (size_t i = 0; i < own->claims; i++) {
        struct claim *claim = &own->claim[i];
        claim->question = dns_ask(check_dns(run), type, claim->name, on_address, claim);
    }
}

static void on_ptr(const struct dns_answer *answer, void *arg)
{
    struct check_run *run = arg;
    ((struct reverse_run *)run->memory)->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        take_names(run, answer);
        break;
    case DNS_NODATA:
        none(run, "NODATA");
        break;
    case DNS_NXDOMAIN:
        none(run, "NXDOMAIN");
        break;
    case DNS_TEMPFAIL:
        check_reverse_known(run, NULL, false, false);
        check_abstain(run, "reverse-dns", answer->why);
        check_done(run);
        break;
    }
}

static void start(struct check_run *run)
{
    struct reverse_run *own = run->memory;
    const struct check_facts *facts = check_facts(run);
    char name[DNS_NAME_MAX + 1];
    if (!facts->lookup) {
        check_reverse_known(run, NULL, false, false);
        check_done(run);
        return;
    }
    dns_name_arpa(facts->client, name);
    own->question = dns_ask(check_dns(run), DNS_PTR, name, on_ptr, run);
}

/* Patterns may have changed: the name is looked at again, whether a sign was seen or not. */
static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    const struct reverse_config *config = (const struct reverse_config *)common;
    bool none = strcmp(past->label, "reverse-dns.none") == 0;
    if (none || strcmp(past->label, "reverse-dns.unconfirmed") == 0) {
        *out = none ? common->score : config->unconfirmed;
        return true;
    }
    if (!is_host_name(past->answer))
        return false;
    enum sign sign = sign_of(config, past->answer, past->client);
    *out = sign_score(config, sign);
    return sign != NO_SIGN;
}

const struct check check_reverse_dns = {
    .name = "reverse-dns",
    .section = &section,
    .config_size = sizeof(struct reverse_config),
    .prepare = prepare,
    .release = release,
    .stages = CHECK_BIT(CHECK_AT_CONNECT),
    .state_size = sizeof(struct reverse_run),
    .start = start,
    .stop = stop,
    .rescore = rescore,
};
