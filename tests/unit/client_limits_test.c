/* SPDX-License-Identifier: ISC */
/* client_limits_test: each count and its limit, who shares one, how it fades, on a virtual clock.
 */
#include "policy/client_limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1024 * 1024)
#define SECOND       ((uint64_t)1000)
#define NOW          ((uint64_t)100 * 3600 * 1000)
#define TABLE        (*state)

static const struct client_limits_config defaults = {
    .concurrent = 20,
    .most = {[CLIENT_CONNECTION] = 60,
             [CLIENT_MESSAGE] = 100,
             [CLIENT_RECIPIENT] = 300,
             [CLIENT_FAILED_RECIPIENT] = 20,
             [CLIENT_FAILED_LOGIN] = 5},
    .interval = 60 * SECOND,
    .login_interval = 600 * SECOND,
    .network_factor = 4,
    .suspicious_divisor = 4,
};

static int setup(void **state)
{
    *state = client_table_new(MIB);
    return 0;
}

static int teardown(void **state)
{
    client_table_free(*state);
    return 0;
}

static struct addr ip(const char *text)
{
    struct addr out = {0};
    assert_true(addr_parse_ip(text, &out));
    return out;
}

/* The `number`-th of many addresses, each in a network of its own. */
static struct addr far(uint32_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%u.%u.%u.1", 1 + (number >> 16), number >> 8 & 255, number & 255);
    return ip(text);
}

/* Each of these returns NULL, or what was said against it. */
static const char *opens_as(struct client_table *table, const char *client, enum client_class class)
{
    const struct addr addr = ip(client);
    const char *why = NULL;
    bool within = client_opened(table, &defaults, &addr, class, NOW, &why);
    assert_int_equal(within, why == NULL);
    return why;
}

static const char *opens(struct client_table *table, const char *client)
{
    return opens_as(table, client, CLIENT_UNKNOWN);
}

static void closes(struct client_table *table, const char *client)
{
    const struct addr addr = ip(client);
    client_closed(table, &addr);
}

static const char *counts_as(struct client_table *table, const char *client, enum client_count what,
                             enum client_class class, uint64_t now)
{
    const struct addr addr = ip(client);
    const char *why = NULL;
    const char *before = NULL;
    bool would = client_within(table, &defaults, &addr, what, class, now, &before);
    bool within = client_count(table, &defaults, &addr, what, class, now, &why);
    assert_int_equal(within, why == NULL);
    assert_int_equal(would, before == NULL);
    if (within != would || (why != NULL && strcmp(why, before) != 0))
        fail_msg("%s: foretold \"%s\", then \"%s\"", client, before, why);
    return why;
}

static const char *counts(struct client_table *table, const char *client, enum client_count what,
                          uint64_t now)
{
    return counts_as(table, client, what, CLIENT_UNKNOWN, now);
}

/* How many pass before the first that does not, of `tries`. */
static size_t passes(struct client_table *table, const char *client, enum client_count what,
                     enum client_class class, uint64_t now, size_t tries)
{
    for (size_t n = 0; n < tries; n++)
        if (counts_as(table, client, what, class, now) != NULL)
            return n;
    return tries;
}

static size_t counted(struct client_table *table, const char *client, enum client_count what,
                      uint64_t now)
{
    const struct addr addr = ip(client);
    return client_counted(table, &defaults, &addr, what, now);
}

static bool says(const char *why, const char *what)
{
    return why != NULL && strcmp(why, what) == 0;
}

