/* SPDX-License-Identifier: ISC */
/* Tests of ctl_table: what every row must have, so that parsing and help can rely on it. */
#include "admin/ctl_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_command_is_whole(void **state)
{
    (void)state;
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
        assert_non_null(c->operands);
        assert_non_null(c->help);
        assert_non_null(c->run);
        assert_in_range(ctl_command_words(c), 1, CTL_WORDS_MOST);
        assert_true(c->least <= c->most);
        assert_int_equal(c->operands[0] != '\0', c->most > 0);
        assert_int_equal(c->operands[0] == '[', c->most > 0 && c->least == 0);
        assert_true((c->options >> CTL_OPTION_COMMON) == 0);
        assert_true(c->answer == CTL_OBJECT || c->ask != NULL);
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", c->help[0]) != NULL ||
            c->help[strlen(c->help) - 1] == '.')
            fail_msg("%s: help is a clause, not a sentence", c->words);
    }
}

static void every_option_is_whole_and_of_use(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CTL_OPTIONS; i++) {
        const struct ctl_option_row *row = &ctl_options[i];
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_equal(row->good != NULL, row->right != NULL);
        assert_true(row->good == NULL || row->value != NULL);
        for (unsigned other = 0; other < i; other++) {
            assert_string_not_equal(row->name, ctl_options[other].name);
            assert_true(row->letter == 0 || row->letter != ctl_options[other].letter);
        }
        bool taken = i >= CTL_OPTION_COMMON;
        for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++)
            taken = taken || (c->options & CTL_BIT(i)) != 0;
        if (!taken)
            fail_msg("--%s is taken by no command", row->name);
    }
}

/* "a|b c" and "a d" are two; "a c" twice would hide the second. */
static void no_command_hides_another(void **state)
{
    (void)state;
    for (const struct ctl_command *one = ctl_commands; one->words != NULL; one++)
        for (const struct ctl_command *two = ctl_commands; two != one; two++) {
            char word[64];
            size_t len = strcspn(one->words, "| ");
            memcpy(word, one->words, len);
            word[len] = '\0';
            if (!ctl_command_word(two, 0, word))
                continue;
            const char *second = strchr(one->words, ' ');
            if (second == NULL || ctl_command_words(two) == 1 ||
                ctl_command_word(two, 1, second + 1))
                fail_msg("%s and %s", one->words, two->words);
        }
}

static void words_are_matched_by_group(void **state)
{
    (void)state;
    const struct ctl_command *add = &ctl_commands[0];
    assert_true(ctl_command_word(add, 0, "allow"));
    assert_true(ctl_command_word(add, 0, "trap"));
    assert_true(ctl_command_word(add, 1, "add"));
    assert_false(ctl_command_word(add, 0, "add"));
    assert_false(ctl_command_word(add, 0, "all"));
    assert_false(ctl_command_word(add, 0, "allow|deny"));
    assert_false(ctl_command_word(add, 1, "ad"));
    assert_false(ctl_command_word(add, 2, "add"));
    assert_false(ctl_command_word(add, 0, ""));
}

static void usage_names_operands_and_options(void **state)
{
    (void)state;
    char *usage = ctl_command_usage(&ctl_commands[0]);
    assert_string_equal(usage, "gatepostctl allow|deny|trap add KEY... [--for DURATION] [--reason "
                               "TEXT] [--action ACTION] [--unproven]");
    free(usage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_whole),
        cmocka_unit_test(every_option_is_whole_and_of_use),
        cmocka_unit_test(no_command_hides_another),
        cmocka_unit_test(words_are_matched_by_group),
        cmocka_unit_test(usage_names_operands_and_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
