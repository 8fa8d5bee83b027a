/* SPDX-License-Identifier: ISC */
/* Tests of list_files and list_watch: files become entries, faults name file and line, and a file
 * that changes is read again while one that turns bad keeps what it had. On a clock that stands
 * still; only the thread that reads a file is waited for. */
#include "policy/list_files.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_table.h"
#include "tests/unit/support/virtual_clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct conf_section top;
static const struct conf_section *const sections[] = {&top, &list_section, NULL};

static struct rig {
    char directory[32];
    struct policy_lists lists;
    struct list_files *files;
    struct list_table *table;
    struct loop *loop;
    struct list_watch *watch;
    char *faults, *warnings;
} rig;

static int set_up(void **state)
{
    (void)state;
    rig = (struct rig){.directory = "/tmp/list_files.XXXXXX"};
    assert_non_null(mkdtemp(rig.directory));
    rig.table = list_table_new();
    rig.loop = loop_new();
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    char path[64];
    (void)state;
    list_watch_free(rig.watch);
    list_files_free(rig.files);
    conf_clear(&list_section, &rig.lists);
    list_table_free(rig.table);
    loop_free(rig.loop);
    free(rig.faults);
    free(rig.warnings);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", rig.directory, names[i]);
        unlink(path);
    }
    rmdir(rig.directory);
    return 0;
}

/* Writes it anew under its name, and of another time than before; NULL: it goes. */
static void write_file(const char *name, const char *text)
{
    static time_t modified = 1000000000;
    char path[64];
    snprintf(path, sizeof path, "%s/%s", rig.directory, name);
    unlink(path);
    if (text == NULL)
        return;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    modified++;
    const struct timespec times[2] = {{.tv_sec = modified}, {.tv_sec = modified}};
    fflush(file);
    assert_int_equal(futimens(fileno(file), times), 0);
    fclose(file);
}

