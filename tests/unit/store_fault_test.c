/* SPDX-License-Identifier: ISC */
/*
 * store_fault_test: the embedded store on a disk that fails at every single call, full, slow, short
 * and for good; and on files that are damaged, deleted, replaced, locked, read-only or of a newer
 * version. Nothing crashes, no confirmed entry is lost, no file is overwritten, and the store
 * declares itself degraded and recovers alone when the fault has ended.
 */
#include "tests/unit/support/fault_vfs.h"
#include "tests/unit/support/store_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#define PUTS 6u

static bool has_key(const struct heard *page, const char *key)
{
    char word[32];
    snprintf(word, sizeof word, "%s ", key);
    return strstr(page->keys, word) != NULL;
}

/* ---- every call ---- */

struct sweep {
    enum vfs_fault fault;
    bool on; /* until the end of the scenario */
};

static void assert_whole(const struct rig *rig)
{
    char *path = rig_path(rig, "gatepost.db");
    sqlite3 *sql;
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(sql, "PRAGMA integrity_check", -1, &check, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(sql);
    free(path);
}

/* Puts, and remembers what was confirmed; returns whether the fault struck. */
static bool run_scenario(struct rig *rig, const struct sweep *sweep, long at)
{
    bool confirmed[PUTS] = {false};
    char key[PUTS][16];
    struct heard heard;
    rig_open(rig);
    assert_int_equal(rig_put_now(rig, "before", &heard), STORE_OK);
    sqlite_store_free(rig->store);
    fault_vfs_arm(sweep->fault, at, sweep->on);
    rig_open(rig);
    for (unsigned i = 0; i < PUTS; i++) {
        if (i == PUTS / 2) { /* its end and its next start are in danger, too */
            sqlite_store_free(rig->store);
            rig_open(rig);
        }
        snprintf(key[i], sizeof key[i], "k%u", i);
        confirmed[i] = rig_put_now(rig, key[i], &heard) == STORE_OK;
        rig_tell(rig, key[i] + 1);
        rig_page(rig, 0, 10);
        if (!sweep->on)
            rig_await(rig, false);
    }
    long hits = fault_vfs_disarm();
    rig_await(rig, false);
    assert_int_equal(rig_put_now(rig, "last", &heard), STORE_OK);
    assert_int_equal(rig_state(rig).corrupted, 0);
    sqlite_store_free(rig->store);
    rig->store = NULL;
    assert_whole(rig);
    rig_open(rig);
    struct heard page = rig_page(rig, 0, 20);
    assert_int_equal(page.status, STORE_OK);
    for (unsigned i = 0; i < PUTS; i++)
        if (confirmed[i] && !has_key(&page, key[i]))
            fail_msg("fault at call %ld: %s was confirmed and is lost", at, key[i]);
    assert_true(has_key(&page, "before"));
    assert_true(has_key(&page, "last"));
    return hits > 0;
}

static void sweep(const struct sweep *sweep)
{
    bool struck = true;
    long at = 0;
    while (struck) {
        void *state;
        rig_setup(&state);
        struct rig *rig = state;
        rig->config.retry_ms = 1;
        struck = run_scenario(rig, sweep, ++at);
        rig_teardown(&state);
        assert_true(at < 2000);
    }
    assert_true(at > 10); /* it did something */
}

static void test_no_room_at_any_write(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_FULL, false});
}

static void test_no_room_from_any_write_on(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_FULL, true});
}

static void test_an_io_error_at_any_call(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_IO, false});
}

static void test_io_errors_from_any_call_on(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_IO, true});
}

static void test_a_short_write_at_any_write(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_SHORT_WRITE, false});
}

static void test_a_short_read_at_any_read(void **state)
{
    (void)state;
    sweep(&(struct sweep){VFS_SHORT_READ, false});
}

/* ---- files ---- */

static void put_some(struct rig *rig)
{
    struct heard heard;
    rig_open(rig);
    assert_int_equal(rig_put_now(rig, "one", &heard), STORE_OK);
    assert_int_equal(rig_put_now(rig, "two", &heard), STORE_OK);
}

static void assert_works(const struct rig *rig, const char *key)
{
    struct heard heard, page;
    assert_int_equal(rig_put_now(rig, key, &heard), STORE_OK);
    page = rig_page(rig, 0, 20);
    assert_true(has_key(&page, key));
}

static void test_what_is_no_database_is_renamed_and_a_new_one_begun(void **state)
{
    struct rig *rig = *state;
    rig_shell(rig, "head -c 20000 /dev/urandom > gatepost.db && cp gatepost.db original");
    rig_open(rig);
    rig_await(rig, false);
    assert_int_equal(rig_state(rig).corrupted, 1);
    assert_works(rig, "new");
    assert_int_equal(rig_shell(rig, "cmp original gatepost.db.corrupt-*; echo $?"), 0);
    assert_int_equal(rig_shell(rig, "ls gatepost.db.corrupt-* | wc -l"), 1);
}

