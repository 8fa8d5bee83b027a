/* SPDX-License-Identifier: ISC */
/* Tests of list_commands: what each row answers, what is in the store and in force afterwards, and
 * what happens while the store is down or the asker goes. */
#include "policy/list_commands.h"

#include "lib/loop.h"
#include "policy/list_table.h"
#include "tests/unit/support/command_rig.h"
#include "tests/unit/support/fake_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW      1700000000 /* 2023-11-14T22:13:20Z */

static int64_t wall(void)
{
    return NOW;
}

static struct list_desk desk;
static struct command_set sets[2];

static int set_up(void **state)
{
    (void)state;
    desk = (struct list_desk){
        .store = fake_store_new(), .table = list_table_new(), .loop = loop_new(), .wall = wall};
    sets[0] = (struct command_set){list_command_rows, &desk};
    sets[1] = (struct command_set){0};
    return 0;
}

static struct list_table *table;
static struct store *store;

static int tear_down(void **state)
{
    (void)state;
    list_table_free(table != NULL ? table : desk.table);
    loop_poll(desk.loop);
    fake_store_free(store != NULL ? store : desk.store);
    loop_free(desk.loop);
    table = NULL;
    store = NULL;
    return 0;
}

/* Asks and waits for the answer: items, each a line of JSON, then the result or the error. */
static char *ask(const char *name, const char *args)
{
    static char said[1 << 16];
    size_t len = 0;
    struct asker *a = asker_new();
    asker_asks(a, sets, name, args);
    for (unsigned i = 0; i < 300 && a->last == NULL; i++)
        loop_poll(desk.loop);
    if (a->last == NULL)
        fail_msg("%s %s: no answer", name, args);
    for (size_t i = 0; i < json_array_size(a->items); i++) {
        char *item = json_dumps(json_array_get(a->items, i), JSON_COMPACT);
        len += (size_t)snprintf(said + len, sizeof said - len, "%s\n", item);
        free(item);
    }
    json_t *result = asker_result(a);
    char *end = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
    snprintf(said + len, sizeof said - len, "%s%s", result != NULL ? "" : "! ",
             result != NULL ? end : asker_error(a));
    free(end);
    asker_free(a);
    return said;
}

static enum list_ruling ruling(const char *client)
{
    struct addr addr;
    struct list_verdict verdict;
    struct list_facts facts = {.client = &addr};
    assert_true(addr_parse_ip(client, &addr));
    list_judge(desk.table, &facts, NOW, &verdict);
    return verdict.ruling;
}

static size_t stored(void)
{
    const struct entry *entry;
    return fake_store_entries(desk.store, &entry);
}

#define ENTRY(list, key, action, more)                                                             \
    "{\"list\":\"" list "\",\"kind\":\"client\",\"key\":\"" key "\",\"action\":" action            \
    ",\"origin\":" more "}"

static void what_was_added_is_stored_and_in_force(void **state)
{
    (void)state;
    assert_string_equal(
        ask("entry-add", "{\"list\":\"deny\",\"key\":\"192.0.2.0/24\",\"action\":\"tarpit\","
                         "\"reason\":\"why\",\"for\":3600}"),
        ENTRY("deny", "192.0.2.0/24", "\"tarpit\"",
              "\"manual\",\"unproven\":false,\"reason\":\"why\",\"author\":\"anna\",\"created\":"
              "\"2023-11-14T22:13:20Z\",\"expires\":\"2023-11-14T23:13:20Z\""));
    assert_int_equal(stored(), 1);
    assert_int_equal(ruling("192.0.2.1"), LIST_DENIED);
    assert_string_equal(
        ask("entry-add", "{\"list\":\"allow\",\"key\":\"192.0.2.1/32\"}"),
        ENTRY("allow", "192.0.2.1", "null",
              "\"manual\",\"unproven\":false,\"reason\":\"\",\"author\":\"anna\",\"created\":"
              "\"2023-11-14T22:13:20Z\",\"expires\":null"));
    assert_int_equal(ruling("192.0.2.1"), LIST_ALLOWED);
}

