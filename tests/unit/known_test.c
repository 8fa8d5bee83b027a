/* SPDX-License-Identifier: ISC */
/* known_test: what proves a client, which identity, for how long; on a virtual clock. */
#include "policy/known.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1024 * 1024)
#define HOUR         ((uint64_t)3600 * 1000)
#define DAY          (24 * HOUR)
#define NOW          (1000 * HOUR)

static int setup(void **state)
{
    *state = known_new(MIB);
    return 0;
}

static int teardown(void **state)
{
    known_free(*state);
    return 0;
}

static struct addr ip(const char *text)
{
    struct addr out = {0};
    if (text != NULL)
        assert_true(addr_parse_ip(text, &out));
    return out;
}

static void delivers(struct known *known, const char *client, const char *name, uint64_t now)
{
    const struct addr addr = ip(client);
    known_delivered(known, &addr, name, now);
}

static bool proven(struct known *known, const char *client, const char *name, uint64_t now)
{
    const struct addr addr = ip(client);
    return known_proven(known, &addr, name, now);
}

static void test_what_proves_a_client(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t at[4]; /* when it delivers; 0: no more */
        uint64_t asked;
        bool proven;
    } cases[] = {
        {"nothing", {0}, NOW, false},
        {"one message", {NOW}, NOW + DAY, false},
        {"many in one hour", {NOW, NOW + 1, NOW + HOUR / 2, NOW + HOUR - 1}, NOW + DAY, false},
        {"two in two hours", {NOW, NOW + HOUR}, NOW + HOUR, true},
        {"two hours that touch", {NOW - 1, NOW}, NOW, true},
        {"two hours far apart", {NOW, NOW + 35 * DAY}, NOW + 35 * DAY, true},
        {"two too far apart", {NOW, NOW + 36 * DAY}, NOW + 36 * DAY, false},
        {"too far apart, then soon", {NOW, NOW + 36 * DAY, NOW + 37 * DAY}, NOW + 37 * DAY, true},
        {"35 days later", {NOW, NOW + HOUR}, NOW + 36 * DAY, true},
        {"just below 36", {NOW, NOW + HOUR}, NOW + HOUR + 36 * DAY - 1, true},
        {"36 days later", {NOW, NOW + HOUR}, NOW + HOUR + 36 * DAY, false},
        {"it slides", {NOW, NOW + HOUR, NOW + 30 * DAY}, NOW + 65 * DAY, true},
        {"proven anew after its end", {NOW, NOW + HOUR, NOW + 40 * DAY}, NOW + 41 * DAY, false},
        {"at boot", {1, 2, 3}, 4, false},
        {"an hour after boot", {1, HOUR}, HOUR, true},
        {"a clock that is behind", {NOW, NOW - 5}, NOW - 10, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct known *known = known_new(MIB);
        for (size_t k = 0; k < COUNT(cases[i].at) && cases[i].at[k] != 0; k++)
            delivers(known, "192.0.2.1", NULL, cases[i].at[k]);
        if (proven(known, "192.0.2.1", NULL, cases[i].asked) != cases[i].proven)
            fail_msg("%s", cases[i].name);
        known_free(known);
    }
    known_free(NULL);
}

