/* SPDX-License-Identifier: ISC */
/*
 * check_helo: the name a client gives itself. Stage: HELO. At most one finding a name.
 *
 * helo.syntax      neither a domain nor an address literal (RFC 5321 4.1.1.1, 4.1.3)
 * helo.not-fqdn    a name of one label
 * helo.own-name    our own name or our own address: a stranger cannot be us
 * helo.literal     an address literal that is not the client's address
 * helo.unresolved  a name with neither A nor AAAA (RFC 5321 2.3.5)
 *
 * Of clients that are not looked up (private, trusted) only the form is judged: in a network of its
 * own a machine may be called what it likes. Special-use names (domain_form.h) do not resolve and
 * are not asked for. A server that does not answer makes the check abstain.
 *
 * RFC-DEVIATION: RFC 5321 4.1.4 forbids to refuse mail because the name does not belong to the
 * client's address. helo.literal and helo.unresolved are such signs; they count with others, and
 * refuse alone only where the site says mode = reject or gives them that score.
 */
#include "policy/check_names.h"

#include "policy/domain_form.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

struct helo_config {
    struct check_config common;
    score_t not_fqdn, own_name, literal, unresolved;
};

struct helo_run {
    struct dns_question *question;
    bool second; /* the other family is asked for */
    const char *nothing[2];
};

static const struct conf_row rows[] = {
    CHECK_ROWS(struct helo_config, "score", "2"),
    {.name = "not-fqdn",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct helo_config, not_fqdn),
     .initial = "1",
     .help = "what a name of one label counts"},
    {.name = "own-name",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct helo_config, own_name),
     .initial = "5",
     .help = "what our own name or address counts"},
    {.name = "literal",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct helo_config, literal),
     .initial = "3",
     .help = "what an address literal counts that is not the client's"},
    {.name = "unresolved",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct helo_config, unresolved),
     .initial = "1",
     .help = "what a name without an address counts"},
};

static const struct conf_section section = {
    .name = "helo",
    .row = rows,
    .rows = sizeof rows / sizeof rows[0],
    .help = "what clients call themselves",
};

static const struct helo_config *config_of(const struct check_run *run)
{
    return (const struct helo_config *)run->config;
}

/* Someone else says that he is us. */
static bool is_own(const struct check_facts *facts, enum domain_form form,
                   const struct addr *literal)
{
    if (addr_same_ip(facts->client, facts->server))
        return false;
    if (form == DOMAIN_LITERAL)
        return addr_same_ip(literal, facts->server);
    return strcasecmp(facts->helo, facts->hostname) == 0;
}

/* What the words alone say; true: that was a finding. */
static bool judge_form(struct check_run *run, enum domain_form form)
{
    const struct helo_config *config = config_of(run);
    const char *helo = check_facts(run)->helo;
    switch (form) {
    case DOMAIN_WRONG:
        check_found_code(run, config->common.score, "helo.syntax", helo,
                         "your HELO is neither a domain nor an address literal", "5.5.2");
        return true;
    case DOMAIN_ADDRESS:
        check_found_code(run, config->common.score, "helo.syntax", helo,
                         "your HELO is an address without brackets", "5.5.2");
        return true;
    case DOMAIN_SHORT:
        check_found_code(run, config->not_fqdn, "helo.not-fqdn", helo,
                         "your HELO is not a fully qualified name", "5.5.2");
        return true;
    case DOMAIN_LITERAL:
    case DOMAIN_FULL:
        break;
    }
    return false;
}

/* What the words say beside who we and the client are; true: that was a finding. */
static bool judge_claim(struct check_run *run, enum domain_form form, const struct addr *literal)
{
    const struct helo_config *config = config_of(run);
    const struct check_facts *facts = check_facts(run);
    if (is_own(facts, form, literal)) {
        check_found(run, config->own_name, "helo.own-name", facts->helo, "your HELO is our own");
        return true;
    }
    if (form == DOMAIN_LITERAL && !addr_same_ip(literal, facts->client)) {
        check_found(run, config->literal, "helo.literal", facts->helo,
                    "the address in your HELO is not yours");
        return true;
    }
    return false;
}

static void unresolved(struct check_run *run, const char *answer)
{
    check_found(run, config_of(run)->unresolved, "helo.unresolved", answer,
                "your HELO name has no address");
    check_done(run);
}

static void on_answer(const struct dns_answer *answer, void *arg);

/* First the family the client came by, where its name will most likely have its address. */
static void ask(struct check_run *run)
{
    struct helo_run *own = run->memory;
    const struct check_facts *facts = check_facts(run);
    bool six = (facts->client->family == AF_INET6) != own->second;
    own->question = dns_ask(check_dns(run), six ? DNS_AAAA : DNS_A, facts->helo, on_answer, run);
}

static void on_nothing(struct check_run *run, const struct dns_answer *answer)
{
    struct helo_run *own = run->memory;
    char text[DNS_NAME_MAX + 64];
    own->nothing[own->second] = answer->status == DNS_NODATA ? "NODATA" : "NXDOMAIN";
    if (!own->second) {
        own->second = true;
        ask(run);
        return;
    }
    bool six = check_facts(run)->client->family == AF_INET6;
    snprintf(text, sizeof text, "%s A %s, AAAA %s", check_facts(run)->helo, own->nothing[six],
             own->nothing[!six]);
    unresolved(run, text);
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct check_run *run = arg;
    ((struct helo_run *)run->memory)->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        check_done(run);
        break;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        on_nothing(run, answer);
        break;
    case DNS_TEMPFAIL:
        check_abstain(run, "helo", answer->why);
        check_done(run);
        break;
    }
}

static void start(struct check_run *run)
{
    const struct check_facts *facts = check_facts(run);
    struct addr literal;
    enum domain_form form = domain_form(facts->helo, &literal);
    bool judged = facts->helo[0] == '\0' || judge_form(run, form);
    if (!judged && facts->lookup)
        judged = judge_claim(run, form, &literal);
    if (judged || !facts->lookup || form == DOMAIN_LITERAL)
        check_done(run);
    else if (domain_form_special(facts->helo))
        unresolved(run, "special-use name");
    else
        ask(run);
}

static void stop(struct check_run *run)
{
    struct helo_run *own = run->memory;
    dns_cancel(own->question);
    own->question = NULL;
}

static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    const struct helo_config *config = (const struct helo_config *)common;
    const struct {
        const char *label;
        score_t score;
    } scores[] = {{"helo.syntax", common->score},
                  {"helo.not-fqdn", config->not_fqdn},
                  {"helo.own-name", config->own_name},
                  {"helo.literal", config->literal},
                  {"helo.unresolved", config->unresolved}};
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        *out = scores[i].score;
        if (strcmp(past->label, scores[i].label) == 0)
            return true;
    }
    return false;
}

const struct check check_helo = {
    .name = "helo",
    .section = &section,
    .config_size = sizeof(struct helo_config),
    .stages = CHECK_BIT(CHECK_AT_HELO),
    .state_size = sizeof(struct helo_run),
    .start = start,
    .stop = stop,
    .rescore = rescore,
};
