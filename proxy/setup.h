/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SETUP_H
#define PROXY_SETUP_H
/* What a reload swaps as one: the configuration with the certificates loaded and the backends'
 * records found. Immutable, reference-counted; sessions keep the one they began with. And what
 * outlives reloads: the server. */

#include "proxy/capability.h"
#include "proxy/config.h"
#include "proxy/health.h"
#include "proxy/tarpit.h"

#include <stdatomic.h>

struct counters;
struct policy_state;
struct spool_budget;
struct tail;

/* Shared by all workers for the life of the process; what it points to is thread-safe. */
struct server {
    struct health_table *health;
    struct spool_budget *budget;
    struct policy_state *policy; /* what the policy remembers of clients and lists */
    struct counters *counters;
    struct tail *tail; /* of decision records, for administrators who listen */
    struct tarpit_budget tarpit;
    char token[33];          /* of this process, in our EHLO: a backend that says it is ourselves */
    _Atomic size_t sessions; /* now */
    _Atomic size_t sessions_most; /* limits { sessions }, or what the descriptors allow */
};

struct server *server_new(const char *spool_directory) __attribute__((warn_unused_result));
void server_free(struct server *server);

struct setup {
    struct config *config;
    struct tls_server *tls;  /* NULL: STARTTLS is not offered */
    struct health ***health; /* [backend][address] */
    struct server *server;
    _Atomic size_t turn; /* of round-robin */
    _Atomic unsigned refs;
};

/* Takes over one reference of `config`. NULL: *why (caller frees) and the reference is given back.
 * Main thread. */
struct setup *setup_new(struct server *server, struct config *config, char **why)
    __attribute__((warn_unused_result));
struct setup *setup_ref(struct setup *setup);
void setup_unref(struct setup *setup);

/* What may be advertised on a listener: what we and all backends whose EHLO is known have in
 * common. `dialled`: where the client connected to, for `original`. Any thread. */
struct capability setup_offer(const struct setup *setup, const struct listen_config *listen,
                              const struct addr *dialled);
/* The backend for recipients of `domain` (as relay_domain_normal gives it): index in config. */
size_t setup_route(const struct setup *setup, const char *domain);

#endif
