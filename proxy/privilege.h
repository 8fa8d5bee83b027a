/* SPDX-License-Identifier: ISC */
#ifndef PROXY_PRIVILEGE_H
#define PROXY_PRIVILEGE_H
/* Who the process is and what it may: dropping root, descriptor limit, files readable as `user`. */

#include <stdbool.h>

/* As root: becomes `user` with its groups for good, all capabilities dropped but CAP_NET_RAW where
 * `keep_net_raw`. Otherwise, or where `user` is NULL: stays who it is. New privileges are never
 * gained again either way. Call it before any thread is started. False: *why (caller frees) says
 * what to do; the process must not go on. */
bool privilege_drop(const char *user, bool keep_net_raw, char **why)
    __attribute__((warn_unused_result));
/* `user` exists and is not root; as non-root, or for NULL: true. False: *why (caller frees). */
bool privilege_user_ok(const char *user, char **why);
/* Raises the soft limit of open descriptors to the hard one; returns what it is now. */
long privilege_raise_descriptors(void);
/* Whether `path` can be opened for reading: as root by a child that becomes `user` (NULL: as
 * ourselves), otherwise as ourselves. False: *why (caller frees) names the fix. Blocks for the
 * child; meant for start and -t. */
bool privilege_can_read(const char *user, const char *path, char **why);

#endif
