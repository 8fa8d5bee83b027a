/* SPDX-License-Identifier: ISC */
/*
 * store_test: the embedded store's engine with a plain table: every question gets one answer, in
 * its asker's loop, unless it was cancelled; what waits is one transaction; nobody waits for a full
 * queue or a slow disk; list entries are synced before they are confirmed; copies are whole.
 */
#include "tests/unit/support/fault_vfs.h"
#include "tests/unit/support/store_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

/* ---- questions and answers ---- */

static void test_what_was_confirmed_is_there_after_a_restart(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard;
    assert_int_equal(rig_put_now(rig, "one", &heard), STORE_OK);
    assert_int_equal(heard.count, 1);
    assert_int_equal(rig_put_now(rig, "two", &heard), STORE_OK);
    assert_string_equal(rig_page(rig, 0, 10).keys, "one two ");
    sqlite_store_free(rig->store);
    rig_open(rig);
    assert_string_equal(rig_page(rig, 0, 10).keys, "one two ");
    assert_false(rig_state(rig).degraded);
}

static void test_pages_follow_their_cursor(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard;
    rig_put_now(rig, "a", &heard);
    rig_put_now(rig, "b", &heard);
    rig_put_now(rig, "c", &heard);
    struct heard page = rig_page(rig, 0, 2);
    assert_string_equal(page.keys, "a b ");
    page = rig_page(rig, page.next, 2);
    assert_string_equal(page.keys, "c ");
    assert_int_equal(page.next, 0);
}

static void test_no_answer_comes_from_inside_of_asking(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard = {0};
    rig_put(rig, "key", &heard);
    usleep(50000); /* it is long answered; but the loop has not turned */
    assert_int_equal(heard.times, 0);
    rig_until(rig, &heard.times, 1);
    loop_poll(rig->loop);
    assert_int_equal(heard.times, 1);
}

static void test_what_was_told_is_carried_out_before_the_end(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard held = {0};
    struct store_request *request = rig_hold(rig, 50, &held);
    rig_tell(rig, "told");
    store_cancel(request);
    sqlite_store_free(rig->store);
    rig_open(rig);
    assert_string_equal(rig_page(rig, 0, 10).keys, "told ");
    assert_int_equal(held.times, 0);
}

static void test_an_answer_that_was_not_called_dies_with_the_store(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard posted = {0}, waiting = {0};
    rig_put(rig, "posted", &posted);
    usleep(50000);
    rig_hold(rig, 50, &waiting);
    sqlite_store_free(rig->store);
    rig->store = NULL;
    for (int i = 0; i < 10; i++)
        loop_poll(rig->loop);
    assert_int_equal(posted.times, 0);
    assert_int_equal(waiting.times, 0);
}

static void test_a_cancelled_question_is_never_answered(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    enum { COUNT = 400 };
    static struct heard heard[COUNT];
    memset(heard, 0, sizeof heard);
    for (unsigned i = 0; i < COUNT; i++) { /* cancelled waiting, in hand, and posted */
        char name[32];
        snprintf(name, sizeof name, "key%u", i);
        struct store_request *request = rig_put(rig, name, &heard[i]);
        usleep(i % 8 * 25);
        store_cancel(request);
        if (i % 5 == 0)
            loop_poll(rig->loop);
    }
    struct heard last;
    assert_int_equal(rig_put_now(rig, "last", &last), STORE_OK);
    loop_poll(rig->loop);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(heard[i].times, 0);
    store_cancel(NULL);
}

/* ---- transactions ---- */

static void test_what_waits_is_one_transaction(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard held = {0}, heard[50] = {{0}};
    rig_hold(rig, 100, &held);
    usleep(20000);
    long before = atomic_load(&plain_commits);
    for (unsigned i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "key%u", i);
        rig_put(rig, name, &heard[i]);
    }
    for (unsigned i = 0; i < 50; i++)
        rig_until(rig, &heard[i].times, 1);
    assert_int_equal(atomic_load(&plain_commits) - before, 1);
}

