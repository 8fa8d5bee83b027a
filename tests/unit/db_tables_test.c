/* SPDX-License-Identifier: ISC */
/* db_tables_test: identities and counters; what is forgotten; and, for all tables, which questions
 * need an index and have it. */
#include "tests/unit/support/db_rig.h"

static void put_identities(struct rig *rig, const struct identity_item *item, size_t count)
{
    const struct store_question question = {
        .op = STORE_IDENTITY_PUT, .now = T, .put = {.count = count, .identity = item}};
    assert_int_equal(ask(rig, &question)->count, count);
}

static const struct store_answer *identities(struct rig *rig)
{
    const struct store_question question = {.op = STORE_IDENTITY_PAGE, .page = {.most = 1000}};
    return ask(rig, &question);
}

static void test_an_identity_only_gains(void **state)
{
    static const struct {
        const char *name;
        struct identity_item put, is;
    } steps[] = {
        {"first seen", {"192.0.2.1", T, T, false}, {NULL, T, T, false}},
        {"seen again", {"192.0.2.1", T, T + 9, false}, {NULL, T, T + 9, false}},
        {"proven", {"192.0.2.1", T, T + 4000, true}, {NULL, T, T + 4000, true}},
        {"by one who knows less",
         {"192.0.2.1", T + 5000, T + 5000, false},
         {NULL, T, T + 5000, true}},
        {"late", {"192.0.2.1", T - 9, T + 10, true}, {NULL, T - 9, T + 5000, true}},
    };
    for (size_t i = 0; i < COUNT(steps); i++) {
        put_identities(*state, &steps[i].put, 1);
        const struct store_answer *answer = identities(*state);
        assert_int_equal(answer->count, 1);
        assert_int_equal(answer->next, 0);
        const struct identity_item *is = answer->identity;
        assert_string_equal(is->text, "192.0.2.1");
        if (is->first != steps[i].is.first || is->last != steps[i].is.last ||
            is->proven != steps[i].is.proven)
            fail_msg("%s", steps[i].name);
    }
}

#define MANY 2500

static void test_pages_show_each_identity_once(void **state)
{
    struct identity_item *items = mem_alloc(MANY * sizeof *items);
    char(*text)[16] = mem_alloc(MANY * sizeof *text);
    bool *seen = mem_alloc(MANY * sizeof *seen);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "%zu.example", i);
        items[i] = (struct identity_item){text[i], T, T, i % 2 > 0};
    }
    put_identities(*state, items, MANY);
    struct store_question question = {.op = STORE_IDENTITY_PAGE, .page = {.most = 999}};
    size_t found = 0;
    do {
        const struct store_answer *answer = ask(*state, &question);
        for (size_t i = 0; i < answer->count; i++, found++) {
            size_t number = strtoul(answer->identity[i].text, NULL, 10);
            assert_true(number < MANY && !seen[number]);
            assert_int_equal(answer->identity[i].proven, number % 2 > 0);
            seen[number] = true;
        }
        question.page.cursor = answer->next;
    } while (question.page.cursor != 0);
    assert_int_equal(found, MANY);
    free(seen);
    free(text);
    free(items);
}

static void test_counters_add_up(void **state)
{
    static const struct counter_item first[] = {{"a", 1}, {"b", 5}, {"a", 2}};
    static const struct counter_item second[] = {{"c", 7}, {"b", -1}, {"a", INT64_C(1) << 40}};
    struct store_question question = {.op = STORE_COUNTER_ADD, .put = {.count = 3}};
    question.put.counter = first;
    assert_int_equal(ask(*state, &question)->count, 3);
    question.put.counter = second;
    ask(*state, &question);
    struct store_question page = {.op = STORE_COUNTER_PAGE, .page = {.most = 2}};
    const struct store_answer *answer = ask(*state, &page);
    assert_int_equal(answer->count, 2);
    assert_string_equal(answer->counter[0].name, "a");
    assert_int_equal(answer->counter[0].value, (INT64_C(1) << 40) + 3);
    assert_string_equal(answer->counter[1].name, "b");
    assert_int_equal(answer->counter[1].value, 4);
    page.page.cursor = answer->next;
    answer = ask(*state, &page);
    assert_int_equal(answer->count, 1);
    assert_string_equal(answer->counter[0].name, "c");
    assert_int_equal(answer->next, 0);
}

static void test_the_empty_tables_answer_with_nothing(void **state)
{
    static const enum store_op op[] = {STORE_GREY_PAGE, STORE_ENTRY_PAGE, STORE_IDENTITY_PAGE,
                                       STORE_DECISION_PAGE, STORE_COUNTER_PAGE};
    for (size_t i = 0; i < COUNT(op); i++) {
        const struct store_question question = {.op = op[i]}; /* `most` 0 is as many as can be */
        const struct store_answer *answer = ask(*state, &question);
        assert_int_equal(answer->status, STORE_OK);
        assert_int_equal(answer->count, 0);
        assert_int_equal(answer->next, 0);
    }
}

