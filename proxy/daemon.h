/* SPDX-License-Identifier: ISC */
#ifndef PROXY_DAEMON_H
#define PROXY_DAEMON_H
/* The running daemon: start, reload, drain. Main thread. */

#include "proxy/config.h"

#include <stdbool.h>

/* Checks what only the running system can tell: certificates load, key files can be read by
 * `user`, the state directory is usable. False: *why (caller frees) names it. `warnings` (NULL: not
 * wanted) gets what works but is likely not meant, a sentence a line, or stays; the caller frees.
 */
bool daemon_check(const struct config *config, char **warnings, char **why);
/* Runs until SIGTERM or SIGINT; takes over the reference. Returns the exit status: 0 after a clean
 * stop, 1 where it could not start (the reason is logged). `version`: ours, as administrators see
 * it; constant. */
int daemon_run(struct config *config, const char *version);
/* Where log lines go, as the configuration says. */
void daemon_log_init(const struct config *config);
/* One log line for each line of `text` (freed; NULL is fine). */
void daemon_log_lines(enum log_level level, const char *event, char *text);

#endif