static void test_two_damaged_files_in_one_second_are_both_kept(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 3; i++) {
        rig_shell(rig, "head -c 20000 /dev/urandom > gatepost.db");
        rig_open(rig);
        rig_await(rig, false);
        sqlite_store_free(rig->store);
    }
    rig->store = NULL;
    assert_int_equal(rig_shell(rig, "ls gatepost.db.corrupt-* | grep -vc -e '-shm$' -e '-wal$'"),
                     3);
}

static void test_damage_in_use_is_found_and_the_file_with_its_log_renamed(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard;
    for (int i = 0; i < 400; i++) { /* more than one page */
        char key[64];
        snprintf(key, sizeof key, "a-key-of-some-length-so-that-pages-fill-%d", i);
        rig_tell(rig, key);
    }
    assert_int_equal(rig_put_now(rig, "end", &heard), STORE_OK);
    sqlite_store_free(rig->store); /* so that all of it is in the file */
    rig_open(rig);
    /* In another process: closing it in this one would drop SQLite's locks. */
    rig_shell(rig, "dd if=/dev/urandom of=gatepost.db bs=4096 seek=1 count=20 conv=notrunc 2>&1 | "
                   "grep -c records");
    assert_int_equal(rig_page(rig, 0, 500).status, STORE_DOWN);
    uint64_t end = rig_ms() + RIG_END_MS;
    while (rig_state(rig).corrupted == 0 && rig_ms() < end)
        usleep(500);
    rig_await(rig, false);
    assert_int_equal(rig_state(rig).corrupted, 1);
    assert_works(rig, "new");
    assert_int_equal(rig_shell(rig, "ls gatepost.db.corrupt-*-wal | wc -l"), 1);
    assert_int_equal(rig_shell(rig, "ls gatepost.db.corrupt-*-shm | wc -l"), 1);
}

static void test_a_deleted_database_is_begun_anew(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    rig_shell(rig, "rm gatepost.db");
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "lost", &heard), STORE_DOWN); /* not confirmed */
    rig_await(rig, false);
    assert_works(rig, "new");
    struct heard page = rig_page(rig, 0, 20);
    assert_false(has_key(&page, "one"));
    sqlite_store_free(rig->store);
    rig->store = NULL;
    assert_whole(rig);
    assert_int_equal(rig_shell(rig, "ls gatepost.db.left-*-wal | wc -l"), 1);
    rig_open(rig);
    page = rig_page(rig, 0, 20);
    assert_true(has_key(&page, "new"));
}

static void test_all_files_deleted_are_begun_anew(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    rig_shell(rig, "rm gatepost.*");
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "lost", &heard), STORE_DOWN);
    rig_await(rig, false);
    assert_works(rig, "new");
    char *why = NULL;
    assert_null(sqlite_store_new(&rig->config, &why)); /* locked again */
    free(why);
}

static void test_a_replaced_database_is_taken_and_the_old_log_kept_from_it(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    char *path = rig_path(rig, "copy");
    struct heard heard = {0};
    struct store_question question = {.op = STORE_BACKUP, .text = path};
    store_ask(rig->store, rig->loop, &question, rig_hear, &heard);
    rig_until(rig, &heard.times, 1);
    free(path);
    assert_int_equal(rig_put_now(rig, "three", &heard), STORE_OK);
    rig_shell(rig, "mv copy gatepost.db");
    assert_int_equal(rig_put_now(rig, "four", &heard), STORE_DOWN);
    rig_await(rig, false);
    struct heard page = rig_page(rig, 0, 20);
    assert_true(has_key(&page, "two"));
    assert_false(has_key(&page, "three"));
    assert_works(rig, "five");
    sqlite_store_free(rig->store);
    rig->store = NULL;
    assert_whole(rig);
}

static void test_a_deleted_log_costs_nothing(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    rig_shell(rig, "rm gatepost.db-wal");
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "unsure", &heard), STORE_DOWN);
    rig_await(rig, false);
    struct heard page = rig_page(rig, 0, 20);
    assert_true(has_key(&page, "one"));
    assert_true(has_key(&page, "two"));
    assert_works(rig, "new");
    assert_int_equal(rig_state(rig).corrupted, 0);
}

static void test_a_database_another_program_holds_is_waited_for(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    char *path = rig_path(rig, "gatepost.db");
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    sqlite3_db_config(other, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "held", &heard), STORE_DOWN);
    assert_non_null(strstr(heard.why, "another program"));
    assert_int_equal(rig_page(rig, 0, 20).status, STORE_OK); /* reading goes on */
    assert_true(rig_state(rig).since > 0);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    rig_await(rig, false);
    assert_works(rig, "free");
    free(path);
}

