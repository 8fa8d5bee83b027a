/* SPDX-License-Identifier: ISC */
#ifndef PROXY_DAEMON_CONTROL_H
#define PROXY_DAEMON_CONTROL_H
/* The daemon's control socket: every room's commands joined, and who carries them. Main thread. */

#include "proxy/commands.h"

struct config;
struct daemon_control;
struct dns;

/* `commands` is copied. Listens as `config` says; where there is to be no socket, or there cannot
 * be one, which the log says, nobody can ask. `dns`: for commands that look things up; NULL: none.
 * It and what `commands` names outlive the control. */
struct daemon_control *daemon_control_new(const struct commands *commands,
                                          const struct config *config, struct dns *dns)
    __attribute__((warn_unused_result));
/* Leaves every asker. A change that was begun goes on, and needs the rest of it, until the store
 * has answered. NULL is fine. */
void daemon_control_close(struct daemon_control *control);
/* NULL is fine. */
void daemon_control_free(struct daemon_control *control);

#endif