/* ---- forgetting ---- */

static void see(struct rig *rig, const char *identity, const char *sender, const char *recipient)
{
    const struct store_question question = {.op = STORE_GREY,
                                            .now = T,
                                            .grey = {.rule = {300, 172800, 3110400},
                                                     .identities = 2,
                                                     .identity = {"pool.example", identity},
                                                     .sender = sender,
                                                     .recipient = recipient}};
    ask(rig, &question);
}

static void fill(struct rig *rig)
{
    static const struct decision_item decisions[] = {
        {.client = "192.0.2.1", .sender = "x@y.example", .recipient = "z@y.example"},
        {.client = "192.0.2.11", .sender = "Ann@Acme.example", .recipient = "z@y.example"},
        {.client = "192.0.2.12", .recipient = "ann@acme.example"},
        {.record = "{\"recipients\":[\"z@y.example\",\"ann@ACME.example\"]}"},
        {.record = "{\"reply\":\"550 5.1.1 <ann@acme.example> who?\"}"},
        {.record = "{\"reply\":\"550 no ann@acme.example.\"}"},
        {.record = "{\"recipients\":[\"joann@acme.example\",\"ann@acme.example.net\"]}"},
        {.record = "{\"client\":\"192.0.2.111\",\"via\":\"192.0.2.1\"}"},
    };
    static const struct entry entry = {.key = "ann@acme.example", .kind = ENTRY_SENDER};
    static const struct identity_item identity[] = {{"192.0.2.1", T, T, true},
                                                    {"mx.acme.example", T, T, true}};
    see(rig, "192.0.2.0/24", "ann@acme.example", "z@y.example");
    see(rig, "192.0.2.0/24", "x@y.example", "Ann@acme.example");
    see(rig, "198.51.100.0/24", "x@y.example", "z@y.example");
    put_identities(rig, identity, 2);
    struct store_question question = {.op = STORE_DECISION_PUT};
    question.put.count = COUNT(decisions);
    question.put.decision = decisions;
    ask(rig, &question);
    question.op = STORE_ENTRY_PUT;
    question.put.count = 1;
    question.put.entry = &entry;
    ask(rig, &question);
}

static uint64_t forget(struct rig *rig, const char *address, unsigned most)
{
    struct store_question question = {
        .op = STORE_FORGET, .now = T, .page = {.most = most}, .text = address};
    uint64_t count = 0;
    for (int part = 0; part < 100; part++) {
        const struct store_answer *answer = ask(rig, &question);
        count += answer->count;
        question.page.cursor = answer->next;
        if (answer->next == 0)
            return count;
    }
    fail_msg("forgetting does not end");
    return 0;
}

static void test_what_is_forgotten(void **state)
{
    static const struct {
        const char *address;
        unsigned count, decisions, rows, identities;
    } cases[] = {
        {"ann@acme.example", 2 + 5, 3, 2, 2},
        {"ANN@acme.EXAMPLE", 2 + 5, 3, 2, 2},
        {"192.0.2.1", 1 + 2, 6, 6, 1},
        {"192.0.2.0/24", 2, 8, 2, 2},
        {"mx.acme.example", 1, 8, 6, 1},
        {"nobody@acme.example", 0, 8, 6, 2},
        {"acme.example", 0, 8, 6, 2},
        {"", 0, 8, 6, 2},
        {"%", 0, 8, 6, 2},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        size_t k = i / 2;
        sql(rig, "DELETE FROM triplet; DELETE FROM decision; DELETE FROM identity");
        fill(rig);
        uint64_t count = forget(rig, cases[k].address, i % 2 > 0 ? 1 : 1000);
        if (count != cases[k].count ||
            number_of(rig, "SELECT count(*) FROM decision") != cases[k].decisions ||
            number_of(rig, "SELECT count(*) FROM triplet") != cases[k].rows ||
            number_of(rig, "SELECT count(*) FROM identity") != cases[k].identities)
            fail_msg("%s: %u", cases[k].address, (unsigned)count);
        assert_int_equal(number_of(rig, "SELECT count(*) FROM entry"), 1);
    }
}

/* ---- indexes ---- */

static bool scans(struct rig *rig, int number)
{
    sqlite3_stmt *plan = NULL;
    char *text = mem_printf("EXPLAIN QUERY PLAN %s", sqlite3_sql(rig->db.kept[number]));
    assert_int_equal(sqlite3_prepare_v2(rig->db.sql, text, -1, &plan, NULL), SQLITE_OK);
    bool bad = false;
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(plan, 3);
        bad = bad || (strncmp(step, "SCAN", 4) == 0 && strstr(step, "subquery") == NULL);
    }
    sqlite3_finalize(plan);
    free(text);
    return bad;
}

