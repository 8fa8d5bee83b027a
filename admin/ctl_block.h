/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_BLOCK_H
#define ADMIN_CTL_BLOCK_H
/* A check's block of the configuration, for commands that evaluate what it configures. */

#include "policy/auth_config.h"

struct ctl;

/* The block of that name where it is on, after ctl_config_read; NULL: the defaults hold. */
const struct check_config *ctl_block(const struct ctl *ctl, const char *name);
/* How DMARC's policies are found. */
enum dmarc_discovery ctl_block_discovery(const struct ctl *ctl);

#endif
