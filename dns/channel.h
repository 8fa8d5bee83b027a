/* SPDX-License-Identifier: ISC */
#ifndef DNS_CHANNEL_H
#define DNS_CHANNEL_H
/*
 * Queries to a set of servers, over UDP and TCP: the only place that knows c-ares. Packets in and
 * out, no meaning. One loop's.
 */

#include "dns/dns.h"

#include <stdbool.h>

struct loop;
struct channel;

/* One query's end: the packet (valid during the call) as it came from a server, whatever its rcode;
 * or NULL and why there is none (static). No packet and no `why`: the name does not exist by its
 * form. Must not call channel_free(). */
typedef void (*channel_fn)(const unsigned char *packet, size_t len, const char *why, void *arg);

/* Of one query; the asker's memory, until the fn is called or the channel freed. */
struct channel_query {
    struct channel *channel;
    enum dns_type type;
    const char *name;
    bool tcp; /* asked again, since the answer by UDP was truncated */
    channel_fn fn;
    void *arg;
};

/* Once per process, before the first thread makes one; and at the end. */
void channel_init(void);
void channel_shutdown(void);

/* `servers` with ports; none: those of /etc/resolv.conf. A server has `query_ms` for a first
 * answer, twice that for a second. NULL: *why (caller frees). */
struct channel *channel_new(struct loop *loop, const struct addr *server, size_t servers,
                            uint64_t query_ms, char **why) __attribute__((warn_unused_result));
/* Only from the loop's top, not from a channel_fn; queries still out end without a call. NULL is
 * fine. */
void channel_free(struct channel *channel);
/* Asks; fn is called exactly once, maybe before this returns. `name` as dns_name_normal() has it;
 * it stays until then. */
void channel_ask(struct channel *channel, struct channel_query *query, enum dns_type type,
                 const char *name, channel_fn fn, void *arg);
/* Lets time pass: asks again what has had no answer. To be called every 50 to 100 ms while any
 * query is out. */
void channel_tick(struct channel *channel);
/* Queries out. */
size_t channel_out(const struct channel *channel);
/* The servers, as text: two channels with the same text ask the same servers. */
const char *channel_servers(const struct channel *channel);

#endif
