/* SPDX-License-Identifier: ISC */
/*
 * Tests of ctl_args: what a command line of gatepostctl means, what is wrong with a wrong one, and
 * which request comes of it.
 */
#include "admin/ctl_args.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define WORDS_MAX 16

struct line {
    char *text;
    char *argv[WORDS_MAX];
    int argc;
    struct ctl_args args;
    char *why;
    bool good;
};

/* Words apart by single blanks; "_" stands for an empty one. */
static void parse(struct line *line, const char *text)
{
    memset(line, 0, sizeof *line);
    line->text = mem_strdup(text);
    line->argv[line->argc++] = mem_strdup("gatepostctl");
    char *save = NULL;
    for (char *w = strtok_r(line->text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        line->argv[line->argc++] = mem_strdup(strcmp(w, "_") == 0 ? "" : w);
    assert_in_range(line->argc, 1, WORDS_MAX);
    line->good = ctl_args_parse(line->argc, line->argv, &line->args, &line->why);
    assert_int_equal(line->good, line->why == NULL);
}

static void done(struct line *line)
{
    ctl_args_free(&line->args);
    free(line->why);
    free(line->text);
    for (int i = 0; i < line->argc; i++)
        free(line->argv[i]);
}

static void good_lines_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words, *request;
    } cases[] = {
        {"status", "status", "{}"},
        {"--json status", "status", "{}"},
        {"status --json", "status", "{}"},
        {"kill ABC", "kill", "{\"id\":\"ABC\"}"},
        {"-c x.conf kill -- -ABC", "kill", "{\"id\":\"-ABC\"}"},
        {"deny add 192.0.2.1 192.0.2.2", "allow|deny|trap add", "{}"},
        {"deny add 192.0.2.1 --for 7d --reason r --action tarpit", "allow|deny|trap add",
         "{\"for\":604800,\"reason\":\"r\",\"action\":\"tarpit\"}"},
        {"deny add --for=12h 192.0.2.1", "allow|deny|trap add", "{\"for\":43200}"},
        {"allow add helo:a.example --unproven", "allow|deny|trap add", "{\"unproven\":true}"},
        {"deny --reason _ add 192.0.2.1", "allow|deny|trap add", "{\"reason\":\"\"}"},
        {"test --client 192.0.2.1 --helo h --from s@a --to r@b", "test",
         "{\"client\":\"192.0.2.1\",\"helo\":\"h\",\"sender\":\"s@a\",\"recipient\":\"r@b\"}"},
        {"top --by client --most 5", "top", "{\"by\":\"client\",\"most\":5}"},
        {"greylist list --state waiting", "greylist list", "{\"state\":\"waiting\"}"},
        {"lookup 192.0.2.1", "lookup", "{\"client\":\"192.0.2.1\"}"},
        {"help deny add", "help", "{}"},
        {"deny import -", "allow|deny|trap import", "{}"},
        {"replay -cx.conf new.conf --days 3", "replay", "{}"},
        {"mta-sts --mode enforce a.example", "mta-sts", "{}"},
        {"tlsa - --host mx.example", "tlsa", "{}"},
        {"domain a.example --selector s1 --selector=s2", "domain", "{}"},
        {"verify --ip 192.0.2.1 --helo h --from s@a", "verify",
         "{\"helo\":\"h\",\"sender\":\"s@a\"}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line line;
        parse(&line, cases[i].line);
        if (!line.good)
            fail_msg("%s: %s", cases[i].line, line.why);
        assert_string_equal(line.args.command->words, cases[i].words);
        json_t *request = ctl_args_request(&line.args);
        json_t *right = json_loads(cases[i].request, 0, NULL);
        if (!json_equal(request, right))
            fail_msg("%s: %s", cases[i].line, json_dumps(request, JSON_COMPACT));
        json_decref(request);
        json_decref(right);
        done(&line);
    }
}

static void wrong_lines_are_named_with_their_cure(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"nonsense", "no command \"nonsense\"; gatepostctl help"},
        {"deny", "deny needs one more word: add, del, list"},
        {"deny nonsense", "behind deny comes one of add, del"},
        {"greylist", "list, show, pass, del"},
        {"status extra", "status does not take \"extra\""},
        {"deny add", "deny add needs KEY..."},
        {"kill", "kill needs ID"},
        {"kill a b", "kill does not take \"b\""},
        {"status --nonsense", "no option --nonsense"},
        {"status -x", "no option -x"},
        {"status --for 7d", "status takes no --for"},
        {"deny list --reason x", "deny list takes no --reason"},
        {"deny add 192.0.2.1 --for", "--for needs a value: --for DURATION"},
        {"deny add 192.0.2.1 --for soon", "--for takes a duration"},
        {"deny add 192.0.2.1 --for 0d", "--for takes a duration"},
        {"deny add 192.0.2.1 --for 7d --for 8d", "--for is given twice"},
        {"deny add 192.0.2.1 --action drop", "--action takes reject, tarpit or defer"},
        {"deny list --kind host", "--kind takes client, helo"},
        {"greylist list --state black", "--state takes waiting or white"},
        {"status --json=yes", "--json takes no value"},
        {"top --most 0", "--most takes a number"},
        {"top --most 1x", "--most takes a number"},
        {"top --most 10000000", "--most takes a number"},
        {"replay x.conf --days -1", "--days takes"},
        {"verify --ip 192.0.2", "--ip takes an IP address"},
        {"domain a.example --selector a..b", "--selector takes a selector"},
        {"tlsa - --host a..b", "--host takes a host name"},
        {"mta-sts --mode enforced", "--mode takes testing, enforce or none"},
        {"-c", "--config needs a value"},
        {"--config= status", "--config takes a file"},
        {"status --", NULL},
        {"kill \xff", "argument 2 is not UTF-8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct line line;
        parse(&line, cases[i].line);
        if (cases[i].why == NULL ? !line.good : line.good || strstr(line.why, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].line, line.good ? "good" : line.why);
        done(&line);
    }
}

static void words_are_as_they_were_chosen(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "--yes trap --json add a@example.org b@example.org");
    assert_true(line.good);
    assert_string_equal(line.args.word[0], "trap");
    assert_string_equal(line.args.word[1], "add");
    assert_int_equal(line.args.operands, 2);
    assert_string_equal(line.args.operand[1], "b@example.org");
    assert_non_null(line.args.option[CTL_YES]);
    assert_non_null(line.args.option[CTL_JSON]);
    done(&line);
    parse(&line, "status");
    assert_null(line.args.word[1]);
    done(&line);
}

static void an_option_that_may_come_again_has_all_its_values(void **state)
{
    (void)state;
    struct line line;
    parse(&line, "domain --selector s1 a.example --selector s2");
    assert_true(line.good);
    assert_int_equal(line.args.many_count, 2);
    assert_string_equal(line.args.many[0], "s1");
    assert_string_equal(line.args.many[1], "s2");
    done(&line);
}

static void help_and_version_need_nothing_more(void **state)
{
    (void)state;
    static const char *const lines[] = {"--help", "--version", "-V", "deny add --help",
                                        "kill --help a b c"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct line line;
        parse(&line, lines[i]);
        if (!line.good)
            fail_msg("%s: %s", lines[i], line.why);
        done(&line);
    }
    struct line line;
    parse(&line, "");
    assert_true(line.good);
    assert_null(line.args.command);
    done(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_are_understood),
        cmocka_unit_test(wrong_lines_are_named_with_their_cure),
        cmocka_unit_test(words_are_as_they_were_chosen),
        cmocka_unit_test(an_option_that_may_come_again_has_all_its_values),
        cmocka_unit_test(help_and_version_need_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
