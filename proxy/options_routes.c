/* SPDX-License-Identifier: ISC */
/*
 * options_routes: listeners and backends seen together: loops, transparent mode, backends that
 * nothing reaches and domains that reach no backend.
 */
#include "proxy/options.h"

#include <string.h>

/* ---- loops
 * --------------------------------------------------------------------------------------- */

static bool is_any(const struct addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, sizeof zero) == 0;
}

/* Would a connection to `backend` come to the listener at `own`? Other addresses of this host under
 * a wildcard are found when they are dialled: the backend's EHLO then shows our own token. */
static bool reaches(const struct addr *backend, const struct addr *own)
{
    if (own->family == AF_UNSPEC || own->family != backend->family || own->port != backend->port)
        return false;
    return addr_same_ip(backend, own) ||
           (is_any(own) && (addr_is_loopback(backend) || is_any(backend)));
}

static const struct listen_config *listener_at(const struct config *config,
                                               const struct addr *address)
{
    for (size_t i = 0; i < config->listen_count; i++)
        for (size_t j = 0; j < config->listen[i].address_count; j++)
            if (reaches(address, &config->listen[i].address[j]))
                return &config->listen[i];
    return NULL;
}

/* By the text, since faulty addresses are not in the list of good ones. */
static void check_loops(struct options_check *c, const struct conf_part *part,
                        const struct backend_config *backend)
{
    for (size_t i = 0; i < backend->address_text_count; i++) {
        struct addr address;
        if (!addr_parse_port(backend->address_text[i], &address))
            continue;
        const struct listen_config *listen = listener_at(c->config, &address);
        if (listen != NULL)
            conf_fault(c->conf, conf_line(part, "address", i),
                       "address \"%s\" is our own listener \"%s\": mail would go in a circle; give "
                       "the mail server's",
                       backend->address_text[i], listen->name);
    }
}

/* ---- transparent mode
 * ---------------------------------------------------------------------------- */

static void check_original(struct options_check *c, const struct conf_part *part,
                           const struct backend_config *backend)
{
    size_t transparent = 0;
    for (size_t i = 0; i < c->config->listen_count; i++)
        transparent += c->config->listen[i].transparent;
    unsigned line = conf_line(part, "address", 0);
    if (!backend->original)
        return;
    if (transparent == 0)
        conf_fault(c->conf, line,
                   "\"original\" needs a listener with transparent = yes; without one every client "
                   "dials us");
    else if (transparent < c->config->listen_count)
        conf_warn(
            c->conf, line,
            "\"original\" works for clients of transparent listeners only; the others' mail for "
            "this backend is answered 451");
    if (backend->reuse)
        conf_fault(c->conf, conf_line(part, "reuse", 0),
                   "reuse = yes cannot go with \"original\": each client dials its own server; set "
                   "reuse = no");
}

/* A connection made with the client's address has the client's family. */
static void check_tproxy(struct options_check *c, const struct conf_part *part,
                         const struct backend_config *backend)
{
    bool clients[2] = {false, false};
    bool backends[2] = {false, false};
    if (backend->client_address != CLIENT_ADDRESS_TPROXY || backend->original)
        return;
    for (size_t i = 0; i < backend->address_count; i++)
        backends[backend->address[i].family == AF_INET6] = true;
    for (size_t i = 0; i < c->config->listen_count; i++)
        for (size_t j = 0; j < c->config->listen[i].address_count; j++)
            clients[c->config->listen[i].address[j].family == AF_INET6] = true;
    for (int six = 0; six < 2; six++)
        if (clients[six] && !backends[six] && backends[!six])
            conf_warn(
                c->conf, conf_line(part, "client-address", 0),
                "client-address = tproxy: clients over %s cannot reach a backend that has only "
                "%s addresses; add one",
                six ? "IPv6" : "IPv4", six ? "IPv4" : "IPv6");
}

/* ---- routes
 * --------------------------------------------------------------------------------------- */

static bool is_auth_backend(const struct config *config, size_t index)
{
    for (size_t i = 0; i < config->listen_count; i++)
        if (config->listen[i].auth_backend_name != NULL && config->listen[i].auth_backend == index)
            return true;
    return false;
}

static void check_defaults(struct options_check *c)
{
    const struct config *config = c->config;
    const struct backend_config *first = NULL;
    for (size_t i = 0; i < config->backend_count; i++) {
        const struct backend_config *backend = &config->backend[i];
        if (backend->domain_count > 0)
            continue;
        if (first == NULL)
            first = backend;
        else if (!is_auth_backend(config, i))
            conf_warn(
                c->conf, conf_part_line(conf_part(c->conf, &options_backend, i)),
                "backend \"%s\" is never used: it has no domains, and \"%s\" takes what has no "
                "route; add domains, or its addresses to that one",
                backend->name, first->name);
    }
    if (first == NULL && config->backend_count > 0)
        conf_warn(c->conf, 0,
                  "every backend has domains: mail to any other domain goes to the first, \"%s\"; "
                  "remove the domains of the one that is meant",
                  config->backend[0].name);
}

/* The backend before (`index`, `domain`) that has the same domain, or NULL. */
static const struct backend_config *earlier_route(const struct config *config, size_t index,
                                                  size_t domain)
{
    const char *name = config->backend[index].domain[domain];
    for (size_t i = 0; i <= index; i++) {
        const struct backend_config *other = &config->backend[i];
        size_t end = i == index ? domain : other->domain_count;
        for (size_t j = 0; j < end; j++)
            if (strcmp(other->domain[j], name) == 0)
                return other;
    }
    return NULL;
}

/* The first backend in the file's order that takes a domain above `name` as ".above", or NULL. */
static const struct backend_config *shadow(const struct config *config, size_t index,
                                           const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < index; i++)
        for (size_t j = 0; j < config->backend[i].domain_count; j++) {
            const char *above = config->backend[i].domain[j];
            size_t end = strlen(above);
            if (above[0] == '.' && len > end && strcmp(name + len - end, above) == 0)
                return &config->backend[i];
        }
    return NULL;
}

static void check_domains(struct options_check *c, const struct conf_part *part, size_t index)
{
    const struct backend_config *backend = &c->config->backend[index];
    for (size_t i = 0; i < backend->domain_count; i++) {
        unsigned line = conf_line(part, "domains", i);
        const struct backend_config *other = earlier_route(c->config, index, i);
        const struct backend_config *above = shadow(c->config, index, backend->domain[i]);
        if (other != NULL)
            conf_fault(c->conf, line, "domains: \"%s\" goes to backend \"%s\" already; keep one",
                       backend->domain[i], other->name);
        else if (above != NULL)
            conf_warn(
                c->conf, line,
                "domains: \"%s\" goes to backend \"%s\", which takes all below a domain above "
                "it; put this backend before that one",
                backend->domain[i], above->name);
        else if (options_domain_is_foreign(c->config, backend->domain[i]))
            conf_warn(
                c->conf, line,
                "domains: \"%s\" is not in relay { domains }: mail from outside never gets here; "
                "add it there",
                backend->domain[i]);
    }
}

void options_check_routes(struct options_check *c)
{
    for (size_t i = 0; i < c->config->backend_count; i++) {
        const struct conf_part *part = conf_part(c->conf, &options_backend, i);
        const struct backend_config *backend = &c->config->backend[i];
        check_loops(c, part, backend);
        check_original(c, part, backend);
        check_tproxy(c, part, backend);
        check_domains(c, part, i);
    }
    check_defaults(c);
}