static void test_each_count_has_its_limit_and_its_reason(void **state)
{
    static const struct {
        const char *client;
        enum client_count what;
        size_t most;
        const char *why;
    } cases[] = {
        {"192.0.2.1", CLIENT_CONNECTION, 60, "too many connections from your address"},
        {"192.0.2.2", CLIENT_MESSAGE, 100, "too many messages from your address"},
        {"192.0.2.3", CLIENT_RECIPIENT, 300, "too many recipients from your address"},
        {"192.0.2.4", CLIENT_FAILED_RECIPIENT, 20, "too many refused recipients from your address"},
        {"192.0.2.5", CLIENT_FAILED_LOGIN, 5, "too many failed logins from your address"},
        {"2001:db8:1::1", CLIENT_CONNECTION, 60, "too many connections from your address"},
        {"2001:db8:2::1", CLIENT_FAILED_LOGIN, 5, "too many failed logins from your address"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(passes(TABLE, cases[i].client, cases[i].what, CLIENT_UNKNOWN, NOW, 1000),
                         cases[i].most);
        const char *why = counts(TABLE, cases[i].client, cases[i].what, NOW);
        if (!says(why, cases[i].why))
            fail_msg("%s: \"%s\"", cases[i].why, why);
        assert_int_equal(counted(TABLE, cases[i].client, cases[i].what, NOW), cases[i].most + 2);
    }
    assert_int_equal(passes(TABLE, "192.0.2.1", CLIENT_HANGUP, CLIENT_UNKNOWN, NOW, 1000), 1000);
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_HANGUP, NOW), 1000);
}

static void test_zero_is_no_limit(void **state)
{
    const struct client_limits_config none = {
        .interval = 60 * SECOND,
        .login_interval = 600 * SECOND,
        .network_factor = 4,
        .suspicious_divisor = 4,
    };
    const struct addr client = ip("192.0.2.1");
    const char *why = NULL;
    for (size_t n = 0; n < 5000; n++) {
        assert_true(client_opened(TABLE, &none, &client, CLIENT_SUSPICIOUS, NOW, &why));
        for (enum client_count what = 0; what < CLIENT_COUNTS; what++)
            assert_true(client_count(TABLE, &none, &client, what, CLIENT_SUSPICIOUS, NOW, &why));
    }
    assert_null(why);
}

static void test_connections_at_a_time(void **state)
{
    for (size_t n = 0; n < 20; n++)
        assert_null(opens(TABLE, "192.0.2.1"));
    const char *why = opens(TABLE, "192.0.2.1");
    assert_true(says(why, "too many connections at a time from your address"));
    assert_null(opens(TABLE, "192.0.2.2")); /* its neighbour */
    closes(TABLE, "192.0.2.1");             /* the one refused has counted, too */
    assert_non_null(opens(TABLE, "192.0.2.1"));
    closes(TABLE, "192.0.2.1");
    closes(TABLE, "192.0.2.1");
    assert_null(opens(TABLE, "192.0.2.1"));
}

static void test_connections_at_a_time_do_not_fade(void **state)
{
    const struct addr client = ip("192.0.2.1");
    const char *why = NULL;
    for (size_t n = 0; n < 20; n++)
        assert_true(client_opened(TABLE, &defaults, &client, CLIENT_UNKNOWN, NOW, &why));
    assert_false(
        client_opened(TABLE, &defaults, &client, CLIENT_UNKNOWN, NOW + 86400 * SECOND, &why));
}

static void test_a_close_without_an_open_counts_nothing(void **state)
{
    closes(TABLE, "192.0.2.1");
    assert_null(opens(TABLE, "192.0.2.1"));
    for (size_t n = 0; n < 5; n++)
        closes(TABLE, "192.0.2.1");
    for (size_t n = 0; n < 20; n++)
        assert_null(opens(TABLE, "192.0.2.1"));
    assert_non_null(opens(TABLE, "192.0.2.1"));
}

static void test_who_shares_a_count(void **state)
{
    static const struct {
        const char *name, *fails, *asks;
        bool address, network;
    } cases[] = {
        {"the same address", "192.0.2.1", "192.0.2.1", true, true},
        {"its neighbour in the /24", "198.51.100.1", "198.51.100.255", false, true},
        {"the next /24", "203.0.112.255", "203.0.113.0", false, false},
        {"the same IPv6 address", "2001:db8:1:1::1", "2001:db8:1:1::1", true, true},
        {"the same /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", false, true},
        {"the next /64", "2001:db8:1:4::1", "2001:db8:1:5::1", false, false},
        {"IPv4 in IPv6 is IPv4", "::ffff:192.0.3.7", "192.0.3.7", true, true},
        {"the same octets of another family", "198.51.101.7", "c633:6507::1", false, false},
        {"an address that begins like a network", "0.0.0.0", "::", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t n = 0; n < 20; n++) /* what a network may do, a fifth of an address's */
            (void)counts(TABLE, cases[i].fails, CLIENT_FAILED_LOGIN, NOW);
        const char *why = counts(TABLE, cases[i].asks, CLIENT_FAILED_LOGIN, NOW);
        const char *right = cases[i].address   ? "too many failed logins from your address"
                            : cases[i].network ? "too many failed logins from your network"
                                               : NULL;
        if (right == NULL ? why != NULL : !says(why, right))
            fail_msg("%s: %s", cases[i].name, why);
    }
}

