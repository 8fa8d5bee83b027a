/* SPDX-License-Identifier: ISC */
/*
 * setup: what a reload swaps as one, and the server that outlives it.
 *
 * Promises: either everything of a new configuration stands (certificates loaded, backends' records
 * found) or nothing has changed.
 */
#include "proxy/setup.h"

#include "lib/mem.h"
#include "lib/random.h"
#include "policy/policy.h"
#include "policy/state.h"
#include "proxy/counters.h"
#include "proxy/spool.h"
#include "proxy/tail.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct server *server_new(const char *spool_directory)
{
    struct server *server = mem_alloc(sizeof *server);
    server->health = health_table_new();
    server->budget = spool_budget_new(spool_directory);
    server->policy = policy_state_new();
    server->counters = counters_new();
    server->tail = tail_new();
    server->tarpit.sessions = &server->sessions;
    random_token(server->token);
    return server;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    policy_state_free(server->policy);
    counters_free(server->counters);
    tail_free(server->tail);
    spool_budget_free(server->budget);
    health_table_free(server->health);
    free(server);
}

static void find_health(struct setup *setup)
{
    const struct config *config = setup->config;
    setup->health = mem_alloc(config->backend_count * sizeof *setup->health);
    for (size_t b = 0; b < config->backend_count; b++) {
        const struct backend_config *backend = &config->backend[b];
        setup->health[b] = mem_alloc(backend->address_count * sizeof *setup->health[b]);
        for (size_t a = 0; a < backend->address_count; a++)
            setup->health[b][a] = health_find(setup->server->health, &backend->address[a]);
    }
}

struct setup *setup_new(struct server *server, struct config *config, char **why)
{
    struct tls_server *tls = NULL;
    if (config->tls_pair_count > 0) {
        const struct tls_server_config wanted = {
            .pair = config->tls_pair,
            .count = config->tls_pair_count,
            .min_version = config->tls_min_version,
            .ciphers = config->tls_ciphers,
        };
        tls = tls_server_new(&wanted, why);
        if (tls == NULL) {
            config_unref(config);
            return NULL;
        }
    }
    struct setup *setup = mem_alloc(sizeof *setup);
    setup->config = config;
    setup->server = server;
    setup->tls = tls;
    atomic_init(&setup->refs, 1);
    find_health(setup);
    policy_bind(config->policy, server->policy);
    return setup;
}

struct setup *setup_ref(struct setup *setup)
{
    atomic_fetch_add_explicit(&setup->refs, 1, memory_order_relaxed);
    return setup;
}

void setup_unref(struct setup *setup)
{
    if (setup == NULL || atomic_fetch_sub(&setup->refs, 1) != 1)
        return;
    for (size_t b = 0; b < setup->config->backend_count; b++)
        free(setup->health[b]);
    free(setup->health);
    tls_server_unref(setup->tls);
    config_unref(setup->config);
    free(setup);
}

/* Joins one backend address' offer into what was found so far. */
static void join(struct capability *common, bool *known, const struct health *health)
{
    struct capability offer;
    if (health == NULL || !health_offer(health, &offer))
        return;
    if (*known)
        capability_intersect(common, &offer);
    else
        *common = offer;
    *known = true;
}

/* The mechanisms of the backend that answers AUTH. */
static unsigned auth_offer(const struct setup *setup, size_t backend)
{
    struct capability common = {0};
    bool known = false;
    for (size_t a = 0; a < setup->config->backend[backend].address_count; a++)
        join(&common, &known, setup->health[backend][a]);
    return known && (common.bits & CAP_AUTH) ? common.auth : 0;
}

/* What the addresses of one backend have in common, as far as they were heard; the safe subset
 * while none was. */
static struct capability route_offer(const struct setup *setup, size_t backend,
                                     const struct addr *dialled)
{
    const struct backend_config *config = &setup->config->backend[backend];
    struct capability common = {0};
    bool known = false;
    for (size_t a = 0; a < config->address_count; a++)
        join(&common, &known, setup->health[backend][a]);
    if (config->original && dialled->family != 0)
        join(&common, &known, health_find(setup->server->health, dialled));
    return known ? common : capability_safe();
}

struct capability setup_offer(const struct setup *setup, const struct listen_config *listen,
                              const struct addr *dialled)
{
    const struct config *config = setup->config;
    struct capability common = route_offer(setup, 0, dialled);
    for (size_t b = 1; b < config->backend_count; b++) {
        const struct capability other = route_offer(setup, b, dialled);
        capability_intersect(&common, &other);
    }
    common.auth = auth_offer(setup, listen->auth_backend);
    if (common.auth != 0)
        common.bits |= CAP_AUTH;
    return common;
}

/* The part of `domain` a route names: itself, or ".x" for all below x. */
static bool routed(const struct backend_config *backend, const char *domain)
{
    size_t len = strlen(domain);
    for (size_t i = 0; i < backend->domain_count; i++) {
        const char *route = backend->domain[i];
        size_t tail = strlen(route);
        if (strcasecmp(route, domain) == 0 ||
            (route[0] == '.' && len > tail && strcasecmp(domain + len - tail, route) == 0))
            return true;
    }
    return false;
}

size_t setup_route(const struct setup *setup, const char *domain)
{
    const struct config *config = setup->config;
    size_t fallback = config->backend_count;
    for (size_t b = 0; b < config->backend_count; b++) {
        if (routed(&config->backend[b], domain))
            return b;
        if (fallback == config->backend_count && config->backend[b].domain_count == 0)
            fallback = b;
    }
    return fallback < config->backend_count ? fallback : 0;
}