static void test_no_question_reads_a_whole_table_at_once(void **state)
{
    struct rig *rig = *state;
    struct expiry expiry = {.white_lifetime = 1, .waiting_lifetime = 1};
    fill(rig);
    forget(rig, "x@y.example", 1000);
    for (int op = STORE_GREY; op < STORE_BACKUP; op++) {
        const struct counter_item counter = {"a", 1};
        struct store_question question = {.op = (enum store_op)op};
        question.put.count = op == STORE_COUNTER_ADD ? 1 : 0;
        if (op == STORE_COUNTER_ADD)
            question.put.counter = &counter;
        ask(rig, &question);
    }
    const struct entry entry = {.key = "key", .reason = "", .author = ""};
    ask(rig, &(struct store_question){.op = STORE_ENTRY_PUT,
                                      .put = {.count = 1, .keep = true, .entry = &entry}});
    struct store_question of_key = {.op = STORE_ENTRY_PAGE, .entry = {-1, -1, "key"}};
    ask(rig, &of_key);
    struct store_question of_id = {.op = STORE_DECISION_PAGE, .decision = {.id = "id"}};
    ask(rig, &of_id);
    for (int step = 0; step < 4; step++)
        assert_true(expire_step(&rig->db, &expiry, T + 1000, 10));
    for (int number = 0; number < STATEMENTS; number++) {
        if (rig->db.kept[number] == NULL)
            fail_msg("statement %d was not asked", number);
        if (scans(rig, number))
            fail_msg("scans: %s", sqlite3_sql(rig->db.kept[number]));
    }
}

/* ---- damage ---- */

static void test_damaged_rows_of_identities_and_counters_end_every_walk(void **state)
{
    struct rig *rig = *state;
    static const char *const damage[] = {
        "UPDATE identity SET key = -1 WHERE text = '192.0.2.1'",
        "UPDATE identity SET key = 9223372036854775807 WHERE text = '192.0.2.1'",
        "UPDATE identity SET first = -9223372036854775808, last = -9223372036854775808",
        "UPDATE identity SET first = 9223372036854775807, last = 9223372036854775807, proven = -3",
        "UPDATE identity SET text = ''",
        "UPDATE identity SET text = CAST(x'ff00fe' AS TEXT)",
        "UPDATE counter SET number = -1, value = 9223372036854775807, name = ''",
    };
    for (size_t i = 0; i < COUNT(damage); i++) {
        const struct identity_item item[] = {{"192.0.2.1", T, T, true}, {"b.example", T, T, true}};
        const struct counter_item counter = {"a", 1};
        struct expiry expiry = {.white_lifetime = 10, .waiting_lifetime = 10};
        put_identities(rig, item, COUNT(item));
        ask(rig, &(struct store_question){.op = STORE_COUNTER_ADD,
                                          .put = {.count = 1, .counter = &counter}});
        sql(rig, damage[i]);
        for (int op = 0; op < 2; op++) {
            struct store_question question = {.page = {.most = 1}};
            question.op = op == 0 ? STORE_IDENTITY_PAGE : STORE_COUNTER_PAGE;
            for (int pages = 0; pages == 0 || question.page.cursor != 0; pages++) {
                assert_in_range(pages, 0, 10);
                question.page.cursor = ask(rig, &question)->next;
            }
        }
        put_identities(rig, item, COUNT(item));
        for (int step = 0; step < 4; step++)
            assert_true(expire_step(&rig->db, &expiry, T + 1000, 10));
        sql(rig, "DELETE FROM identity; DELETE FROM counter");
    }
}

static int cached(struct rig *rig)
{
    int used = 0;
    int most = 0;
    assert_int_equal(sqlite3_db_status(rig->db.sql, SQLITE_DBSTATUS_CACHE_USED, &used, &most, 0),
                     SQLITE_OK);
    return used;
}

static void test_a_large_cache_is_given_back_and_what_was_written_stays(void **state)
{
    struct rig *rig = *state;
    assert_true(db_exec(&rig->db, "CREATE TABLE much (text BLOB);"
                                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                                  " WHERE i < 4000)"
                                  "INSERT INTO much SELECT randomblob(1000) FROM n"));
    assert_in_range(cached(rig), 2 * 1024 * 1024, INT_MAX);
    db_give_back(&rig->db);
    assert_in_range(cached(rig), 0, 1024 * 1024);
    sqlite3_stmt *row = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(rig->db.sql, "SELECT sum(length(text)) FROM much", -1, &row, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(row, 0), 4000000);
    sqlite3_finalize(row);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_an_identity_only_gains),
        WITH_FILE(test_pages_show_each_identity_once),
        WITH_FILE(test_counters_add_up),
        WITH_FILE(test_the_empty_tables_answer_with_nothing),
        WITH_FILE(test_what_is_forgotten),
        WITH_FILE(test_damaged_rows_of_identities_and_counters_end_every_walk),
        WITH_FILE(test_no_question_reads_a_whole_table_at_once),
        WITH_FILE(test_a_large_cache_is_given_back_and_what_was_written_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
