/* SPDX-License-Identifier: ISC */
/*
 * store_kill_test: a process that writes as fast as it can is killed, again and again, in the same
 * folder. Each time the database is whole and everything is there that was confirmed to anybody.
 */
#include "tests/unit/support/store_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define KILLS     20u
#define IN_FLIGHT 40u
#define MOST      2000000u

/* ---- the one that is killed ---- */

struct load {
    struct rig *rig;
    int pipe;
    uint32_t next;
};

struct one {
    struct load *load;
    uint32_t number;
};

static void ask_next(struct load *load, struct one *one);

static void on_answer(const struct store_answer *answer, void *arg)
{
    struct one *one = arg;
    if (answer->status == STORE_OK &&
        write(one->load->pipe, &one->number, sizeof one->number) != sizeof one->number)
        _exit(1);
    ask_next(one->load, one);
}

/* Every other one is synced. */
static void ask_next(struct load *load, struct one *one)
{
    char key[32];
    one->number = load->next++;
    snprintf(key, sizeof key, "%u", one->number);
    struct entry entry = {.key = key, .reason = "", .author = ""};
    struct counter_item counter = {.name = key};
    struct store_question question = {.op = STORE_COUNTER_ADD,
                                      .put = {.count = 1, .counter = &counter}};
    if (one->number % 2 == 0) {
        question.op = STORE_ENTRY_PUT;
        question.put.counter = NULL;
        question.put.entry = &entry;
    }
    store_ask(load->rig->store, load->rig->loop, &question, on_answer, one);
}

static void on_page(const struct store_answer *answer, void *arg)
{
    (void)answer;
    struct rig *rig = arg;
    struct store_question question = {.op = STORE_ENTRY_PAGE, .page = {0, 500}};
    store_ask(rig->store, rig->loop, &question, on_page, rig);
}

static _Noreturn void write_until_killed(struct rig *rig, int pipe, uint32_t first)
{
    char *why;
    rig->store = sqlite_store_new(&rig->config, &why);
    if (rig->store == NULL)
        _exit(1);
    struct load load = {.rig = rig, .pipe = pipe, .next = first};
    struct one one[IN_FLIGHT];
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        one[i].load = &load;
        ask_next(&load, &one[i]);
    }
    on_page(NULL, rig);
    loop_run(rig->loop);
    _exit(1);
}

/* ---- the one that kills ---- */

/* Marks what was confirmed; returns the first number that nobody has used. */
static uint32_t read_confirmed(int pipe, unsigned char *confirmed, unsigned *count)
{
    uint32_t number, highest = 0;
    while (read(pipe, &number, sizeof number) == sizeof number) {
        assert_true(number < MOST);
        confirmed[number] = 1;
        ++*count;
        if (number > highest)
            highest = number;
    }
    return highest + IN_FLIGHT + 1;
}

static void assert_all_there(const struct rig *rig, const unsigned char *confirmed)
{
    char *path = rig_path(rig, "gatepost.db");
    struct db db;
    assert_true(db_open(&db, path, true));
    sqlite3_stmt *check = db_statement(&db, 0, "PRAGMA integrity_check");
    assert_int_equal(db_step(&db, check), 1);
    assert_string_equal(sqlite3_column_text(check, 0), "ok");
    unsigned char *there = mem_alloc(MOST);
    sqlite3_stmt *all = db_statement(&db, 1, "SELECT key FROM plain");
    while (db_step(&db, all) == 1)
        there[sqlite3_column_int(all, 0)] = 1;
    for (uint32_t i = 0; i < MOST; i++)
        if (confirmed[i] && !there[i])
            fail_msg("%u was confirmed and is lost", i);
    free(there);
    db_abandon(&db); /* the next one finds the log as it was left */
    free(path);
}

static void test_what_was_confirmed_survives_being_killed(void **state)
{
    struct rig *rig = *state;
    rig->config.log_pages = 60; /* many checkpoints */
    unsigned char *confirmed = mem_alloc(MOST);
    unsigned count = 0;
    uint32_t first = 1;
    for (unsigned i = 0; i < KILLS; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            write_until_killed(rig, ends[1], first);
        }
        close(ends[1]);
        uint32_t number;
        assert_int_equal(read(ends[0], &number, sizeof number), sizeof number); /* it works */
        confirmed[number] = 1;
        unsigned before = count;
        /* The pipe holds what is confirmed meanwhile, and slows the child down when it is full. */
        usleep(20000 + i * 15000);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        uint32_t next = read_confirmed(ends[0], confirmed, &count);
        if (count > before)
            first = next;
        else
            first += 2 * IN_FLIGHT;
        close(ends[0]);
        assert_all_there(rig, confirmed);
    }
    assert_true(count > KILLS);
    print_message("%u confirmed, %u kills\n", count, KILLS);
    free(confirmed);
    rig_open(rig);
    assert_false(rig_state(rig).degraded);
    assert_int_equal(rig_state(rig).corrupted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_confirmed_survives_being_killed, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests_name("store_kill", tests, NULL, NULL);
}
