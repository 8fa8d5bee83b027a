/* SPDX-License-Identifier: ISC */
/*
 * list_probe: asks each DNS list what it must know (a listed canary) and what it must not (a clean
 * one), so that a list that is dead, lists the world, or serves us no more is found out before it
 * harms (RFC 5782 5).
 *
 * Promises: a probe is good only when every canary of the zone has answered as it should; at most
 * two questions per zone are open. IPv4 canaries judge both families. Zones whose canaries are both
 * off are taken for well and rest only by what look-ups show.
 */
#include "policy/list_probe.h"

#include "dns/name.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/check_dnsbl.h"
#include "policy/dnsbl_config.h"
#include "policy/list_health.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS     (60 * 1000)
#define EVERY_MINUTES 10
#define WHY_SIZE      192

struct target;

struct canary {
    struct target *target;
    struct dns_question *question;
    bool positive;
};

struct target { /* one zone */
    struct list_probe *probe;
    const struct dnsbl_config *config;
    struct canary canary[2];
    unsigned open; /* canaries that have not answered */
    unsigned minutes;
    char why[WHY_SIZE]; /* what went wrong; "": nothing yet */
};

struct list_probe {
    struct loop *loop;
    struct dns *dns;
    struct policy *policy;
    struct timer *timer;
    struct target *target;
    size_t count;
};

static const char *canary_text(const struct canary *canary)
{
    const struct dnsbl_config *config = canary->target->config;
    return canary->positive ? config->listed : config->clean;
}

/* The first fault is the one that is told. */
static void fail(struct canary *canary, const char *what)
{
    struct target *target = canary->target;
    if (target->why[0] == '\0')
        snprintf(target->why, sizeof target->why, "canary %.64s: %s", canary_text(canary), what);
}

static void judge_positive(struct canary *canary, const struct dns_answer *answer)
{
    char ip[ADDR_TEXT_MAX];
    char what[ADDR_TEXT_MAX + 32];
    size_t which = 0;
    if (dnsbl_is_canary(canary->target->config->common.allows, answer->addr, answer->count, &which))
        return;
    snprintf(what, sizeof what, "the answer %s is an error",
             answer->count > 0 ? addr_ip_text(&answer->addr[which], ip) : "without an address");
    fail(canary, what);
}

static void judge_negative(struct canary *canary, const struct dns_answer *answer)
{
    char ip[ADDR_TEXT_MAX];
    char what[ADDR_TEXT_MAX + 48];
    snprintf(what, sizeof what, "it must not be listed, but the answer is %s",
             answer->count > 0 ? addr_ip_text(&answer->addr[0], ip) : "empty");
    fail(canary, what);
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct canary *canary = arg;
    struct target *target = canary->target;
    canary->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        if (canary->positive)
            judge_positive(canary, answer);
        else
            judge_negative(canary, answer);
        break;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        if (canary->positive)
            fail(canary, "it must be listed, but it is not");
        break;
    case DNS_TEMPFAIL:
        fail(canary, answer->why);
        break;
    }
    if (--target->open == 0)
        list_zone_probed(target->config->health, target->why[0] != '\0' ? target->why : NULL,
                         loop_now(target->probe->loop));
}

/* The name to be asked for. False: there is none, which prepare() has not let pass. */
static bool canary_name(const struct canary *canary, char out[static DNS_NAME_MAX + 1])
{
    struct addr address;
    char front[DNS_REVERSE_MAX];
    const struct check_config *common = &canary->target->config->common;
    const char *text = canary_text(canary);
    if (common->check != &check_dnsbl)
        return dns_name_join(text, common->title, out);
    if (!addr_parse_ip(text, &address))
        return false;
    dns_name_reverse(&address, front);
    return dns_name_join(front, common->title, out);
}

static void ask(struct target *target)
{
    char name[DNS_NAME_MAX + 1];
    target->why[0] = '\0';
    target->minutes = 0;
    for (size_t i = 0; i < 2; i++) {
        struct canary *canary = &target->canary[i];
        if (dnsbl_is_off(canary_text(canary)) || !canary_name(canary, name))
            continue;
        target->open++;
        canary->question = dns_ask(target->probe->dns, DNS_A, name, on_answer, canary);
    }
    if (target->open == 0)
        list_zone_assume_well(target->config->health);
}

static void on_minute(void *arg)
{
    struct list_probe *probe = arg;
    timer_set(probe->timer, MINUTE_MS);
    for (size_t i = 0; i < probe->count; i++) {
        struct target *target = &probe->target[i];
        bool due = list_zone_due(target->config->health, loop_now(probe->loop));
        target->minutes++;
        if (target->open == 0 && (due || target->minutes >= EVERY_MINUTES))
            ask(target);
    }
}

static bool is_list(const struct check_config *config)
{
    return config->check == &check_dnsbl || config->check == &check_rhsbl;
}

static void add_target(struct list_probe *probe, const struct check_config *config)
{
    struct target *target = &probe->target[probe->count++];
    target->probe = probe;
    target->config = (const struct dnsbl_config *)config;
    target->canary[0] = (struct canary){.target = target, .positive = true};
    target->canary[1] = (struct canary){.target = target};
    ask(target);
}

struct list_probe *list_probe_new(struct loop *loop, struct dns *dns, struct policy *policy)
{
    struct list_probe *probe = mem_alloc(sizeof *probe);
    const struct check_config *const *checks_on = policy_checks(policy);
    size_t count = 0;
    probe->loop = loop;
    probe->dns = dns;
    probe->policy = policy_ref(policy);
    probe->timer = timer_new(loop, on_minute, probe);
    for (size_t i = 0; checks_on[i] != NULL; i++)
        count += is_list(checks_on[i]);
    if (count == 0)
        return probe;
    probe->target = mem_alloc(count * sizeof *probe->target);
    for (size_t i = 0; checks_on[i] != NULL; i++) {
        if (is_list(checks_on[i]))
            add_target(probe, checks_on[i]);
    }
    timer_set(probe->timer, MINUTE_MS);
    return probe;
}

void list_probe_free(struct list_probe *probe)
{
    if (probe == NULL)
        return;
    for (size_t i = 0; i < probe->count; i++) {
        dns_cancel(probe->target[i].canary[0].question);
        dns_cancel(probe->target[i].canary[1].question);
    }
    timer_free(probe->timer);
    free(probe->target);
    policy_unref(probe->policy);
    free(probe);
}
