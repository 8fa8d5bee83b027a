/* SPDX-License-Identifier: ISC */
/* auth_config_test: the section authentication, and sets of names. */
#include "policy/auth_config.h"

#include "lib/conf.h"
#include "policy/auth/arc.h"
#include "policy/auth/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct conf_section top;
static const struct conf_section *const sections[] = {&top, &auth_section, NULL};

/* What is wrong with the text; NULL: nothing. The caller frees. */
static char *read_text(struct auth_config *config, const char *text)
{
    struct conf *conf = conf_new("a.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    memset(config, 0, sizeof *config);
    auth_config_read(config, conf);
    char *faults = conf_faults(conf);
    conf_free(conf);
    return faults;
}

static void read_good(struct auth_config *config, const char *text)
{
    char *faults = read_text(config, text);
    if (faults != NULL)
        fail_msg("%s", faults);
}

static void without_a_section_there_are_defaults(void **state)
{
    (void)state;
    struct auth_config config;
    read_good(&config, "");
    assert_null(config.authserv_id);
    assert_null(config.forwarders);
    assert_false(config.received_spf);
    assert_null(config.score_header);
    assert_string_equal(config.mark_name, "X-Gatepost-Verdict");
    assert_string_equal(config.mark_value, "quarantine");
    assert_false(auth_names_have(config.forwarders, "example.org"));
    auth_config_free(&config);
}

static void names_are_found_themselves_or_below(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool have;
    } cases[] = {
        {"example.org", true},
        {"mail.example.org", false},
        {"lists.example.net", true},
        {"a.b.lists.example.net", true},
        {"example.net", false},
        {"xlists.example.net", false},
        {".lists.example.net", true},
        {"xn--bcher-kva.example", true},
        {"upper.example", true},
        {"", false},
        {".", false},
        {"org", false},
    };
    struct auth_config config;
    read_good(&config, "authentication { forwarders = {\"example.org\", \".lists.example.net\", "
                       "\"lists.example.net\", \"b\xc3\xbc"
                       "cher.example\", \"UPPER.Example.\"} }");
    for (size_t i = 0; i < COUNT(cases); i++)
        if (auth_names_have(config.forwarders, cases[i].name) != cases[i].have)
            fail_msg("%s", cases[i].name);
    auth_config_free(&config);
}

static void what_would_break_a_message_is_a_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fault; /* a part of it; NULL: none */
    } cases[] = {
        {"authserv-id = \"mx.example.org\"", NULL},
        {"authserv-id = \"mx example\"", "not one word"},
        {"authserv-id = \"mx;example\"", "not one word"},
        {"authserv-id = \"a(b)\"", "not one word"},
        {"authserv-id = \"\"", "is empty"},
        {"forwarders = {\"a b\"}", "is not a name like"},
        {"forwarders = {\"[192.0.2.1]\"}", "is not a name like"},
        {"forwarders = {\".\"}", "is not a name like"},
        {"forwarders = {\"..\"}", "is not a name like"},
        {"score-header = \"X-Score\"", NULL},
        {"score-header = \"X Score\"", "is not the name of a field"},
        {"score-header = \"X-Score:\"", "is not the name of a field"},
        {"score-header = \"subject\"", "of the message itself"},
        {"score-header = \"ARC-Seal\"", "of the message itself"},
        {"mark-header = \"DKIM-Signature\"", "of the message itself"},
        {"mark-header = \"X-Spam-Flag\"\nmark-value = \"YES\"", NULL},
        {"mark-value = \"caf\xc3\xa9\"", "printable"},
        {"mark-value = \" YES\"", "printable"},
        {"mark-value = \"a\\nSubject: x\"", "printable"},
        {"score-header = \"x-gatepost-verdict\"", "one name"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct auth_config config;
        char text[256];
        snprintf(text, sizeof text, "authentication {\n%s\n}\n", cases[i].text);
        char *faults = read_text(&config, text);
        bool right = cases[i].fault == NULL
                         ? faults == NULL
                         : faults != NULL && strstr(faults, cases[i].fault) != NULL;
        if (!right)
            fail_msg("%s: %s", cases[i].text, faults != NULL ? faults : "no fault");
        free(faults);
        auth_config_free(&config);
    }
}

static void blocks_that_are_off_leave_the_evaluators_their_defaults(void **state)
{
    (void)state;
    const struct dkim_config dkim = {.signatures = 3, .least_bits = 2048, .partial = true};
    const struct arc_config arc = {.sets = 5};
    struct dkim_rules dkim_rules;
    struct arc_rules arc_rules;
    auth_rules(NULL, NULL, 7, &dkim_rules, &arc_rules);
    assert_int_equal(dkim_rules.signatures, 10);
    assert_int_equal(dkim_rules.least_bits, 1024);
    assert_false(dkim_rules.partial);
    assert_int_equal(dkim_rules.now, 7);
    assert_int_equal(arc_rules.sets, ARC_SETS_MOST);
    assert_int_equal(arc_rules.least_bits, 1024);
    assert_int_equal(arc_rules.now, 7);
    auth_rules(&dkim, &arc, 7, &dkim_rules, &arc_rules);
    assert_int_equal(dkim_rules.signatures, 3);
    assert_int_equal(dkim_rules.least_bits, 2048);
    assert_true(dkim_rules.partial);
    assert_int_equal(arc_rules.sets, 5);
    assert_int_equal(arc_rules.least_bits, 2048);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_section_there_are_defaults),
        cmocka_unit_test(names_are_found_themselves_or_below),
        cmocka_unit_test(what_would_break_a_message_is_a_fault),
        cmocka_unit_test(blocks_that_are_off_leave_the_evaluators_their_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
