/* SPDX-License-Identifier: ISC */
/* db_grey_list_test: the greylist listed by pages and filters, passed, deleted, in parts. */
#include "tests/unit/support/db_rig.h"

static const struct grey_rule rule = {300, 172800, 3110400};

static enum grey_state see(struct rig *rig, int64_t at, const char *const identity[], size_t count,
                           const char *sender, const char *recipient)
{
    struct store_question question = {
        .op = STORE_GREY,
        .now = at,
        .grey = {.rule = rule, .identities = count, .sender = sender, .recipient = recipient}};
    for (size_t i = 0; i < count; i++)
        question.grey.identity[i] = identity[i];
    return ask(rig, &question)->state;
}

static const char *const acme[] = {"acme.example", "192.0.2.0/24"};
static const char *const other[] = {"other.example", "198.51.100.0/24"};
static const char *const bare[] = {"203.0.113.0/24"};

/* Two that wait, one that is white, one that waits at a domain in capitals. */
static void fill(struct rig *rig)
{
    see(rig, T, acme, 2, "ann@acme.example", "bob@here.example");
    see(rig, T, other, 2, "ann@acme.example", "eve@here.example");
    see(rig, T, other, 2, "", "bob@here.example");
    see(rig, T + 400, other, 2, "", "bob@here.example");
    see(rig, T + 100, bare, 1, "Zoe@ACME.example", "bob@there.example");
}

static struct store_question question_of(enum store_op op, const struct grey_filter *filter)
{
    return (struct store_question){
        .op = op, .now = T + 500, .page = {.most = 10}, .grey_edit = {.filter = *filter}};
}

static const struct {
    const char *name;
    struct grey_filter filter;
    unsigned found;
} filters[] = {
    {"all", {.rule = {300, 172800, 3110400}}, 4},
    {"waiting", {.which = GREY_WAITING_ONLY}, 3},
    {"white", {.which = GREY_WHITE_ONLY}, 1},
    {"the strongest identity", {.identity = "acme.example"}, 1},
    {"another identity", {.identity = "192.0.2.0/24"}, 1},
    {"another's identity", {.identity = "198.51.100.0/24"}, 2},
    {"nobody's identity", {.identity = "100.64.0.0/24"}, 0},
    {"an identity is no domain of an address", {.identity = "example"}, 0},
    {"a sender", {.sender = "ann@acme.example"}, 2},
    {"a sender in capitals", {.sender = "ANN@acme.EXAMPLE"}, 2},
    {"a sender's domain", {.sender = "acme.example"}, 3},
    {"a part of a domain", {.sender = "example"}, 0},
    {"a sender without domain", {.sender = "ann"}, 0},
    {"the null sender", {.sender = ""}, 1},
    {"a recipient", {.recipient = "bob@here.example"}, 2},
    {"a recipient's domain", {.recipient = "here.example"}, 3},
    {"sender and recipient", {.sender = "acme.example", .recipient = "eve@here.example"}, 1},
    {"all but the state", {.sender = "", .which = GREY_WAITING_ONLY}, 0},
    {"everything", {.identity = "other.example", .sender = "", .recipient = "here.example"}, 1},
};

static void test_what_a_filter_finds(void **state)
{
    fill(*state);
    for (size_t i = 0; i < COUNT(filters); i++) {
        const struct store_question question = question_of(STORE_GREY_PAGE, &filters[i].filter);
        const struct store_answer *answer = ask(*state, &question);
        if (answer->count != filters[i].found || answer->next != 0)
            fail_msg("%s: %u found", filters[i].name, (unsigned)answer->count);
    }
}

static void test_an_edit_changes_what_its_filter_finds(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < COUNT(filters); i++) {
        sql(rig, "DELETE FROM triplet");
        fill(rig);
        struct store_question question = question_of(STORE_GREY_EDIT, &filters[i].filter);
        question.grey_edit.edit = GREY_DELETE;
        if (ask(rig, &question)->count != filters[i].found)
            fail_msg("%s: %u deleted", filters[i].name, (unsigned)rig->answer.answer.count);
        const struct grey_filter all = {0};
        question = question_of(STORE_GREY_PAGE, &all);
        if (ask(rig, &question)->count != 4 - filters[i].found)
            fail_msg("%s: %u left", filters[i].name, (unsigned)rig->answer.answer.count);
    }
}

