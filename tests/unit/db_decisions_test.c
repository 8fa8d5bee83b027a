/* SPDX-License-Identifier: ISC */
/* db_decisions_test: records put and found again, newest first. */
#include "tests/unit/support/db_rig.h"

static const struct decision_item some[] = {
    {.time_ms = T * 1000,
     .id = "aaaa",
     .client = "192.0.2.1",
     .sender = "s@example.org",
     .recipient = "r@example.net",
     .verdict = "reject",
     .record = "{\"n\":1}"},
    {.time_ms = T * 1000 + 1,
     .id = "aaaa",
     .client = "192.0.2.1",
     .sender = "s@example.org",
     .recipient = "Q@example.net",
     .verdict = "accept",
     .proven = true,
     .record = "{\"n\":2}"},
    {.time_ms = T * 1000 + 9000,
     .id = "bbbb",
     .client = "2001:db8::1",
     .sender = "",
     .recipient = "r@example.net",
     .verdict = "defer",
     .record = "{\"'\":\"\xff\"}"},
    {.time_ms = T * 1000 + 8000,
     .id = "cccc",
     .client = "192.0.2.1",
     .sender = "S@Example.ORG",
     .recipient = "",
     .verdict = "tarpit",
     .record = "{}"},
};

static void put(struct rig *rig, const struct decision_item *item, size_t count)
{
    const struct store_question question = {
        .op = STORE_DECISION_PUT, .now = T, .put = {.count = count, .decision = item}};
    assert_int_equal(ask(rig, &question)->count, count);
}

static const struct store_answer *page(struct rig *rig, const struct decision_filter *filter)
{
    const struct store_question question = {
        .op = STORE_DECISION_PAGE, .now = T, .page = {.most = 100}, .decision = *filter};
    return ask(rig, &question);
}

static void test_records_come_back_newest_first(void **state)
{
    put(*state, some, COUNT(some));
    const struct store_answer *answer = page(*state, &(struct decision_filter){0});
    assert_int_equal(answer->count, COUNT(some));
    for (size_t i = 0; i < COUNT(some); i++) {
        const struct decision_item *is = &answer->decision[i], *was = &some[COUNT(some) - 1 - i];
        assert_int_equal(is->time_ms, was->time_ms);
        assert_int_equal(is->proven, was->proven);
        assert_string_equal(is->id, was->id);
        assert_string_equal(is->client, was->client);
        assert_string_equal(is->sender, was->sender);
        assert_string_equal(is->recipient, was->recipient);
        assert_string_equal(is->verdict, was->verdict);
        assert_string_equal(is->record, was->record);
        assert_true(i == 0 || is->number < answer->decision[i - 1].number);
    }
}

static void test_what_a_filter_finds(void **state)
{
    static const struct {
        const char *name;
        struct decision_filter filter;
        unsigned found;
    } cases[] = {
        {"all", {0}, 4},
        {"a session", {.id = "aaaa"}, 2},
        {"a session in capitals", {.id = "AAaa"}, 2},
        {"no such session", {.id = "aaa"}, 0},
        {"a client", {.client = "192.0.2.1"}, 3},
        {"a client of IPv6", {.client = "2001:DB8::1"}, 1},
        {"a sender without case", {.sender = "s@EXAMPLE.org"}, 3},
        {"the null sender", {.sender = ""}, 1},
        {"a sender is whole", {.sender = "example.org"}, 0},
        {"a recipient", {.recipient = "q@example.net"}, 1},
        {"sender and recipient", {.sender = "s@example.org", .recipient = "r@example.net"}, 1},
        {"session and recipient", {.id = "aaaa", .recipient = "r@example.net"}, 1},
        {"since the last but one", {.since_ms = T * 1000 + 8000}, 2},
        {"since the last", {.since_ms = T * 1000 + 9000}, 1},
        {"since later", {.since_ms = T * 1000 + 9001}, 0},
        {"since a week later", {.since_ms = (T + 700000) * 1000}, 0},
        {"of a client since", {.client = "192.0.2.1", .since_ms = T * 1000 + 1}, 2},
    };
    put(*state, some, COUNT(some));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct store_answer *answer = page(*state, &cases[i].filter);
        if (answer->count != cases[i].found || answer->next != 0)
            fail_msg("%s: %u", cases[i].name, (unsigned)answer->count);
    }
}

static void test_a_record_of_full_size(void **state)
{
    char *record = mem_alloc(STORE_RECORD_MOST + 1);
    memset(record, 'x', STORE_RECORD_MOST);
    struct decision_item item = some[0];
    item.record = record;
    put(*state, &item, 1);
    const struct store_answer *answer = page(*state, &(struct decision_filter){0});
    assert_string_equal(answer->decision[0].record, record);
    free(record);
}

static void test_texts_that_are_missing_are_empty(void **state)
{
    const struct decision_item nothing = {.time_ms = T * 1000};
    put(*state, &nothing, 1);
    const struct store_answer *answer = page(*state, &(struct decision_filter){0});
    assert_string_equal(answer->decision[0].client, "");
    assert_string_equal(answer->decision[0].record, "");
}

