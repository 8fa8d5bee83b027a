/* SPDX-License-Identifier: ISC */
/* commands_dns: dns-lists: how each configured DNS list does. */
#include "proxy/commands.h"

#include "lib/loop.h"
#include "policy/check_dnsbl.h"
#include "policy/list_health.h"
#include "policy/policy.h"
#include "proxy/setup.h"

static const char *verdict_text(enum zone_verdict verdict)
{
    switch (verdict) {
    case LIST_UNPROBED:
        return "unprobed";
    case LIST_WELL:
        return "well";
    case LIST_SICK:
        return "sick";
    }
    return "";
}

static const char *mode_text(enum check_mode mode)
{
    switch (mode) {
    case CHECK_OFF:
        return "off";
    case CHECK_OBSERVE:
        return "observe";
    case CHECK_SCORE:
        return "score";
    case CHECK_REJECT:
        return "reject";
    }
    return "";
}

static json_t *list_object(const struct dnsbl_config *list, uint64_t now)
{
    struct list_zone_state state;
    list_zone_state(list->health, now, &state);
    json_t *item =
        json_pack("{s:o, s:s, s:s, s:s, s:o, s:o}", "list", command_string(list->shown), "kind",
                  list->common.check->name, "mode", mode_text(list->common.mode), "state",
                  verdict_text(state.verdict), "why",
                  state.verdict == LIST_SICK ? command_string(state.why) : json_null(), "probed",
                  state.probed && state.probed_at <= now
                      ? json_integer((json_int_t)((now - state.probed_at) / 1000))
                      : json_null());
    const struct {
        const char *name;
        uint64_t value;
    } figure[] = {{"asked", state.asked},      {"listed", state.listed},
                  {"timeouts", state.timeout}, {"errors", state.error},
                  {"recent", state.recent},    {"failed", state.failed},
                  {"latency", state.latency},  {"latency-most", state.latency_most}};
    for (size_t i = 0; i < sizeof figure / sizeof figure[0]; i++)
        json_object_set_new(item, figure[i].name, json_integer((json_int_t)figure[i].value));
    return item;
}

static void run_dns_lists(struct command_call *call, void *arg)
{
    const struct commands *c = arg;
    const struct check_config *const *check = policy_checks(c->setup(c->daemon)->config->policy);
    for (; *check != NULL; check++) {
        if ((*check)->check != &check_dnsbl && (*check)->check != &check_rhsbl)
            continue;
        if (!command_item(call,
                          list_object((const struct dnsbl_config *)*check, loop_now(c->loop))))
            break;
    }
    command_done(call, NULL);
}

const struct command commands_dns_rows[] = {
    {"dns-lists", "", "each DNS list's health and latency", COMMAND_READ, run_dns_lists},
    {0},
};
