/* SPDX-License-Identifier: ISC */
/* greylist_commands_test: what administrators see of triplets, and what they change. */
#include "policy/greylist_commands.h"

#include "lib/loop.h"
#include "tests/unit/support/command_rig.h"
#include "tests/unit/support/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW          INT64_C(1795366800) /* 2026-11-22T17:00:00Z */

static int64_t now = NOW;

static int64_t wall(void)
{
    return now;
}

struct rig {
    struct greylist_desk desk;
    struct command_set sets[2];
    struct asker *asker;
};

static void ignore(const struct store_answer *answer, void *arg)
{
    (void)answer;
    (void)arg;
}

static void see(struct rig *rig, const char *identity, const char *sender, const char *recipient)
{
    const struct store_question question = {
        .op = STORE_GREY,
        .now = now,
        .grey = {.rule = {.delay = 300, .retry_window = 172800, .white_lifetime = 3110400},
                 .identities = 1,
                 .identity = {identity},
                 .sender = sender,
                 .recipient = recipient}};
    store_ask(rig->desk.store, rig->desk.loop, &question, ignore, NULL);
    loop_poll(rig->desk.loop);
}

static int setup(void **state)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    now = NOW;
    rig->desk = (struct greylist_desk){.store = fake_store_new(), .loop = loop_new(), .wall = wall};
    rig->sets[0] = (struct command_set){.rows = greylist_command_rows, .arg = &rig->desk};
    see(rig, "192.0.2.0/24", "a@example.org", "u@own.test");
    see(rig, "pool.example", "bounce-#-#@list.example", "u@own.test");
    see(rig, "2001:db8::/64", "", "v@own.test");
    now += 300;
    see(rig, "pool.example", "bounce-#-#@list.example", "u@own.test");
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    if (rig->asker != NULL)
        asker_free(rig->asker);
    loop_poll(rig->desk.loop);
    fake_store_free(rig->desk.store);
    loop_free(rig->desk.loop);
    free(rig);
    return 0;
}

static void ask(struct rig *rig, const char *name, const char *args)
{
    if (rig->asker != NULL)
        asker_free(rig->asker);
    rig->asker = asker_new();
    asker_asks(rig->asker, rig->sets, name, args);
    loop_poll(rig->desk.loop);
}

static json_int_t changed(struct rig *rig, const char *name, const char *args)
{
    ask(rig, name, args);
    return json_integer_value(json_object_get(asker_result(rig->asker), "changed"));
}

static void an_item_says_all_of_a_triplet(void **state)
{
    struct rig *rig = *state;
    ask(rig, "greylist-list", "{\"client\": \"192.0.2.77\"}");
    assert_non_null(asker_result(rig->asker));
    json_t *want = json_loads(
        "[{\"identity\": \"192.0.2.0/24\", \"sender\": \"a@example.org\", \"recipient\": "
        "\"u@own.test\", \"state\": \"waiting\", \"first\": \"2026-11-22T17:00:00Z\", \"last\": "
        "\"2026-11-22T17:00:00Z\", \"count\": 1, \"left\": 0}]",
        0, NULL);
    assert_true(json_equal(rig->asker->items, want));
    json_decref(want);
    now -= 260;
    ask(rig, "greylist-list", "{\"client\": \"192.0.2.77\"}");
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(rig->asker->items, 0), "left")), 260);
    now += 260;
    ask(rig, "greylist-list", "{\"state\": \"white\"}");
    json_t *item = json_array_get(rig->asker->items, 0);
    assert_int_equal(json_integer_value(json_object_get(item, "left")), 3110400);
    assert_int_equal(json_integer_value(json_object_get(item, "count")), 2);
}

static void filters_choose(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *args;
        size_t items;
    } cases[] = {
        {"{}", 3},
        {"{\"state\": \"waiting\"}", 2},
        {"{\"state\": \"white\"}", 1},
        {"{\"client\": \"192.0.2.0/24\"}", 1},
        {"{\"client\": \"2001:db8::99\"}", 1},
        {"{\"client\": \"out7.mail.Pool.example\"}", 1},
        {"{\"client\": \"198.51.100.1\"}", 0},
        {"{\"sender\": \"A@example.org\"}", 1},
        {"{\"sender\": \"example.org\"}", 1},
        {"{\"sender\": \"bounce-4711-u=own.test@list.example\"}", 1},
        {"{\"sender\": \"<>\"}", 1},
        {"{\"recipient\": \"U@own.test\"}", 2},
        {"{\"recipient\": \"own.test\"}", 3},
        {"{\"recipient\": \"u@own.test\", \"state\": \"white\"}", 1},
        {"{\"recipient\": \"u@own.test\", \"client\": \"198.51.100.1\"}", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ask(rig, "greylist-list", cases[i].args);
        if (asker_result(rig->asker) == NULL ||
            json_array_size(rig->asker->items) != cases[i].items)
            fail_msg("%s: %zu", cases[i].args, json_array_size(rig->asker->items));
    }
}

