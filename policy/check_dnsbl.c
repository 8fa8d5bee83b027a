/* SPDX-License-Identifier: ISC */
/*
 * check_dnsbl: is the client's address in a DNS list of bad clients, or (score below 0) of good
 * ones?
 *
 * Each block is a zone; all are asked at once, when the client connects. Addresses that are
 * private, ours or trusted are never looked up. What an answer means: dnsbl_codes; whether the list
 * can be believed: list_health. RFC 5782 2.1 (IPv4), 2.4 (IPv6), 5 (test entries).
 */
#include "policy/check_dnsbl.h"

#include "dns/name.h"
#include "policy/dnsbl_config.h"
#include "policy/dnsbl_lookup.h"

#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FACTOR_MOST 1000 /* hundredths */

static const struct conf_row rows[] = {
    DNSBL_ROWS("4", "127.0.0.2", "127.0.0.1"),
    {.name = "ipv6-factor",
     .type = CONF_DECIMAL,
     .offset = offsetof(struct dnsbl_config, ipv6_factor),
     .initial = "1",
     .help = "times the score for IPv6 clients; 0 does not ask for them"},
};

static const struct conf_section section = {.name = "dnsbl",
                                            .many = true,
                                            .row = rows,
                                            .rows = COUNT(rows),
                                            .help = "a DNS list of client addresses"};

static void check_canary(struct conf *conf, const struct conf_part *part, const char *option,
                         const char *value)
{
    struct addr address;
    if (!dnsbl_is_off(value) && !addr_parse_ip(value, &address))
        conf_fault(conf, conf_line(part, option, 0),
                   "%s = %s is not an address; give one such as 127.0.0.2, or off", option, value);
}

static void prepare(struct check_config *common, struct conf *conf, const struct conf_part *part)
{
    struct dnsbl_config *config = (struct dnsbl_config *)common;
    dnsbl_config_prepare(config, conf, part, DNS_REVERSE_MAX - 1);
    check_canary(conf, part, "listed", config->listed);
    check_canary(conf, part, "clean", config->clean);
    if (config->ipv6_factor < 0 || config->ipv6_factor > FACTOR_MOST)
        conf_fault(conf, conf_line(part, "ipv6-factor", 0),
                   "ipv6-factor is out of range; give 0 to 10, such as 0.5");
}

static void bind_health(struct check_config *config, struct policy_state *state)
{
    dnsbl_config_bind((struct dnsbl_config *)config, state, "");
}

static void start(struct check_run *run)
{
    char front[DNS_REVERSE_MAX];
    const struct check_facts *facts = check_facts(run);
    const struct dnsbl_config *config = (const struct dnsbl_config *)run->config;
    bool asked_for = facts->client->family != AF_INET6 || config->ipv6_factor != 0;
    if (!asked_for)
        check_skipped(run);
    if (!facts->lookup || !asked_for) {
        check_done(run);
        return;
    }
    dns_name_reverse(facts->client, front);
    /* Good clients are what an allow zone should list. */
    dnsbl_lookup_start(run, front, NULL, !config->common.allows);
}

static bool looks(const struct check_config *common, enum check_stage stage,
                  const struct addr *client)
{
    const struct dnsbl_config *config = (const struct dnsbl_config *)common;
    (void)stage;
    return client->family != AF_INET6 || config->ipv6_factor != 0;
}

const struct check check_dnsbl = {
    .name = "dnsbl",
    .section = &section,
    .config_size = sizeof(struct dnsbl_config),
    .prepare = prepare,
    .release = dnsbl_config_release,
    .bind = bind_health,
    .stages = CHECK_BIT(CHECK_AT_CONNECT),
    .allows = true,
    .state_size = sizeof(struct dnsbl_lookup),
    .start = start,
    .stop = dnsbl_lookup_stop,
    .rescore = dnsbl_lookup_rescore,
    .looks = looks,
};
