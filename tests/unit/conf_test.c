/* SPDX-License-Identifier: ISC */
/* Unit tests of lib/conf: rows of a made-up program, texts, and what comes of them. */
#include "lib/conf.h"

#include "lib/addr.h"
#include "lib/conf_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum colour { RED, GREEN };

struct sample {
    bool flag;
    size_t number;
    uint64_t octets;
    uint64_t time;
    enum colour colour;
    char *text;
    char *version;
    char *path;
    char **texts;
    size_t text_count;
    char **paths;
    size_t path_count;
    struct addr *address;
    size_t address_count;
    struct cidr_set networks;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct sample, member)

static const char *const colours[] = {"red", "green", NULL};
static const char *const versions[] = {"1.2", "1.3", NULL};
static const char *const automatic[] = {"auto", NULL};

static const struct conf_row top_rows[] = {
    {.name = "flag", .type = CONF_BOOL, .offset = AT(flag), .initial = "yes", .help = "a flag"},
    {.name = "number",
     .type = CONF_NUMBER,
     .offset = AT(number),
     .initial = "7",
     .min = 1,
     .max = 100,
     .words = automatic,
     .restart = true,
     .help = "a number"},
    {.name = "octets",
     .type = CONF_SIZE,
     .offset = AT(octets),
     .initial = "2K",
     .min = 1024,
     .max = 4294967296,
     .help = "octets"},
    {.name = "time",
     .type = CONF_DURATION,
     .offset = AT(time),
     .initial = "5m",
     .min = 100,
     .max = 86400000,
     .help = "a time"},
    {.name = "colour",
     .type = CONF_ENUM,
     .offset = AT(colour),
     .initial = "red",
     .words = colours,
     .help = "a colour"},
    {.name = "text", .type = CONF_STRING, .offset = AT(text), .restart = true, .help = "a text"},
    {.name = "version",
     .type = CONF_STRING,
     .offset = AT(version),
     .initial = "1.2",
     .words = versions,
     .help = "a version"},
    {.name = "path", .type = CONF_PATH, .offset = AT(path), .help = "a file"},
    {.name = "texts",
     .type = CONF_STRINGS,
     .offset = AT(texts),
     .count_offset = AT(text_count),
     .help = "texts"},
    {.name = "paths",
     .type = CONF_PATHS,
     .offset = AT(paths),
     .count_offset = AT(path_count),
     .help = "files"},
};

static const struct conf_row many_rows[] = {
    {.name = "address",
     .type = CONF_ADDRESSES,
     .offset = AT(address),
     .count_offset = AT(address_count),
     .required = true,
     .help = "addresses"},
    {.name = "networks", .type = CONF_NETWORKS, .offset = AT(networks), .help = "networks"},
};

static const struct conf_row one_rows[] = {
    {.name = "inner", .type = CONF_STRING, .offset = AT(text), .required = true, .help = "a text"},
};

static const struct conf_section top = {.row = top_rows, .rows = COUNT(top_rows)};
static const struct conf_section many = {
    .name = "many", .many = true, .row = many_rows, .rows = COUNT(many_rows)};
static const struct conf_section one = {.name = "one", .row = one_rows, .rows = COUNT(one_rows)};
static const struct conf_section *const sections[] = {&top, &many, &one, NULL};

