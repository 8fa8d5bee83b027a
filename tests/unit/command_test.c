/* SPDX-License-Identifier: ISC */
/*
 * command_test: rows of administrators' commands: who may run which, with what arguments, and the
 * form of answers.
 */
#include "lib/command.h"

#include "lib/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A carrier that writes down. */
struct asker {
    struct command_call call;
    json_t *said; /* an array of lines */
    bool slow;
    size_t ends;
};

static bool take(struct command_call *call, json_t *line)
{
    struct asker *a = (struct asker *)call;
    assert_non_null(line);
    assert_int_equal(a->ends, 0);
    json_array_append_new(a->said, line);
    return !a->slow;
}

static void end(struct command_call *call)
{
    ((struct asker *)call)->ends++;
}

static const struct command_ops ops = {.send = take, .end = end};

/* ---- rows --------------------------------------------------------------------------------------
 */

static void shows(struct command_call *call, void *arg)
{
    command_done(call, json_pack("{s:s, s:I, s:b}", "set", arg, "number",
                                 (json_int_t)command_number(call, "count", -7), "flag",
                                 command_flag(call, "flag")));
}

static void counts(struct command_call *call, void *arg)
{
    (void)arg;
    long long most = (long long)json_array_size(command_list(call, "items"));
    for (long long i = 0; i < most; i++)
        if (!command_item(call, json_integer(i)))
            break;
    command_done(call, NULL);
}

static void needs(struct command_call *call, void *arg)
{
    (void)arg;
    const char *text = command_need(call, "undeclared");
    assert_null(text); /* the call is gone */
}

static void fails(struct command_call *call, void *arg)
{
    (void)arg;
    command_fail(call, false, "the %s is down: %s", "store", command_text(call, "key"));
}

static const struct command first[] = {
    {"shows", "[count:number] [flag:flag]", "Show.", COMMAND_READ, shows},
    {"counts", "items:list", "Count.", COMMAND_READ, counts},
    {.name = NULL},
};
static const struct command second[] = {
    {"shows", "", "Never found: the first set's comes first.", COMMAND_READ, fails},
    {"changes", "key [reason]", "Change.", COMMAND_ADMIN, shows},
    {"needs", "", "Need.", COMMAND_READ, needs},
    {"fails", "key", "Fail.", COMMAND_READ, fails},
    {.name = NULL},
};
static char one[] = "first", two[] = "second";
static const struct command_set sets[] = {{first, one}, {second, two}, {NULL, NULL}};

/* ---- asking ------------------------------------------------------------------------------------
 */

/* What is answered, as one compact JSON array of lines; the caller frees. */
static char *ask_slowly(const char *name, const char *args, enum command_level level, bool slow)
{
    struct asker a = {.call = {.ops = &ops, .author = "ada"}, .slow = slow};
    json_error_t error;
    a.said = json_array();
    a.call.args = json_loads(args, 0, &error);
    assert_non_null(a.call.args);
    command_start(&a.call, sets, name, level);
    assert_int_equal(a.ends, 1);
    char *text = json_dumps(a.said, JSON_COMPACT);
    json_decref(a.said);
    json_decref(a.call.args);
    return text;
}

struct ask_case {
    const char *name, *args;
    enum command_level level;
    const char *answer;
};

