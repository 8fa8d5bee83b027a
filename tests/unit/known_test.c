/* SPDX-License-Identifier: ISC */
/* known_test: what proves a client, which identity, for how long; on a virtual clock. */
#include "policy/known.h"

#include "tests/unit/support/fake_store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIB          ((size_t)1024 * 1024)
#define HOUR         ((int64_t)3600)
#define DAY          (24 * HOUR)
#define NOW          (400000 * HOUR)
#define LIFE         KNOWN_LIFETIME

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

static void delivers(struct known *known, const char *text, int64_t now)
{
    known_delivered(known, &text, 1, LIFE, now, NULL);
}

static bool proven(struct known *known, const char *text, int64_t now)
{
    return known_proven(known, text, LIFE, now);
}

static void test_what_proves_a_client(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t at[4]; /* when it delivers; 0: no more */
        int64_t asked;
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
        {"at the epoch", {1, 2, 3}, 4, false},
        {"an hour after it", {1, HOUR}, HOUR, true},
        {"a clock that is behind", {NOW, NOW - 5}, NOW - 10, false},
        {"a clock that was ahead", {NOW + 900 * DAY, NOW + 901 * DAY}, NOW, false},
        {"and sends again", {NOW + 900 * DAY, NOW + 901 * DAY, NOW}, NOW, false},
        {"and again", {NOW + 900 * DAY, NOW + 901 * DAY, NOW, NOW + HOUR}, NOW + HOUR, true},
        {"ahead by days", {NOW + 4 * DAY, NOW + 5 * DAY, NOW}, NOW + 36 * DAY, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct known *known = known_new(MIB);
        for (size_t k = 0; k < COUNT(cases[i].at) && cases[i].at[k] != 0; k++)
            delivers(known, "192.0.2.1", cases[i].at[k]);
        if (proven(known, "192.0.2.1", cases[i].asked) != cases[i].proven)
            fail_msg("%s", cases[i].name);
        known_free(known);
    }
    known_free(NULL);
}

