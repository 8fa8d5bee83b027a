/* SPDX-License-Identifier: ISC */
/* db_expire_test: what has ended is swept, to the second, a little at each step, and nothing else.
 */
#include "tests/unit/support/db_rig.h"

#define DAY ((int64_t)86400)

static const struct grey_rule rule = {300, 2 * DAY, 36 * DAY};

static struct expiry expiry_new(void)
{
    return (struct expiry){.waiting_lifetime = rule.retry_window,
                           .white_lifetime = rule.white_lifetime,
                           .decision_lifetime = 30 * DAY,
                           .decisions_most = 1000000};
}

static void see(struct rig *rig, int64_t at, unsigned number)
{
    char sender[32];
    snprintf(sender, sizeof sender, "s%u@acme.example", number);
    const struct store_question question = {
        .op = STORE_GREY,
        .now = at,
        .grey = {.rule = rule,
                 .identities = 2,
                 .identity = {"acme.example", "192.0.2.0/24"},
                 .sender = sender,
                 .recipient = "r@here.example"},
    };
    ask(rig, &question);
}

static void step(struct rig *rig, struct expiry *expiry, int64_t now, unsigned most)
{
    if (!db_begin(&rig->db) || !expire_step(&rig->db, expiry, now, most) || !db_commit(&rig->db))
        fail_msg("%s", rig->db.why);
}

/* Two rounds over all tables. */
static void sweep(struct rig *rig, int64_t now)
{
    struct expiry expiry = expiry_new();
    for (int i = 0; i < 4; i++)
        step(rig, &expiry, now, 1000);
}

static void test_triplets_end_to_the_second(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *name;
        int64_t now;
        unsigned rows;
    } cases[] = {
        {"at once", T + 400, 4},
        {"the window's last second", T + 2 * DAY - 1, 4},
        {"the window", T + 2 * DAY, 2},
        {"the lifetime's last second", T + 400 + 36 * DAY - 1, 2},
        {"the lifetime", T + 400 + 36 * DAY, 0},
    };
    see(rig, T, 1);
    see(rig, T, 2);
    see(rig, T + 400, 2); /* white */
    for (size_t i = 0; i < COUNT(cases); i++) {
        sweep(rig, cases[i].now);
        if (number_of(rig, "SELECT count(*) FROM triplet") != cases[i].rows)
            fail_msg("%s", cases[i].name);
    }
}

static void test_a_clock_that_is_behind_sweeps_nothing(void **state)
{
    struct rig *rig = *state;
    see(rig, T, 1);
    sweep(rig, 0);
    sweep(rig, T - 400 * DAY);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 2);
}

static void test_a_step_deletes_no_more_than_it_may(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = expiry_new();
    for (unsigned i = 0; i < 50; i++)
        see(rig, T, i);
    int64_t left = 100;
    for (int i = 0; i < 11; i++) {
        step(rig, &expiry, T + 3 * DAY, 10);
        int64_t now = number_of(rig, "SELECT count(*) FROM triplet");
        assert_true(now >= left - 10);
        left = now;
    }
    assert_int_equal(left, 0);
}

static void test_a_walk_comes_by_everything_that_ends_later(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = expiry_new();
    for (unsigned i = 0; i < 50; i++)
        see(rig, T + i % 2 * DAY, i);
    for (int i = 0; i < 30; i++)
        step(rig, &expiry, T + 2 * DAY, 7);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 50);
    for (int i = 0; i < 30; i++)
        step(rig, &expiry, T + 3 * DAY, 7);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 0);
}

static void test_identities_end_with_their_white_lifetime(void **state)
{
    struct rig *rig = *state;
    static const struct identity_item items[] = {
        {"a", T - 100 * DAY, T, true}, {"b", T, T + 1, true}, {"c", T, T, false}};
    const struct store_question question = {.op = STORE_IDENTITY_PUT,
                                            .put = {.count = 3, .identity = items}};
    ask(rig, &question);
    sweep(rig, T + 36 * DAY - 1);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM identity"), 3);
    sweep(rig, T + 36 * DAY);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM identity"), 1);
    sweep(rig, T + 36 * DAY + 1);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM identity"), 0);
}

static void test_entries_end_when_they_say(void **state)
{
    struct rig *rig = *state;
    static const struct entry entries[] = {{.key = "a", .expires = T + 5}, {.key = "b"}};
    const struct store_question question = {.op = STORE_ENTRY_PUT,
                                            .put = {.count = 2, .entry = entries}};
    ask(rig, &question);
    sweep(rig, T + 4);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM entry"), 2);
    sweep(rig, T + 5);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM entry"), 1);
    sweep(rig, T + 5000 * DAY);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM entry"), 1);
}

static void put_decisions(struct rig *rig, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct decision_item item = {.time_ms = (T + i) * 1000};
        const struct store_question question = {.op = STORE_DECISION_PUT,
                                                .put = {.count = 1, .decision = &item}};
        ask(rig, &question);
    }
}

static void test_decisions_end_with_their_lifetime_the_oldest_first(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = expiry_new();
    put_decisions(rig, 50);
    step(rig, &expiry, T + 30 * DAY - 1, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 50);
    step(rig, &expiry, T + 30 * DAY + 29, 10);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 40);
    assert_int_equal(number_of(rig, "SELECT min(time_ms) FROM decision"), (T + 10) * 1000);
    step(rig, &expiry, T + 30 * DAY + 29, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 20);
}

static void test_no_more_decisions_than_are_kept(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = expiry_new();
    expiry.decisions_most = 20;
    put_decisions(rig, 50);
    step(rig, &expiry, T, 10);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 40);
    step(rig, &expiry, T, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 20);
    assert_int_equal(number_of(rig, "SELECT min(time_ms) FROM decision"), (T + 30) * 1000);
    step(rig, &expiry, T, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 20);
    expiry.decisions_most = 0;
    step(rig, &expiry, T, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 0);
    step(rig, &expiry, T, 1000);
}

static void test_without_a_lifetime_no_decision_stays(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = expiry_new();
    expiry.decision_lifetime = 0;
    put_decisions(rig, 5);
    step(rig, &expiry, T + 4, 1000);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), 0);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_triplets_end_to_the_second),
        WITH_FILE(test_a_clock_that_is_behind_sweeps_nothing),
        WITH_FILE(test_a_step_deletes_no_more_than_it_may),
        WITH_FILE(test_a_walk_comes_by_everything_that_ends_later),
        WITH_FILE(test_identities_end_with_their_white_lifetime),
        WITH_FILE(test_entries_end_when_they_say),
        WITH_FILE(test_decisions_end_with_their_lifetime_the_oldest_first),
        WITH_FILE(test_no_more_decisions_than_are_kept),
        WITH_FILE(test_without_a_lifetime_no_decision_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