static void test_a_network_may_do_a_multiple_of_what_an_address_may(void **state)
{
    static const struct {
        const char *begins; /* the last part is put behind */
        enum client_count what;
        size_t most;
    } cases[] = {
        {"192.0.2.", CLIENT_CONNECTION, 240},
        {"198.51.100.", CLIENT_FAILED_RECIPIENT, 80},
        {"2001:db8:1:2:3:4:5:", CLIENT_MESSAGE, 400},
        {"2001:db8:1:3:ffff:5:6:", CLIENT_FAILED_LOGIN, 20},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char client[64];
        const char *why = NULL;
        for (size_t n = 0; n <= cases[i].most; n++) {
            assert_null(why);
            snprintf(client, sizeof client, "%s%zu", cases[i].begins, n % 200);
            why = counts(TABLE, client, cases[i].what, NOW);
        }
        assert_non_null(why);
        assert_non_null(strstr(why, "from your network"));
    }
    size_t open = 0;
    const char *why = NULL;
    for (; why == NULL; open++) {
        char client[64];
        snprintf(client, sizeof client, "203.0.113.%zu", open % 100);
        why = opens(TABLE, client);
    }
    assert_int_equal(open, 81);
    assert_true(says(why, "too many connections at a time from your network"));
}

static void test_what_each_class_may(void **state)
{
    static const struct {
        const char *client;
        enum client_count what;
        enum client_class class;
        size_t most; /* 1000: no limit */
    } cases[] = {
        {"192.0.0.1", CLIENT_CONNECTION, CLIENT_UNKNOWN, 60},
        {"192.0.1.1", CLIENT_CONNECTION, CLIENT_SUSPICIOUS, 15},
        {"192.0.2.1", CLIENT_CONNECTION, CLIENT_PROVEN, 1000},
        {"192.0.3.1", CLIENT_MESSAGE, CLIENT_SUSPICIOUS, 25},
        {"192.0.4.1", CLIENT_MESSAGE, CLIENT_PROVEN, 1000},
        {"192.0.5.1", CLIENT_RECIPIENT, CLIENT_SUSPICIOUS, 75},
        {"192.0.6.1", CLIENT_RECIPIENT, CLIENT_PROVEN, 1000},
        {"192.0.7.1", CLIENT_FAILED_RECIPIENT, CLIENT_SUSPICIOUS, 5},
        {"192.0.8.1", CLIENT_FAILED_RECIPIENT, CLIENT_PROVEN, 1000},
        {"192.0.9.1", CLIENT_FAILED_LOGIN, CLIENT_SUSPICIOUS, 1},
        {"192.0.10.1", CLIENT_FAILED_LOGIN, CLIENT_PROVEN, 5}, /* guesses are guesses */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t most = passes(TABLE, cases[i].client, cases[i].what, cases[i].class, NOW, 1000);
        if (most != cases[i].most)
            fail_msg("%s: %zu, not %zu", cases[i].client, most, cases[i].most);
    }
}

static void test_at_a_time_by_class(void **state)
{
    static const struct {
        const char *client;
        enum client_class class;
        size_t most;
    } cases[] = {
        {"192.0.0.1", CLIENT_UNKNOWN, 20},
        {"192.0.1.1", CLIENT_SUSPICIOUS, 5},
        {"192.0.2.1", CLIENT_PROVEN, 20},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t n = 0; n < cases[i].most; n++)
            assert_null(opens_as(TABLE, cases[i].client, cases[i].class));
        const char *why = opens_as(TABLE, cases[i].client, cases[i].class);
        assert_true(says(why, "too many connections at a time from your address"));
    }
}

