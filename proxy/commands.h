/* SPDX-License-Identifier: ISC */
#ifndef PROXY_COMMANDS_H
#define PROXY_COMMANDS_H
/*
 * What administrators can ask of the running daemon: rows for lib/command.h. The answers, stable:
 * members may be added. Times are RFC 3339 in UTC, spans seconds, what is not known is null.
 *
 *   status     -> {"version", "pid", "started", "uptime", "state", "config", "mode", "workers",
 *                  "sessions", "sessions-most", "tarpit", "listening", "store": {}, "lists": {},
 *                  "backends": [{"backend", "address", "state"}]}
 *   stats      -> {"started", "since-start": {NAME: number}, "in-all": the same or null}
 *   sessions   -> items {"id", "client", "listener", "state", "age", "helo", "sender" and more}
 *   kill id    -> {}
 *   top [by] [most] -> items {BY, "sessions", "messages", "errors"}; most: 20
 *   tail       -> items, each a decision record (policy/record.h), or {"dropped": n}, without end
 *   dns-lists  -> items {"list", "kind", "mode", "state", "why", "probed", "asked" and more}
 *   reload     -> {} once the new configuration is in force; else an error with the faults
 *   drain      -> {}; transactions end, then the daemon
 *   backup file -> {"file", "size"}
 *
 * gatepost-control(5) says what each member means.
 *
 * Main thread.
 */

#include "lib/command.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct roster;
struct server;
struct setup;

/* Ours, and what only the daemon can do. It outlives whoever carries requests. */
struct commands {
    struct loop *loop;
    struct server *server;
    struct roster *roster;
    const char *version;
    int64_t started;     /* seconds since the epoch */
    uint64_t started_ms; /* monotonic */
    unsigned workers;
    void *daemon; /* of the four that follow */
    const struct setup *(*setup)(void *daemon);
    bool (*reload)(void *daemon, char **why); /* false: *why is the caller's to free */
    void (*drain)(void *daemon);
    bool (*draining)(void *daemon);
};

/* `arg` of these sets is a struct commands. */
extern const struct command commands_rows[];
extern const struct command commands_sessions_rows[]; /* commands_sessions.c */
extern const struct command commands_dns_rows[];      /* commands_dns.c */

#endif
