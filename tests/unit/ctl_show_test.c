/* SPDX-License-Identifier: ISC */
/*
 * Tests of ctl_show, ctl_call and ctl_entry: values as people read them, the last line of an
 * answer, entries packed and read.
 */
#include "admin/ctl_show.h"

#include "admin/ctl_entry.h"
#include "admin/ctl_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static json_t *value_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void a_value_is_shown_by_what_its_member_means(void **state)
{
    (void)state;
    static const struct {
        const char *member, *json, *text;
        bool numeric;
    } cases[] = {
        {"name", "\"a\"", "a", false},
        {"name", "\"a\\u001b[2J\\n\"", "a\\x1b[2J\\x0a", false},
        {"name", "\"\\u202e\"", "\\xe2\\x80\\xae", false},
        {"name", "5", "5", true},
        {"score", "7.5", "7.5", true},
        {"score", "-0.25", "-0.25", true},
        {"proven", "true", "yes", false},
        {"proven", "false", "no", false},
        {"name", "null", "-", false},
        {"expires", "null", "never", false},
        {"left", "0", "0s", true},
        {"left", "59", "59s", true},
        {"left", "61", "1m 1s", true},
        {"wait", "7200", "2h 0m", true},
        {"uptime", "90061", "1d 1h", true},
        {"left", "-5", "-5s", true},
        {"size", "1023", "1023", true},
        {"size", "1536", "1.5K", true},
        {"size", "9223372036854775807", "8388608.0T", true},
        {"recipients", "[\"a\",\"b\"]", "a, b", false},
        {"recipients", "[]", "", false},
        {"list", "{\"a\":1}", "{\"a\":1}", false},
        {"deep", "[[[[1]]]]", "[...]", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool numeric = false;
        json_t *value = value_of(cases[i].json);
        char *text = ctl_show_value(cases[i].member, value, &numeric);
        if (strcmp(text, cases[i].text) != 0 || numeric != cases[i].numeric)
            fail_msg("%s %s: %s", cases[i].member, cases[i].json, text);
        free(text);
        json_decref(value);
    }
    bool numeric;
    char *text = ctl_show_value("left", NULL, &numeric);
    assert_string_equal(text, "-");
    free(text);
}

static void long_values_are_cut(void **state)
{
    (void)state;
    bool numeric;
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text);
    json_t *value = json_stringn(long_text, sizeof long_text);
    char *text = ctl_show_value("reason", value, &numeric);
    assert_in_range(strlen(text), 1000, 1024);
    assert_string_equal(text + strlen(text) - 3, "...");
    free(text);
    json_decref(value);
}

static void width_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(ctl_show_width(""), 0);
    assert_int_equal(ctl_show_width("abc"), 3);
    assert_int_equal(ctl_show_width("b\xc3\xbc"
                                    "cher"),
                     6);
}

static void colour_is_for_verdicts_where_it_is_wished(void **state)
{
    (void)state;
    struct ctl ctl = {.colour = true};
    assert_string_not_equal(ctl_show_colour(&ctl, "verdict", "reject"), "");
    assert_string_not_equal(ctl_show_colour(&ctl, "state", "good"),
                            ctl_show_colour(&ctl, "state", "degraded"));
    assert_string_equal(ctl_show_colour(&ctl, "helo", "reject"), "");
    assert_string_equal(ctl_show_colour(&ctl, "verdict", "else"), "");
    ctl.colour = false;
    assert_string_equal(ctl_show_colour(&ctl, "verdict", "reject"), "");
    assert_string_equal(ctl_show_bold(&ctl), "");
}

static bool count_item(json_t *item, void *arg)
{
    size_t *count = arg;
    assert_true(json_is_object(item));
    return ++*count < 2;
}

