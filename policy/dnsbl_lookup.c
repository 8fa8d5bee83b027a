/* SPDX-License-Identifier: ISC */
/*
 * dnsbl_lookup: one question to a DNS list, from the run of a check to its finding.
 *
 * Promises: no question to a list that is sick or was never probed; an answer that is an error, or
 * none, or that comes when the list has turned sick meanwhile is an abstention, never a listing and
 * never trust. Texts name the list by its `shown` only.
 */
#include "policy/dnsbl_lookup.h"

#include "dns/name.h"
#include "policy/list_health.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE 128 /* of the text of an answer: eight codes */
#define CODES_SHOWN 16  /* no text has more */
#define WHY_SIZE    256

static const struct dnsbl_config *config_of(const struct check_run *run)
{
    return (const struct dnsbl_config *)run->config;
}

static void end(struct check_run *run)
{
    ((struct dnsbl_lookup *)run->memory)->question = NULL;
    check_done(run);
}

static void abstain(struct check_run *run, const char *why)
{
    check_abstain(run, config_of(run)->shown, why);
    end(run);
}

/* Can the list be believed now? Else it has abstained and the run is gone. */
static bool believe(struct check_run *run)
{
    char why[WHY_SIZE];
    struct list_zone *zone = config_of(run)->health;
    switch (list_zone_verdict(zone)) {
    case LIST_WELL:
        return true;
    case LIST_UNPROBED:
        abstain(run, "its canaries have not been answered yet");
        return false;
    case LIST_SICK:
        list_zone_why(zone, why, sizeof why);
        abstain(run, why[0] != '\0' ? why : "the list was sick");
        return false;
    }
    return false;
}

static void note(const struct check_run *run, enum list_outcome outcome)
{
    const struct check_facts *facts = check_facts(run);
    const struct dnsbl_lookup *lookup = run->memory;
    const uint64_t now = check_now(run);
    list_zone_note(config_of(run)->health, facts->client, lookup->telling && facts->proven, outcome,
                   (uint32_t)(now - lookup->asked), now);
}

/* The addresses of an answer as "127.0.0.2 127.0.0.4", with the subject in front. */
static void answer_text(const struct check_run *run, const struct dns_answer *answer, char *out,
                        size_t size)
{
    char ip[ADDR_TEXT_MAX];
    const struct dnsbl_lookup *lookup = run->memory;
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < answer->count && len + sizeof ip < size; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "",
                                addr_ip_text(&answer->addr[i], ip));
    if (lookup->subject != NULL && len < size)
        snprintf(out + len, size - len, " for %s", lookup->subject);
}

/* Codes that count 0 here may count elsewhere. */
static void seen(struct check_run *run, const struct dns_answer *answer)
{
    char text[ANSWER_SIZE + DNS_NAME_MAX];
    answer_text(run, answer, text, sizeof text);
    check_seen(run, config_of(run)->shown, text);
}

static void found(struct check_run *run, const struct dns_answer *answer, score_t score)
{
    char text[ANSWER_SIZE + DNS_NAME_MAX];
    char reason[DNS_NAME_MAX + 32];
    const struct dnsbl_config *config = config_of(run);
    answer_text(run, answer, text, sizeof text);
    snprintf(reason, sizeof reason, "%s by %s", score < 0 ? "trusted" : "listed", config->shown);
    check_found(run, score, config->shown, text, reason);
    end(run);
}

/* The IPv6 factor is for addresses; a name is one whatever brought it. */
static score_t weigh(const struct dnsbl_config *config, enum check_stage stage,
                     const struct addr *client, score_t score)
{
    if (stage != CHECK_AT_CONNECT || client->family != AF_INET6)
        return score;
    return (score_t)((int64_t)score * config->ipv6_factor / 100);
}

static void judge(struct check_run *run, const struct dns_answer *answer)
{
    char ip[ADDR_TEXT_MAX];
    char why[WHY_SIZE];
    const struct dnsbl_config *config = config_of(run);
    score_t score = 0;
    size_t which = 0;
    switch (dnsbl_judge(&config->codes, config->common.score, config->common.allows, answer->addr,
                        answer->count, &score, &which)) {
    case DNSBL_ERROR:
        note(run, LIST_ERROR);
        snprintf(why, sizeof why, "its answer %s is an error",
                 addr_ip_text(&answer->addr[which], ip));
        abstain(run, why);
        return;
    case DNSBL_NOT_LISTED:
        note(run, LIST_CLEAN);
        seen(run, answer);
        end(run);
        return;
    case DNSBL_LISTED:
        note(run, LIST_LISTED);
        if (believe(run))
            found(run, answer, weigh(config, run->stage, check_facts(run)->client, score));
        return;
    }
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct check_run *run = ((struct dnsbl_lookup *)arg)->run;
    switch (answer->status) {
    case DNS_FOUND:
        judge(run, answer);
        return;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        note(run, LIST_CLEAN);
        end(run);
        return;
    case DNS_TEMPFAIL:
        note(run, LIST_TIMEOUT);
        abstain(run, answer->why);
        return;
    }
}

/* The addresses of an answer_text(), up to `most`. */
static size_t read_answer(const char *text, struct addr *out, size_t most)
{
    char word[ADDR_TEXT_MAX];
    size_t count = 0;
    for (;;) {
        size_t len = strcspn(text, " ");
        if (len >= sizeof word || count == most)
            return count;
        memcpy(word, text, len);
        word[len] = '\0';
        if (!addr_parse_ip(word, &out[count]))
            return count;
        count++;
        text += len + strspn(text + len, " ");
    }
}

bool dnsbl_lookup_rescore(const struct check_config *common, const struct check_past *past,
                          score_t *out)
{
    const struct dnsbl_config *config = (const struct dnsbl_config *)common;
    struct addr answer[CODES_SHOWN];
    size_t which = 0;
    size_t count = read_answer(past->answer, answer, CODES_SHOWN);
    score_t score = 0;
    if (count == 0 || dnsbl_judge(&config->codes, common->score, common->allows, answer, count,
                                  &score, &which) != DNSBL_LISTED)
        return false;
    *out = weigh(config, past->stage, past->client, score);
    return true;
}

void dnsbl_lookup_start(struct check_run *run, const char *front, const char *subject, bool telling)
{
    char name[DNS_NAME_MAX + 1];
    struct dnsbl_lookup *lookup = run->memory;
    *lookup = (struct dnsbl_lookup){
        .run = run, .subject = subject, .asked = check_now(run), .telling = telling};
    if (!dns_name_join(front, config_of(run)->common.title, name))
        check_done(run); /* no list has a name that long */
    else if (believe(run))
        lookup->question = dns_ask(check_dns(run), DNS_A, name, on_answer, lookup);
}

void dnsbl_lookup_stop(struct check_run *run)
{
    struct dnsbl_lookup *lookup = run->memory;
    if (lookup->question != NULL && check_now(run) >= lookup->asked + DNSBL_LATE_MS)
        note(run, LIST_TIMEOUT);
    dns_cancel(lookup->question);
    lookup->question = NULL;
}