static void test_the_divisor_leaves_one(void **state)
{
    struct client_limits_config limits = defaults;
    const struct addr client = ip("192.0.2.1");
    const char *why = NULL;
    limits.suspicious_divisor = 1000;
    assert_true(client_opened(TABLE, &limits, &client, CLIENT_SUSPICIOUS, NOW, &why));
    assert_false(client_opened(TABLE, &limits, &client, CLIENT_SUSPICIOUS, NOW, &why));
    assert_true(
        client_count(TABLE, &limits, &client, CLIENT_MESSAGE, CLIENT_SUSPICIOUS, NOW, &why));
    assert_false(
        client_count(TABLE, &limits, &client, CLIENT_MESSAGE, CLIENT_SUSPICIOUS, NOW, &why));
}

static void test_what_the_proven_do_is_not_held_against_their_network(void **state)
{
    for (size_t n = 0; n < 1000; n++)
        assert_null(counts_as(TABLE, "192.0.2.1", CLIENT_MESSAGE, CLIENT_PROVEN, NOW));
    assert_null(counts(TABLE, "192.0.2.2", CLIENT_MESSAGE, NOW));
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW), 1000);
}

static void test_a_count_fades_over_an_interval_and_is_forgotten_after_two(void **state)
{
    static const struct {
        uint64_t after; /* ms */
        size_t count;
    } cases[] = {
        {0, 60},     {1, 60},     {59999, 60}, {60000, 60}, {60001, 59}, {75000, 45},
        {90000, 30}, {119000, 1}, {119999, 0}, {120000, 0}, {180000, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client_table *table = client_table_new(MIB);
        for (size_t n = 0; n < 60; n++)
            assert_null(counts(table, "192.0.2.1", CLIENT_CONNECTION, NOW));
        size_t count = counted(table, "192.0.2.1", CLIENT_CONNECTION, NOW + cases[i].after);
        if (count != cases[i].count)
            fail_msg("%zu after %llu ms, not %zu", count, (unsigned long long)cases[i].after,
                     cases[i].count);
        /* And so many more are within. */
        assert_int_equal(passes(table, "192.0.2.1", CLIENT_CONNECTION, CLIENT_UNKNOWN,
                                NOW + cases[i].after, 1000),
                         60 - cases[i].count);
        client_table_free(table);
    }
    (void)state;
}

static void test_no_edge_lets_through_twice_the_limit(void **state)
{
    /* 60 at the very end of an interval, then as many as get through in the minute after it. */
    assert_null(counts(TABLE, "192.0.2.1", CLIENT_CONNECTION, NOW));
    for (size_t n = 1; n < 60; n++)
        assert_null(counts(TABLE, "192.0.2.1", CLIENT_CONNECTION, NOW + 59999));
    size_t through = 0;
    for (uint64_t ms = 60000; ms < 90000; ms += 100) {
        const struct addr client = ip("192.0.2.1");
        const char *why;
        if (!client_within(TABLE, &defaults, &client, CLIENT_CONNECTION, CLIENT_UNKNOWN, NOW + ms,
                           &why))
            continue;
        assert_null(counts(TABLE, "192.0.2.1", CLIENT_CONNECTION, NOW + ms));
        through++;
    }
    assert_in_range(through, 29, 31); /* half a minute's */
}

static void test_logins_have_an_interval_of_their_own(void **state)
{
    assert_int_equal(passes(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, CLIENT_UNKNOWN, NOW, 5), 5);
    assert_null(counts(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW));
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, NOW + 599 * SECOND), 5);
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW + 599 * SECOND), 0);
    assert_non_null(counts(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, NOW + 600 * SECOND));
    assert_null(counts(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, NOW + 1200 * SECOND));
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, NOW + 2400 * SECOND), 0);
}

static void test_another_limit_after_a_reload_holds_at_once(void **state)
{
    struct client_limits_config limits = defaults;
    const struct addr client = ip("192.0.2.1");
    const char *why = NULL;
    for (size_t n = 0; n < 40; n++)
        assert_null(counts(TABLE, "192.0.2.1", CLIENT_CONNECTION, NOW));
    limits.most[CLIENT_CONNECTION] = 40;
    assert_false(
        client_within(TABLE, &limits, &client, CLIENT_CONNECTION, CLIENT_UNKNOWN, NOW, &why));
    limits.interval = 3600 * SECOND; /* a longer interval keeps what was counted */
    assert_int_equal(
        client_counted(TABLE, &limits, &client, CLIENT_CONNECTION, NOW + 3000 * SECOND), 40);
    limits.interval = SECOND;
    assert_int_equal(
        client_counted(TABLE, &limits, &client, CLIENT_CONNECTION, NOW + 3000 * SECOND), 0);
}

