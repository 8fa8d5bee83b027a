/* SPDX-License-Identifier: ISC */
#ifndef PROXY_OPTIONS_H
#define PROXY_OPTIONS_H
/*
 * The options of gatepost.conf: tables of rows, one per section, and the checks of what they mean
 * together. Only config.c and the files options_*.c include this. Main thread.
 */

#include "lib/conf.h"
#include "proxy/config.h"

/* What every check gets: the file read so far and the configuration it was filled into. */
struct options_check {
    struct conf *conf;
    struct config *config;
};

/* options.c: the top level, log, relay, tls. */
extern const struct conf_section options_top;
extern const struct conf_section options_log;
extern const struct conf_section options_relay;
extern const struct conf_section options_tls;
/* options_limits.c */
extern const struct conf_section options_limits;
extern const struct conf_section options_timeouts;
/* options_listen.c */
extern const struct conf_section options_listen;
/* options_dns.c */
extern const struct conf_section options_dns;
/* options_tarpit.c */
extern const struct conf_section options_tarpit;
/* options_control.c */
extern const struct conf_section options_control;
/* options_privacy.c */
extern const struct conf_section options_privacy;
/* options_backend.c */
extern const struct conf_section options_backend;
/* All of proxy/, the top level first, NULL last. */
extern const struct conf_section *const options_sections[];

/* The checks; each notes faults and warnings in c->conf. options_check_relay also builds
 * config.relay, options_check_tls config.tls_pair, options_check_backend the addresses and
 * tls_client of each backend, options_check_listen auth_backend. */
void options_check_top(struct options_check *c);
void options_check_relay(struct options_check *c);
void options_check_tls(struct options_check *c);
void options_check_limits(struct options_check *c);
void options_check_listen(struct options_check *c);
/* Those of listeners; after config.policy was made. */
void options_check_thresholds(struct options_check *c);
void options_check_dns(struct options_check *c);
/* Also makes control.socket the path that is meant, NULL where there is to be none. */
void options_check_control(struct options_check *c);
void options_check_backend(struct options_check *c);
/* options_routes.c: listeners and backends seen together. After all others. */
void options_check_routes(struct options_check *c);

/* The relay rule has no place for the domain: only trusted clients may send there. */
bool options_domain_is_foreign(const struct config *config, const char *domain);
/* `domain`, with or without a leading dot, in lower case as A-labels; NULL: not a domain. The
 * caller frees. */
char *options_normal_domain(const char *domain) __attribute__((warn_unused_result));
/* Notes a fault where the file that `option` names is not there or no regular file. One that may
 * not be read is a warning: main knows better who will read it. */
bool options_check_file(struct options_check *c, const char *option, unsigned line,
                        const char *path);
/* A fully qualified host name: labels of letters, digits and hyphens, at least two. */
bool options_is_fqdn(const char *name);

#endif
