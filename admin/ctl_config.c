/* SPDX-License-Identifier: ISC */
/*
 * ctl_config: what gatepostctl needs to know of the daemon's configuration.
 *
 * The one file of gatepostctl that knows proxy/, since there the file is read. A file that cannot
 * be read, for want of rights or because it has a fault since the daemon read it, is no reason not
 * to talk to a running daemon: then the socket is the default one, and the reason is kept for the
 * case that nobody listens there.
 */
#include "admin/ctl_config.h"

#include "lib/mem.h"
#include "policy/policy.h"
#include "policy/replay.h"
#include "policy/state.h"
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

#define SOCKET_DEFAULT "/run/gatepost/control"

void ctl_config_init(struct ctl_config *config, const char *path, const char *socket)
{
    *config = (struct ctl_config){.path = mem_strdup(path), .socket = mem_strdup(socket)};
}

static const struct ctl_settings defaults = {
    .hostname = "localhost", .query_ms = 2000, .total_ms = 5000, .header_size = 1 << 20};

static void settle(struct ctl_settings *out, const struct config *config)
{
    *out = (struct ctl_settings){
        .hostname = config->hostname,
        .server = config->dns.server,
        .servers = config->dns.server_count,
        .query_ms = config->dns.query_timeout,
        .total_ms = config->dns.timeout,
        .header_size = config->limits.header_size,
        .domain = config->relay_domain,
        .domains = config->relay_domain_count,
        .policy = config->policy,
    };
}

void ctl_config_read(struct ctl_config *out)
{
    char *faults = NULL;
    char *warnings = NULL;
    if (out->read)
        return;
    out->read = true;
    struct config *config = config_read(out->path, &faults, &warnings);
    out->settings = defaults;
    out->config = config;
    if (config != NULL) {
        out->state_dir = mem_strdup(config->state_dir);
        out->user = mem_strdup(config->user);
        if (out->socket == NULL)
            out->socket = mem_strdup(config->control.socket);
        settle(&out->settings, config);
    } else {
        out->why = faults != NULL ? faults : mem_printf("%s: cannot be read\n", out->path);
        out->why[strcspn(out->why, "\n")] = '\0';
        faults = NULL;
        if (out->socket == NULL)
            out->socket = mem_strdup(SOCKET_DEFAULT);
    }
    free(faults);
    free(warnings);
}

void ctl_config_clear(struct ctl_config *config)
{
    free(config->path);
    free(config->socket);
    free(config->state_dir);
    free(config->user);
    free(config->why);
    if (config->config != NULL)
        config_unref(config->config);
}

struct ctl_rules {
    struct config *config;
    struct policy_state *state; /* its own list entries, and nothing that was remembered */
};

static score_t own_or(score_t own, score_t other)
{
    return own != LISTEN_THRESHOLD_UNSET ? own : other;
}

static bool thresholds(void *arg, const char *listener, struct trial_thresholds *out)
{
    const struct config *config = arg;
    const struct policy_thresholds *common = policy_thresholds(config->policy);
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct listen_config *listen = &config->listen[i];
        if (strcmp(listen->name, listener) != 0)
            continue;
        out->greylist = own_or(listen->greylist_threshold, common->greylist);
        out->reject = own_or(listen->reject_threshold, common->reject);
        out->tarpit = own_or(listen->tarpit_threshold, common->tarpit);
        return true;
    }
    return false;
}

struct ctl_rules *ctl_rules_read(const char *path, struct replay_rules *out, char **why)
{
    char *warnings = NULL;
    struct config *config = config_read(path, why, &warnings);
    free(warnings);
    if (config == NULL) {
        *why = *why != NULL ? *why : mem_printf("%s: cannot be read\n", path);
        return NULL;
    }
    struct ctl_rules *rules = mem_alloc(sizeof *rules);
    rules->config = config;
    rules->state = policy_state_new();
    policy_bind(config->policy, rules->state);
    *out = (struct replay_rules){.policy = config->policy,
                                 .observe = config->mode == GATE_OBSERVE,
                                 .lists = rules->state->lists,
                                 .thresholds = thresholds,
                                 .arg = config};
    return rules;
}

void ctl_rules_free(struct ctl_rules *rules)
{
    config_unref(rules->config);
    policy_state_free(rules->state);
    free(rules);
}
