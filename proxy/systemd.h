/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SYSTEMD_H
#define PROXY_SYSTEMD_H
/* What we tell systemd and get from it; the only user of libsystemd. Without systemd (no
 * NOTIFY_SOCKET, no LISTEN_FDS) all of it is silent and harmless. */

#include "lib/log.h"

#include <stddef.h>
#include <stdint.h>

#define SYSTEMD_NAME_MAX 64 /* a socket's FileDescriptorName= with its NUL; longer ones are cut */

struct systemd_socket {
    int fd; /* close-on-exec; the caller's from now on */
    char name[SYSTEMD_NAME_MAX];
};

/* The sockets handed over by socket activation, at most `max` (further ones are closed); returns
 * how many. The environment is cleared, so a second call returns 0. Main thread, at start. */
size_t systemd_sockets(struct systemd_socket *out, size_t max);

/* READY=1, at start and when a reload is over; `status` is shown by systemctl, may be NULL. */
void systemd_ready(const char *status);
/* A reload begins; systemd_ready() must follow, whatever becomes of it. */
void systemd_reloading(void);
/* The process is leaving and asks for `extend_us` microseconds (0: none) to do so. */
void systemd_stopping(uint64_t extend_us);
/* How often to ping, in milliseconds: half of WatchdogSec=; 0: there is no watchdog. */
uint64_t systemd_watchdog_interval_ms(void);
void systemd_watchdog_ping(void);

/* A log_journal_fn (lib/log.h): one entry with PRIORITY, GATEPOST_EVENT and, where there is a
 * session, GATEPOST_SESSION. Any thread. */
void systemd_journal(enum log_level level, const char *event, const char *session,
                     const char *message);

#endif