static void test_an_item_says_it_all(void **state)
{
    fill(*state);
    const struct grey_filter filter = {.sender = "", .rule = rule};
    const struct store_question question = question_of(STORE_GREY_PAGE, &filter);
    const struct grey_item *item = ask(*state, &question)->grey;
    assert_string_equal(item->identity, "other.example");
    assert_string_equal(item->sender, "");
    assert_string_equal(item->recipient, "bob@here.example");
    assert_true(item->white);
    assert_int_equal(item->first, T);
    assert_int_equal(item->last, T + 400);
    assert_int_equal(item->until, T + 400 + rule.white_lifetime);
    assert_int_equal(item->count, 2);
    const struct grey_filter zoe = {.recipient = "there.example", .rule = rule};
    const struct store_question second = question_of(STORE_GREY_PAGE, &zoe);
    item = ask(*state, &second)->grey;
    assert_string_equal(item->sender, "Zoe@ACME.example"); /* as it was given */
    assert_false(item->white);
    assert_int_equal(item->until, T + 400);
}

static void test_what_has_ended_is_not_listed(void **state)
{
    fill(*state);
    static const struct {
        int64_t now;
        unsigned found;
    } cases[] = {
        {T + 172799, 4},
        {T + 172800, 2},
        {T + 172900, 1},
        {T + 400 + 3110400, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct grey_filter filter = {.rule = rule};
        struct store_question question = question_of(STORE_GREY_PAGE, &filter);
        question.now = cases[i].now;
        assert_int_equal(ask(*state, &question)->count, cases[i].found);
    }
}

static void test_a_passed_triplet_is_white_under_all_its_identities(void **state)
{
    fill(*state);
    const struct grey_filter filter = {.sender = "ann@acme.example"};
    struct store_question question = question_of(STORE_GREY_EDIT, &filter);
    question.grey_edit.edit = GREY_PASS;
    question.now = T + 20;
    assert_int_equal(ask(*state, &question)->count, 2);
    assert_int_equal(ask(*state, &question)->count, 0); /* nothing is left to pass */
    static const char *const bob = "bob@here.example", *const ann = "ann@acme.example";
    assert_int_equal(see(*state, T + 21, &acme[0], 1, ann, bob), GREY_WHITE);
    assert_int_equal(see(*state, T + 21, &acme[1], 1, ann, bob), GREY_WHITE);
    assert_int_equal(see(*state, T + 120, bare, 1, "Zoe@ACME.example", "bob@there.example"),
                     GREY_EARLY);
}

static void test_a_deleted_triplet_is_gone_under_all_its_identities(void **state)
{
    struct rig *rig = *state;
    static const char *const spf[] = {"acme.test", "acme.example", "192.0.2.0/24"};
    fill(rig);
    see(rig, T + 350, acme, 2, "ann@acme.example", "bob@here.example"); /* white */
    see(rig, T + 4000, spf, 3, "ann@acme.example", "bob@here.example");
    const struct grey_filter filter = {.recipient = "here.example"};
    struct store_question question = question_of(STORE_GREY_EDIT, &filter);
    question.grey_edit.edit = GREY_DELETE;
    assert_int_equal(ask(rig, &question)->count, 3);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(see(rig, T + 4001, &spf[i], 1, "ann@acme.example", "bob@here.example"),
                         GREY_NEW);
}

static void test_a_triplet_of_many_networks_is_deleted_whole(void **state)
{
    struct rig *rig = *state;
    char net[32];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(net, sizeof net, "192.0.%u.0/24", i);
        const char *const pool[] = {"pool.example", net};
        see(rig, T + i, pool, 2, "s@pool.example", "r@here.example");
    }
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 21);
    const struct grey_filter filter = {.identity = NULL, .sender = "pool.example"};
    struct store_question question = question_of(STORE_GREY_EDIT, &filter);
    question.page.most = 1000;
    question.grey_edit.edit = GREY_DELETE;
    assert_in_range(ask(rig, &question)->count, 1, 20);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 0);
}

#define MANY 23000

static void fill_many(struct rig *rig)
{
    assert_true(db_begin(&rig->db));
    for (unsigned i = 0; i < MANY; i++) {
        char sender[32];
        snprintf(sender, sizeof sender, "s%05u@acme.example", i);
        struct store_question question = {
            .op = STORE_GREY,
            .now = T,
            .grey = {.rule = rule,
                     .identities = 2,
                     .identity = {acme[0], acme[1]},
                     .sender = sender,
                     .recipient = i == MANY / 2 ? "rare@here.example" : "r@here.example"}};
        struct db_answer answer = {0};
        assert_true(run_question(&rig->db, &question, &answer));
        db_answer_clear(&answer);
    }
    assert_true(db_commit(&rig->db));
}