static void what_cannot_be_added_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *args, *error;
    } cases[] = {
        {"{\"list\":\"black\",\"key\":\"192.0.2.1\"}", "! a list is allow, deny or trap"},
        {"{\"list\":\"trap\",\"key\":\"192.0.2.1\"}",
         "! \"192.0.2.1\": a trap is a recipient, such as \"trap@example.org\" or "
         "\"recipient:example.org\""},
        {"{\"list\":\"deny\",\"key\":\"192.0.2.1\",\"action\":\"kill\"}",
         "! \"192.0.2.1\": an action is reject, tarpit or defer"},
        {"{\"list\":\"allow\",\"key\":\"192.0.2.1\",\"action\":\"reject\"}",
         "! \"192.0.2.1\": only deny entries have an action"},
        {"{\"list\":\"deny\",\"key\":\"192.0.2.1\",\"unproven\":true}",
         "! \"192.0.2.1\": only allow entries are proven or not"},
        {"{\"list\":\"deny\",\"key\":\"192.0.2.1\",\"for\":0}",
         "! \"192.0.2.1\": \"for\" is a number of seconds, from 1 to ten years"},
        {"{\"list\":\"deny\",\"key\":\"192.0.2.1\",\"for\":9223372036854775807}",
         "! \"192.0.2.1\": \"for\" is a number of seconds, from 1 to ten years"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(ask("entry-add", cases[i].args), cases[i].error);
    assert_int_equal(fake_store_asked(desk.store, STORE_ENTRY_PUT), 0);
    assert_int_equal(ruling("192.0.2.1"), LIST_SILENT);
}

static void while_the_store_is_down_nothing_is_changed(void **state)
{
    (void)state;
    ask("entry-add", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}");
    fake_store_down(desk.store, "disk full");
    const char *why = "! the store cannot, and nothing was changed: disk full";
    assert_string_equal(ask("entry-add", "{\"list\":\"allow\",\"key\":\"192.0.2.1\"}"), why);
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}"), why);
    assert_string_equal(
        ask("entry-import", "{\"list\":\"allow\",\"entries\":[{\"key\":\"192.0.2.1\"}]}"), why);
    assert_string_equal(ask("entry-list", NULL), "! the store cannot tell: disk full");
    assert_int_equal(ruling("192.0.2.1"), LIST_DENIED);
    store = desk.store;
    desk.store = NULL;
    why = "! there is no store, so no entry could be kept";
    assert_string_equal(ask("entry-add", "{\"list\":\"allow\",\"key\":\"192.0.2.1\"}"), why);
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}"), why);
    assert_string_equal(ask("entry-list", NULL), "{}");
    assert_int_equal(ruling("192.0.2.1"), LIST_DENIED);
}

static void a_change_is_carried_out_though_the_asker_goes(void **state)
{
    (void)state;
    struct asker *a = asker_new();
    asker_asks(a, sets, "entry-add", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}");
    assert_null(a->call.gone); /* so the carrier keeps the call until it is ended */
    a->deaf = true;
    loop_poll(desk.loop);
    assert_non_null(a->last);
    assert_int_equal(ruling("192.0.2.1"), LIST_DENIED);
    asker_free(a);
}

static void one_command_lifts_everything_but_files(void **state)
{
    (void)state;
    struct entry entry = {.list = ENTRY_DENY,
                          .kind = ENTRY_CLIENT,
                          .origin = ENTRY_AUTOMATIC,
                          .key = "192.0.2.1",
                          .reason = "",
                          .author = ""};
    list_table_put(desk.table, &entry); /* a ban the store never heard of */
    ask("entry-add", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}");
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}"),
                        "{\"deleted\":2}");
    assert_int_equal(ruling("192.0.2.1"), LIST_SILENT);
    assert_int_equal(stored(), 0);
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}"),
                        "{\"deleted\":0}");
    entry.origin = ENTRY_FILE;
    list_table_set_files(desk.table, &entry, 1);
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.1\"}"),
                        "{\"deleted\":0}");
    assert_int_equal(ruling("192.0.2.1"), LIST_DENIED);
}