static const struct ask_case ask_cases[] = {
    {"shows", "{}", COMMAND_READ,
     "[{\"ok\":true,\"result\":{\"set\":\"first\",\"number\":-7,\"flag\":false}}]"},
    {"shows", "{\"count\":9007199254740993,\"flag\":true}", COMMAND_READ,
     "[{\"ok\":true,\"result\":{\"set\":\"first\",\"number\":9007199254740993,\"flag\":true}}]"},
    {"shows", "{\"flag\":false}", COMMAND_ADMIN,
     "[{\"ok\":true,\"result\":{\"set\":\"first\",\"number\":-7,\"flag\":false}}]"},
    {"changes", "{\"key\":\"x\"}", COMMAND_ADMIN,
     "[{\"ok\":true,\"result\":{\"set\":\"second\",\"number\":-7,\"flag\":false}}]"},
    {"counts", "{\"items\":[1,2]}", COMMAND_READ,
     "[{\"item\":0},{\"item\":1},{\"ok\":true,\"result\":{}}]"},
    {"fails", "{\"key\":\"dis\\u0007k\"}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"the store is down: dis\\\\x07k\",\"usage\":false}]"},
    /* not allowed, and said before anything of the arguments */
    {"changes", "{\"key\":\"x\"}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"changes needs the level admin; root, the daemon's own "
     "user and those named in control { admins } have it\",\"usage\":false}]"},
    {"changes", "{\"nonsense\":1}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"changes needs the level admin; root, the daemon's own "
     "user and those named in control { admins } have it\",\"usage\":false}]"},
    /* wrong use */
    {"", "{}", COMMAND_ADMIN,
     "[{\"ok\":false,\"error\":\"there is no command \\\"\\\"; help lists them\",\"usage\":true}]"},
    {"show", "{}", COMMAND_ADMIN,
     "[{\"ok\":false,\"error\":\"there is no command \\\"show\\\"; help lists them\","
     "\"usage\":true}]"},
    {"shows", "{\"coun\":1}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"shows has no argument \\\"coun\\\"; it takes: [count:number] "
     "[flag:flag]\",\"usage\":true}]"},
    {"shows", "{\"count:number\":1}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"shows has no argument \\\"count:number\\\"; it takes: "
     "[count:number] [flag:flag]\",\"usage\":true}]"},
    {"needs", "{\"\":1}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"needs has no argument \\\"\\\"; it takes: none\","
     "\"usage\":true}]"},
    {"needs", "{}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"needs wants \\\"undeclared\\\", a string\",\"usage\":true}]"},
    {"changes", "{\"reason\":\"x\"}", COMMAND_ADMIN,
     "[{\"ok\":false,\"error\":\"changes wants \\\"key\\\", a string\",\"usage\":true}]"},
    {"changes", "{\"key\":7}", COMMAND_ADMIN,
     "[{\"ok\":false,\"error\":\"changes: \\\"key\\\" must be a string\",\"usage\":true}]"},
    {"changes", "{\"key\":null}", COMMAND_ADMIN,
     "[{\"ok\":false,\"error\":\"changes: \\\"key\\\" must be a string\",\"usage\":true}]"},
    {"shows", "{\"count\":\"7d\"}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"shows: \\\"count\\\" must be an integer\",\"usage\":true}]"},
    {"shows", "{\"count\":1.5}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"shows: \\\"count\\\" must be an integer\",\"usage\":true}]"},
    {"shows", "{\"flag\":1}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"shows: \\\"flag\\\" must be true or false\",\"usage\":true}]"},
    {"counts", "{\"items\":{}}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"counts: \\\"items\\\" must be an array\",\"usage\":true}]"},
    {"counts", "{}", COMMAND_READ,
     "[{\"ok\":false,\"error\":\"counts wants \\\"items\\\", an array\",\"usage\":true}]"},
};

static void test_a_row_runs_only_for_its_level_with_its_arguments(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ask_cases / sizeof *ask_cases; i++) {
        const struct ask_case *c = &ask_cases[i];
        char *answer = ask_slowly(c->name, c->args, c->level, false);
        assert_string_equal(answer, c->answer);
        free(answer);
    }
}

static void test_a_slow_asker_ends_the_items(void **state)
{
    (void)state;
    char *answer = ask_slowly("counts", "{\"items\":[1,2,3]}", COMMAND_READ, true);
    assert_string_equal(answer, "[{\"item\":0},{\"ok\":true,\"result\":{}}]");
    free(answer);
}

static void test_an_item_that_json_refused_is_null(void **state)
{
    (void)state;
    struct asker a = {.call = {.ops = &ops}, .said = json_array()};
    assert_true(command_item(&a.call, json_string("\xff")));
    assert_true(json_is_null(json_object_get(json_array_get(a.said, 0), "item")));
    json_decref(a.said);
}