static void test_pages_show_each_triplet_once(void **state)
{
    struct rig *rig = *state;
    fill_many(rig);
    bool *seen = mem_alloc(MANY * sizeof *seen);
    const struct grey_filter all = {0};
    struct store_question question = question_of(STORE_GREY_PAGE, &all);
    question.page.most = 999;
    size_t found = 0;
    do {
        const struct store_answer *answer = ask(rig, &question);
        assert_true(answer->count <= 999);
        for (size_t i = 0; i < answer->count; i++, found++) {
            unsigned number = (unsigned)strtoul(answer->grey[i].sender + 1, NULL, 10);
            assert_true(number < MANY && !seen[number]);
            seen[number] = true;
        }
        question.page.cursor = answer->next;
    } while (question.page.cursor != 0);
    assert_int_equal(found, MANY);
    free(seen);
}

static void test_a_page_that_finds_nothing_says_where_to_go_on(void **state)
{
    struct rig *rig = *state;
    fill_many(rig);
    const struct grey_filter rare = {.recipient = "rare@here.example"};
    struct store_question question = question_of(STORE_GREY_PAGE, &rare);
    size_t found = 0, empty = 0, pages = 0;
    do {
        const struct store_answer *answer = ask(rig, &question);
        found += answer->count;
        empty += answer->count == 0;
        pages++;
        question.page.cursor = answer->next;
    } while (question.page.cursor != 0);
    assert_int_equal(found, 1);
    assert_int_equal(pages, 3); /* 46000 rows, 20000 a page */
    assert_int_equal(empty, 2);
}

static void test_an_edit_is_done_in_parts(void **state)
{
    struct rig *rig = *state;
    fill_many(rig);
    const struct grey_filter all = {0};
    struct store_question question = question_of(STORE_GREY_EDIT, &all);
    question.grey_edit.edit = GREY_DELETE;
    question.page.most = STORE_PAGE_MOST;
    size_t parts = 0;
    uint64_t deleted = 0;
    do {
        const struct store_answer *answer = ask(rig, &question);
        assert_true(answer->count <= STORE_PAGE_MOST);
        deleted += answer->count;
        parts++;
        question.page.cursor = answer->next;
    } while (question.page.cursor != 0);
    assert_int_equal(deleted, MANY);
    assert_in_range(parts, 23, 25);
    assert_int_equal(number_of(rig, "SELECT count(*) FROM triplet"), 0);
}

static void test_a_cursor_out_of_nowhere_is_fine(void **state)
{
    fill(*state);
    static const uint64_t cursor[] = {1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < COUNT(cursor); i++) {
        const struct grey_filter all = {0};
        struct store_question question = question_of(STORE_GREY_PAGE, &all);
        question.page.cursor = cursor[i];
        assert_int_equal(ask(*state, &question)->count, i == 0 ? 4 : 0);
    }
}

static void test_a_damaged_row_is_passed_over(void **state)
{
    struct rig *rig = *state;
    fill(rig);
    sql(rig, "UPDATE triplet SET detail = x'07ffff' WHERE key = "
             "(SELECT min(key) FROM triplet WHERE detail IS NOT NULL)");
    const struct grey_filter all = {0};
    const struct store_question question = question_of(STORE_GREY_PAGE, &all);
    assert_int_equal(ask(rig, &question)->count, 3);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(test_what_a_filter_finds),
        WITH_FILE(test_an_edit_changes_what_its_filter_finds),
        WITH_FILE(test_an_item_says_it_all),
        WITH_FILE(test_what_has_ended_is_not_listed),
        WITH_FILE(test_a_passed_triplet_is_white_under_all_its_identities),
        WITH_FILE(test_a_deleted_triplet_is_gone_under_all_its_identities),
        WITH_FILE(test_a_triplet_of_many_networks_is_deleted_whole),
        WITH_FILE(test_pages_show_each_triplet_once),
        WITH_FILE(test_a_page_that_finds_nothing_says_where_to_go_on),
        WITH_FILE(test_an_edit_is_done_in_parts),
        WITH_FILE(test_a_cursor_out_of_nowhere_is_fine),
        WITH_FILE(test_a_damaged_row_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