static void an_import_is_whole_or_not_at_all(void **state)
{
    (void)state;
    assert_string_equal(
        ask("entry-import", "{\"list\":\"deny\",\"entries\":[{\"key\":\"192.0.2.1\"},"
                            "{\"key\":\"192.0.2.1/24\"},7,{\"key\":\"192.0.2.2\",\"why\":\"x\"},"
                            "{\"reason\":\"x\"}]}"),
        "{\"imported\":0,\"faults\":["
        "{\"index\":1,\"why\":\"the address has bits set behind the prefix; right would be zeros "
        "there, or a longer prefix\"},"
        "{\"index\":2,\"why\":\"an entry is an object of key, action, reason (strings), for (an "
        "integer) and unproven (true or false)\"},"
        "{\"index\":3,\"why\":\"an entry is an object of key, action, reason (strings), for (an "
        "integer) and unproven (true or false)\"},"
        "{\"index\":4,\"why\":\"an entry has a key, a string\"}]}");
    assert_int_equal(stored(), 0);
    assert_string_equal(
        ask("entry-import",
            "{\"list\":\"deny\",\"reason\":\"all\",\"action\":\"defer\",\"for\":60,\"entries\":["
            "{\"key\":\"192.0.2.1\"},{\"key\":\"192.0.2.2\",\"reason\":\"own\",\"action\":"
            "\"reject\",\"for\":120}]}"),
        "{\"imported\":2,\"faults\":[]}");
    const struct entry *entry;
    assert_int_equal(fake_store_entries(desk.store, &entry), 2);
    for (size_t i = 0; i < 2; i++) {
        bool first = strcmp(entry[i].key, "192.0.2.1") == 0;
        assert_string_equal(entry[i].reason, first ? "all" : "own");
        assert_int_equal(entry[i].action, first ? ENTRY_DEFER : ENTRY_REJECT);
        assert_int_equal(entry[i].expires, NOW + (first ? 60 : 120));
    }
    assert_int_equal(ruling("192.0.2.2"), LIST_DENIED);
    assert_string_equal(ask("entry-import", "{\"list\":\"deny\",\"entries\":[]}"),
                        "{\"imported\":0,\"faults\":[]}");
}

/* `count` addresses for entry-import; the caller frees. */
static char *many(unsigned count, unsigned from)
{
    json_t *entries = json_array();
    for (unsigned i = from; i < from + count; i++) {
        char key[32];
        snprintf(key, sizeof key, "10.0.%u.%u", i >> 8, i & 255);
        json_array_append_new(entries, json_pack("{s:s}", "key", key));
    }
    json_t *args = json_pack("{s:s, s:o}", "list", "deny", "entries", entries);
    char *text = json_dumps(args, 0);
    json_decref(args);
    return text;
}

static void an_import_has_a_most(void **state)
{
    (void)state;
    char *args = many(1001, 0);
    assert_string_equal(ask("entry-import", args),
                        "! 1001 entries at once; at most 1000, and then the next");
    free(args);
}

static void a_list_comes_page_by_page_as_it_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char *args = many(1000, i * 1000);
        assert_string_equal(ask("entry-import", args), "{\"imported\":1000,\"faults\":[]}");
        free(args);
    }
    struct asker *a = asker_new();
    a->slow = true;
    asker_asks(a, sets, "entry-list", "{\"list\":\"deny\",\"kind\":\"client\"}");
    for (unsigned i = 1; i <= 3; i++) {
        loop_poll(desk.loop);
        loop_poll(desk.loop);
        assert_int_equal(json_array_size(a->items), i * 1000);
        asker_reads(a);
    }
    loop_poll(desk.loop);
    assert_non_null(asker_result(a));
    assert_int_equal(json_array_size(a->items), 3000);
    asker_free(a);
    a = asker_new(); /* goes while a page is on its way */
    asker_asks(a, sets, "entry-list", NULL);
    assert_int_equal(fake_store_open(desk.store), 1);
    asker_free(a);
    assert_int_equal(fake_store_open(desk.store), 0);
    a = asker_new(); /* reads no more */
    a->deaf = true;
    asker_asks(a, sets, "entry-list", NULL);
    loop_poll(desk.loop);
    assert_non_null(a->last);
    asker_free(a);
    assert_string_equal(ask("entry-list", "{\"list\":\"allow\"}"), "{}");
    assert_string_equal(ask("entry-list", "{\"kind\":\"helo\"}"), "{}");
    assert_string_equal(ask("entry-list", "{\"kind\":\"host\"}"),
                        "! a kind is client, helo, reverse, sender or recipient");
}

#define SHOWN(list, key, action, origin, reason, author, created)                                  \
    "{\"list\":\"" list "\",\"kind\":\"client\",\"key\":\"" key "\",\"action\":" action            \
    ",\"origin\":\"" origin "\",\"unproven\":false,\"reason\":\"" reason "\",\"author\":\"" author \
    "\",\"created\":" created ",\"expires\":null}\n"
#define THEN "\"2023-11-14T22:13:20Z\""