static struct conf *read_text(const char *text, bool *good)
{
    struct conf *conf = conf_new("dir/sample.conf", sections);
    *good = conf_read_text(conf, text, strlen(text));
    return conf;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static void test_defaults(void **state)
{
    (void)state;
    bool good;
    struct sample s = {0};
    struct conf *conf = read_text("", &good);
    assert_true(good);
    conf_fill(conf, conf_part(conf, &top, 0), &s);
    assert_null(conf_faults(conf));
    assert_true(s.flag);
    assert_int_equal(s.number, 7);
    assert_int_equal(s.octets, 2048);
    assert_int_equal(s.time, 300000);
    assert_int_equal(s.colour, RED);
    assert_null(s.text);
    assert_string_equal(s.version, "1.2");
    assert_int_equal(s.text_count, 0);
    assert_int_equal(conf_parts(conf, &many), 0);
    assert_int_equal(conf_parts(conf, &one), 0);
    assert_null(conf_part(conf, &many, 0));
    conf_clear(&top, &s);
    conf_free(conf);
}

static void test_values(void **state)
{
    (void)state;
    bool good;
    struct sample s = {0};
    struct conf *conf = read_text("flag = no\nnumber = 99\noctets = 4G\ntime = \"1d\"\n"
                                  "colour = green\ntext = 'it is'\nversion = 1.3\npath = a/b\n"
                                  "texts = {one, \"two\"}\ntexts += {three}\npaths = \"/x\"\n"
                                  "paths += y # comment\n",
                                  &good);
    assert_true(good);
    conf_fill(conf, conf_part(conf, &top, 0), &s);
    assert_null(conf_faults(conf));
    assert_false(s.flag);
    assert_int_equal(s.number, 99);
    assert_int_equal(s.octets, 4294967296);
    assert_int_equal(s.time, 86400000);
    assert_int_equal(s.colour, GREEN);
    assert_string_equal(s.text, "it is");
    assert_string_equal(s.version, "1.3");
    assert_string_equal(s.path, "dir/a/b");
    assert_int_equal(s.text_count, 3);
    assert_string_equal(s.texts[2], "three");
    assert_int_equal(s.path_count, 2);
    assert_string_equal(s.paths[0], "/x");
    assert_string_equal(s.paths[1], "dir/y");
    assert_int_equal(conf_line(conf_part(conf, &top, 0), "texts", 2), 10);
    assert_int_equal(conf_line(conf_part(conf, &top, 0), "paths", 1), 12);
    conf_clear(&top, &s);
    conf_free(conf);
}

static void test_sections(void **state)
{
    (void)state;
    bool good;
    char text[ADDR_TEXT_MAX];
    struct sample s = {0};
    struct conf *conf = read_text("/* many \"x\" {\n } */ many \"a\"\n{\n}\n"
                                  "many b {\n address = {\n \"192.0.2.1:25\",\n"
                                  " [::1]:26\n }\n networks = {10.0.0.0/8} }\n"
                                  "//many \"z\" {\none { inner = \"{\" }\n",
                                  &good);
    assert_true(good);
    assert_int_equal(conf_parts(conf, &many), 2);
    assert_int_equal(conf_parts(conf, &one), 1);
    const struct conf_part *b = conf_part(conf, &many, 1);
    assert_string_equal(conf_part_title(conf_part(conf, &many, 0)), "a");
    assert_int_equal(conf_part_line(conf_part(conf, &many, 0)), 2);
    assert_string_equal(conf_part_title(b), "b");
    assert_int_equal(conf_part_line(b), 5);
    assert_int_equal(conf_line(b, "address", 1), 8);
    assert_int_equal(conf_line(b, "networks", 0), 10);
    assert_int_equal(conf_part_line(conf_part(conf, &one, 0)), 12);
    conf_fill(conf, b, &s);
    assert_null(conf_faults(conf));
    assert_int_equal(s.address_count, 2);
    assert_string_equal(addr_text(&s.address[1], text), "[::1]:26");
    assert_int_equal(s.networks.count, 1);
    conf_clear(&many, &s);
    conf_free(conf);
}

static void test_environment(void **state)
{
    (void)state;
    bool good;
    struct sample s = {0};
    setenv("CONF_TEST", "from outside", 1);
    struct conf *conf =
        read_text("text = \"${CONF_TEST}!\"\npath = \"${CONF_TEST_UNSET}/x\"\n", &good);
    assert_true(good);
    conf_fill(conf, conf_part(conf, &top, 0), &s);
    assert_string_equal(s.text, "from outside!");
    assert_string_equal(s.path, "/x");
    conf_clear(&top, &s);
    conf_free(conf);
    unsetenv("CONF_TEST");
}

/* ---- faults ------------------------------------------------------------------------------------
 */

struct fault_case {
    const char *name;
    const char *text;
    const char *fault; /* all of it, after "dir/sample.conf:" */
};

static const struct fault_case grammar[] = {
    {"an unknown option near a known one", "\nnunber = 1\n",
     "2: unknown option \"nunber\" in the top level; \"number\" is one\n"},
    {"an unknown option near a section", "\nmanny \"x\" { }\n",
     "2: unknown option \"manny\" in the top level; \"many\" is one\n"},
    {"an unknown option", "zzzzzz = 1\n",
     "1: unknown option \"zzzzzz\" in the top level; gatepost.conf(5) lists them all\n"},
    {"an option of another section", "\n\none {\n flag = yes\n}\n",
     "4: \"flag\" does not belong in one; it belongs at the top level\n"},
    {"an option of a section at the top", "inner = 1\n",
     "1: \"inner\" does not belong in the top level; it belongs in one { ... }\n"},
    {"a section in a section", "one {\n many \"x\" { }\n}\n",
     "2: the section \"many\" does not belong in one; close that one with } first\n"},
    {"no value", "text =\nnumber = 1\n",
     "2: unexpected \"=\"; a value is a word or a \"string\", a list {\"a\", \"b\"}\n"},
    {"no equal sign", "\ntext \"x\"\n", "2: \"text\" is not followed by =; write option = value\n"},
    {"the end within an option",
     "text =", "2: the file ends within an option; write option = value\n"},
    {"a list for a single value", "text = {a}\n",
     "1: unexpected \"{\"; a value is a word or a \"string\", a list {\"a\", \"b\"}\n"},
    {"two values without a list", "texts = \"a\" \"b\"\n",
     "1: \"b\" stands where an option's name is expected; names have no quotes, and several values "
     "are a list: {\"a\", \"b\"}\n"},
    {"appending to a single value", "text += a\n",
     "1: \"text\" takes one value; write = instead of +=\n"},
    {"a section without braces", "one\ntext = a\n",
     "2: the section \"one\" is not followed by {; write section { ... }, and a name only where "
     "the "
     "section has one\n"},
    {"a section without its name", "many {\n}\n",
     "1: the section \"many\" has no name; write section \"NAME\" { ... }\n"},
    {"two sections of one name, which may hold a secret", "many \"x\" { }\nmany \"x\" { }\n",
     "2: a second section of this kind has the same name; give each a name of its own\n"},
    {"a brace too many", "one { }\n}\n",
     "2: a } that closes nothing; remove it, or open its section with {\n"},
    {"an open section", "\nmany \"x\" {\n\n\n", "2: this { is never closed; close it with }\n"},
    {"an open list", "\ntexts = {\n\"a\",\n\n", "2: this { is never closed; close it with }\n"},
    {"an open string", "\ntext = \"abc\n\n\n", "2: this string never ends; close it with \"\n"},
    {"an open string in single quotes", "\ntext = 'abc\n\n",
     "2: this string never ends; close it with '\n"},
    {"an open comment", "flag = no\n/* for later\ntext = b\n",
     "2: this comment never ends; close it with */\n"},
    {"an open variable", "text = \"${HOME\n}\"\n",
     "1: \"${\" begins a variable that does not end on its line; write ${NAME}, or \\$ for a "
     "dollar "
     "sign\n"},
    {"a way into a section", "one|inner = a\n",
     "1: \"|\" in an option's name; write section { option = ... }\n"},
    {"a quoted name", "'one|inner' = a\n",
     "1: 'one|inner' stands where an option's name is expected; names have no quotes, and several "
     "values are a list: {\"a\", \"b\"}\n"},
    {"a bad escape", "text = \"\\9\"\n",
     "1: \"\\9\" means nothing in a string; write \\\\ for a backslash\n"},
    {"an octal number that is no octet", "text = \"\\777\"\n",
     "1: \"\\777\" is no octet; write \\\\ for a backslash\n"},
    {"include does not exist", "include(\"/etc/passwd\")\n",
     "1: unknown option \"include\" in the top level; gatepost.conf(5) lists them all\n"},
};

static void test_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(grammar); i++) {
        bool good;
        char want[512];
        struct conf *conf = read_text(grammar[i].text, &good);
        char *faults = conf_faults(conf);
        snprintf(want, sizeof want, "dir/sample.conf:%s", grammar[i].fault);
        if (good || faults == NULL || strcmp(faults, want) != 0)
            fail_msg("%s: got %s", grammar[i].name, faults != NULL ? faults : "nothing");
        free(faults);
        conf_free(conf);
    }
}

