/* SPDX-License-Identifier: ISC */
/* db_grey_test: a triplet is found under any of its identities, stored under all, and white ones
 * are only read; against a model that knows no tables. */
#include "db/grey_int.h"
#include "tests/unit/support/db_rig.h"

static const struct grey_rule rule = {300, 172800, 3110400};

struct sight {
    int64_t at;
    const char *identity[3];
    const char *sender, *recipient;
    enum grey_state state;
    uint32_t wait;
};

static enum grey_state see(struct rig *rig, const struct sight *sight, uint32_t *wait)
{
    struct store_question question = {
        .op = STORE_GREY,
        .now = sight->at,
        .grey = {.rule = rule, .sender = sight->sender, .recipient = sight->recipient},
    };
    for (size_t i = 0; i < 3 && sight->identity[i] != NULL; i++)
        question.grey.identity[question.grey.identities++] = sight->identity[i];
    const struct store_answer *answer = ask(rig, &question);
    assert_int_equal(answer->status, STORE_OK);
    *wait = answer->wait;
    return answer->state;
}

#define ORG "example.org"
#define NET "192.0.2.0/24"
#define SPF "example.com"
#define S   "s@example.org"
#define R   "r@example.net"

static void walk(struct rig *rig, const struct sight *sight, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t wait;
        enum grey_state is = see(rig, &sight[i], &wait);
        if (is != sight[i].state || wait != sight[i].wait)
            fail_msg("sight %zu: state %d, wait %u", i, is, wait);
    }
}

static void test_a_client_that_tries_again(void **state)
{
    static const struct sight sights[] = {
        {T, {ORG, NET}, S, R, GREY_NEW, 300},
        {T + 1, {ORG, NET}, S, R, GREY_EARLY, 299},
        {T + 300, {ORG, NET}, S, R, GREY_PASSED, 0},
        {T + 301, {ORG, NET}, S, R, GREY_WHITE, 0},
        {T + 302, {ORG, NET}, S, "other@example.net", GREY_NEW, 300},
        {T + 302, {ORG, NET}, "other@example.org", R, GREY_NEW, 300},
        {T + 302, {"example.net", "198.51.100.0/24"}, S, R, GREY_NEW, 300},
    };
    walk(*state, sights, COUNT(sights));
}

static void test_a_fault_of_dns_on_the_retry_costs_nothing(void **state)
{
    static const struct sight sights[] = {
        {T, {ORG, NET}, S, R, GREY_NEW, 300},   {T + 100, {NET}, S, R, GREY_EARLY, 200},
        {T + 300, {NET}, S, R, GREY_PASSED, 0}, {T + 400, {ORG, NET}, S, R, GREY_WHITE, 0},
        {T + 500, {ORG}, S, R, GREY_WHITE, 0},  {T + 600, {NET}, S, R, GREY_WHITE, 0},
    };
    walk(*state, sights, COUNT(sights));
}

static void test_a_fault_of_dns_on_the_first_try_costs_nothing(void **state)
{
    static const struct sight sights[] = {
        {T, {NET}, S, R, GREY_NEW, 300},
        {T + 300, {ORG, NET}, S, R, GREY_PASSED, 0},
        {T + 301, {ORG, "198.51.100.0/24"}, S, R, GREY_WHITE, 0},
        {T + 302, {"198.51.100.0/24"}, S, R, GREY_WHITE, 0},
    };
    walk(*state, sights, COUNT(sights));
}

static void test_a_pool_that_retries_from_other_networks_is_one_sender(void **state)
{
    static const struct sight sights[] = {
        {T, {SPF, ORG, "192.0.2.0/24"}, S, R, GREY_NEW, 300},
        {T + 60, {SPF, ORG, "198.51.100.0/24"}, S, R, GREY_EARLY, 240},
        {T + 120, {SPF, ORG, "203.0.113.0/24"}, S, R, GREY_EARLY, 180},
        {T + 360, {SPF, ORG, "198.51.101.0/24"}, S, R, GREY_PASSED, 0},
        {T + 361, {"198.51.101.0/24"}, S, R, GREY_WHITE, 0},
        /* which was not seen again */
        {T + 362, {"203.0.113.0/24"}, S, R, GREY_PASSED, 0},
    };
    walk(*state, sights, COUNT(sights));
}

