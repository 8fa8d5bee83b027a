/* SPDX-License-Identifier: ISC */
/*
 * client_limits: how often each client address and each network does what it does, and when that
 * is too often.
 *
 * A record of either has the connections open now and, for each thing counted, how many there were
 * in two intervals: the running one and the one before it; the first begins with the first thing
 * that happens. The last one's weigh as much as the part of an interval that has not yet passed
 * since. So a count never leaps at an edge, and no client learns where one is.
 *
 * Promises: bounded memory; over a reload what was counted stays, unless its interval is shortened.
 * Limits: an address of IPv6 is one in 2^64 that a single customer has; what holds such a client is
 * the limit of its /64. Evicted records with open connections count too few until these have ended.
 */
#include "policy/client_limits.h"

#include "lib/mem.h"
#include "policy/peer_table.h"

#include <stdlib.h>
#include <sys/socket.h>

#define AT(member) offsetof(struct client_limits_config, member)
#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

#define SECOND ((uint64_t)1000)
#define DAY    (24 * 3600 * SECOND)
#define MOST   1000000 /* of each limit */

enum window { WINDOW_INTERVAL, WINDOW_LOGIN, WINDOWS };

/* What is remembered of an address or a network. */
struct client {
    uint64_t since[WINDOWS]; /* when the running interval began */
    uint32_t running[CLIENT_COUNTS];
    uint32_t last[CLIENT_COUNTS];
    uint32_t open; /* connections */
};

struct client_table {
    struct peer_table *records;
};

/* Who is asked about: the address, or its network. */
enum scope { SCOPE_ADDRESS, SCOPE_NETWORK, SCOPES };

/* How a record is judged. */
struct rule {
    const struct client_limits_config *limits;
    enum client_class class;
    uint64_t now;
    enum scope scope;
};

static const char *const too_many_at_a_time[SCOPES] = {
    "too many connections at a time from your address",
    "too many connections at a time from your network",
};

static const char *const too_many[CLIENT_COUNTS][SCOPES] = {
    [CLIENT_CONNECTION] = {"too many connections from your address",
                           "too many connections from your network"},
    [CLIENT_MESSAGE] = {"too many messages from your address",
                        "too many messages from your network"},
    [CLIENT_RECIPIENT] = {"too many recipients from your address",
                          "too many recipients from your network"},
    [CLIENT_FAILED_RECIPIENT] = {"too many refused recipients from your address",
                                 "too many refused recipients from your network"},
    [CLIENT_FAILED_LOGIN] = {"too many failed logins from your address",
                             "too many failed logins from your network"},
    [CLIENT_HANGUP] = {"too many broken connections from your address",
                       "too many broken connections from your network"},
};

/* ---- the block of the configuration -----------------------------------------------------------
 */

static const struct conf_row rows[] = {
    CHECK_ROWS(struct client_limits_config, "reject", "2"),
    {.name = "concurrent",
     .type = CONF_NUMBER,
     .offset = AT(concurrent),
     .initial = "20",
     .max = MOST,
     .help = "connections of an address at a time; 0: no limit"},
    {.name = "connections",
     .type = CONF_NUMBER,
     .offset = AT(most[CLIENT_CONNECTION]),
     .initial = "60",
     .max = MOST,
     .help = "connections of an address per interval; 0: no limit"},
    {.name = "messages",
     .type = CONF_NUMBER,
     .offset = AT(most[CLIENT_MESSAGE]),
     .initial = "100",
     .max = MOST,
     .help = "messages of an address per interval; 0: no limit"},
    {.name = "recipients",
     .type = CONF_NUMBER,
     .offset = AT(most[CLIENT_RECIPIENT]),
     .initial = "300",
     .max = MOST,
     .help = "recipients of an address per interval; 0: no limit"},
    {.name = "failed-recipients",
     .type = CONF_NUMBER,
     .offset = AT(most[CLIENT_FAILED_RECIPIENT]),
     .initial = "20",
     .max = MOST,
     .help = "recipients of an address refused with 5xx per interval; 0: no limit"},
    {.name = "failed-logins",
     .type = CONF_NUMBER,
     .offset = AT(most[CLIENT_FAILED_LOGIN]),
     .initial = "5",
     .max = MOST,
     .help = "failed logins of an address per login-interval; 0: no limit"},
    {.name = "interval",
     .type = CONF_DURATION,
     .offset = AT(interval),
     .initial = "60s",
     .min = SECOND,
     .max = DAY,
     .help = "what all but failed-logins is counted in"},
    {.name = "login-interval",
     .type = CONF_DURATION,
     .offset = AT(login_interval),
     .initial = "10m",
     .min = SECOND,
     .max = DAY,
     .help = "what failed-logins is counted in"},
    {.name = "network-factor",
     .type = CONF_NUMBER,
     .offset = AT(network_factor),
     .initial = "4",
     .min = 1,
     .max = 1000,
     .help = "a network (/24, /64) may do that many times what an address may"},
    {.name = "suspicious-divisor",
     .type = CONF_NUMBER,
     .offset = AT(suspicious_divisor),
     .initial = "4",
     .min = 1,
     .max = 1000,
     .help = "a suspicious client may do only this part of it, but at least 1"},
};