static void the_last_line_of_an_answer_says_how_it_went(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool last;
        enum ctl_outcome outcome;
        const char *why;
    } cases[] = {
        {"{\"item\":{}}", false, CTL_ENOUGH, NULL},
        {"{\"item\":{}}", true, CTL_ENOUGH, NULL}, /* the second: enough */
        {"{\"ok\":true,\"result\":{\"a\":1}}", true, CTL_GOOD, NULL},
        {"{\"ok\":true}", true, CTL_GOOD, NULL},
        {"{\"ok\":false,\"error\":\"x\"}", true, CTL_BAD, "x"},
        {"{\"ok\":false,\"error\":\"x\",\"usage\":true}", true, CTL_USAGE, "x"},
        {"{\"ok\":false,\"error\":\"x\",\"usage\":false}", true, CTL_BAD, "x"},
        {"{\"ok\":false}", true, CTL_BROKEN, "none of gatepostd's"},
        {"{\"ok\":1}", true, CTL_BROKEN, "none of gatepostd's"},
        {"[]", true, CTL_BROKEN, "none of gatepostd's"},
        {"{}", true, CTL_BROKEN, "none of gatepostd's"},
    };
    size_t count = 0;
    const struct ctl_request request = {.command = "x", .item = count_item, .arg = &count};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ctl_reply reply = {0};
        enum ctl_outcome outcome = CTL_BROKEN;
        json_t *line = value_of(cases[i].line);
        assert_int_equal(ctl_answer_line(line, &request, &reply, &outcome), cases[i].last);
        if (cases[i].last)
            assert_int_equal(outcome, cases[i].outcome);
        assert_int_equal(reply.result != NULL, cases[i].outcome == CTL_GOOD);
        assert_int_equal(reply.why != NULL, cases[i].why != NULL);
        if (cases[i].why != NULL)
            assert_non_null(strstr(reply.why, cases[i].why));
        json_decref(reply.result);
        free(reply.why);
        json_decref(line);
    }
}

static void entries_are_packed_and_come_out_as_they_were(void **state)
{
    (void)state;
    static const struct entry in[] = {
        {.list = ENTRY_DENY,
         .kind = ENTRY_CLIENT,
         .action = ENTRY_TARPIT,
         .key = "192.0.2.0/24",
         .reason = "two words",
         .author = "",
         .expires = 1234567890123},
        {.list = ENTRY_ALLOW,
         .kind = ENTRY_HELO,
         .unproven = true,
         .key = "a.example",
         .reason = "",
         .author = ""},
        {.list = ENTRY_TRAP, .kind = ENTRY_RECIPIENT, .key = "", .reason = "", .author = ""},
    };
    struct ctl_entries entries = {0};
    struct entry out;
    size_t at = 0;
    assert_false(ctl_entries_next(&entries, &at, &out));
    for (size_t i = 0; i < COUNT(in); i++)
        ctl_entries_add(&entries, &in[i]);
    assert_int_equal(entries.count, COUNT(in));
    for (size_t i = 0; i < COUNT(in); i++) {
        assert_true(ctl_entries_next(&entries, &at, &out));
        assert_string_equal(out.key, in[i].key);
        assert_string_equal(out.reason, in[i].reason);
        assert_int_equal(out.list, in[i].list);
        assert_int_equal(out.kind, in[i].kind);
        assert_int_equal(out.action, in[i].action);
        assert_int_equal(out.unproven, in[i].unproven);
        assert_int_equal(out.expires, in[i].expires);
    }
    assert_false(ctl_entries_next(&entries, &at, &out));
    ctl_entries_free(&entries);
}

static void an_item_is_read_as_an_entry_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        bool good;
    } cases[] = {
        {"{\"list\":\"deny\",\"kind\":\"client\",\"key\":\"192.0.2.1\",\"expires\":null}", true},
        {"{\"list\":\"deny\",\"kind\":\"helo\",\"key\":\"a.example\"}", true},
        {"{\"list\":\"deny\",\"kind\":\"client\",\"key\":\"nonsense\"}", false},
        {"{\"list\":\"grey\",\"kind\":\"client\",\"key\":\"192.0.2.1\"}", false},
        {"{\"kind\":\"client\",\"key\":\"192.0.2.1\"}", false},
        {"{\"list\":5,\"kind\":[],\"key\":{}}", false},
        {"[]", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct entry out;
        char key[ENTRY_KEY_MOST];
        json_t *item = value_of(cases[i].item);
        if (ctl_entry_read(item, &out, key) != cases[i].good)
            fail_msg("%s", cases[i].item);
        json_decref(item);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_shown_by_what_its_member_means),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(width_counts_characters),
        cmocka_unit_test(colour_is_for_verdicts_where_it_is_wished),
        cmocka_unit_test(the_last_line_of_an_answer_says_how_it_went),
        cmocka_unit_test(entries_are_packed_and_come_out_as_they_were),
        cmocka_unit_test(an_item_is_read_as_an_entry_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