static void test_who_waited_longest_counts(void **state)
{
    static const struct sight sights[] = {
        {T, {ORG}, S, R, GREY_NEW, 300},
        {T + 200, {NET}, S, R, GREY_NEW, 300},
        {T + 290, {NET, ORG}, S, R, GREY_EARLY, 10},
        {T + 300, {NET}, S, R, GREY_PASSED, 0}, /* it took over the longer wait */
    };
    walk(*state, sights, COUNT(sights));
}

static void test_texts_of_any_octets_and_of_any_length(void **state)
{
    static char longest[3000];
    memset(longest, 0xff, sizeof longest - 1);
    const struct sight sights[] = {
        {T, {"", ""}, "", "", GREY_NEW, 300},
        {T, {"\xc3\x28", ORG}, "\x01'; DROP TABLE triplet; --", "\xf0\x9f", GREY_NEW, 300},
        {T, {longest, ORG}, longest, longest, GREY_NEW, 300},
        {T + 300, {"", ""}, "", "", GREY_PASSED, 0},
        {T + 300, {"\xc3\x28"}, "\x01'; DROP TABLE triplet; --", "\xf0\x9f", GREY_PASSED, 0},
        {T + 300, {longest}, longest, longest, GREY_PASSED, 0},
    };
    walk(*state, sights, COUNT(sights));
}

static void test_a_question_without_identities_is_none(void **state)
{
    const struct store_question question = {
        .op = STORE_GREY, .now = T, .grey = {.rule = rule, .sender = S, .recipient = R}};
    assert_int_equal(ask(*state, &question)->status, STORE_NONE);
    assert_int_equal(number_of(*state, "SELECT count(*) FROM triplet"), 0);
}

static int writes(struct rig *rig, const struct sight *sight)
{
    int before = sqlite3_total_changes(rig->db.sql);
    uint32_t wait;
    assert_int_equal(see(rig, sight, &wait), sight->state);
    return sqlite3_total_changes(rig->db.sql) - before;
}

static void test_what_is_written(void **state)
{
    static const struct {
        const char *name;
        struct sight sight;
        int writes;
    } cases[] = {
        {"a new one, under both", {T, {ORG, NET}, S, R, GREY_NEW, 0}, 2},
        {"too early: the count", {T + 9, {ORG, NET}, S, R, GREY_EARLY, 0}, 1},
        {"too early, without the texts", {T + 10, {NET}, S, R, GREY_EARLY, 0}, 0},
        {"passed, under both", {T + 300, {ORG, NET}, S, R, GREY_PASSED, 0}, 2},
        {"white", {T + 301, {ORG, NET}, S, R, GREY_WHITE, 0}, 0},
        {"white, within the hour", {T + 3899, {ORG, NET}, S, R, GREY_WHITE, 0}, 0},
        {"white, an hour later", {T + 3900, {ORG, NET}, S, R, GREY_WHITE, 0}, 2},
        {"white under another identity, too", {T + 3901, {ORG, SPF}, S, R, GREY_WHITE, 0}, 2},
        {"which is then stored", {T + 3902, {SPF}, S, R, GREY_WHITE, 0}, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int is = writes(*state, &cases[i].sight);
        if (is != cases[i].writes)
            fail_msg("%s: %d writes", cases[i].name, is);
    }
}

/* ---- the model: a record for each identity of each triplet ---- */

#define PAIRS      3
#define IDENTITIES 12

struct model {
    struct grey_record record[PAIRS][IDENTITIES];
};

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static enum grey_state model_see(struct grey_record *of, const unsigned *identity, size_t count,
                                 int64_t now, uint32_t *wait)
{
    struct grey_record best = {0};
    for (size_t i = 0; i < count; i++)
        best = *grey_better(&best, &of[identity[i]], &rule, now);
    enum grey_state state = grey_see(&best, &rule, now, wait);
    bool settled = true;
    for (size_t i = 0; i < count; i++)
        settled = settled && grey_settled(&of[identity[i]], &best, &rule);
    for (size_t i = 0; i < count && !settled; i++)
        of[identity[i]] = best;
    return state;
}

/* Of seconds, hours, up to 50 days; where `back`, some go back. */
static int64_t later(int64_t now, bool back, uint32_t *seed)
{
    static const int64_t step[] = {2, 100, 400, 5000, 100000, 200000, 4300000};
    int64_t by = next(seed) % step[next(seed) % COUNT(step)];
    return back && next(seed) % 20 == 0 ? now - by : now + by;
}

/* Returns when it ends. */
static int64_t drive(struct rig *rig, uint32_t seed, bool back, int steps)
{
    struct model *model = mem_alloc(sizeof *model);
    static const char *const sender[PAIRS] = {"a@x.example", "", "b@x.example"};
    int64_t now = T;
    for (int i = 0; i < steps; i++) {
        size_t pair = next(&seed) % PAIRS, count = 1 + next(&seed) % 3;
        char name[3][16];
        unsigned identity[3];
        struct sight sight = {.at = now, .sender = sender[pair], .recipient = R};
        for (size_t k = 0; k < count; k++) {
            identity[k] = (next(&seed) % (IDENTITIES / 3)) * 3 + (unsigned)k; /* none twice */
            snprintf(name[k], sizeof name[k], "id%u.example", identity[k]);
            sight.identity[k] = name[k];
        }
        uint32_t wait, should_wait;
        enum grey_state should = model_see(model->record[pair], identity, count, now, &should_wait);
        enum grey_state is = see(rig, &sight, &wait);
        if (is != should || wait != should_wait)
            fail_msg("seed %u, step %d: state %d, should be %d; wait %u, should be %u", seed, i, is,
                     should, wait, should_wait);
        now = later(now, back, &seed);
    }
    free(model);
    return now;
}

static void test_the_answers_are_those_of_a_model_without_tables(void **state)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        sql(*state, "DELETE FROM triplet");
        drive(*state, seed, seed % 2 == 0, 1000);
    }
}

