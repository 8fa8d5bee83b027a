/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_CONFIG_H
#define ADMIN_CTL_CONFIG_H
/* What gatepostctl needs to know of the daemon's configuration. */

#include <stdbool.h>

struct ctl_config {
    char *path;
    /* All that follows is there after ctl_config_read. */
    char *socket;    /* NULL: the file says off; the default where it cannot be read */
    char *state_dir; /* NULL: the file cannot be read */
    char *user;      /* NULL: none is configured */
    char *why;       /* the first of what is wrong with the file; NULL: it is good */
    bool read;
};

/* `socket` (may be NULL) goes before what the file says. */
void ctl_config_init(struct ctl_config *config, const char *path, const char *socket);
/* Reads the file, once. */
void ctl_config_read(struct ctl_config *config);
void ctl_config_clear(struct ctl_config *config);

#endif
