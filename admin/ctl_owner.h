/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_OWNER_H
#define ADMIN_CTL_OWNER_H
/* Becoming who owns the state directory. */

#include <stdbool.h>

/* As root: takes over the directory owner's groups and identity, irrevocably; anybody else stays
 * who he is. `user` is the configuration's, or NULL. False: *why is one sentence, the caller frees;
 * nothing must be opened there then. */
bool ctl_owner_become(const char *directory, const char *user, char **why)
    __attribute__((warn_unused_result));

#endif
