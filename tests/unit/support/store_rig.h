/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_STORE_RIG_H
#define TESTS_UNIT_SUPPORT_STORE_RIG_H
/*
 * An embedded store in a folder of its own, and a loop to ask it from. Waiting is for a condition,
 * with an end.
 */

#include "db/sqlite_store.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/plain_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#define RIG_END_MS 20000u

struct rig {
    char directory[64];
    struct loop *loop;
    struct store *store;
    struct sqlite_store_config config;
};

struct heard { /* an answer */
    unsigned times;
    enum store_status status;
    uint64_t count;
    char why[256];
    char keys[512]; /* of a page, with a space behind each */
    uint64_t next;
};

static inline uint64_t rig_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline void rig_open(struct rig *rig)
{
    char *why;
    rig->store = sqlite_store_new(&rig->config, &why);
    if (rig->store == NULL)
        fail_msg("%s", why);
}

static inline int rig_setup(void **state)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(rig->directory, sizeof rig->directory, "%s/gatepost-store-XXXXXX", root);
    assert_non_null(mkdtemp(rig->directory));
    rig->loop = loop_new();
    rig->config = (struct sqlite_store_config){
        .directory = rig->directory, .retry_ms = 5, .waiting_lifetime = 1};
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    sqlite_store_free(rig->store);
    loop_free(rig->loop);
    char *remove = mem_printf("rm -rf '%s'", rig->directory);
    int code = system(remove);
    free(remove);
    free(rig);
    return code;
}

static inline void rig_hear(const struct store_answer *answer, void *arg)
{
    struct heard *heard = arg;
    heard->times++;
    heard->status = answer->status;
    heard->count = answer->count;
    heard->next = answer->next;
    snprintf(heard->why, sizeof heard->why, "%s", answer->why != NULL ? answer->why : "");
    heard->keys[0] = '\0';
    if (answer->op != STORE_ENTRY_PAGE || answer->status != STORE_OK)
        return;
    for (uint64_t i = 0; i < answer->count; i++) {
        size_t len = strlen(heard->keys);
        snprintf(heard->keys + len, sizeof heard->keys - len, "%s ", answer->entry[i].key);
    }
}

/* Turns the loop until *number is at least `least`. */
static inline void rig_until(const struct rig *rig, const unsigned *number, unsigned least)
{
    uint64_t end = rig_ms() + RIG_END_MS;
    while (*number < least) {
        if (rig_ms() > end)
            fail_msg("no answer");
        loop_poll(rig->loop);
        usleep(50);
    }
}

static inline struct store_request *rig_put(const struct rig *rig, const char *key,
                                            struct heard *heard)
{
    struct entry entry = {.key = key, .reason = "", .author = ""};
    struct store_question question = {.op = STORE_ENTRY_PUT, .put = {.count = 1, .entry = &entry}};
    return store_ask(rig->store, rig->loop, &question, rig_hear, heard);
}

static inline enum store_status rig_put_now(const struct rig *rig, const char *key,
                                            struct heard *heard)
{
    *heard = (struct heard){0};
    rig_put(rig, key, heard);
    rig_until(rig, &heard->times, 1);
    return heard->status;
}

static inline void rig_tell(const struct rig *rig, const char *name)
{
    struct counter_item counter = {.name = name};
    struct store_question question = {.op = STORE_COUNTER_ADD,
                                      .put = {.count = 1, .counter = &counter}};
    store_tell(rig->store, &question);
}

/* Keeps the writer from other work. */
static inline struct store_request *rig_hold(const struct rig *rig, unsigned ms,
                                             struct heard *heard)
{
    struct store_question question = {.op = STORE_GREY, .grey = {.rule = {.delay = ms}}};
    return store_ask(rig->store, rig->loop, &question, rig_hear, heard);
}

static inline struct heard rig_page(const struct rig *rig, uint64_t cursor, unsigned most)
{
    struct heard heard = {0};
    struct store_question question = {.op = STORE_ENTRY_PAGE, .page = {cursor, most}};
    store_ask(rig->store, rig->loop, &question, rig_hear, &heard);
    rig_until(rig, &heard.times, 1);
    return heard;
}

static inline struct store_state rig_state(const struct rig *rig)
{
    struct store_state state;
    store_state(rig->store, &state);
    return state;
}

/* Waits until it is degraded, or well. */
static inline struct store_state rig_await(const struct rig *rig, bool degraded)
{
    uint64_t end = rig_ms() + RIG_END_MS;
    for (;;) {
        struct store_state state = rig_state(rig);
        if (state.degraded == degraded)
            return state;
        if (rig_ms() > end)
            fail_msg("still %s: %s", degraded ? "well" : "degraded", state.why);
        loop_poll(rig->loop);
        usleep(500);
    }
}

static inline char *rig_path(const struct rig *rig, const char *name)
{
    return mem_printf("%s/%s", rig->directory, name);
}

/* Runs a shell command in the store's folder; a number it prints is returned. */
static inline long rig_shell(const struct rig *rig, const char *command)
{
    char *line = mem_printf("cd '%s' && %s", rig->directory, command);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    char text[64] = "";
    char *got = fgets(text, sizeof text, pipe);
    assert_int_equal(pclose(pipe), 0);
    free(line);
    return got != NULL ? strtol(text, NULL, 10) : 0;
}

#endif
