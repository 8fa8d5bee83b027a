/* SPDX-License-Identifier: ISC */
/*
 * decision_lookup: the command `lookup`: every configured list of addresses is asked about one, and
 * what it says is said, whatever is thought of the list's health.
 *
 * Promises: all are asked at once; each is answered within the resolver's time. No query key is
 * shown.
 */
#include "policy/decision_int.h"

#include "dns/dns.h"
#include "dns/name.h"
#include "lib/buf.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/check_dnsbl.h"
#include "policy/dnsbl_lookup.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#define CODES_SHOWN 8

struct look { /* one zone */
    struct lookup *lookup;
    const struct dnsbl_config *config;
    struct dns_question *question;
    uint64_t asked;
};

struct lookup {
    struct command_call *call;
    const struct decision_commands *commands;
    struct policy *policy;
    struct addr client;
    size_t count;
    size_t open;
    struct look *look;
};

static void lookup_free(void *arg)
{
    struct lookup *lookup = arg;
    for (size_t i = 0; i < lookup->count; i++)
        dns_cancel(lookup->look[i].question);
    policy_unref(lookup->policy);
    free(lookup->look);
    free(lookup);
}

static void finish(struct lookup *lookup)
{
    struct command_call *call = lookup->call;
    lookup_free(lookup);
    command_done(call, NULL);
}

/* ---- what a zone says ---------------------------------------------------------------------------
 */

/* Codes by which lists say that we ask too much: Spamhaus, and of allow zones list.dnswl.org. */
static bool over_quota(const struct dnsbl_config *config, const struct addr *code)
{
    static const unsigned char spamhaus[] = {127, 255, 255, 255};
    static const unsigned char dnswl[] = {127, 0, 0, 255};
    if (code->family != AF_INET)
        return false;
    if (memcmp(code->ip, spamhaus, sizeof spamhaus) == 0)
        return true;
    bool level = code->ip[0] == 127 && code->ip[1] == 0 && code->ip[2] == 10;
    return config->common.allows && (level || memcmp(code->ip, dnswl, sizeof dnswl) == 0);
}

static const char *meaning_of(const struct dnsbl_config *config, const struct dns_answer *answer)
{
    score_t score = 0;
    size_t which = 0;
    if (answer->status == DNS_TEMPFAIL)
        return "no answer";
    if (answer->status != DNS_FOUND)
        return "not listed";
    switch (dnsbl_judge(&config->codes, config->common.score, config->common.allows, answer->addr,
                        answer->count, &score, &which)) {
    case DNSBL_LISTED:
        return "listed";
    case DNSBL_NOT_LISTED:
        return "not listed";
    case DNSBL_ERROR:
        return over_quota(config, &answer->addr[which]) ? "over quota" : "error";
    }
    return "error";
}

/* Appends the raw answer, NUL-terminated. */
static void put_answer(struct buf *out, const struct dns_answer *answer)
{
    char ip[ADDR_TEXT_MAX];
    switch (answer->status) {
    case DNS_FOUND:
        for (size_t i = 0; i < answer->count && i < CODES_SHOWN; i++)
            buf_printf(out, "%s%s", i > 0 ? " " : "", addr_ip_text(&answer->addr[i], ip));
        break;
    case DNS_NODATA:
        buf_add_str(out, "NODATA");
        break;
    case DNS_NXDOMAIN:
        buf_add_str(out, "NXDOMAIN");
        break;
    case DNS_TEMPFAIL:
        buf_add_str(out, answer->why);
        break;
    }
    buf_add(out, "", 1);
}

static json_t *item_json(const struct look *look, const struct dns_answer *answer)
{
    const struct lookup *lookup = look->lookup;
    const struct check_config *common = &look->config->common;
    struct buf text = {0};
    score_t score = 0;
    put_answer(&text, answer);
    const struct check_past past = {.label = "",
                                    .answer = buf_data(&text),
                                    .stage = CHECK_AT_CONNECT,
                                    .client = &lookup->client};
    if (answer->status != DNS_FOUND || !dnsbl_lookup_rescore(common, &past, &score))
        score = 0;
    json_t *item = json_object();
    json_object_set_new(item, "zone", command_string(look->config->shown));
    json_object_set_new(item, "answer", command_string(buf_data(&text)));
    json_object_set_new(item, "meaning", json_string(meaning_of(look->config, answer)));
    json_object_set_new(item, "score",
                        score % 100 == 0 ? json_integer(score / 100) : json_real(score / 100.0));
    json_object_set_new(item, "ms",
                        json_integer((json_int_t)(loop_now(lookup->commands->loop) - look->asked)));
    buf_free(&text);
    return item;
}

/* ---- asking -------------------------------------------------------------------------------------
 */

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct look *look = arg;
    struct lookup *lookup = look->lookup;
    look->question = NULL;
    lookup->open--;
    if (!command_item(lookup->call, item_json(look, answer)) || lookup->open == 0)
        finish(lookup);
}

/* The zones' names need not be told from one that is too long: it is asked for as it is, and does
 * not exist. */
static void ask(struct look *look)
{
    char front[DNS_REVERSE_MAX];
    char name[DNS_NAME_MAX + 1];
    struct lookup *lookup = look->lookup;
    dns_name_reverse(&lookup->client, front);
    if (!dns_name_join(front, look->config->common.title, name))
        name[0] = '\0';
    look->asked = loop_now(lookup->commands->loop);
    look->question = dns_ask(lookup->commands->dns, DNS_A, name, on_answer, look);
}

static void choose_zones(struct lookup *lookup)
{
    const struct check_config *const *config = policy_checks(lookup->policy);
    for (; *config != NULL; config++) {
        if ((*config)->check != &check_dnsbl)
            continue;
        lookup->look = mem_grow(lookup->look, lookup->count + 1, sizeof *lookup->look);
        lookup->look[lookup->count++] = (struct look){
            .lookup = lookup, .config = (const struct dnsbl_config *)(const void *)*config};
    }
}

void decision_lookup_run(struct command_call *call, void *arg)
{
    const struct decision_commands *commands = arg;
    struct addr client;
    if (!decision_client(call, &client))
        return;
    if (commands->dns == NULL) {
        command_fail(call, false, "there is no resolver here; ask the running daemon");
        return;
    }
    if (addr_is_private(&client)) {
        command_fail(call, true, "no list knows a private address; give a public one");
        return;
    }
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    lookup->call = call;
    lookup->commands = commands;
    lookup->client = client;
    lookup->policy = commands->policy(commands->arg);
    choose_zones(lookup);
    lookup->open = lookup->count;
    command_on_gone(call, lookup_free, lookup);
    for (size_t i = 0; i < lookup->count; i++)
        ask(&lookup->look[i]);
    if (lookup->count == 0)
        finish(lookup);
}