static void test_clocks_of_threads_may_differ(void **state)
{
    assert_null(counts(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW));
    assert_null(counts(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW - 5));
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW - 10), 2);
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_MESSAGE, NOW), 2);
}

static void test_at_boot_counts_are_kept_from_the_first(void **state)
{
    assert_int_equal(counted(TABLE, "0.0.0.0", CLIENT_MESSAGE, 0), 0);
    assert_int_equal(passes(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, CLIENT_UNKNOWN, 5, 9), 5);
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, 6), 6);
    assert_int_equal(counted(TABLE, "192.0.2.1", CLIENT_FAILED_LOGIN, 1201 * SECOND), 0);
}

static void test_a_client_without_an_address_is_not_counted(void **state)
{
    const struct addr client = {0};
    const char *why = NULL;
    for (size_t n = 0; n < 1000; n++) {
        assert_true(client_opened(TABLE, &defaults, &client, CLIENT_SUSPICIOUS, NOW, &why));
        assert_true(client_count(TABLE, &defaults, &client, CLIENT_FAILED_LOGIN, CLIENT_SUSPICIOUS,
                                 NOW, &why));
    }
    assert_true(client_within(TABLE, &defaults, &client, CLIENT_FAILED_LOGIN, CLIENT_SUSPICIOUS,
                              NOW, &why));
    assert_int_equal(client_counted(TABLE, &defaults, &client, CLIENT_FAILED_LOGIN, NOW), 0);
    client_closed(TABLE, &client);
}

static void test_a_flood_of_addresses_evicts_the_oldest_without_connections(void **state)
{
    const struct addr held = ip("192.0.2.1");
    const struct addr guesser = ip("198.51.100.1");
    const char *why = NULL;
    for (size_t n = 0; n < 20; n++)
        assert_null(opens(TABLE, "192.0.2.1"));
    for (size_t n = 0; n < 5; n++)
        assert_null(counts(TABLE, "198.51.100.1", CLIENT_FAILED_LOGIN, NOW));
    for (uint32_t n = 0; n < 50000; n++) {
        const struct addr client = far(n);
        assert_true(client_opened(TABLE, &defaults, &client, CLIENT_UNKNOWN, NOW, &why));
        client_closed(TABLE, &client);
    }
    assert_false(client_opened(TABLE, &defaults, &held, CLIENT_UNKNOWN, NOW, &why));
    assert_int_equal(client_counted(TABLE, &defaults, &guesser, CLIENT_FAILED_LOGIN, NOW), 0);
    uint32_t kept = 0;
    for (uint32_t n = 0; n < 50000; n++) {
        const struct addr client = far(n);
        kept += client_counted(TABLE, &defaults, &client, CLIENT_CONNECTION, NOW) == 1;
    }
    assert_in_range(kept, MIB / 2 / 140, MIB / 2 / 100); /* two records each */
}

static void test_closing_connections_that_were_evicted_does_no_harm(void **state)
{
    struct client_table *table = client_table_new(0); /* room for 16 records */
    const struct addr client = ip("192.0.2.1");
    const char *why = NULL;
    for (size_t n = 0; n < 10; n++)
        assert_null(opens(table, "192.0.2.1"));
    for (uint32_t n = 0; n < 100; n++) { /* all of them stay open */
        const struct addr other = far(n);
        assert_true(client_opened(table, &defaults, &other, CLIENT_UNKNOWN, NOW, &why));
    }
    assert_int_equal(client_counted(table, &defaults, &client, CLIENT_CONNECTION, NOW), 0);
    for (size_t n = 0; n < 10; n++)
        client_closed(table, &client);
    for (uint32_t n = 0; n < 100; n++) {
        const struct addr other = far(n);
        client_closed(table, &other);
    }
    for (size_t n = 0; n < 20; n++)
        assert_null(opens(table, "192.0.2.1"));
    assert_non_null(opens(table, "192.0.2.1"));
    client_table_free(table);
    client_table_free(NULL);
    (void)state;
}

static const struct conf_section top = {.name = NULL};

