/* SPDX-License-Identifier: ISC */
/*
 * daemon_store_test: the store in the daemon, on a real database: what is read at the start and
 * after a time in which the store was down, counters, the lock; and the commands that ask it.
 */
#include "proxy/daemon_store.h"

#include "db/sqlite_store.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/known.h"
#include "policy/list_table.h"
#include "policy/state.h"
#include "proxy/commands.h"
#include "proxy/config_int.h"
#include "proxy/counters.h"
#include "proxy/options_store.h"
#include "tests/unit/support/command_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static struct loop *loop;
static struct config *config;
static struct server *server;
static struct setup *setup;
static struct daemon_store *store;

static struct config *config_of(const char *extra)
{
    char *faults = NULL;
    char *warnings = NULL;
    char *text = mem_printf("hostname = mx.example.org\nstate-dir = \"%s\"\n"
                            "listen mx { address = {\"127.0.0.1:25\"} }\n"
                            "backend main { address = {\"127.0.0.1:1\"} }\n"
                            "relay { domains = {\"example.org\"} }\n%s\n",
                            directory, extra);
    struct config *read = config_read_text("x.conf", text, strlen(text), &faults, &warnings);
    if (read == NULL)
        fail_msg("%s", faults);
    free(text);
    free(faults);
    free(warnings);
    return read;
}

/* A daemon's life begins. */
static void open_store(void)
{
    char *why = NULL;
    loop = loop_new();
    server = server_new(directory);
    store = daemon_store_new(loop, server, config, &why);
    if (store == NULL)
        fail_msg("%s", why);
    setup = setup_new(server, config_ref(config), &why);
    daemon_store_load(store);
}

static void close_store(void)
{
    daemon_store_free(store);
    setup_unref(setup);
    loop_free(loop);
    server_free(server);
}

static int begin(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/daemon_store_test.XXXXXX");
    assert_non_null(mkdtemp(directory));
    config = config_of("");
    open_store();
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_store();
    config_unref(config);
    char *command = mem_printf("rm -r '%s'", directory);
    int status = system(command);
    free(command);
    return status;
}

/* Turns the loop until the condition holds; some seconds at most. */
#define turn_until(condition)                                                                      \
    do {                                                                                           \
        for (int tries = 0; !(condition); tries++) {                                               \
            if (tries > 10000)                                                                     \
                fail_msg("it never came to %s", #condition);                                       \
            loop_poll(loop);                                                                       \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
    } while (0)

static void on_answer(const struct store_answer *answer, void *arg)
{
    *(enum store_status *)arg = answer->status;
}

static void put(const struct store_question *question)
{
    enum store_status status = STORE_DOWN + 1;
    (void)store_ask(server->policy->store, loop, question, on_answer, &status);
    turn_until(status != STORE_DOWN + 1);
    assert_int_equal(status, STORE_OK);
}

static void put_entry(const char *key)
{
    const struct entry entry = {.list = ENTRY_DENY,
                                .kind = ENTRY_CLIENT,
                                .origin = ENTRY_MANUAL,
                                .key = key,
                                .reason = "",
                                .author = "",
                                .created = 1};
    put(&(struct store_question){
        .op = STORE_ENTRY_PUT, .now = time(NULL), .put = {.count = 1, .entry = &entry}});
}

static size_t denied(void)
{
    size_t count[3];
    list_table_count(server->policy->lists, count);
    return count[ENTRY_DENY];
}

static void what_was_stored_is_in_memory_before_the_start_is_over(void **state)
{
    (void)state;
    char key[32];
    const int64_t now = time(NULL);
    const struct identity_item proven = {
        .text = "good.example", .first = now - 7200, .last = now - 10, .proven = true};
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "192.0.2.%d", i);
        put_entry(key);
    }
    put(&(struct store_question){
        .op = STORE_IDENTITY_PUT, .now = now, .put = {.count = 1, .identity = &proven}});
    assert_int_equal(denied(), 0); /* who puts it there puts it into the table, too */
    close_store();
    open_store();
    assert_int_equal(denied(), 10);
    assert_true(known_proven(server->policy->known, "good.example", KNOWN_LIFETIME, now));
    assert_false(known_proven(server->policy->known, "other.example", KNOWN_LIFETIME, now));
}

struct counted {
    bool said;
    int64_t count; /* -1: the store is down */
};

static void on_count(const struct store_answer *answer, void *arg)
{
    struct counted *counted = arg;
    counted->said = true;
    counted->count = answer->status == STORE_OK ? (int64_t)answer->count : -1;
}

