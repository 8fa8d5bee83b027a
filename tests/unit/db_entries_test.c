/* SPDX-License-Identifier: ISC */
/* db_entries_test: list entries put, replaced, deleted, listed by pages. */
#include "tests/unit/support/db_rig.h"

static uint64_t put(struct rig *rig, const struct entry *entry, size_t count)
{
    const struct store_question question = {
        .op = STORE_ENTRY_PUT, .now = T, .put = {.count = count, .entry = entry}};
    return ask(rig, &question)->count;
}

static const struct store_answer *page(struct rig *rig, int list, int kind, const char *key)
{
    const struct store_question question = {.op = STORE_ENTRY_PAGE,
                                            .now = T,
                                            .page = {.most = 1000},
                                            .entry = {.list = list, .kind = kind, .key = key}};
    return ask(rig, &question);
}

static const struct entry some[] = {
    {ENTRY_DENY, ENTRY_CLIENT, ENTRY_TARPIT, ENTRY_MANUAL, false, "192.0.2.0/24", "noise", "ann",
     T - 5, T + 100},
    {ENTRY_DENY, ENTRY_CLIENT, ENTRY_REJECT, ENTRY_AUTOMATIC, false, "192.0.2.0/24", "trap", "",
     T - 4, 0},
    {ENTRY_ALLOW, ENTRY_CLIENT, ENTRY_REJECT, ENTRY_MANUAL, false, "192.0.2.0/24", "", "", T - 3,
     0},
    {ENTRY_ALLOW, ENTRY_SENDER, ENTRY_REJECT, ENTRY_MANUAL, true, "example.org", "a '\"; -- \xff",
     "bob", T - 2, 0},
    {ENTRY_TRAP, ENTRY_RECIPIENT, ENTRY_DEFER, ENTRY_MANUAL, false, "trap@example.org", "", "",
     T - 1, 0},
    {ENTRY_DENY, ENTRY_HELO, ENTRY_DEFER, ENTRY_MANUAL, false, "example.org", "", "", T, 0},
};

static uint64_t put_new(struct rig *rig, const struct entry *entry, size_t count)
{
    const struct store_question question = {
        .op = STORE_ENTRY_PUT, .now = T, .put = {.count = count, .keep = true, .entry = entry}};
    return ask(rig, &question)->count;
}

static bool same(const struct entry *a, const struct entry *b)
{
    return a->list == b->list && a->kind == b->kind && a->action == b->action &&
           a->origin == b->origin && a->unproven == b->unproven && strcmp(a->key, b->key) == 0 &&
           strcmp(a->reason, b->reason) == 0 && strcmp(a->author, b->author) == 0 &&
           a->created == b->created && a->expires == b->expires;
}

static void test_entries_come_back_as_they_were_put(void **state)
{
    assert_int_equal(put(*state, some, COUNT(some)), COUNT(some));
    const struct store_answer *answer = page(*state, -1, -1, NULL);
    assert_int_equal(answer->count, COUNT(some));
    assert_int_equal(answer->next, 0);
    for (size_t i = 0; i < COUNT(some); i++) {
        if (!same(&answer->entry[i], &some[i]))
            fail_msg("entry %zu", i);
    }
}

static void test_what_a_filter_finds(void **state)
{
    static const struct {
        const char *name;
        int list, kind;
        const char *key;
        unsigned found;
    } cases[] = {
        {"all", -1, -1, NULL, 6},
        {"a list", ENTRY_DENY, -1, NULL, 3},
        {"a kind", -1, ENTRY_CLIENT, NULL, 3},
        {"a key", -1, -1, "192.0.2.0/24", 3},
        {"a key of two kinds", -1, -1, "example.org", 2},
        {"a key of one kind", -1, ENTRY_HELO, "example.org", 1},
        {"a key of one list", ENTRY_ALLOW, -1, "192.0.2.0/24", 1},
        {"all three, both origins", ENTRY_DENY, ENTRY_CLIENT, "192.0.2.0/24", 2},
        {"a key that is not there", -1, -1, "192.0.2.0/25", 0},
        {"a key exactly", -1, -1, "EXAMPLE.org", 0},
        {"a list without such a kind", ENTRY_TRAP, ENTRY_HELO, NULL, 0},
    };
    put(*state, some, COUNT(some));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct store_answer *answer =
            page(*state, cases[i].list, cases[i].kind, cases[i].key);
        if (answer->count != cases[i].found || answer->next != 0)
            fail_msg("%s: %u", cases[i].name, (unsigned)answer->count);
    }
}

static void test_an_entry_put_again_says_the_new_and_was_made_when_it_was(void **state)
{
    struct entry entry = some[0];
    put(*state, some, COUNT(some));
    entry.action = ENTRY_DEFER;
    entry.unproven = true;
    entry.reason = "another";
    entry.author = "eve";
    entry.created = T + 7;
    entry.expires = 0;
    assert_int_equal(put(*state, &entry, 1), 1);
    const struct store_answer *answer = page(*state, -1, -1, NULL);
    assert_int_equal(answer->count, COUNT(some));
    entry.created = some[0].created;
    assert_true(same(&answer->entry[0], &entry));
    assert_true(same(&answer->entry[1], &some[1])); /* the ban is another entry */
}