static void test_a_bad_question_spoils_no_other(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard held = {0}, good = {0}, bad = {0}, fine = {0};
    rig_put_now(rig, "there", &good);
    good = (struct heard){0};
    rig_hold(rig, 100, &held);
    usleep(20000);
    rig_put(rig, "good", &good);
    rig_put(rig, "there", &bad);
    rig_put(rig, "fine", &fine);
    rig_until(rig, &fine.times, 1);
    rig_until(rig, &bad.times, 1);
    assert_int_equal(good.status, STORE_OK);
    assert_int_equal(fine.status, STORE_OK);
    assert_int_equal(bad.status, STORE_DOWN);
    assert_non_null(strstr(bad.why, "UNIQUE"));
    assert_false(rig_state(rig).degraded);
    assert_string_equal(rig_page(rig, 0, 10).keys, "there good fine ");
}

static void test_an_entry_is_synced_before_it_is_confirmed_and_a_counter_is_not(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard;
    rig_put_now(rig, "first", &heard);
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "entry%d", i);
        long before = fault_vfs_log_syncs();
        rig_put_now(rig, name, &heard);
        assert_true(fault_vfs_log_syncs() > before);
        before = fault_vfs_log_syncs();
        rig_tell(rig, name + 1);
        struct heard held = {0};
        rig_hold(rig, 1, &held); /* behind it */
        rig_until(rig, &held.times, 1);
        assert_int_equal(fault_vfs_log_syncs(), before);
    }
}

/* ---- bounds ---- */

static void test_a_full_queue_answers_at_once_and_drops_what_is_told(void **state)
{
    struct rig *rig = *state;
    rig->config.queue_most = 8;
    rig_open(rig);
    struct heard held = {0}, heard[12] = {{0}};
    rig_hold(rig, 300, &held);
    usleep(20000);
    for (unsigned i = 0; i < 8; i++) /* six of them fit */
        rig_tell(rig, "told");
    assert_int_equal(rig_state(rig).waiting, 6);
    assert_int_equal(rig_state(rig).dropped, 2);
    for (unsigned i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "key%u", i);
        rig_put(rig, name, &heard[i]);
    }
    for (unsigned i = 2; i < 12; i++) {
        rig_until(rig, &heard[i].times, 1);
        assert_int_equal(heard[i].status, STORE_DOWN);
        assert_string_equal(heard[i].why, "too many questions wait");
    }
    assert_int_equal(held.times, 0);
    rig_until(rig, &heard[1].times, 1);
    assert_int_equal(heard[0].status, STORE_OK);
    assert_int_equal(heard[1].status, STORE_OK);
    assert_int_equal(rig_state(rig).dropped, 12);
    assert_false(rig_state(rig).degraded);
}

static void test_nobody_waits_for_a_slow_disk(void **state)
{
    struct rig *rig = *state;
    rig->config.slow_ms = 100;
    rig_open(rig);
    struct heard in_hand = {0}, waiting = {0}, later = {0};
    fault_vfs_delay(700);
    uint64_t start = rig_ms();
    rig_put(rig, "in-hand", &in_hand);
    usleep(20000);
    rig_put(rig, "waiting", &waiting);
    rig_until(rig, &in_hand.times, 1);
    rig_until(rig, &waiting.times, 1);
    assert_true(rig_ms() - start < 600);
    assert_int_equal(in_hand.status, STORE_DOWN);
    assert_int_equal(waiting.status, STORE_DOWN);
    assert_non_null(strstr(waiting.why, "slow"));
    assert_int_equal(rig_put_now(rig, "later", &later), STORE_DOWN);
    assert_true(rig_state(rig).degraded);
    fault_vfs_delay(0);
    rig_await(rig, false);
    assert_int_equal(rig_put_now(rig, "well", &later), STORE_OK);
    assert_int_equal(in_hand.times, 1);
}

static void test_the_log_stays_short_while_pages_are_read(void **state)
{
    struct rig *rig = *state;
    rig->config.log_pages = 50;
    rig_open(rig);
    struct heard put = {0}, page = {0};
    struct store_question question = {.op = STORE_ENTRY_PAGE, .page = {0, 1000}};
    unsigned pages = 0;
    for (unsigned i = 1; i <= 1000; i++) {
        char key[32];
        snprintf(key, sizeof key, "key%u", i);
        rig_put(rig, key, &put);
        if (page.times == pages) {
            pages++;
            store_ask(rig->store, rig->loop, &question, rig_hear, &page);
        }
        rig_until(rig, &put.times, i);
    }
    rig_until(rig, &page.times, pages);
    char *path = rig_path(rig, "gatepost.db-wal");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    if (st.st_size > 400 * 4096)
        fail_msg("the log has %lld octets", (long long)st.st_size);
    free(path);
}