static void what_was_passed_is_white(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(changed(rig, "greylist-pass", "{\"recipient\": \"v@own.test\"}"), 1);
    ask(rig, "greylist-list", "{\"recipient\": \"v@own.test\", \"state\": \"white\"}");
    assert_int_equal(json_array_size(rig->asker->items), 1);
    assert_int_equal(changed(rig, "greylist-pass", "{\"recipient\": \"nobody@own.test\"}"), 0);
}

static void what_was_deleted_is_gone(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(changed(rig, "greylist-delete", "{\"recipient\": \"u@own.test\"}"), 2);
    ask(rig, "greylist-list", "{}");
    assert_int_equal(json_array_size(rig->asker->items), 1);
}

static void changes_need_somebody(void **state)
{
    struct rig *rig = *state;
    ask(rig, "greylist-delete", "{}");
    assert_string_equal(asker_error(rig->asker),
                        "say whom: a client, a sender, a recipient or a state");
    ask(rig, "greylist-list", "{\"state\": \"grey\"}");
    assert_string_equal(asker_error(rig->asker), "a state is waiting or white");
}

static void a_store_that_is_down_is_an_error(void **state)
{
    struct rig *rig = *state;
    static const char *const rows[] = {"greylist-list", "greylist-pass", "greylist-delete"};
    fake_store_down(rig->desk.store, "disk is full");
    for (size_t i = 0; i < COUNT(rows); i++) {
        ask(rig, rows[i], "{\"sender\": \"example.org\"}");
        assert_string_equal(asker_error(rig->asker),
                            "the store cannot, and nothing was changed: disk is full");
    }
    struct store *store = rig->desk.store;
    rig->desk.store = NULL;
    ask(rig, "greylist-list", "{}");
    assert_string_equal(asker_error(rig->asker), "there is no store, so nothing is greylisted");
    rig->desk.store = store;
}

static void who_leaves_stops_the_list_but_no_change(void **state)
{
    struct rig *rig = *state;
    fake_store_hold(rig->desk.store, true);
    ask(rig, "greylist-list", "{}");
    assert_int_equal(fake_store_open(rig->desk.store), 1);
    asker_free(rig->asker);
    rig->asker = NULL;
    assert_int_equal(fake_store_open(rig->desk.store), 0);
    fake_store_hold(rig->desk.store, false);
}

static void see_many(struct rig *rig, unsigned count)
{
    char sender[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(sender, sizeof sender, "s%u@example.net", i);
        see(rig, "198.51.100.0/24", sender, "u@own.test");
    }
}

static void a_change_of_many_parts_is_carried_out_whole(void **state)
{
    struct rig *rig = *state;
    see_many(rig, 2500);
    ask(rig, "greylist-delete", "{\"sender\": \"example.net\"}");
    for (int i = 0; i < 8; i++)
        loop_poll(rig->desk.loop);
    json_t *result = asker_result(rig->asker);
    assert_int_equal(json_integer_value(json_object_get(result, "changed")), 2500);
    assert_int_equal(changed(rig, "greylist-delete", "{\"sender\": \"example.net\"}"), 0);
}

static void a_long_list_comes_in_pages_at_the_askers_pace(void **state)
{
    struct rig *rig = *state;
    see_many(rig, 2500);
    rig->asker = asker_new();
    rig->asker->slow = true;
    asker_asks(rig->asker, rig->sets, "greylist-list", "{\"sender\": \"example.net\"}");
    for (size_t page = 1; page <= 3; page++) {
        loop_poll(rig->desk.loop);
        assert_int_equal(json_array_size(rig->asker->items), page < 3 ? page * 1000 : 2500);
        asker_reads(rig->asker);
    }
    loop_poll(rig->desk.loop);
    assert_non_null(asker_result(rig->asker));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_item_says_all_of_a_triplet),
        CASE(filters_choose),
        CASE(what_was_passed_is_white),
        CASE(what_was_deleted_is_gone),
        CASE(changes_need_somebody),
        CASE(a_store_that_is_down_is_an_error),
        CASE(who_leaves_stops_the_list_but_no_change),
        CASE(a_change_of_many_parts_is_carried_out_whole),
        CASE(a_long_list_comes_in_pages_at_the_askers_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
