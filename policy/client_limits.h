/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CLIENT_LIMITS_H
#define POLICY_CLIENT_LIMITS_H
/*
 * Limits per client address and per network (/24, /64): what is counted, and the block
 * `client-limits`. Any thread; state in bounded memory (policy/peer_table.h): a flood of addresses
 * makes it forget those seen longest ago, at last also such as have connections open. So a limit
 * may come late, never too early.
 *
 * Counts per interval slide: the running interval's, and of the last one's the part that is not yet
 * a whole interval ago. `now` everywhere: monotonic milliseconds; threads need not agree exactly. A
 * client that is AF_UNSPEC is not counted and always within.
 */

#include "policy/check.h"

struct client_table;

enum client_count {
    CLIENT_CONNECTION,       /* per interval */
    CLIENT_MESSAGE,          /* per interval */
    CLIENT_RECIPIENT,        /* per interval */
    CLIENT_FAILED_RECIPIENT, /* per interval: refused with a 5xx */
    CLIENT_FAILED_LOGIN,     /* per login-interval */
    CLIENT_HANGUP,           /* per interval: not limited, but remembered */
    CLIENT_COUNTS,
};

struct client_limits_config {
    struct check_config common; /* mode: reject by default */
    size_t concurrent;          /* connections at a time; 0: no limit */
    size_t most[CLIENT_COUNTS]; /* 0: no limit */
    uint64_t interval;          /* ms */
    uint64_t login_interval;    /* ms */
    size_t network_factor;      /* a network may do that many times what an address may */
    size_t suspicious_divisor;  /* a suspicious client may do only this part, but 1 always */
};

extern const struct check check_client_limits; /* its rows; it runs at no stage */

enum client_class { CLIENT_PROVEN, CLIENT_UNKNOWN, CLIENT_SUSPICIOUS };

/* At most `octets` in all (some 110 an address or network seen; little while idle). */
struct client_table *client_table_new(size_t octets) __attribute__((warn_unused_result));
void client_table_free(struct client_table *table); /* NULL is fine */

/* A connection begins: counted at a time and in its interval. False: one too many, *why is a clause
 * ("too many connections at a time from your network"), constant. It is counted all the same, so
 * client_closed() follows in either case. Proven clients have only the limits at a time and of
 * failed logins (passwords are guessed from good addresses, too), and what they do per interval is
 * not counted against their network. */
bool client_opened(struct client_table *table, const struct client_limits_config *limits,
                   const struct addr *client, enum client_class class, uint64_t now,
                   const char **why);
/* One that client_opened() counted has ended. Where it was forgotten meanwhile nothing happens, or
 * a newer one of the same client is taken for it. */
/* Asked again of a client that has turned suspicious meanwhile: is what it has open, or has opened
 * in the interval, more than its class may? Counts nothing. */
bool client_crowded(struct client_table *table, const struct client_limits_config *limits,
                    const struct addr *client, enum client_class class, uint64_t now,
                    const char **why);
void client_closed(struct client_table *table, const struct addr *client);
/* Counts one. False: over the limit, *why a constant clause. */
bool client_count(struct client_table *table, const struct client_limits_config *limits,
                  const struct addr *client, enum client_count what, enum client_class class,
                  uint64_t now, const char **why);
/* Would one more be over the limit? Counts nothing. */
bool client_within(struct client_table *table, const struct client_limits_config *limits,
                   const struct addr *client, enum client_count what, enum client_class class,
                   uint64_t now, const char **why);
/* How many there were of this address in the running and the last interval, weighted as the limits
 * weigh them. */
size_t client_counted(struct client_table *table, const struct client_limits_config *limits,
                      const struct addr *client, enum client_count what, uint64_t now);

#endif