/* ---- threads ---- */

struct asker {
    struct rig *rig;
    unsigned number, answers, good;
    pthread_t thread;
};

static void on_answer(const struct store_answer *answer, void *arg)
{
    struct asker *asker = arg;
    asker->answers++;
    asker->good += answer->status == STORE_OK;
}

#define ASKED 300u

static void *ask_from_a_thread(void *arg)
{
    struct asker *asker = arg;
    struct rig mine = *asker->rig;
    mine.loop = loop_new();
    unsigned wanted = 0;
    for (unsigned i = 0; i < ASKED; i++) {
        char key[32];
        snprintf(key, sizeof key, "%u-%u", asker->number, i);
        struct entry entry = {.key = key, .reason = "", .author = ""};
        struct store_question put = {.op = i % 3 == 0 ? STORE_ENTRY_PAGE : STORE_ENTRY_PUT};
        if (put.op == STORE_ENTRY_PUT) {
            put.put.count = 1;
            put.put.entry = &entry;
        } else {
            put.page.most = 3;
        }
        struct store_request *request = store_ask(mine.store, mine.loop, &put, on_answer, asker);
        if (i % 7 == 0)
            store_cancel(request);
        else
            wanted++;
        rig_tell(&mine, key + 1);
        loop_poll(mine.loop);
    }
    rig_until(&mine, &asker->answers, wanted);
    loop_poll(mine.loop);
    if (asker->answers != wanted)
        asker->good = 0;
    loop_free(mine.loop);
    return NULL;
}