static const struct fault_case meaning[] = {
    {"a number below its range", "number = 0\n", "1: number = 0 is out of range; give 1 to 100\n"},
    {"a number above its range", "number = 101\n",
     "1: number = 101 is out of range; give 1 to 100\n"},
    {"a number beyond 64 bits", "number = 99999999999999999999999\n",
     "1: number = 99999999999999999999999 is not a number such as 100\n"},
    {"a negative number", "number = -1\n", "1: number = -1 is not a number such as 100\n"},
    {"a number with a unit", "number = 5m\n", "1: number = 5m is not a number such as 100\n"},
    {"a size beyond 64 bits", "octets = 99999999999T\n",
     "1: octets = 99999999999T is not a size such as 4096, 128K, 50M or 4G\n"},
    {"a size out of range", "octets = 5G\n", "1: octets = 5G is out of range; give 1K to 4G\n"},
    {"a time without unit", "time = 300\n",
     "1: time = 300 is not a time with its unit, such as 500ms, 30s, 5m, 12h or 36d\n"},
    {"a time out of range", "time = 36d\n", "1: time = 36d is out of range; give 100ms to 1d\n"},
    {"neither yes nor no", "flag = true\n",
     "1: flag = true is neither yes nor no; give one of them\n"},
    {"an unknown word", "colour = blue\n",
     "1: colour = blue is not known; give one of red, green\n"},
    {"an unknown text where words are given", "version = 1.1\n",
     "1: version = 1.1 is not known; give one of 1.2, 1.3\n"},
    {"an empty value", "text = \"\"\n", "1: text is empty; give a value or remove the line\n"},
    {"given twice", "text = a\nflag = no\ntext = a\n",
     "3: \"text\" is given twice, first in line 1; keep one of them\n"},
    {"a list given twice", "texts = {a}\ntexts = {b}\n",
     "2: \"texts\" is given twice, first in line 1; keep one of them\n"},
    {"a list given twice, one value each", "texts = a\ntexts = b\n",
     "2: \"texts\" is given twice, first in line 1; keep one of them\n"},
    {"controls are not passed on", "colour = \"a\\x1b\\n\"\n",
     "1: colour = a?? is not known; give one of red, green\n"},
};

