/* SPDX-License-Identifier: ISC */
/*
 * ctl_args: gatepostctl's command line.
 *
 * Words are matched against the table first, so that an unknown command is named as such and not by
 * an option it does not have; then each option is held against the command's row, and its value
 * against the option's. Nothing is done before all of it is right: wrong usage changes nothing.
 */
#include "admin/ctl_args.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/entry_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    struct ctl_args *out;
    char **why;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct parse *p, const char *format, ...)
{
    va_list more;
    char text[512];
    va_start(more, format);
    vsnprintf(text, sizeof text, format, more);
    va_end(more);
    *p->why = mem_strdup(text);
    return false;
}

/* The option of that name or letter; CTL_OPTIONS: none. */
static enum ctl_option find_option(const char *name, size_t len, char letter)
{
    unsigned i = 0;
    for (; i < CTL_OPTIONS; i++) {
        const struct ctl_option_row *row = &ctl_options[i];
        if (letter != '\0' ? row->letter == letter
                           : strlen(row->name) == len && memcmp(row->name, name, len) == 0)
            break;
    }
    return (enum ctl_option)i;
}

static bool take_option(struct parse *p, enum ctl_option option, const char *value)
{
    const struct ctl_option_row *row = &ctl_options[option];
    if (p->out->option[option] != NULL && !row->many)
        return wrong(p, "--%s is given twice; once is right", row->name);
    if (row->value == NULL && value != NULL)
        return wrong(p, "--%s takes no value", row->name);
    if (row->value != NULL && value == NULL)
        return wrong(p, "--%s needs a value: --%s %s", row->name, row->name, row->value);
    if (row->good != NULL && !row->good(value))
        return wrong(p, "--%s takes %s, not \"%s\"", row->name, row->right, value);
    p->out->option[option] = value != NULL ? value : "";
    if (row->many)
        p->out->many[p->out->many_count++] = value;
    return true;
}

/* The option argv[*at] and, where it stands apart, its value. */
static bool read_option(struct parse *p, int argc, char *const *argv, int *at)
{
    const char *text = argv[*at];
    const char *value = NULL;
    enum ctl_option option;
    if (text[1] == '-') {
        const char *equals = strchr(text, '=');
        option = find_option(text + 2, strcspn(text + 2, "="), '\0');
        value = equals != NULL ? equals + 1 : NULL;
    } else {
        option = find_option("", 0, text[1]);
        value = text[2] != '\0' ? text + 2 : NULL;
    }
    if (option == CTL_OPTIONS)
        return wrong(p, "there is no option %s; gatepostctl help lists them", text);
    if (value == NULL && ctl_options[option].value != NULL && *at + 1 < argc)
        value = argv[++*at];
    return take_option(p, option, value);
}

/* "add, del, list": what may stand behind the first word. */
static char *second_words(const char *first)
{
    char *all = mem_strdup("");
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
        const char *second = strchr(c->words, ' ');
        if (second == NULL || !ctl_command_word(c, 0, first))
            continue;
        char *more = mem_printf("%s%s%s", all, all[0] != '\0' ? ", " : "", second + 1);
        free(all);
        all = more;
    }
    return all;
}

static bool unknown_command(struct parse *p)
{
    const char *first = p->out->operand[0];
    char *seconds = second_words(first);
    if (seconds[0] == '\0')
        wrong(p, "there is no command \"%s\"; gatepostctl help lists them", first);
    else if (p->out->operands == 1)
        wrong(p, "%s needs one more word: %s", first, seconds);
    else
        wrong(p, "there is no \"%s %s\"; behind %s comes one of %s", first, p->out->operand[1],
              first, seconds);
    free(seconds);
    return false;
}

static bool matches(const struct ctl_command *command, const struct ctl_args *args)
{
    size_t words = ctl_command_words(command);
    for (size_t i = 0; i < words; i++)
        if (i == args->operands || !ctl_command_word(command, i, args->operand[i]))
            return false;
    return true;
}