static const struct conf_section section = {.name = "client-limits",
                                            .row = rows,
                                            .rows = ROWS(rows),
                                            .help = "how much one client or network may do"};

const struct check check_client_limits = {
    .name = "client-limits",
    .section = &section,
    .config_size = sizeof(struct client_limits_config),
};

/* ---- the table --------------------------------------------------------------------------------
 */

static bool is_open(const void *record)
{
    return ((const struct client *)record)->open > 0;
}

struct client_table *client_table_new(size_t octets)
{
    struct client_table *table = mem_alloc(sizeof *table);
    table->records = peer_table_new(sizeof(struct client), octets, is_open);
    return table;
}

void client_table_free(struct client_table *table)
{
    if (table == NULL)
        return;
    peer_table_free(table->records);
    free(table);
}

/* The record of the client or its network; NULL: there is none, or the client has no address. The
 * lengths of keys are all different. */
static struct client *get(struct client_table *table, const struct addr *client, enum scope scope,
                          bool create)
{
    static const size_t lengths[2][SCOPES] = {{4, 3}, {16, 8}};
    if (client->family == AF_UNSPEC)
        return NULL;
    return peer_table_get(table->records, client->ip, lengths[client->family == AF_INET6][scope],
                          create);
}

static void release(struct client_table *table, struct client *record)
{
    peer_table_release(table->records, record);
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static enum window window_of(enum client_count what)
{
    return what == CLIENT_FAILED_LOGIN ? WINDOW_LOGIN : WINDOW_INTERVAL;
}

static uint64_t interval_of(const struct client_limits_config *limits, enum client_count what)
{
    uint64_t interval = what == CLIENT_FAILED_LOGIN ? limits->login_interval : limits->interval;
    return interval > 0 ? interval : 1;
}

/* Begins another interval where the running one has ended. */
static void roll(struct client *record, enum window window, uint64_t interval, uint64_t now)
{
    uint64_t *since = &record->since[window];
    if (now < *since || now - *since < interval) /* another thread's clock may be ahead of ours */
        return;
    bool next = now - *since < 2 * interval;
    for (enum client_count what = 0; what < CLIENT_COUNTS; what++) {
        if (window_of(what) != window)
            continue;
        record->last[what] = next ? record->running[what] : 0;
        record->running[what] = 0;
    }
    *since = next ? *since + interval : now;
}

/* How many there were up to now. */
static uint64_t counted(struct client *record, const struct client_limits_config *limits,
                        enum client_count what, uint64_t now)
{
    uint64_t interval = interval_of(limits, what);
    enum window window = window_of(what);
    roll(record, window, interval, now);
    uint64_t since = record->since[window];
    uint64_t left = now > since ? interval - (now - since) : interval;
    return record->running[what] + record->last[what] * left / interval;
}

static void tally(struct client *record, const struct client_limits_config *limits,
                  enum client_count what, uint64_t now)
{
    roll(record, window_of(what), interval_of(limits, what), now);
    if (record->running[what] < UINT32_MAX)
        record->running[what]++;
}

/* Is it more than the rule allows? `most` 0: no limit. */
static bool over(const struct rule *rule, uint64_t number, size_t most)
{
    if (most == 0)
        return false;
    uint64_t limit = most;
    if (rule->scope == SCOPE_NETWORK && rule->limits->network_factor > 1)
        limit *= rule->limits->network_factor;
    if (rule->class == CLIENT_SUSPICIOUS && rule->limits->suspicious_divisor > 1)
        limit /= rule->limits->suspicious_divisor;
    return number > (limit > 0 ? limit : 1);
}

/* What is too much, if there are `more` than were counted; NULL: nothing. */
static const char *judge(struct client *record, const struct rule *rule, enum client_count what,
                         uint64_t more)
{
    if (rule->class == CLIENT_PROVEN && what != CLIENT_FAILED_LOGIN)
        return NULL;
    uint64_t number = counted(record, rule->limits, what, rule->now) + more;
    return over(rule, number, rule->limits->most[what]) ? too_many[what][rule->scope] : NULL;
}

static const char *count(struct client *record, const struct rule *rule, enum client_count what)
{
    bool spared = rule->class == CLIENT_PROVEN && rule->scope == SCOPE_NETWORK;
    if (!spared || what == CLIENT_FAILED_LOGIN)
        tally(record, rule->limits, what, rule->now);
    return judge(record, rule, what, 0);
}

static const char *open_one(struct client *record, const struct rule *rule, enum client_count what)
{
    if (record->open < UINT32_MAX)
        record->open++;
    const char *why = count(record, rule, what);
    return over(rule, record->open, rule->limits->concurrent) ? too_many_at_a_time[rule->scope]
                                                              : why;
}

static const char *look_open(struct client *record, const struct rule *rule, enum client_count what)
{
    if (over(rule, record->open, rule->limits->concurrent))
        return too_many_at_a_time[rule->scope];
    return judge(record, rule, what, 0);
}

/* Does it with both records, whatever the first one says. */
static bool both(struct client_table *table, const struct addr *client, struct rule rule,
                 enum client_count what,
                 const char *(*fn)(struct client *, const struct rule *, enum client_count),
                 const char **why)
{
    const char *said = NULL;
    for (rule.scope = 0; rule.scope < SCOPES; rule.scope++) {
        struct client *record = get(table, client, rule.scope, true);
        if (record == NULL)
            break;
        const char *one = fn(record, &rule, what);
        release(table, record);
        said = said != NULL ? said : one;
    }
    if (said != NULL)
        *why = said;
    return said == NULL;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

bool client_opened(struct client_table *table, const struct client_limits_config *limits,
                   const struct addr *client, enum client_class class, uint64_t now,
                   const char **why)
{
    const struct rule rule = {.limits = limits, .class = class, .now = now};
    return both(table, client, rule, CLIENT_CONNECTION, open_one, why);
}

bool client_crowded(struct client_table *table, const struct client_limits_config *limits,
                    const struct addr *client, enum client_class class, uint64_t now,
                    const char **why)
{
    const struct rule rule = {.limits = limits, .class = class, .now = now};
    return !both(table, client, rule, CLIENT_CONNECTION, look_open, why);
}

void client_closed(struct client_table *table, const struct addr *client)
{
    for (enum scope scope = 0; scope < SCOPES; scope++) {
        struct client *record = get(table, client, scope, false);
        if (record == NULL)
            continue;
        if (record->open > 0)
            record->open--;
        release(table, record);
    }
}

bool client_count(struct client_table *table, const struct client_limits_config *limits,
                  const struct addr *client, enum client_count what, enum client_class class,
                  uint64_t now, const char **why)
{
    const struct rule rule = {.limits = limits, .class = class, .now = now};
    return both(table, client, rule, what, count, why);
}

bool client_within(struct client_table *table, const struct client_limits_config *limits,
                   const struct addr *client, enum client_count what, enum client_class class,
                   uint64_t now, const char **why)
{
    const char *said = NULL;
    struct rule rule = {.limits = limits, .class = class, .now = now};
    for (; said == NULL && rule.scope < SCOPES; rule.scope++) {
        struct client *record = get(table, client, rule.scope, false);
        if (record == NULL)
            continue;
        said = judge(record, &rule, what, 1);
        release(table, record);
    }
    if (said != NULL)
        *why = said;
    return said == NULL;
}

size_t client_counted(struct client_table *table, const struct client_limits_config *limits,
                      const struct addr *client, enum client_count what, uint64_t now)
{
    struct client *record = get(table, client, SCOPE_ADDRESS, false);
    if (record == NULL)
        return 0;
    uint64_t number = counted(record, limits, what, now);
    release(table, record);
    return number;
}