static void put_some(void)
{
    const struct entry file = {.list = ENTRY_DENY,
                               .kind = ENTRY_CLIENT,
                               .action = ENTRY_TARPIT,
                               .origin = ENTRY_FILE,
                               .key = "192.0.0.0/16",
                               .reason = "",
                               .author = ""};
    ask("entry-add", "{\"list\":\"allow\",\"key\":\"192.0.2.1\",\"reason\":\"one\"}");
    ask("entry-add", "{\"list\":\"deny\",\"key\":\"192.0.2.0/24\",\"reason\":\"two\"}");
    ask("entry-add", "{\"list\":\"deny\",\"key\":\"192.0.3.0/24\"}");
    list_table_set_files(desk.table, &file, 1);
}

static void what_covers_a_key_is_shown_with_what_the_store_knows(void **state)
{
    (void)state;
    put_some();
    assert_string_equal(
        ask("entry-show", "{\"key\":\"192.0.2.1\"}"),
        SHOWN("allow", "192.0.2.1", "null", "manual", "one", "anna", THEN)
            SHOWN("deny", "192.0.2.0/24", "\"reject\"", "manual", "two", "anna", THEN)
                SHOWN("deny", "192.0.0.0/16", "\"tarpit\"", "file", "", "", "null") "{}");
    assert_string_equal(ask("entry-show", "{\"key\":\"192.0.2.1\",\"list\":\"allow\"}"),
                        SHOWN("allow", "192.0.2.1", "null", "manual", "one", "anna", THEN) "{}");
    assert_string_equal(ask("entry-show", "{\"key\":\"198.51.100.1\"}"), "{}");
    assert_string_equal(ask("entry-show", "{\"key\":\"192.0.2\"}"),
                        "! \"192.0.2\": not an address or network; right would be 192.0.2.0/24, "
                        "2001:db8::/32 or one address");
    fake_store_down(desk.store, "gone");
    assert_string_equal(ask("entry-show", "{\"key\":\"192.0.2.0/25\"}"),
                        SHOWN("deny", "192.0.2.0/24", "\"reject\"", "manual", "", "", "null") SHOWN(
                            "deny", "192.0.0.0/16", "\"tarpit\"", "file", "", "", "null") "{}");
    store = desk.store;
    desk.store = NULL;
    assert_string_equal(ask("entry-show", "{\"key\":\"192.0.0.0/16\"}"),
                        SHOWN("deny", "192.0.0.0/16", "\"tarpit\"", "file", "", "", "null") "{}");
}

static void without_a_daemon_the_store_is_asked_for_all(void **state)
{
    (void)state;
    put_some();
    ask("entry-add", "{\"list\":\"allow\",\"key\":\"u@x.example\"}");
    ask("entry-add", "{\"list\":\"allow\",\"key\":\"sender:example\"}");
    table = desk.table;
    desk.table = NULL;
    assert_string_equal(
        ask("entry-show", "{\"key\":\"192.0.2.1\"}"),
        SHOWN("allow", "192.0.2.1", "null", "manual", "one", "anna", THEN)
            SHOWN("deny", "192.0.2.0/24", "\"reject\"", "manual", "two", "anna", THEN) "{}");
    char *said = ask("entry-show", "{\"key\":\"u@x.example\"}");
    char *first = strstr(said, "\"u@x.example\"");
    assert_true(first != NULL && strstr(first, "\"key\":\"example\"") != NULL);
    assert_string_equal(ask("entry-delete", "{\"list\":\"deny\",\"key\":\"192.0.2.0/24\"}"),
                        "{\"deleted\":1}");
    struct asker *a = asker_new(); /* goes between two questions */
    asker_asks(a, sets, "entry-show", "{\"key\":\"192.0.2.1\"}");
    loop_poll(desk.loop);
    asker_free(a);
    assert_int_equal(fake_store_open(desk.store), 0);
    fake_store_down(desk.store, "gone");
    assert_string_equal(ask("entry-show", "{\"key\":\"192.0.2.1\"}"),
                        "! the store cannot tell: gone");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_stored_and_in_force),
        TEST(what_cannot_be_added_is_said),
        TEST(while_the_store_is_down_nothing_is_changed),
        TEST(a_change_is_carried_out_though_the_asker_goes),
        TEST(one_command_lifts_everything_but_files),
        TEST(an_import_is_whole_or_not_at_all),
        TEST(an_import_has_a_most),
        TEST(a_list_comes_page_by_page_as_it_is_read),
        TEST(what_covers_a_key_is_shown_with_what_the_store_knows),
        TEST(without_a_daemon_the_store_is_asked_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
