/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_CONFIG_H
#define ADMIN_CTL_CONFIG_H
/* What gatepostctl needs to know of the daemon's configuration. */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct policy;

/* What those commands need that ask DNS and judge by themselves. */
struct ctl_settings {
    const char *hostname;
    const struct addr *server; /* DNS; none: those of /etc/resolv.conf */
    size_t servers;
    uint64_t query_ms, total_ms; /* of one try, of one question */
    uint64_t header_size;        /* octets of a message's header section */
    char *const *domain;         /* own ones as the file has them */
    size_t domains;
    const struct policy *policy; /* NULL: the file cannot be read, what stands above is default */
};

struct ctl_config {
    char *path;
    /* All that follows is there after ctl_config_read. */
    char *socket;    /* NULL: the file says off; the default where it cannot be read */
    char *state_dir; /* NULL: the file cannot be read */
    char *user;      /* NULL: none is configured */
    char *why;       /* the first of what is wrong with the file; NULL: it is good */
    struct ctl_settings settings;
    struct config *config; /* ctl_config.c only */
    bool read;
};

/* `socket` (may be NULL) goes before what the file says. */
void ctl_config_init(struct ctl_config *config, const char *path, const char *socket);
/* Reads the file, once. */
void ctl_config_read(struct ctl_config *config);
void ctl_config_clear(struct ctl_config *config);

/* Another configuration, whole, for replay: `out` is what judges by it, good as long as the result.
 * NULL: *why has its faults as lines, the caller frees. */
struct ctl_rules;
struct replay_rules;
struct ctl_rules *ctl_rules_read(const char *path, struct replay_rules *out, char **why)
    __attribute__((warn_unused_result));
void ctl_rules_free(struct ctl_rules *rules);

#endif