static void test_an_expired_entry_is_not_there_and_begins_anew(void **state)
{
    struct entry entry = some[0];
    for (int64_t expires = T - 1; expires <= T + 1; expires++) {
        entry.expires = expires;
        put(*state, &entry, 1);
        assert_int_equal(page(*state, -1, -1, NULL)->count, expires > T ? 1 : 0);
    }
    entry.expires = T;
    put(*state, &entry, 1);
    entry.expires = 0;
    entry.created = T + 3;
    put(*state, &entry, 1);
    assert_int_equal(page(*state, -1, -1, NULL)->entry[0].created, T + 3);
}

static void test_entries_of_files_are_not_stored(void **state)
{
    struct entry entries[2] = {some[0], some[2]};
    entries[0].origin = ENTRY_FILE;
    assert_int_equal(put(*state, entries, 2), 1);
    assert_int_equal(page(*state, -1, -1, NULL)->count, 1);
}

static void test_a_deletion_takes_both_origins_of_that_list_and_kind(void **state)
{
    put(*state, some, COUNT(some));
    struct store_question question = {
        .op = STORE_ENTRY_DELETE,
        .now = T,
        .entry = {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = "192.0.2.0/24"}};
    const struct store_answer *answer = ask(*state, &question);
    assert_int_equal(answer->count, 2);
    assert_int_equal(answer->status, STORE_OK);
    answer = ask(*state, &question);
    assert_int_equal(answer->count, 0);
    assert_int_equal(answer->status, STORE_NONE);
    assert_int_equal(page(*state, -1, -1, NULL)->count, COUNT(some) - 2);
    question.entry.key = NULL;
    assert_int_equal(ask(*state, &question)->status, STORE_NONE);
}

static void test_rows_of_kinds_that_are_none_are_passed_over(void **state)
{
    struct rig *rig = *state;
    static const char *const column[] = {"list", "kind", "origin", "action"};
    for (size_t i = 0; i < 2 * COUNT(column); i++) {
        char damage[64];
        sql(rig, "DELETE FROM entry");
        put(rig, some, 1);
        snprintf(damage, sizeof damage, "UPDATE entry SET %s = %d", column[i / 2],
                 i % 2 > 0 ? -1 : 9);
        sql(rig, damage);
        assert_int_equal(page(rig, -1, -1, NULL)->count, 0);
    }
}

#define MANY 21500

static void fill_many(struct rig *rig)
{
    struct entry *entries = mem_alloc(MANY * sizeof *entries);
    char(*keys)[16] = mem_alloc(MANY * sizeof *keys);
    for (unsigned i = 0; i < MANY; i++) {
        entries[i] = some[2];
        snprintf(keys[i], sizeof keys[i], "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        entries[i].key = keys[i];
        entries[i].list = i == MANY - 1 ? ENTRY_DENY : ENTRY_ALLOW;
    }
    assert_int_equal(put(rig, entries, MANY), MANY);
    free(keys);
    free(entries);
}

static void test_pages_show_each_entry_once(void **state)
{
    struct rig *rig = *state;
    static const struct {
        int list;
        unsigned found, pages;
    } cases[] = {{-1, MANY, 22}, {ENTRY_DENY, 1, 2}, {ENTRY_TRAP, 0, 2}};
    fill_many(rig);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_question question = {.op = STORE_ENTRY_PAGE,
                                          .now = T,
                                          .page = {.most = STORE_PAGE_MOST},
                                          .entry = {.list = cases[i].list, .kind = -1}};
        unsigned found = 0, pages = 0;
        char last[16] = "";
        do {
            const struct store_answer *answer = ask(rig, &question);
            for (size_t k = 0; k < answer->count; k++, found++) {
                assert_string_not_equal(answer->entry[k].key, last);
                snprintf(last, sizeof last, "%s", answer->entry[k].key);
            }
            pages++;
            question.page.cursor = answer->next;
        } while (question.page.cursor != 0);
        assert_int_equal(found, cases[i].found);
        assert_int_equal(pages, cases[i].pages);
    }
}

static void test_what_is_there_is_kept_but_where_it_had_expired(void **state)
{
    struct entry other[COUNT(some)];
    put(*state, some, 2);
    memcpy(other, some, sizeof other);
    for (size_t i = 0; i < COUNT(other); i++)
        other[i].reason = "other";
    assert_int_equal(put_new(*state, other, COUNT(other)), COUNT(other) - 2);
    const struct store_answer *answer = page(*state, -1, -1, NULL);
    assert_int_equal(answer->count, COUNT(some));
    assert_string_equal(answer->entry[0].reason, "noise");
    assert_string_equal(answer->entry[1].reason, "trap");
    assert_string_equal(answer->entry[2].reason, "other");
    sql(*state, "UPDATE entry SET expires = 1 WHERE reason = 'noise'");
    assert_int_equal(put_new(*state, other, COUNT(other)), 1);
    assert_string_equal(page(*state, -1, -1, NULL)->entry[0].reason, "other");
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_what_is_there_is_kept_but_where_it_had_expired),
        WITH_FILE(test_entries_come_back_as_they_were_put),
        WITH_FILE(test_what_a_filter_finds),
        WITH_FILE(test_an_entry_put_again_says_the_new_and_was_made_when_it_was),
        WITH_FILE(test_an_expired_entry_is_not_there_and_begins_anew),
        WITH_FILE(test_entries_of_files_are_not_stored),
        WITH_FILE(test_a_deletion_takes_both_origins_of_that_list_and_kind),
        WITH_FILE(test_rows_of_kinds_that_are_none_are_passed_over),
        WITH_FILE(test_pages_show_each_entry_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