static void test_the_block_and_its_defaults(void **state)
{
    (void)state;
    static const char text[] = "client-limits { recipients = 7 login-interval = 1h }";
    const struct conf_section *const sections[] = {&top, check_client_limits.section, NULL};
    struct conf *conf = conf_new("x.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct client_limits_config limits = {0};
    assert_int_equal(check_client_limits.config_size, sizeof limits);
    conf_fill(conf, conf_part(conf, check_client_limits.section, 0), &limits);
    assert_int_equal(conf_fault_count(conf), 0);
    assert_int_equal(limits.common.mode, CHECK_REJECT);
    assert_int_equal(limits.common.score, 200);
    assert_int_equal(limits.concurrent, defaults.concurrent);
    for (enum client_count what = 0; what < CLIENT_COUNTS; what++)
        assert_int_equal(limits.most[what], what == CLIENT_RECIPIENT ? 7 : defaults.most[what]);
    assert_int_equal(limits.interval, defaults.interval);
    assert_int_equal(limits.login_interval, 3600 * SECOND);
    assert_int_equal(limits.network_factor, defaults.network_factor);
    assert_int_equal(limits.suspicious_divisor, defaults.suspicious_divisor);
    assert_int_equal(check_client_limits.stages, 0);
    assert_string_equal(check_client_limits.name, "client-limits");
    conf_clear(check_client_limits.section, &limits);
    conf_free(conf);
}

#define THREADS  4
#define SESSIONS 3000

static void *come_and_go(void *arg)
{
    const struct addr client = ip("192.0.2.9");
    const char *why;
    for (uint32_t n = 0; n < SESSIONS; n++) {
        const struct addr other = far(n);
        client_opened(arg, &defaults, &client, CLIENT_UNKNOWN, NOW, &why);
        client_opened(arg, &defaults, &other, CLIENT_UNKNOWN, NOW, &why);
        client_count(arg, &defaults, &client, CLIENT_FAILED_LOGIN, CLIENT_UNKNOWN, NOW, &why);
        (void)client_within(arg, &defaults, &other, CLIENT_MESSAGE, CLIENT_UNKNOWN, NOW, &why);
        client_closed(arg, &other);
        client_closed(arg, &client);
    }
    return NULL;
}

static void test_threads_count_together(void **state)
{
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, TABLE), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(counted(TABLE, "192.0.2.9", CLIENT_FAILED_LOGIN, NOW), THREADS * SESSIONS);
    assert_int_equal(counted(TABLE, "192.0.2.9", CLIENT_CONNECTION, NOW), THREADS * SESSIONS);
    const struct addr client = ip("192.0.2.9");
    const char *why = NULL;
    for (size_t n = 0; n < 20; n++) /* none is open any more */
        assert_true(client_opened(TABLE, &defaults, &client, CLIENT_PROVEN, NOW, &why));
    assert_false(client_opened(TABLE, &defaults, &client, CLIENT_PROVEN, NOW, &why));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_count_has_its_limit_and_its_reason),
        CASE(test_zero_is_no_limit),
        CASE(test_connections_at_a_time),
        CASE(test_connections_at_a_time_do_not_fade),
        CASE(test_a_close_without_an_open_counts_nothing),
        CASE(test_who_shares_a_count),
        CASE(test_a_network_may_do_a_multiple_of_what_an_address_may),
        CASE(test_what_each_class_may),
        CASE(test_at_a_time_by_class),
        CASE(test_the_divisor_leaves_one),
        CASE(test_what_the_proven_do_is_not_held_against_their_network),
        CASE(test_a_count_fades_over_an_interval_and_is_forgotten_after_two),
        CASE(test_no_edge_lets_through_twice_the_limit),
        CASE(test_logins_have_an_interval_of_their_own),
        CASE(test_another_limit_after_a_reload_holds_at_once),
        CASE(test_clocks_of_threads_may_differ),
        CASE(test_at_boot_counts_are_kept_from_the_first),
        CASE(test_a_client_without_an_address_is_not_counted),
        CASE(test_a_flood_of_addresses_evicts_the_oldest_without_connections),
        CASE(test_closing_connections_that_were_evicted_does_no_harm),
        CASE(test_the_block_and_its_defaults),
        CASE(test_threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