static bool is_linked(struct rig *rig, const struct grey_row *to)
{
    struct grey_scan scan;
    struct grey_row row;
    bool is = false;
    assert_true(grey_scan_start(&scan, &rig->db, 0));
    while (!is && grey_scan_next(&scan, &rig->db, &row))
        is = row.key >> 32 == to->key >> 32 && grey_row_has_link(&row, (uint32_t)to->key);
    assert_true(grey_scan_stop(&scan));
    return is;
}

/* Rows without texts to which none with texts leads, and which have not ended. */
static size_t orphans(struct rig *rig, int64_t now)
{
    sqlite3_stmt *rows = NULL;
    size_t found = 0;
    assert_int_equal(sqlite3_prepare_v2(rig->db.sql,
                                        "SELECT key, at FROM triplet WHERE detail IS NULL", -1,
                                        &rows, NULL),
                     SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        struct grey_row row = {.key = sqlite3_column_int64(rows, 0)};
        assert_true(grey_row_decode(&row, sqlite3_column_int64(rows, 1), NULL, 0));
        found += !grey_ended(&row.record, &rule, now) && !is_linked(rig, &row);
    }
    sqlite3_finalize(rows);
    return found;
}

static void test_every_row_is_found_by_its_texts(void **state)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        sql(*state, "DELETE FROM triplet");
        for (int steps = 0; steps < 1000; steps += 50) {
            int64_t now = drive(*state, seed * 1000 + (uint32_t)steps, false, steps);
            if (orphans(*state, now) > 0)
                fail_msg("seed %u: %zu rows that nobody finds", seed, orphans(*state, now));
            sql(*state, "DELETE FROM triplet");
        }
    }
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_a_client_that_tries_again),
        WITH_FILE(test_a_fault_of_dns_on_the_retry_costs_nothing),
        WITH_FILE(test_a_fault_of_dns_on_the_first_try_costs_nothing),
        WITH_FILE(test_a_pool_that_retries_from_other_networks_is_one_sender),
        WITH_FILE(test_who_waited_longest_counts),
        WITH_FILE(test_texts_of_any_octets_and_of_any_length),
        WITH_FILE(test_a_question_without_identities_is_none),
        WITH_FILE(test_what_is_written),
        WITH_FILE(test_the_answers_are_those_of_a_model_without_tables),
        WITH_FILE(test_every_row_is_found_by_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
