/* SPDX-License-Identifier: ISC */
/*
 * list_page_test: a walk over all entries in memory, and proxy/list_restore, which writes by it
 * what a store has lost.
 */
#include "policy/list_table.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/list_restore.h"
#include "tests/unit/support/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      1700000000

static int64_t wall(void)
{
    return NOW;
}

static void put(struct list_table *table, enum entry_kind kind, const char *key)
{
    const struct entry entry = {.list = ENTRY_DENY, .kind = kind, .key = key};
    list_table_put(table, &entry);
}

static void put_net(struct list_table *table, unsigned number)
{
    char key[ENTRY_KEY_MOST];
    snprintf(key, sizeof key, "10.%u.%u.%u", number >> 16, number >> 8 & 255, number & 255);
    put(table, ENTRY_CLIENT, key);
}

/* ---- the walk ---- */

static const struct entry some[] = {
    {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .action = ENTRY_TARPIT, .key = "192.0.2.1"},
    {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .origin = ENTRY_AUTOMATIC, .key = "192.0.2.1"},
    {.list = ENTRY_ALLOW, .kind = ENTRY_CLIENT, .key = "2001:db8::/33"},
    {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = "0.0.0.0/0", .expires = NOW + 1},
    {.list = ENTRY_ALLOW, .kind = ENTRY_SENDER, .unproven = true, .key = "a@b.example"},
    {.list = ENTRY_TRAP, .kind = ENTRY_RECIPIENT, .key = "bait@example.org"},
    {.list = ENTRY_DENY, .kind = ENTRY_HELO, .key = "helo.example"},
    /* not shown: */
    {.list = ENTRY_DENY, .kind = ENTRY_HELO, .key = "gone.example", .expires = NOW},
};
#define SHOWN (COUNT(some) - 1)

static bool same(const struct entry *a, const struct entry *b)
{
    return a->list == b->list && a->kind == b->kind && a->action == b->action &&
           a->origin == b->origin && a->unproven == b->unproven && a->expires == b->expires &&
           strcmp(a->key, b->key) == 0;
}

static void a_walk_shows_what_is_in_force_and_not_of_files(void **state)
{
    (void)state;
    const struct entry of_file = {.origin = ENTRY_FILE, .kind = ENTRY_CLIENT, .key = "192.0.2.9"};
    struct list_table *table = list_table_new();
    struct list_page *page = mem_alloc(sizeof *page);
    struct list_cursor cursor = {0};
    list_table_put_all(table, some, COUNT(some));
    list_table_set_files(table, &of_file, 1);
    assert_int_equal(list_table_live(table), COUNT(some));
    list_table_page(table, &cursor, NOW, page);
    assert_true(cursor.ended);
    assert_int_equal(page->count, SHOWN);
    for (size_t i = 0; i < SHOWN; i++) {
        size_t found = 0;
        for (size_t k = 0; k < page->count; k++)
            found += same(&some[i], &page->entry[k]);
        if (found != 1)
            fail_msg("%s: %zu times", some[i].key, found);
    }
    list_table_page(table, &cursor, NOW, page);
    assert_int_equal(page->count, 0);
    free(page);
    list_table_free(table);
}

#define MANY 5000

/* What happens after each page of a walk over MANY entries. */
static void removes(struct list_table *table, unsigned step)
{
    char key[32];
    snprintf(key, sizeof key, "10.0.0.%u", step);
    if (step < 2)
        assert_int_equal(list_table_remove(table, ENTRY_DENY, ENTRY_CLIENT, key), 1);
}

static void grows(struct list_table *table, unsigned step)
{
    for (unsigned i = 0; step < 3 && i < MANY; i++)
        put_net(table, MANY * (step + 1) + i);
}

static void rests(struct list_table *table, unsigned step)
{
    (void)table, (void)step;
}

static void what_stays_is_shown_whatever_changes_meanwhile(void **state)
{
    (void)state;
    static void (*const change[])(struct list_table *, unsigned) = {rests, removes, grows};
    struct list_page *page = mem_alloc(sizeof *page);
    for (size_t c = 0; c < COUNT(change); c++) {
        struct list_table *table = list_table_new();
        bool *seen = mem_alloc(MANY * sizeof *seen);
        struct list_cursor cursor = {0};
        for (unsigned i = 0; i < MANY; i++)
            put_net(table, i);
        for (unsigned step = 0; !cursor.ended; step++) {
            unsigned a, b, d;
            list_table_page(table, &cursor, NOW, page);
            for (size_t i = 0; i < page->count; i++) {
                assert_int_equal(sscanf(page->entry[i].key, "10.%u.%u.%u", &a, &b, &d), 3);
                if ((a << 16 | b << 8 | d) < MANY)
                    seen[a << 16 | b << 8 | d] = true;
            }
            assert_in_range(step, 0, 1000);
            change[c](table, step);
        }
        for (unsigned i = 2; i < MANY; i++)
            if (!seen[i])
                fail_msg("case %zu: %u was not shown", c, i);
        free(seen);
        list_table_free(table);
    }
    free(page);
}