static void test_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(meaning); i++) {
        bool good;
        char want[512];
        struct sample s = {0};
        struct conf *conf = read_text(meaning[i].text, &good);
        assert_true(good);
        conf_fill(conf, conf_part(conf, &top, 0), &s);
        char *faults = conf_faults(conf);
        snprintf(want, sizeof want, "dir/sample.conf:%s", meaning[i].fault);
        if (faults == NULL || strcmp(faults, want) != 0)
            fail_msg("%s: got %s", meaning[i].name, faults != NULL ? faults : "nothing");
        free(faults);
        conf_clear(&top, &s);
        conf_free(conf);
    }
}

static void test_all_faults_by_line(void **state)
{
    (void)state;
    bool good;
    struct sample s = {0};
    struct sample inner = {0};
    struct conf *conf = read_text("many \"m\" {\n address = {\"mail:25\", \"1.2.3.4:5\"}\n"
                                  " networks = {\"10.0.0.0/8\", \"10.0.0.1/8\"}\n}\none {\n}\n"
                                  "many \"n\" {\n}\nnumber = x\n",
                                  &good);
    assert_true(good);
    conf_fill(conf, conf_part(conf, &top, 0), &s);
    conf_fill(conf, conf_part(conf, &one, 0), &s);
    conf_fill(conf, conf_part(conf, &many, 1), &inner);
    conf_fill(conf, conf_part(conf, &many, 0), &inner);
    conf_fault(conf, 0, "of the whole");
    conf_warn(conf, 3, "only a warning");
    assert_int_equal(inner.address_count, 2);
    assert_int_equal(inner.address[0].family, 0);
    char *faults = conf_faults(conf);
    char *warnings = conf_warnings(conf);
    static const char *const begins[] = {
        "dir/sample.conf: of the whole\n",
        "dir/sample.conf:2: address \"mail:25\" is not an IP address with a port",
        "dir/sample.conf:3: networks \"10.0.0.1/8\"",
        "dir/sample.conf:5: one { ... } has no inner",
        "dir/sample.conf:7: many \"n\" has no address",
        "dir/sample.conf:9: number = x is not a number",
    };
    const char *line = faults;
    for (size_t i = 0; i < COUNT(begins); i++) {
        assert_int_equal(strncmp(line, begins[i], strlen(begins[i])), 0);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "");
    assert_string_equal(warnings, "dir/sample.conf:3: only a warning\n");
    assert_int_equal(conf_fault_count(conf), 6);
    assert_int_equal(s.number, 7); /* a faulty value leaves the default */
    free(faults);
    free(warnings);
    conf_clear(&top, &s);
    conf_clear(&one, &s);
    conf_clear(&many, &inner);
    conf_free(conf);
}

