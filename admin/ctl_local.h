/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_LOCAL_H
#define ADMIN_CTL_LOCAL_H
/*
 * The lists without a daemon: the same rows (policy/list_commands.h) in this process, on the same
 * store under the same lock. Run as root it first becomes the owner of the state directory, for
 * good, so that it leaves no file there that locks the daemon out.
 */

#include "admin/ctl_call.h"
#include "admin/ctl_config.h"

/* `config` has a state directory. NULL: *why is one sentence, the caller frees. */
struct ctl_link *ctl_local_new(const struct ctl_config *config, char **why)
    __attribute__((warn_unused_result));

#endif