static void test_which_identity_is_proven(void **state)
{
    (void)state;
    static const struct {
        const char *title, *client, *name; /* who delivers */
        const char *asked, *asked_name;
        bool proven;
    } cases[] = {
        {"both", "192.0.2.1", "mx.example", "192.0.2.1", "mx.example", true},
        {"the address", "192.0.2.1", "mx.example", "192.0.2.1", NULL, true},
        {"the name", "192.0.2.1", "mx.example", "198.51.100.9", "mx.example", true},
        {"the name of an IPv6 client", "192.0.2.1", "mx.example", "2001:db8::1", "mx.example",
         true},
        {"in any case, with a dot", "192.0.2.1", "mx.example", "192.0.2.9", "MX.Example.", true},
        {"another name", "192.0.2.1", "mx.example", "192.0.2.9", "mx1.example", false},
        {"a name below", "192.0.2.1", "mx.example", "192.0.2.9", "a.mx.example", false},
        {"a neighbour", "192.0.2.1", NULL, "192.0.2.2", NULL, false},
        {"the same /64", "2001:db8::1", NULL, "2001:db8::2", NULL, false},
        {"IPv4 in IPv6 is IPv4", "::ffff:192.0.2.1", NULL, "192.0.2.1", NULL, true},
        {"no name is no identity", "192.0.2.1", NULL, "192.0.2.9", NULL, false},
        {"nor is an empty one", "192.0.2.1", "", "192.0.2.9", "", false},
        {"nor the root", "192.0.2.1", ".", "192.0.2.9", ".", false},
        {"nor is no address", NULL, NULL, NULL, NULL, false},
        {"no address, but a name", NULL, "mx.example", NULL, "mx.example", true},
        {"a name of an address's octets", "78.46.109.120", NULL, "192.0.2.9", "N.mx", false},
        {"an address of a name's octets", NULL, "n.mx", "110.46.109.120", NULL, false},
        {"0.0.0.0 is not ::", "0.0.0.0", NULL, "::", NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct known *known = known_new(MIB);
        for (uint64_t n = 0; n < 2; n++)
            delivers(known, cases[i].client, cases[i].name, NOW + n * HOUR);
        if (proven(known, cases[i].asked, cases[i].asked_name, NOW + HOUR) != cases[i].proven)
            fail_msg("%s", cases[i].title);
        known_free(known);
    }
}

static void test_hosts_of_one_name_prove_it_together(void **state)
{
    delivers(*state, "192.0.2.1", "out.example", NOW);
    delivers(*state, "192.0.2.2", "out.example", NOW + HOUR);
    assert_true(proven(*state, "192.0.2.3", "out.example", NOW + HOUR));
    assert_false(proven(*state, "192.0.2.1", NULL, NOW + HOUR));
}

static void test_a_name_too_long_is_no_identity(void **state)
{
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    for (uint64_t n = 0; n < 2; n++)
        delivers(*state, "192.0.2.1", name, NOW + n * HOUR);
    assert_false(proven(*state, "192.0.2.9", name, NOW + HOUR));
    name[255] = '\0';
    for (uint64_t n = 0; n < 2; n++)
        delivers(*state, "192.0.2.1", name, NOW + n * HOUR);
    assert_true(proven(*state, "192.0.2.9", name, NOW + HOUR));
}

static struct addr far(uint32_t number)
{
    struct addr out = {.family = AF_INET};
    out.ip[0] = 10;
    out.ip[1] = (uint8_t)(number >> 16);
    out.ip[2] = (uint8_t)(number >> 8);
    out.ip[3] = (uint8_t)number;
    return out;
}

static void test_the_proven_outlive_a_flood_of_strangers(void **state)
{
    for (uint64_t n = 0; n < 2; n++)
        delivers(*state, "192.0.2.1", "mx.example", NOW + n * HOUR);
    for (uint32_t n = 0; n < 200000; n++) {
        const struct addr stranger = far(n);
        assert_false(known_proven(*state, &stranger, NULL, NOW + HOUR));
        known_delivered(*state, &stranger, NULL, NOW + HOUR);
    }
    assert_true(proven(*state, "192.0.2.1", NULL, NOW + HOUR));
    assert_true(proven(*state, "192.0.2.9", "mx.example", NOW + HOUR));
}

static void test_where_all_are_proven_those_heard_of_last_are_kept(void **state)
{
    uint32_t kept = 0;
    for (uint32_t n = 0; n < 100000; n++) {
        const struct addr client = far(n);
        known_delivered(*state, &client, NULL, NOW);
        known_delivered(*state, &client, NULL, NOW + HOUR);
    }
    for (uint32_t n = 0; n < 100000; n++) {
        const struct addr client = far(n);
        kept += known_proven(*state, &client, NULL, NOW + HOUR);
    }
    assert_in_range(kept, MIB / 52 / 2, MIB / 52);
    for (uint32_t n = 99000; n < 100000; n++) {
        const struct addr client = far(n);
        assert_true(known_proven(*state, &client, NULL, NOW + HOUR));
    }
}

static void *deliver_often(void *arg)
{
    const struct addr shared = ip("192.0.2.1");
    bool wrong = false;
    for (uint32_t n = 0; n < 2000; n++) {
        const struct addr own = far(n);
        known_delivered(arg, &shared, "mx.example", NOW);
        known_delivered(arg, &own, NULL, NOW);
        wrong |= known_proven(arg, &shared, "mx.example", NOW);
    }
    return wrong ? arg : NULL;
}

static void test_threads_prove_nobody_in_one_hour(void **state)
{
    pthread_t thread[4];
    for (size_t i = 0; i < COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, deliver_often, *state), 0);
    for (size_t i = 0; i < COUNT(thread); i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
    assert_false(proven(*state, "192.0.2.1", "mx.example", NOW));
    delivers(*state, "192.0.2.1", NULL, NOW + HOUR);
    assert_true(proven(*state, "192.0.2.1", NULL, NOW + HOUR));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_proves_a_client),
        cmocka_unit_test(test_which_identity_is_proven),
        CASE(test_hosts_of_one_name_prove_it_together),
        CASE(test_a_name_too_long_is_no_identity),
        CASE(test_the_proven_outlive_a_flood_of_strangers),
        CASE(test_where_all_are_proven_those_heard_of_last_are_kept),
        CASE(test_threads_prove_nobody_in_one_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