static void test_octet_zero(void **state)
{
    (void)state;
    static const char text[] = "flag = no\ntext = a\0b\n";
    struct conf *conf = conf_new("sample.conf", sections);
    assert_false(conf_read_text(conf, text, sizeof text - 1));
    char *faults = conf_faults(conf);
    assert_string_equal(faults,
                        "sample.conf:2: an octet 0; a configuration is plain text (UTF-8)\n");
    free(faults);
    conf_free(conf);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static void test_unreadable(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/sample.conf", "/", "/dev/null"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct conf *conf = conf_new(paths[i], sections);
        assert_false(conf_read(conf));
        char *faults = conf_faults(conf);
        assert_non_null(strstr(faults, "cannot be read ("));
        assert_int_equal(strncmp(faults, paths[i], strlen(paths[i])), 0);
        free(faults);
        conf_free(conf);
    }
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/conf_test.XXXXXX";
    struct sample s = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "\xef\xbb\xbfpath = near\r\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    struct conf *conf = conf_new(path, sections);
    assert_true(conf_read(conf));
    conf_fill(conf, conf_part(conf, &top, 0), &s);
    assert_null(conf_faults(conf));
    assert_string_equal(s.path, "/tmp/near");
    conf_clear(&top, &s);
    conf_free(conf);
    unlink(path);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static void test_quantity_text(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(conf_quantity_text(CONF_SIZE, 0, text, sizeof text), "0");
    assert_string_equal(conf_quantity_text(CONF_SIZE, 1536, text, sizeof text), "1536");
    assert_string_equal(conf_quantity_text(CONF_SIZE, 3 << 20, text, sizeof text), "3M");
    assert_string_equal(conf_quantity_text(CONF_DURATION, 0, text, sizeof text), "0s");
    assert_string_equal(conf_quantity_text(CONF_DURATION, 1500, text, sizeof text), "1500ms");
    assert_string_equal(conf_quantity_text(CONF_DURATION, 90000, text, sizeof text), "90s");
    assert_string_equal(conf_quantity_text(CONF_NUMBER, 1024, text, sizeof text), "1024");
}

static void test_print(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    conf_print(sections, out);
    fclose(out);
    assert_non_null(strstr(text, "\n  number  "));
    assert_non_null(
        strstr(text, "  number|auto     7                   1..100        restart  a number\n"));
    assert_non_null(strstr(text, "  many.address  "));
    assert_non_null(strstr(text, "  address list    required            -             reload   "));
    free(text);
}

static void test_restart_needed(void **state)
{
    (void)state;
    char a[] = "a";
    char b[] = "b";
    struct sample old = {.number = 1, .text = a};
    struct sample new = {.number = 1, .text = a, .flag = true};
    assert_null(conf_restart_needed(&top, &old, &new));
    new.number = 2;
    new.text = b;
    char *names = conf_restart_needed(&top, &old, &new);
    assert_string_equal(names, "number, text");
    free(names);
    new.text = NULL;
    new.number = 1;
    names = conf_restart_needed(&top, &old, &new);
    assert_string_equal(names, "text");
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_all_faults_by_line),
        cmocka_unit_test(test_octet_zero),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_quantity_text),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_restart_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