static void read_conf(const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/p.conf", rig.directory);
    struct conf *conf = conf_new(path, sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    list_config_read(&rig.lists, conf);
    rig.files = list_files_new(&rig.lists, conf);
    rig.faults = conf_faults(conf);
    rig.warnings = conf_warnings(conf);
    conf_free(conf);
    list_files_use(rig.files, rig.table);
    rig.watch = list_watch_new(rig.loop, rig.files, rig.table);
}

/* What the table says of a client: "-", "allow", "reject", "tarpit". */
static const char *ruling(const char *client)
{
    struct addr addr;
    struct list_verdict verdict;
    struct list_facts facts = {.client = &addr};
    assert_true(addr_parse_ip(client, &addr));
    list_judge(rig.table, &facts, 1700000000, &verdict);
    if (verdict.ruling == LIST_SILENT)
        return "-";
    assert_int_equal(verdict.origin, ENTRY_FILE);
    return verdict.ruling == LIST_ALLOWED ? "allow" : entry_action_name(verdict.action);
}

static void wait_ms(uint64_t ms)
{
    clock_ms += ms;
    loop_poll(rig.loop);
}

/* Two looks, and then until it is as wanted. */
static void expect(const char *client, const char *wanted)
{
    for (unsigned i = 0; i < 5000 && strcmp(ruling(client), wanted) != 0; i++) {
        wait_ms(i < 2 ? LIST_WATCH_MS : 100);
        if (i >= 2)
            usleep(1000); /* the thread has its time */
    }
    assert_string_equal(ruling(client), wanted);
}

/* Looks often enough that every change has been read. */
static void settle(void)
{
    for (unsigned i = 0; i < 60; i++) {
        wait_ms(LIST_WATCH_MS);
        usleep(1000);
    }
}

static void entries_of_the_configuration_and_of_files_are_in_force(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n2001:db8::/32\n");
    write_file("b", "; DROP\n198.51.100.0/24 ; SBL1\n203.0.113.0/24 ; SBL2\n");
    write_file("c", "deny 203.0.113.0/24 action=tarpit\nallow 198.51.100.7\n");
    read_conf("lists { allow = {\"10.0.0.1\"} deny = {\"10.0.0.0/8\", \"11.0.0.0/8\"}\n"
              "tarpit = {\"11.0.0.0/8\"}\n"
              "allow-files = {\"a\"} deny-files = {\"b\"} tarpit-files = {\"c\"} }");
    assert_null(rig.faults);
    assert_string_equal(ruling("10.0.0.1"), "allow");
    assert_string_equal(ruling("10.0.0.2"), "reject");
    assert_string_equal(ruling("11.0.0.2"), "tarpit");
    assert_string_equal(ruling("192.0.2.1"), "allow");
    assert_string_equal(ruling("2001:db8::5"), "allow");
    assert_string_equal(ruling("198.51.100.1"), "reject");
    assert_string_equal(ruling("198.51.100.7"), "allow");
    assert_string_equal(ruling("203.0.113.1"), "tarpit");
}

static void faults_name_the_option_and_the_line(void **state)
{
    (void)state;
    char wanted[512];
    write_file("a", "192.0.2.1\nhere\n");
    write_file("b", "mail.example.net\n");
    read_conf("lists {\n allow-files = {\"a\",\n \"b\"}\n deny-files = {\"gone\"}\n}");
    snprintf(wanted, sizeof wanted,
             "%1$s/p.conf:2: %1$s/a:2: \"here\": not an address or network; right would be "
             "192.0.2.0/24, 2001:db8::/32 or one address\n"
             "%1$s/p.conf:3: %1$s/b:1: the format does not show in \"mail.example.net\"; ",
             rig.directory);
    if (strncmp(rig.faults, wanted, strlen(wanted)) != 0)
        fail_msg("%s", rig.faults);
    snprintf(wanted, sizeof wanted,
             "%1$s/p.conf:4: %1$s/gone: cannot be read: No such file or directory\n",
             rig.directory);
    assert_non_null(strstr(rig.faults, wanted));
}

static void many_faults_are_counted(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n");
    read_conf("lists { deny-files = {\"a\"} }");
    assert_non_null(strstr(rig.faults, "and 2 faults more in this file\n"));
}

static void a_comment_may_name_the_format(void **state)
{
    (void)state;
    write_file("a", "# format: postgrey-clients\nmail.example.net\n192.168\n");
    write_file("b", "# A table of clients.\n#format: postfix-access client\nbad.example REJECT\n"
                    "192.0.2 REJECT\n");
    read_conf("lists { allow-files = {\"a\"} deny-files = {\"b\"} }");
    assert_null(rig.faults);
    assert_string_equal(ruling("192.168.5.5"), "allow");
    assert_string_equal(ruling("192.0.2.5"), "reject");
    assert_true(list_may_allow(rig.table));
}

static void a_comment_that_names_none_is_a_fault(void **state)
{
    (void)state;
    write_file("a", "# format: csv\n192.168.0.1\n");
    read_conf("lists { allow-files = {\"a\"} }");
    assert_non_null(strstr(rig.faults, "/a:1: \"format: csv\": right would be"));
}

static void a_file_that_changes_is_read_again(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n");
    write_file("b", "192.0.2.2\n");
    read_conf("lists { deny = {\"10.0.0.1\"} deny-files = {\"a\", \"b\"} }");
    write_file("a", "192.0.2.3\n");
    expect("192.0.2.3", "reject");
    assert_string_equal(ruling("192.0.2.1"), "-");
    assert_string_equal(ruling("192.0.2.2"), "reject");
    assert_string_equal(ruling("10.0.0.1"), "reject");
    write_file("b", "");
    expect("192.0.2.2", "-");
    assert_string_equal(ruling("192.0.2.3"), "reject");
}

static void a_file_that_is_being_written_is_not_read_yet(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n");
    read_conf("lists { deny-files = {\"a\"} }");
    for (unsigned i = 0; i < 5; i++) { /* it changes from look to look */
        write_file("a", "192.0.2.3\n");
        wait_ms(LIST_WATCH_MS);
        assert_string_equal(ruling("192.0.2.1"), "reject");
    }
    expect("192.0.2.3", "reject");
}

static void a_file_that_turns_bad_keeps_its_entries(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n");
    write_file("b", "192.0.2.2\n");
    read_conf("lists { deny-files = {\"a\", \"b\"} }");
    write_file("a", "192.0.2.3\nwhat?\n");
    write_file("b", "192.0.2.4\n"); /* both at once */
    expect("192.0.2.4", "reject");
    assert_string_equal(ruling("192.0.2.1"), "reject");
    assert_string_equal(ruling("192.0.2.3"), "-");
    write_file("a", NULL);
    settle();
    assert_string_equal(ruling("192.0.2.1"), "reject");
    write_file("a", "192.0.2.5\n");
    expect("192.0.2.5", "reject");
    assert_string_equal(ruling("192.0.2.1"), "-");
}

static void a_watch_may_go_while_a_file_is_read(void **state)
{
    (void)state;
    write_file("a", "192.0.2.1\n");
    read_conf("lists { deny-files = {\"a\"} }");
    char *many = mem_alloc(300000 * 16);
    size_t len = 0;
    for (unsigned i = 0; i < 300000; i++)
        len += (size_t)snprintf(many + len, 16, "10.%u.%u.%u\n", i >> 16, i >> 8 & 255, i & 255);
    write_file("a", many);
    free(many);
    wait_ms(LIST_WATCH_MS);
    wait_ms(LIST_WATCH_MS); /* the thread runs */
    list_watch_free(rig.watch);
    rig.watch = NULL;
    assert_string_equal(ruling("192.0.2.1"), "reject");
}

static void without_files_there_is_no_watch(void **state)
{
    (void)state;
    read_conf("lists { deny = {\"192.0.2.1\"} }");
    assert_null(rig.watch);
    assert_string_equal(ruling("192.0.2.1"), "reject");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_of_the_configuration_and_of_files_are_in_force),
        TEST(faults_name_the_option_and_the_line),
        TEST(many_faults_are_counted),
        TEST(a_comment_may_name_the_format),
        TEST(a_comment_that_names_none_is_a_fault),
        TEST(a_file_that_changes_is_read_again),
        TEST(a_file_that_is_being_written_is_not_read_yet),
        TEST(a_file_that_turns_bad_keeps_its_entries),
        TEST(a_watch_may_go_while_a_file_is_read),
        TEST(without_files_there_is_no_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
