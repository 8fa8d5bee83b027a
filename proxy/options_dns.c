/* SPDX-License-Identifier: ISC */
/* options_dns: the section dns { ... }: whom to ask, and for how long. */
#include "proxy/options.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct config, dns.member)
#define MIB          (1024UL * 1024)

#define VERDICT_WAITS 5000 /* ms, for all answers (policy/trial_int.h) */

static const struct conf_row dns_rows[] = {
    {.name = "servers",
     .type = CONF_ADDRESSES,
     .offset = AT(server),
     .count_offset = AT(server_count),
     .help = "resolvers to ask, with ports; none: those of /etc/resolv.conf"},
    {.name = "query-timeout",
     .type = CONF_DURATION,
     .offset = AT(query_timeout),
     .initial = "2500ms",
     .min = 100,
     .max = 30000,
     .help = "for one query to one server"},
    {.name = "timeout",
     .type = CONF_DURATION,
     .offset = AT(timeout),
     .initial = "5s",
     .min = 100,
     .max = 30000,
     .help = "for an answer, all tries together"},
    {.name = "cache",
     .type = CONF_SIZE,
     .offset = AT(cache),
     .initial = "32M",
     .max = 64 * 1024 * MIB,
     .help = "octets of answers that each worker keeps"},
};

const struct conf_section options_dns = {
    .name = "dns", .row = dns_rows, .rows = COUNT(dns_rows), .help = "the resolvers"};

void options_check_dns(struct options_check *c)
{
    const struct conf_part *part = conf_part(c->conf, &options_dns, 0);
    const struct dns_config *dns = &c->config->dns;
    if (dns->query_timeout > dns->timeout)
        conf_fault(c->conf, conf_line(part, "query-timeout", 0),
                   "query-timeout is longer than timeout: the first query would use up all the "
                   "time; lower it, or raise timeout");
    if (dns->timeout > VERDICT_WAITS)
        conf_warn(c->conf, conf_line(part, "timeout", 0),
                  "timeout is longer than the 5s that a verdict waits, so later answers come in "
                  "vain; lower it");
    for (size_t i = 0; i < dns->server_count; i++) {
        const struct addr *server = &dns->server[i];
        if (server->family != AF_UNSPEC && !addr_is_private(server))
            conf_warn(c->conf, conf_line(part, "servers", i),
                      "a resolver beyond your own network: DNS lists refuse public resolvers, and "
                      "answers can be forged on the way; run one on this machine");
    }
}