static bool find_command(struct parse *p)
{
    struct ctl_args *out = p->out;
    const struct ctl_command *command = ctl_commands;
    if (out->operands == 0)
        return true;
    while (command->words != NULL && !matches(command, out))
        command++;
    if (command->words == NULL)
        return unknown_command(p);
    size_t words = ctl_command_words(command);
    out->command = command;
    memcpy(out->word, out->operand, words * sizeof out->word[0]);
    out->operands -= words;
    memmove(out->operand, out->operand + words, out->operands * sizeof out->operand[0]);
    return true;
}

/* "deny add", as it was written. */
static const char *title(const struct ctl_args *args, char out[static 64])
{
    snprintf(out, 64, "%s%s%s", args->word[0], args->word[1] != NULL ? " " : "",
             args->word[1] != NULL ? args->word[1] : "");
    return out;
}

static bool fits_command(struct parse *p)
{
    const struct ctl_args *out = p->out;
    const struct ctl_command *command = out->command;
    char name[64];
    if (command == NULL || out->option[CTL_HELP] != NULL)
        return true;
    for (unsigned i = 0; i < CTL_OPTION_COMMON; i++)
        if (out->option[i] != NULL && (command->options & CTL_BIT(i)) == 0)
            return wrong(p, "%s takes no --%s; gatepostctl help %s shows what it takes",
                         title(out, name), ctl_options[i].name, title(out, (char[64]){0}));
    if (out->operands < command->least)
        return wrong(p, "%s needs %s", title(out, name), command->operands);
    if (out->operands > command->most)
        return wrong(p, "%s does not take \"%s\"; gatepostctl help %s shows what it takes",
                     title(out, name), out->operand[command->most], title(out, (char[64]){0}));
    return true;
}

/* Everything goes to the daemon as JSON. */
static bool is_utf8(const char *text)
{
    size_t len = strlen(text);
    for (size_t used; len > 0; text += used, len -= used)
        if ((used = str_utf8(text, len)) == 0)
            return false;
    return true;
}

bool ctl_args_parse(int argc, char *const *argv, struct ctl_args *out, char **why)
{
    struct parse p = {.out = out, .why = why};
    *out = (struct ctl_args){.operand = mem_alloc((size_t)argc * sizeof out->operand[0] + 1),
                             .many = mem_alloc((size_t)argc * sizeof out->many[0] + 1)};
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (!is_utf8(argv[i]))
            return wrong(&p, "argument %d is not UTF-8; all of them must be", i);
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (!options || argv[i][0] != '-' || argv[i][1] == '\0')
            out->operand[out->operands++] = argv[i];
        else if (!read_option(&p, argc, argv, &i))
            return false;
    }
    return find_command(&p) && fits_command(&p);
}

void ctl_args_free(struct ctl_args *args)
{
    free(args->operand);
    free(args->many);
    args->operand = NULL;
    args->many = NULL;
}

static json_t *value_of(const struct ctl_option_row *row, const char *text)
{
    int64_t seconds = 0;
    switch (row->form) {
    case CTL_VALUE_NONE:
        return json_true();
    case CTL_VALUE_TEXT:
        break;
    case CTL_VALUE_NUMBER:
        return json_integer(strtoll(text, NULL, 10));
    case CTL_VALUE_DURATION:
        return entry_duration_parse(text, &seconds) ? json_integer(seconds) : json_null();
    }
    return json_string(text);
}

json_t *ctl_args_request(const struct ctl_args *args)
{
    json_t *request = json_object();
    for (unsigned i = 0; i < CTL_OPTIONS; i++)
        if (args->option[i] != NULL && ctl_options[i].argument != NULL)
            json_object_set_new(request, ctl_options[i].argument,
                                value_of(&ctl_options[i], args->option[i]));
    if (args->command != NULL && args->command->operand != NULL && args->operands > 0)
        json_object_set_new(request, args->command->operand, json_string(args->operand[0]));
    return request;
}