static void test_numbers_are_never_given_twice(void **state)
{
    struct rig *rig = *state;
    put(rig, some, COUNT(some));
    int64_t last = page(rig, &(struct decision_filter){0})->decision[0].number;
    sql(rig, "DELETE FROM decision");
    put(rig, some, 1);
    assert_true(page(rig, &(struct decision_filter){0})->decision[0].number > last);
}

#define MANY 20500

static void test_pages_show_each_record_once(void **state)
{
    struct rig *rig = *state;
    struct decision_item *items = mem_alloc(MANY * sizeof *items);
    for (size_t i = 0; i < MANY; i++) {
        items[i] = some[i == 0 ? 2 : 1];
        items[i].time_ms += (int64_t)i;
    }
    put(rig, items, MANY);
    free(items);
    static const struct {
        const char *name;
        struct decision_filter filter;
        unsigned found, pages;
    } cases[] = {
        {"all", {0}, MANY, 21},
        {"of a session", {.id = "aaaa"}, MANY - 1, 21},
        {"the oldest of all", {.client = "2001:db8::1"}, 1, 2},
        {"a search ends where older ones begin",
         {.client = "nobody", .since_ms = T * 1000 + 2 * 86400000},
         0,
         1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct store_question question = {.op = STORE_DECISION_PAGE,
                                          .page = {.most = STORE_PAGE_MOST},
                                          .decision = cases[i].filter};
        unsigned found = 0, pages = 0;
        int64_t last = INT64_MAX;
        do {
            const struct store_answer *answer = ask(rig, &question);
            for (size_t k = 0; k < answer->count; k++, found++) {
                assert_true(answer->decision[k].number < last);
                last = answer->decision[k].number;
            }
            pages++;
            question.page.cursor = answer->next;
        } while (question.page.cursor != 0);
        if (found != cases[i].found || pages != cases[i].pages)
            fail_msg("%s: %u in %u pages", cases[i].name, found, pages);
    }
}

static void test_rows_of_impossible_numbers_are_passed_over_and_swept(void **state)
{
    struct rig *rig = *state;
    static const char *const number[] = {"-5", "0", "9223372036854775807", "4611686018427387905"};
    for (size_t i = 0; i < COUNT(number); i++) {
        char damage[200];
        struct expiry expiry = {.decision_lifetime = 3600, .decisions_most = 100};
        sql(rig, "DELETE FROM decision");
        put(rig, some, COUNT(some));
        snprintf(
            damage, sizeof damage,
            "UPDATE decision SET number = %s WHERE number = (SELECT max(number) FROM decision)",
            number[i]);
        sql(rig, damage);
        uint64_t seen = 0;
        struct store_question question = {.op = STORE_DECISION_PAGE, .page = {.most = 1}};
        for (int pages = 0; pages == 0 || question.page.cursor != 0; pages++) {
            assert_in_range(pages, 0, 10);
            const struct store_answer *answer = ask(rig, &question);
            seen += answer->count;
            question.page.cursor = answer->next;
        }
        assert_in_range(seen, COUNT(some) - 1, COUNT(some));
        assert_true(expire_step(&rig->db, &expiry, T + 10, 10));
        assert_int_equal(number_of(rig, "SELECT count(*) FROM decision"), COUNT(some) - 1);
        put(rig, some, 1); /* there is a number for it */
        assert_in_range(number_of(rig, "SELECT max(number) FROM decision"), 1, 1000);
    }
}

static void test_rows_of_impossible_texts_and_times_are_shown_as_they_are(void **state)
{
    struct rig *rig = *state;
    static const char *const damage[] = {
        "UPDATE decision SET time_ms = -9223372036854775808, proven = 77",
        "UPDATE decision SET time_ms = 9223372036854775807",
        "UPDATE decision SET id = CAST(x'00ff' AS TEXT), record = CAST(x'fffe' AS TEXT)",
        "UPDATE decision SET record = ''",
    };
    for (size_t i = 0; i < COUNT(damage); i++) {
        put(rig, some, COUNT(some));
        sql(rig, damage[i]);
        assert_int_equal(page(rig, &(struct decision_filter){0})->count, COUNT(some));
        page(rig, &(struct decision_filter){.since_ms = INT64_MIN, .sender = "s@example.org"});
        page(rig, &(struct decision_filter){.since_ms = INT64_MAX});
        sql(rig, "DELETE FROM decision");
    }
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_rows_of_impossible_numbers_are_passed_over_and_swept),
        WITH_FILE(test_rows_of_impossible_texts_and_times_are_shown_as_they_are),
        WITH_FILE(test_records_come_back_newest_first),
        WITH_FILE(test_what_a_filter_finds),
        WITH_FILE(test_a_record_of_full_size),
        WITH_FILE(test_texts_that_are_missing_are_empty),
        WITH_FILE(test_numbers_are_never_given_twice),
        WITH_FILE(test_pages_show_each_record_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
