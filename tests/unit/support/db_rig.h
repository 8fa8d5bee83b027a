/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_DB_RIG_H
#define TESTS_UNIT_SUPPORT_DB_RIG_H
/*
 * A database in a folder of its own, and questions run on it one by one, each in a transaction as
 * the store would. rig_setup and rig_teardown are cmocka's; the state is a struct rig.
 */

#include "db/table_int.h"
#include "lib/mem.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define T            ((int64_t)1800000000)

struct rig {
    char dir[64], path[128];
    struct db db;
    struct db_answer answer;
};

static int rig_setup_empty(void **state)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/gatepost-db-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(rig->path, sizeof rig->path, "%s/gatepost.db", rig->dir);
    *state = rig;
    if (!db_open(&rig->db, rig->path, true))
        fail_msg("%s", rig->db.why);
    return 0;
}

__attribute__((unused)) static int rig_setup(void **state)
{
    rig_setup_empty(state);
    struct rig *rig = *state;
    if (!schema_migrate(&rig->db))
        fail_msg("%s", rig->db.why);
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    static const char *const suffix[] = {"", "-wal", "-shm"};
    db_answer_clear(&rig->answer);
    db_close(&rig->db);
    for (size_t i = 0; i < COUNT(suffix); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", rig->path, suffix[i]);
        unlink(path);
    }
    int left = rmdir(rig->dir);
    free(rig);
    return left;
}

/* The answer is good until the next question. */
__attribute__((unused)) static const struct store_answer *ask(struct rig *rig,
                                                              const struct store_question *question)
{
    db_answer_clear(&rig->answer);
    if (!db_begin(&rig->db) || !run_question(&rig->db, question, &rig->answer) ||
        !db_commit(&rig->db))
        fail_msg("op %d: %s", question->op, rig->db.why);
    assert_int_equal(rig->answer.answer.op, question->op);
    return &rig->answer.answer;
}

__attribute__((unused)) static int64_t number_of(struct rig *rig, const char *sql)
{
    int64_t number;
    if (!db_number(&rig->db, sql, &number))
        fail_msg("%s: %s", sql, rig->db.why);
    return number;
}

__attribute__((unused)) static void sql(struct rig *rig, const char *text)
{
    if (!db_exec(&rig->db, text))
        fail_msg("%s: %s", text, rig->db.why);
}

#endif