static void test_an_error_is_cut_and_is_always_text(void **state)
{
    (void)state;
    struct asker a = {.call = {.ops = &ops}, .said = json_array()};
    char *huge = mem_alloc(100001);
    memset(huge, 0xff, 100000);
    command_fail(&a.call, true, "no %s", huge);
    free(huge);
    const char *error = json_string_value(json_object_get(json_array_get(a.said, 0), "error"));
    assert_non_null(error);
    char lines[5001], controls[5001];
    memset(lines, '\n', 5000);
    for (size_t i = 0; i < 5000; i++)
        controls[i] = i % 3 == 2 ? '\n' : '\x01';
    lines[5000] = controls[5000] = '\0';
    assert_memory_equal(error, "no \\xff\\xff", 11);
    assert_true(strlen(error) < 8200);
    a.ends = 0;
    command_fail(&a.call, true, "a.conf:1: no\n\nb\tc");
    error = json_string_value(json_object_get(json_array_get(a.said, 1), "error"));
    assert_string_equal(error, "a.conf:1: no\n\nb\\x09c");
    a.ends = 0;
    command_fail(&a.call, true, "%s", lines);
    error = json_string_value(json_object_get(json_array_get(a.said, 2), "error"));
    assert_int_equal(strspn(error, "\n"), strlen(error));
    a.ends = 0;
    command_fail(&a.call, true, "%s", controls);
    error = json_string_value(json_object_get(json_array_get(a.said, 3), "error"));
    assert_true(strlen(error) < 8200);
    json_decref(a.said);
}

static void test_text_of_peers_becomes_a_string(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {NULL, ""},
        {"", ""},
        {"mx.example", "mx.example"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xff\x01", "\\xff\\x01"},
        {"a\\b", "a\\\\b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *text = command_string(cases[i].in);
        assert_string_equal(json_string_value(text), cases[i].out);
        json_decref(text);
    }
    char *huge = mem_alloc(100001);
    memset(huge, 'x', 100000);
    json_t *text = command_string(huge);
    assert_int_equal(json_string_length(text), 4095);
    json_decref(text);
    free(huge);
}

static void note(void *arg)
{
    ++*(int *)arg;
}

static void test_pace_without_a_carrier_of_it_goes_on_at_once(void **state)
{
    (void)state;
    struct asker a = {.call = {.ops = &ops}};
    int calls = 0;
    command_pace(&a.call, note, &calls);
    assert_int_equal(calls, 1);
}

static void test_who_has_answered_is_not_told_that_the_asker_left(void **state)
{
    (void)state;
    struct asker a = {.call = {.ops = &ops}, .said = json_array()};
    int calls = 0;
    command_on_gone(&a.call, note, &calls);
    assert_ptr_equal(a.call.gone, note);
    command_done(&a.call, NULL);
    assert_null(a.call.gone);
    json_decref(a.said);
}

static void test_a_row_is_found_with_its_sets_argument(void **state)
{
    (void)state;
    void *arg = NULL;
    assert_ptr_equal(command_find(sets, "shows", &arg), &first[0]);
    assert_ptr_equal(arg, one);
    assert_ptr_equal(command_find(sets, "fails", &arg), &second[3]);
    assert_ptr_equal(arg, two);
    assert_null(command_find(sets, "Fails", &arg));
    assert_string_equal(command_level_text(COMMAND_READ), "read");
    assert_string_equal(command_level_text(COMMAND_ADMIN), "admin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_runs_only_for_its_level_with_its_arguments),
        cmocka_unit_test(test_a_slow_asker_ends_the_items),
        cmocka_unit_test(test_an_item_that_json_refused_is_null),
        cmocka_unit_test(test_an_error_is_cut_and_is_always_text),
        cmocka_unit_test(test_text_of_peers_becomes_a_string),
        cmocka_unit_test(test_pace_without_a_carrier_of_it_goes_on_at_once),
        cmocka_unit_test(test_who_has_answered_is_not_told_that_the_asker_left),
        cmocka_unit_test(test_a_row_is_found_with_its_sets_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