static int64_t stored(void)
{
    const struct store_question question = {.op = STORE_ENTRY_PAGE,
                                            .now = time(NULL),
                                            .page = {.most = STORE_PAGE_MOST},
                                            .entry = {.list = -1, .kind = -1}};
    struct counted counted = {0};
    (void)store_ask(server->policy->store, loop, &question, on_count, &counted);
    turn_until(counted.said);
    return counted.count;
}

static void in_directory(const char *name, void (*fn)(const char *path))
{
    char *path = mem_printf("%s/%s", directory, name);
    fn(path);
    free(path);
}

static void take_away(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void spoil(const char *path)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        fputs("not a database, ", file);
    fclose(file);
}

/* The database is lost while the daemon runs; what is in force is in the new one. */
static void a_lost_database(void (*lose)(const char *path))
{
    struct list_table *lists = server->policy->lists;
    struct entry entry = {.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .reason = "", .author = ""};
    entry.expires = time(NULL) + 3600;
    entry.origin = ENTRY_AUTOMATIC;
    for (int i = 0; i < 20; i++) {
        char key[32];
        snprintf(key, sizeof key, "198.51.100.%d", i);
        put_entry(key);
        entry.key = key;
        list_table_put(lists, &entry);
        list_table_put(lists,
                       &(struct entry){.list = ENTRY_DENY, .kind = ENTRY_CLIENT, .key = key});
    }
    in_directory("gatepost.db-wal", lose);
    in_directory("gatepost.db", lose);
    turn_until(stored() == 40);
    assert_int_equal(denied(), 40);
    close_store();
    open_store();
    assert_int_equal(denied(), 40);
}

static void entries_in_force_outlive_a_deleted_database(void **state)
{
    (void)state;
    a_lost_database(take_away);
}

static void entries_in_force_outlive_a_damaged_database(void **state)
{
    (void)state;
    a_lost_database(spoil);
}

static struct store *kept; /* the policy's state knows none at the end */

static struct store *store_of(void)
{
    if (server->policy->store != NULL)
        kept = server->policy->store;
    return kept;
}

static void on_again(const struct store_answer *answer, void *arg)
{
    int *turns = arg;
    if (answer->status == STORE_DOWN)
        assert_non_null(strstr(answer->why, "ended"));
    if (++*turns == 2)
        return;
    const struct store_question question = {.op = STORE_FORGET, .now = 1, .text = "a@example.org"};
    (void)store_ask(store_of(), loop, &question, on_again, turns);
}

static void what_was_begun_comes_to_its_end_before_the_store_does(void **state)
{
    (void)state;
    const struct entry entry = {.key = "192.0.2.1", .reason = "", .author = ""};
    enum store_status status = STORE_DOWN;
    int turns = 0;
    (void)store_ask(store_of(), loop,
                    &(struct store_question){.op = STORE_ENTRY_PUT,
                                             .now = time(NULL),
                                             .put = {.count = 1, .entry = &entry}},
                    on_answer, &status);
    const struct store_question question = {.op = STORE_FORGET, .now = 1, .text = "a@example.org"};
    (void)store_ask(store_of(), loop, &question, on_again, &turns);
    close_store();
    assert_int_equal(status, STORE_OK);
    assert_int_equal(turns, 2); /* it asked again, and was refused */
    open_store();
    assert_int_equal(stored(), 1);
}

static void a_second_one_on_the_same_directory_does_not_start(void **state)
{
    (void)state;
    char *why = NULL;
    struct server *other = server_new(directory);
    assert_null(daemon_store_new(loop, other, config, &why));
    assert_non_null(strstr(why, directory));
    assert_null(other->policy->store);
    free(why);
    server_free(other);
}