/* ---- back into a store ---- */

struct rig {
    struct loop *loop;
    struct store *store;
    struct list_table *table;
    struct list_restore *restore;
};

static int begin(void **state)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    rig->loop = loop_new();
    rig->store = fake_store_new();
    rig->table = list_table_new();
    rig->restore = list_restore_new(rig->loop, rig->store, rig->table, wall);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    struct rig *rig = *state;
    list_restore_free(rig->restore);
    fake_store_free(rig->store);
    list_table_free(rig->table);
    loop_free(rig->loop);
    free(rig);
    return 0;
}

static void finish(const struct rig *rig)
{
    for (int tries = 0; list_restore_busy(rig->restore); tries++) {
        assert_in_range(tries, 0, 10000);
        loop_poll(rig->loop);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

static void a_store_that_is_empty_has_all_again(void **state)
{
    const struct rig *rig = *state;
    const struct entry *entry;
    for (unsigned i = 0; i < MANY; i++)
        put_net(rig->table, i);
    list_restore_start(rig->restore);
    finish(rig);
    assert_int_equal(fake_store_entries(rig->store, &entry), MANY);
    assert_int_equal(entry->created, NOW);
    assert_string_not_equal(entry->reason, "");
}

static void what_the_store_has_stays_as_it_is(void **state)
{
    const struct rig *rig = *state;
    const struct entry *entry;
    struct entry stored = some[0];
    stored.reason = "noise";
    stored.author = "ann";
    store_tell(rig->store, &(struct store_question){.op = STORE_ENTRY_PUT,
                                                    .put = {.count = 1, .entry = &stored}});
    list_table_put_all(rig->table, some, COUNT(some));
    list_restore_start(rig->restore);
    finish(rig);
    assert_int_equal(fake_store_entries(rig->store, &entry), SHOWN);
    assert_string_equal(entry[0].author, "ann");
}

static void it_waits_for_a_store_that_is_down(void **state)
{
    const struct rig *rig = *state;
    const struct entry *entry;
    put_net(rig->table, 1);
    fake_store_down(rig->store, "no room on the disk");
    list_restore_start(rig->restore);
    for (int i = 0; i < 3; i++)
        loop_poll(rig->loop);
    assert_true(list_restore_busy(rig->restore));
    fake_store_down(rig->store, NULL);
    list_restore_start(rig->restore); /* told again, it does not wait for its timer */
    finish(rig);
    assert_int_equal(fake_store_entries(rig->store, &entry), 1);
}

static void on_deleted(const struct store_answer *answer, void *arg)
{
    const struct rig *rig = arg;
    assert_int_equal(answer->status, STORE_NONE);
    assert_int_equal(list_table_remove(rig->table, ENTRY_DENY, ENTRY_CLIENT, "10.0.0.1"), 1);
}

static void what_is_taken_out_meanwhile_does_not_come_back(void **state)
{
    struct rig *rig = *state;
    const struct entry *entry;
    put_net(rig->table, 1);
    put_net(rig->table, 2);
    fake_store_hold(rig->store, true);
    (void)store_ask(rig->store, rig->loop,
                    &(struct store_question){
                        .op = STORE_ENTRY_DELETE,
                        .entry = {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = "10.0.0.1"}},
                    on_deleted, rig);
    list_restore_start(rig->restore); /* it is in memory still */
    fake_store_hold(rig->store, false);
    finish(rig);
    assert_int_equal(fake_store_entries(rig->store, &entry), 1);
    assert_string_equal(entry->key, "10.0.0.2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_shows_what_is_in_force_and_not_of_files),
        cmocka_unit_test(what_stays_is_shown_whatever_changes_meanwhile),
        TEST(a_store_that_is_empty_has_all_again),
        TEST(what_the_store_has_stays_as_it_is),
        TEST(it_waits_for_a_store_that_is_down),
        TEST(what_is_taken_out_meanwhile_does_not_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