static void test_every_thread_hears_its_own_answers(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct asker asker[4];
    for (unsigned i = 0; i < 4; i++) {
        asker[i] = (struct asker){.rig = rig, .number = i};
        assert_int_equal(pthread_create(&asker[i].thread, NULL, ask_from_a_thread, &asker[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(asker[i].thread, NULL);
        assert_int_equal(asker[i].good, ASKED - (ASKED + 6) / 7);
    }
    assert_false(rig_state(rig).degraded);
}

/* ---- one holder ---- */

static void test_a_second_store_in_the_same_process_is_refused(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    char *why = NULL;
    assert_null(sqlite_store_new(&rig->config, &why));
    assert_non_null(strstr(why, "held by this process"));
    free(why);
}

static void test_a_second_store_in_another_process_is_refused_with_the_pid(void **state)
{
    struct rig *rig = *state;
    int to_parent[2], to_child[2];
    assert_int_equal(pipe(to_parent), 0);
    assert_int_equal(pipe(to_child), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    char byte = 'x';
    if (child == 0) {
        close(to_child[1]);
        char *why;
        struct store *store = sqlite_store_new(&rig->config, &why);
        if (store == NULL || write(to_parent[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 0)
            _exit(1);
        _exit(0); /* and the kernel gives the lock back */
    }
    close(to_child[0]);
    assert_int_equal(read(to_parent[0], &byte, 1), 1);
    char *why = NULL, want[64];
    assert_null(sqlite_store_new(&rig->config, &why));
    snprintf(want, sizeof want, "held by process %ld", (long)child);
    if (strstr(why, want) == NULL)
        fail_msg("%s", why);
    free(why);
    close(to_child[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rig_open(rig);
    close(to_parent[0]);
    close(to_parent[1]);
}

static void test_a_directory_that_is_not_there_is_no_store(void **state)
{
    struct rig *rig = *state;
    rig->config.directory = "/nonexistent/gatepost";
    char *why = NULL;
    assert_null(sqlite_store_new(&rig->config, &why));
    assert_string_equal(why, "/nonexistent/gatepost/gatepost.lock: No such file or directory");
    free(why);
}

static void test_all_files_are_the_owner_s_alone(void **state)
{
    struct rig *rig = *state;
    mode_t before = umask(0);
    rig_open(rig);
    umask(before);
    struct heard heard;
    rig_put_now(rig, "key", &heard);
    static const char *const names[] = {"gatepost.db", "gatepost.db-wal", "gatepost.db-shm",
                                        "gatepost.lock"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = rig_path(rig, names[i]);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        free(path);
    }
}

/* ---- backups, expiry ---- */

static struct heard back_up(const struct rig *rig, const char *path)
{
    struct heard heard = {0};
    struct store_question question = {.op = STORE_BACKUP, .text = path};
    store_ask(rig->store, rig->loop, &question, rig_hear, &heard);
    rig_until(rig, &heard.times, 1);
    return heard;
}

static void test_a_backup_is_a_whole_database_of_its_own(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    struct heard heard;
    rig_put_now(rig, "one", &heard);
    rig_put_now(rig, "two", &heard);
    char *path = rig_path(rig, "copy's.db");
    assert_int_equal(back_up(rig, path).status, STORE_OK);
    rig_put_now(rig, "three", &heard);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct db db;
    int64_t number;
    assert_true(db_open(&db, path, false));
    assert_true(db_number(&db, "SELECT count(*) FROM plain", &number));
    assert_int_equal(number, 2);
    assert_true(db_number(&db, "PRAGMA user_version", &number));
    assert_int_equal(number, SCHEMA_VERSION);
    db_close(&db);
    assert_int_equal(rig_shell(rig, "ls | grep -c \"copy's\""), 1);
    free(path);
}

static void test_a_backup_overwrites_nothing_and_its_fault_is_not_the_store_s(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    char *there = rig_path(rig, "gatepost.db");
    struct heard heard = back_up(rig, there);
    assert_int_equal(heard.status, STORE_DOWN);
    assert_non_null(strstr(heard.why, "exists already"));
    heard = back_up(rig, "/nonexistent/copy");
    assert_int_equal(heard.status, STORE_DOWN);
    assert_non_null(strstr(heard.why, "No such file"));
    heard = back_up(rig, "relative");
    assert_int_equal(heard.status, STORE_DOWN);
    assert_false(rig_state(rig).degraded);
    assert_int_equal(rig_put_now(rig, "key", &heard), STORE_OK);
    free(there);
}

static void test_expiry_goes_on_with_the_newest_lifetimes(void **state)
{
    struct rig *rig = *state;
    rig_open(rig);
    rig->config.waiting_lifetime = 77;
    sqlite_store_configure(rig->store, &rig->config);
    long before = atomic_load(&plain_expired);
    uint64_t end = rig_ms() + RIG_END_MS;
    while (atomic_load(&plain_expired) < before + 2 && rig_ms() < end)
        usleep(1000);
    assert_true(atomic_load(&plain_expired) >= before + 2);
    assert_int_equal(atomic_load(&plain_lifetime), 77);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    fault_vfs_install();
    const struct CMUnitTest tests[] = {
        CASE(test_what_was_confirmed_is_there_after_a_restart),
        CASE(test_pages_follow_their_cursor),
        CASE(test_no_answer_comes_from_inside_of_asking),
        CASE(test_what_was_told_is_carried_out_before_the_end),
        CASE(test_an_answer_that_was_not_called_dies_with_the_store),
        CASE(test_a_cancelled_question_is_never_answered),
        CASE(test_what_waits_is_one_transaction),
        CASE(test_a_bad_question_spoils_no_other),
        CASE(test_an_entry_is_synced_before_it_is_confirmed_and_a_counter_is_not),
        CASE(test_a_full_queue_answers_at_once_and_drops_what_is_told),
        CASE(test_nobody_waits_for_a_slow_disk),
        CASE(test_the_log_stays_short_while_pages_are_read),
        CASE(test_every_thread_hears_its_own_answers),
        CASE(test_a_second_store_in_the_same_process_is_refused),
        CASE(test_a_second_store_in_another_process_is_refused_with_the_pid),
        CASE(test_a_directory_that_is_not_there_is_no_store),
        CASE(test_all_files_are_the_owner_s_alone),
        CASE(test_a_backup_is_a_whole_database_of_its_own),
        CASE(test_a_backup_overwrites_nothing_and_its_fault_is_not_the_store_s),
        CASE(test_expiry_goes_on_with_the_newest_lifetimes),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