static void the_options_of_the_store_are_those_of_other_sections(void **state)
{
    (void)state;
    static const struct {
        const char *extra;
        uint32_t waiting, white, decisions;
        uint64_t most;
    } cases[] = {
        {"", 48 * 3600, 36 * 86400, 7 * 86400, 100000},
        {"greylist { retry-window = 4h white-lifetime = 10d }", 4 * 3600, 10 * 86400, 7 * 86400,
         100000},
        {"decisions { keep = 1d most = 50 }", 48 * 3600, 36 * 86400, 86400, 50},
        {"decisions { record = off }", 48 * 3600, 36 * 86400, 0, 100000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sqlite_store_config out;
        struct config *one = config_of(cases[i].extra);
        options_store(one, &out);
        assert_string_equal(out.directory, directory);
        assert_int_equal(out.waiting_lifetime, cases[i].waiting);
        assert_int_equal(out.white_lifetime, cases[i].white);
        assert_int_equal(out.decision_lifetime, cases[i].decisions);
        assert_int_equal(out.decisions_most, cases[i].most);
        daemon_store_configure(store, one);
        config_unref(one);
    }
}

/* ---- commands ---- */

static bool stopping;

static const struct setup *setup_now(void *daemon)
{
    (void)daemon;
    return setup;
}

static bool reload_fails(void *daemon, char **why)
{
    (void)daemon;
    *why = mem_strdup("x.conf:1: one thing\nx.conf:2: another\n");
    return false;
}

static void drain(void *daemon)
{
    (void)daemon;
    stopping = true;
}

static bool is_stopping(void *daemon)
{
    (void)daemon;
    return stopping;
}

static struct asker *ask(const char *name, const char *args)
{
    static struct commands commands;
    commands = (struct commands){.loop = loop,
                                 .server = server,
                                 .version = "1.2",
                                 .started = 1795366800,
                                 .started_ms = loop_now(loop),
                                 .workers = 3,
                                 .setup = setup_now,
                                 .reload = reload_fails,
                                 .drain = drain,
                                 .draining = is_stopping};
    static const struct command_set sets[] = {{commands_rows, &commands}, {0}};
    struct asker *a = asker_new();
    asker_asks(a, sets, name, args);
    return a;
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "(none)";
}

static void status_says_how_it_is(void **state)
{
    (void)state;
    stopping = false;
    struct asker *a = ask("status", NULL);
    const json_t *result = asker_result(a);
    assert_string_equal(text_at(result, "version"), "1.2");
    assert_string_equal(text_at(result, "started"), "2026-11-22T17:00:00Z");
    assert_string_equal(text_at(result, "state"), "running");
    assert_string_equal(text_at(result, "mode"), "enforce");
    assert_string_equal(text_at(result, "config"), "x.conf");
    assert_string_equal(text_at(json_object_get(result, "store"), "state"), "good");
    const json_t *backend = json_array_get(json_object_get(result, "backends"), 0);
    assert_string_equal(text_at(backend, "address"), "127.0.0.1:1");
    assert_string_equal(text_at(backend, "state"), "unknown");
    asker_free(a);
}

static void reload_and_drain_are_told_and_answered(void **state)
{
    (void)state;
    struct asker *a = ask("reload", NULL);
    assert_non_null(strstr(asker_error(a), "x.conf:1: one thing"));
    assert_non_null(strstr(asker_error(a), "x.conf:2: another"));
    asker_free(a);
    a = ask("drain", NULL);
    assert_non_null(asker_result(a));
    assert_true(stopping);
    asker_free(a);
    stopping = false;
}

static json_int_t counted(struct asker *a, const char *where, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(asker_result(a), where), name));
}

static void stats_counts_this_life_and_all_lives(void **state)
{
    (void)state;
    counters_add(server->counters, COUNTER_CONNECTIONS, 5);
    struct asker *a = ask("stats", NULL);
    turn_until(a->last != NULL);
    assert_int_equal(counted(a, "since-start", "connections"), 5);
    assert_int_equal(counted(a, "in-all", "connections"), 5); /* though not yet saved */
    asker_free(a);
    close_store();
    open_store();
    counters_add(server->counters, COUNTER_CONNECTIONS, 2);
    a = ask("stats", NULL);
    turn_until(a->last != NULL);
    assert_int_equal(counted(a, "since-start", "connections"), 2);
    assert_int_equal(counted(a, "in-all", "connections"), 7);
    asker_free(a);
    a = ask("stats", NULL);
    asker_free(a); /* leaves before the answer */
}

static void a_backup_is_made_and_never_over_a_file_that_is_there(void **state)
{
    (void)state;
    struct stat st;
    char *file = mem_printf("%s/copy.db", directory);
    char *args = mem_printf("{\"file\": \"%s\"}", file);
    struct asker *a = ask("backup", args);
    turn_until(a->last != NULL);
    assert_non_null(asker_result(a));
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(json_integer_value(json_object_get(asker_result(a), "size")), st.st_size);
    asker_free(a);
    a = ask("backup", args);
    turn_until(a->last != NULL);
    assert_non_null(strstr(asker_error(a), "no backup was made"));
    asker_free(a);
    a = ask("backup", "{\"file\": \"copy.db\"}");
    assert_non_null(strstr(asker_error(a), "give a whole path"));
    asker_free(a);
    free(args);
    free(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_stored_is_in_memory_before_the_start_is_over),
        TEST(entries_in_force_outlive_a_deleted_database),
        TEST(entries_in_force_outlive_a_damaged_database),
        TEST(what_was_begun_comes_to_its_end_before_the_store_does),
        TEST(a_second_one_on_the_same_directory_does_not_start),
        TEST(the_options_of_the_store_are_those_of_other_sections),
        TEST(status_says_how_it_is),
        TEST(reload_and_drain_are_told_and_answered),
        TEST(stats_counts_this_life_and_all_lives),
        TEST(a_backup_is_made_and_never_over_a_file_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