static void test_a_newer_database_is_left_alone(void **state)
{
    struct rig *rig = *state;
    put_some(rig);
    sqlite_store_free(rig->store);
    char *path = rig_path(rig, "gatepost.db");
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    sqlite3_exec(other, "PRAGMA user_version = 9999", NULL, NULL, NULL);
    sqlite3_close(other);
    rig_open(rig);
    struct store_state is = rig_state(rig);
    assert_true(is.degraded);
    assert_non_null(strstr(is.why, "newer version: gatepost.db has version 9999"));
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "key", &heard), STORE_DOWN);
    usleep(50000);
    assert_int_equal(rig_shell(rig, "ls gatepost.db.* 2>/dev/null | wc -l"), 0);
    char version[] = "PRAGMA user_version = 1";
    version[sizeof version - 2] = (char)('0' + SCHEMA_VERSION);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, version, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    rig_await(rig, false);
    assert_true(has_key(&(struct heard){.keys = "one "}, "one"));
    assert_works(rig, "new");
    free(path);
}

/* Root may write everywhere, so it becomes somebody else for a while. */
static void test_a_directory_that_becomes_read_only_is_waited_for(void **state)
{
    struct rig *rig = *state;
    bool root = geteuid() == 0;
    if (root) {
        assert_int_equal(chown(rig->directory, 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    put_some(rig);
    sqlite_store_free(rig->store);
    assert_int_equal(chmod(rig->directory, 0500), 0);
    rig_open(rig); /* the lock's file is there */
    struct store_state is = rig_state(rig);
    assert_true(is.degraded);
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "no", &heard), STORE_DOWN);
    assert_int_equal(chmod(rig->directory, 0700), 0);
    rig_await(rig, false);
    assert_works(rig, "new");
    struct heard page = rig_page(rig, 0, 20);
    assert_true(has_key(&page, "one"));
    sqlite_store_free(rig->store);
    rig->store = NULL;
    rig_shell(rig, "rm gatepost.*");
    assert_int_equal(chmod(rig->directory, 0500), 0);
    char *why = NULL;
    assert_null(sqlite_store_new(&rig->config, &why));
    assert_non_null(strstr(why, "Permission denied"));
    free(why);
    assert_int_equal(chmod(rig->directory, 0700), 0);
    if (root)
        assert_int_equal(seteuid(0), 0);
}

static void test_a_full_file_system_is_waited_for(void **state)
{
    struct rig *rig = *state;
    if (mount("tmpfs", rig->directory, "tmpfs", 0, "size=2m,mode=700") != 0) {
        print_message("no right to mount a tmpfs: %s\n", strerror(errno));
        skip();
    }
    put_some(rig);
    rig_shell(rig, "dd if=/dev/zero of=filler bs=4096 2>&1 | grep -c 'No space'");
    struct heard heard = {0};
    unsigned puts = 0;
    char key[32];
    do { /* there may be room in the log's last page */
        snprintf(key, sizeof key, "key%u", puts);
    } while (rig_put_now(rig, key, &heard) == STORE_OK && ++puts < 1000);
    assert_int_equal(heard.status, STORE_DOWN);
    assert_non_null(strstr(heard.why, "no room on the disk"));
    usleep(50000);
    assert_true(rig_state(rig).degraded);
    assert_int_equal(rig_page(rig, 0, 20).status, STORE_OK);
    rig_shell(rig, "rm filler");
    rig_await(rig, false);
    assert_works(rig, "new");
    assert_int_equal(rig_page(rig, 0, 1000).count, 2 + puts + 1);
    sqlite_store_free(rig->store);
    rig->store = NULL;
    assert_whole(rig);
    assert_int_equal(umount2(rig->directory, MNT_DETACH), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    fault_vfs_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_room_at_any_write),
        cmocka_unit_test(test_no_room_from_any_write_on),
        cmocka_unit_test(test_an_io_error_at_any_call),
        cmocka_unit_test(test_io_errors_from_any_call_on),
        cmocka_unit_test(test_a_short_write_at_any_write),
        cmocka_unit_test(test_a_short_read_at_any_read),
        CASE(test_what_is_no_database_is_renamed_and_a_new_one_begun),
        CASE(test_two_damaged_files_in_one_second_are_both_kept),
        CASE(test_damage_in_use_is_found_and_the_file_with_its_log_renamed),
        CASE(test_a_deleted_database_is_begun_anew),
        CASE(test_all_files_deleted_are_begun_anew),
        CASE(test_a_replaced_database_is_taken_and_the_old_log_kept_from_it),
        CASE(test_a_deleted_log_costs_nothing),
        CASE(test_a_database_another_program_holds_is_waited_for),
        CASE(test_a_newer_database_is_left_alone),
        CASE(test_a_full_file_system_is_waited_for),
        CASE(test_a_directory_that_becomes_read_only_is_waited_for),
    };
    return cmocka_run_group_tests_name("store_fault", tests, NULL, NULL);
}