static void test_which_identity_is_proven(void **state)
{
    (void)state;
    static const struct {
        const char *title, *delivers, *asked;
        bool proven;
    } cases[] = {
        {"an address", "192.0.2.1", "192.0.2.1", true},
        {"a domain", "example.org", "example.org", true},
        {"in any case, with a dot", "mx.example", "MX.Example.", true},
        {"another name", "mx.example", "mx1.example", false},
        {"a name below", "mx.example", "a.mx.example", false},
        {"a neighbour", "192.0.2.1", "192.0.2.2", false},
        {"a network is not its hosts", "192.0.2.0/24", "192.0.2.1", false},
        {"no name is no identity", NULL, NULL, false},
        {"nor is an empty one", "", "", false},
        {"nor the root", ".", ".", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct known *known = known_new(MIB);
        for (int n = 0; n < 2; n++)
            delivers(known, cases[i].delivers, NOW + n * HOUR);
        if (proven(known, cases[i].asked, NOW + HOUR) != cases[i].proven)
            fail_msg("%s", cases[i].title);
        known_free(known);
    }
}

static void test_each_identity_is_proven_by_itself(void **state)
{
    const char *const one[] = {"192.0.2.1", "example.org", "192.0.2.0/24"};
    const char *const two[] = {"192.0.2.2", "example.org", NULL};
    known_delivered(*state, one, COUNT(one), LIFE, NOW, NULL);
    known_delivered(*state, two, COUNT(two), LIFE, NOW + HOUR, NULL);
    assert_true(proven(*state, "example.org", NOW + HOUR));
    assert_false(proven(*state, "192.0.2.1", NOW + HOUR));
    assert_false(proven(*state, "192.0.2.0/24", NOW + HOUR));
}

static void test_a_proof_lasts_as_long_as_is_said(void **state)
{
    const char *const text = "192.0.2.1";
    known_delivered(*state, &text, 1, 2 * DAY, NOW, NULL);
    known_delivered(*state, &text, 1, 2 * DAY, NOW + DAY, NULL);
    assert_true(known_proven(*state, text, 2 * DAY, NOW + 3 * DAY - 1));
    assert_false(known_proven(*state, text, 2 * DAY, NOW + 3 * DAY));
}

static void test_a_name_too_long_is_no_identity(void **state)
{
    char name[300];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    for (int n = 0; n < 2; n++)
        delivers(*state, name, NOW + n * HOUR);
    assert_false(proven(*state, name, NOW + HOUR));
    name[255] = '\0';
    for (int n = 0; n < 2; n++)
        delivers(*state, name, NOW + n * HOUR);
    assert_true(proven(*state, name, NOW + HOUR));
}

static void test_the_store_is_told_of_changes_only(void **state)
{
    static const struct {
        int64_t at;
        size_t told; /* by then */
        bool proven;
    } cases[] = {
        {NOW, 1, false},           {NOW + 5, 1, false},       {NOW + HOUR, 2, true},
        {NOW + HOUR + 5, 2, true}, {NOW + 9 * HOUR, 3, true}, {NOW + 60 * DAY, 4, false},
    };
    struct store *store = fake_store_new();
    const struct identity_item *item;
    const char *const text = "Example.ORG";
    for (size_t i = 0; i < COUNT(cases); i++) {
        known_delivered(*state, &text, 1, LIFE, cases[i].at, store);
        assert_int_equal(fake_store_asked(store, STORE_IDENTITY_PUT), cases[i].told);
        assert_int_equal(fake_store_identities(store, &item), 1);
        assert_string_equal(item->text, "example.org");
        assert_int_equal(item->proven, cases[i].proven);
    }
    fake_store_free(store);
}

static void test_a_proof_outlives_a_restart(void **state)
{
    struct store *store = fake_store_new();
    const struct identity_item *item;
    const char *const proven_one = "192.0.2.1", *const once = "192.0.2.2";
    known_delivered(*state, &proven_one, 1, LIFE, NOW, store);
    known_delivered(*state, &proven_one, 1, LIFE, NOW + HOUR, store);
    known_delivered(*state, &once, 1, LIFE, NOW, store);
    struct known *again = known_new(MIB);
    size_t count = fake_store_identities(store, &item);
    known_load(again, item, count);
    assert_true(proven(again, proven_one, NOW + HOUR));
    assert_false(proven(again, once, NOW + HOUR));
    delivers(again, once, NOW + HOUR);
    assert_true(proven(again, once, NOW + HOUR));
    assert_false(proven(again, proven_one, NOW + HOUR + LIFE));
    known_free(again);
    fake_store_free(store);
}

static void test_what_is_read_late_takes_nothing_away(void **state)
{
    static const struct {
        const char *name;
        int64_t first, last;
        bool stored, was, is; /* proven */
    } cases[] = {
        {"older and less", NOW - 9 * HOUR, NOW - 9 * HOUR, false, true, true},
        {"older and proven", NOW - 9 * HOUR, NOW - 8 * HOUR, true, false, true},
        {"a proof that had ended", NOW - LIFE - 9 * HOUR, NOW - LIFE - HOUR, true, false, false},
        {"newer and less", NOW + 2 * HOUR, NOW + 2 * HOUR, false, true, true},
        {"of a far future", NOW + 2 * LIFE, NOW + 2 * LIFE, true, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct known *known = known_new(MIB);
        const char *text = "192.0.2.1";
        const struct identity_item item = {text, cases[i].first, cases[i].last, cases[i].stored};
        delivers(known, text, NOW);
        if (cases[i].was)
            delivers(known, text, NOW + HOUR);
        known_load(known, &item, 1);
        if (proven(known, text, NOW + 2 * HOUR) != cases[i].is)
            fail_msg("%s", cases[i].name);
        known_free(known);
    }
}

static const char *far(uint32_t number, char out[static 16])
{
    snprintf(out, 16, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
    return out;
}

static void test_the_proven_outlive_a_flood_of_strangers(void **state)
{
    char stranger[16];
    for (int n = 0; n < 2; n++)
        delivers(*state, "192.0.2.1", NOW + n * HOUR);
    for (uint32_t n = 0; n < 200000; n++) {
        assert_false(proven(*state, far(n, stranger), NOW + HOUR));
        delivers(*state, stranger, NOW + HOUR);
    }
    assert_true(proven(*state, "192.0.2.1", NOW + HOUR));
}

static void test_where_all_are_proven_those_heard_of_last_are_kept(void **state)
{
    uint32_t kept = 0;
    char client[16];
    for (uint32_t n = 0; n < 100000; n++) {
        delivers(*state, far(n, client), NOW);
        delivers(*state, client, NOW + HOUR);
    }
    for (uint32_t n = 0; n < 100000; n++)
        kept += proven(*state, far(n, client), NOW + HOUR);
    assert_in_range(kept, MIB / 60 / 2, MIB / 52);
    for (uint32_t n = 99000; n < 100000; n++)
        assert_true(proven(*state, far(n, client), NOW + HOUR));
}

static void *deliver_often(void *arg)
{
    bool wrong = false;
    char own[16];
    for (uint32_t n = 0; n < 2000; n++) {
        delivers(arg, "192.0.2.1", NOW);
        delivers(arg, far(n, own), NOW);
        wrong |= proven(arg, "192.0.2.1", NOW);
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
    assert_false(proven(*state, "192.0.2.1", NOW));
    delivers(*state, "192.0.2.1", NOW + HOUR);
    assert_true(proven(*state, "192.0.2.1", NOW + HOUR));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_proves_a_client),
        cmocka_unit_test(test_which_identity_is_proven),
        CASE(test_each_identity_is_proven_by_itself),
        CASE(test_a_proof_lasts_as_long_as_is_said),
        CASE(test_the_store_is_told_of_changes_only),
        CASE(test_a_proof_outlives_a_restart),
        CASE(test_what_is_read_late_takes_nothing_away),
        CASE(test_a_name_too_long_is_no_identity),
        CASE(test_the_proven_outlive_a_flood_of_strangers),
        CASE(test_where_all_are_proven_those_heard_of_last_are_kept),
        CASE(test_threads_prove_nobody_in_one_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
