/* SPDX-License-Identifier: ISC */
/* db_schema_test: an empty file and each older one become ours, wholly or not at all; a newer one
 * is refused. */
#include "tests/unit/support/db_rig.h"

static const char *const three[] = {
    "CREATE TABLE log (step INTEGER); INSERT INTO log VALUES (1);",
    "INSERT INTO log VALUES (2);",
    "ALTER TABLE log ADD COLUMN more TEXT; INSERT INTO log VALUES (3, 'x');",
};

static const char *const third_fails[] = {
    "CREATE TABLE log (step INTEGER); INSERT INTO log VALUES (1);",
    "INSERT INTO log VALUES (2);",
    "DELETE FROM log; INSERT INTO no_such_table VALUES (3);",
};

static void test_an_empty_file_gets_all_tables(void **state)
{
    struct rig *rig = *state;
    assert_true(schema_migrate(&rig->db));
    assert_int_equal(number_of(rig, "PRAGMA user_version"), SCHEMA_VERSION);
    static const char *const table[] = {"meta",     "triplet",  "entry",
                                        "identity", "decision", "counter"};
    for (size_t i = 0; i < COUNT(table); i++) {
        char query[128];
        snprintf(query, sizeof query, "SELECT strict FROM pragma_table_list WHERE name = '%s'",
                 table[i]);
        assert_int_equal(number_of(rig, query), 1);
    }
}

static void test_a_current_file_is_left_alone(void **state)
{
    struct rig *rig = *state;
    assert_true(schema_migrate(&rig->db));
    int64_t cookie = number_of(rig, "PRAGMA schema_version");
    int changes = sqlite3_total_changes(rig->db.sql);
    assert_true(schema_migrate(&rig->db));
    assert_int_equal(number_of(rig, "PRAGMA schema_version"), cookie);
    assert_int_equal(sqlite3_total_changes(rig->db.sql), changes);
}

static void test_each_older_version_takes_the_steps_it_has_not_seen(void **state)
{
    struct rig *rig = *state;
    for (int from = 0; from <= 3; from++) {
        sql(rig, "DROP TABLE IF EXISTS log; PRAGMA user_version = 0;");
        if (from > 0) /* for a file of no version there is nothing to do */
            assert_true(schema_run(&rig->db, three, from));
        assert_int_equal(number_of(rig, "PRAGMA user_version"), from);
        assert_true(schema_run(&rig->db, three, 3));
        assert_int_equal(number_of(rig, "PRAGMA user_version"), 3);
        assert_int_equal(number_of(rig, "SELECT count(*) FROM log"), 3);
        assert_int_equal(
            number_of(rig, "SELECT count(*) FROM log WHERE step = rowid AND step <= 3"), 3);
    }
}

static void test_a_step_that_fails_leaves_the_file_of_the_old_version(void **state)
{
    struct rig *rig = *state;
    for (int from = 0; from <= 2; from++) {
        sql(rig, "DROP TABLE IF EXISTS log; PRAGMA user_version = 0;");
        if (from > 0)
            assert_true(schema_run(&rig->db, three, from));
        assert_false(schema_run(&rig->db, third_fails, 3));
        assert_non_null(strstr(rig->db.why, "no_such_table"));
        assert_int_equal(sqlite3_get_autocommit(rig->db.sql), 1);
        assert_int_equal(number_of(rig, "PRAGMA user_version"), from);
        assert_int_equal(number_of(rig, "SELECT count(*) FROM sqlite_schema"), from > 0 ? 1 : 0);
        if (from > 0)
            assert_int_equal(number_of(rig, "SELECT count(*) FROM log"), from);
        assert_true(schema_run(&rig->db, three, 3)); /* and it is in working order */
    }
}

static void test_a_newer_file_is_refused_and_not_touched(void **state)
{
    struct rig *rig = *state;
    sql(rig, "PRAGMA user_version = 7");
    assert_false(schema_migrate(&rig->db));
    assert_non_null(strstr(rig->db.why, "schema version 7"));
    assert_non_null(strstr(rig->db.why, "newer"));
    assert_int_equal(rig->db.fault, SQLITE_ERROR); /* not one of a damaged file */
    assert_int_equal(number_of(rig, "PRAGMA user_version"), 7);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM sqlite_schema"), 0);
}

static void test_a_file_keeps_its_hash_key(void **state)
{
    struct rig *rig = *state;
    assert_true(schema_migrate(&rig->db));
    struct hash_key first = rig->db.hash;
    assert_true(first.word[0] != 0 || first.word[1] != 0);
    db_close(&rig->db);
    assert_true(db_open(&rig->db, rig->path, false)); /* a reader takes it when it needs it */
    assert_false(rig->db.hashed);
    assert_true(table_hash(&rig->db));
    assert_memory_equal(&first, &rig->db.hash, sizeof first);
    db_close(&rig->db);
    assert_int_equal(unlink(rig->path), 0);
    assert_true(db_open(&rig->db, rig->path, true));
    assert_true(schema_migrate(&rig->db));
    assert_memory_not_equal(&first, &rig->db.hash, sizeof first);
}

static void test_a_file_without_its_hash_key_is_damaged(void **state)
{
    struct rig *rig = *state;
    assert_true(schema_migrate(&rig->db));
    static const char *const damage[] = {
        "UPDATE meta SET value = x'00' WHERE name = 'hash'",
        "DELETE FROM meta",
    };
    for (size_t i = 0; i < COUNT(damage); i++) {
        sql(rig, damage[i]);
        rig->db.hashed = false;
        assert_false(schema_migrate(&rig->db));
        assert_int_equal(rig->db.fault, SQLITE_CORRUPT);
    }
}

static void test_which_questions_only_read_and_which_wait_for_the_disk(void **state)
{
    (void)state;
    static const struct {
        enum store_op op;
        bool reads, durable;
    } cases[] = {
        {STORE_GREY, false, false},         {STORE_GREY_PAGE, true, false},
        {STORE_GREY_EDIT, false, false},    {STORE_ENTRY_PUT, false, true},
        {STORE_ENTRY_DELETE, false, true},  {STORE_ENTRY_PAGE, true, false},
        {STORE_IDENTITY_PUT, false, false}, {STORE_IDENTITY_PAGE, true, false},
        {STORE_DECISION_PUT, false, false}, {STORE_DECISION_PAGE, true, false},
        {STORE_COUNTER_ADD, false, false},  {STORE_COUNTER_PAGE, true, false},
        {STORE_FORGET, false, true},        {STORE_BACKUP, false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (run_reads(cases[i].op) != cases[i].reads ||
            run_durable(cases[i].op) != cases[i].durable)
            fail_msg("op %d", cases[i].op);
    }
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup_empty, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_an_empty_file_gets_all_tables),
        WITH_FILE(test_a_current_file_is_left_alone),
        WITH_FILE(test_each_older_version_takes_the_steps_it_has_not_seen),
        WITH_FILE(test_a_step_that_fails_leaves_the_file_of_the_old_version),
        WITH_FILE(test_a_newer_file_is_refused_and_not_touched),
        WITH_FILE(test_a_file_keeps_its_hash_key),
        WITH_FILE(test_a_file_without_its_hash_key_is_damaged),
        cmocka_unit_test(test_which_questions_only_read_and_which_wait_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
