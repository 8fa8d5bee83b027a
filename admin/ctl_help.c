/* SPDX-License-Identifier: ISC */
/*
 * ctl_help: help from the table, for people and, with --json, whole for programs: lint compares the
 * manual and the completions with that.
 */
#include "admin/ctl_help.h"

#include "admin/ctl_run.h"
#include "admin/ctl_show.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_option(enum ctl_option option, FILE *out)
{
    const struct ctl_option_row *row = &ctl_options[option];
    char *form =
        mem_printf("%s%c%s--%s%s%s", row->letter != '\0' ? "-" : "",
                   row->letter != '\0' ? row->letter : ' ', row->letter != '\0' ? ", " : "   ",
                   row->name, row->value != NULL ? " " : "", row->value != NULL ? row->value : "");
    fprintf(out, "  %-25s  %s\n", form, row->help);
    free(form);
}

void ctl_help_all(FILE *out)
{
    fputs("usage: gatepostctl [OPTION...] COMMAND ...\n\ncommands:\n", out);
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++) {
        char *form = mem_printf("%s%s%s", c->words, c->operands[0] != '\0' ? " " : "", c->operands);
        fprintf(out, "  %-30s  %s\n", form, c->help);
        free(form);
    }
    fputs("\noptions of every command (gatepostctl help COMMAND shows a command's own):\n", out);
    for (unsigned i = CTL_OPTION_COMMON; i < CTL_OPTIONS; i++)
        show_option((enum ctl_option)i, out);
    fputs("\nexit status: 0 fine, 1 it could not or there is no such thing, 2 wrong usage\n", out);
}

void ctl_help_command(const struct ctl_command *command, FILE *out)
{
    char *usage = ctl_command_usage(command);
    fprintf(out, "usage: %s\n  %s\n", usage, command->help);
    free(usage);
    for (unsigned i = 0; i < CTL_OPTION_COMMON; i++)
        if ((command->options & CTL_BIT(i)) != 0)
            show_option((enum ctl_option)i, out);
}

static json_t *option_json(enum ctl_option option)
{
    const struct ctl_option_row *row = &ctl_options[option];
    return json_pack("{s:s, s:s*, s:s}", "option", row->name, "value", row->value, "help",
                     row->help);
}

static void command_json(const struct ctl_command *command, json_t *out)
{
    json_t *options = json_array();
    for (unsigned i = 0; i < CTL_OPTION_COMMON; i++)
        if ((command->options & CTL_BIT(i)) != 0)
            json_array_append_new(options, option_json((enum ctl_option)i));
    char *usage = ctl_command_usage(command);
    json_array_append_new(out,
                          json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "command", command->words,
                                    "operands", command->operands, "usage", usage, "help",
                                    command->help, "local", command->local, "options", options));
    free(usage);
}

static bool wanted(const struct ctl_command *command, const struct ctl_args *args)
{
    for (size_t i = 0; i < args->operands; i++)
        if (!ctl_command_word(command, i, args->operand[i]))
            return false;
    return true;
}

static void show_json(const struct ctl_args *args)
{
    json_t *commands = json_array();
    json_t *options = json_array();
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++)
        if (wanted(c, args))
            command_json(c, commands);
    for (unsigned i = CTL_OPTION_COMMON; i < CTL_OPTIONS; i++)
        json_array_append_new(options, option_json((enum ctl_option)i));
    json_t *out = json_pack("{s:o, s:o}", "commands", commands, "options", options);
    ctl_show_json(out, true);
    json_decref(out);
}

int ctl_help(struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;
    size_t found = 0;
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++)
        found += wanted(c, args);
    if (found == 0)
        return ctl_fail(2, "there is no command \"%s%s%s\"; gatepostctl help lists them",
                        args->operand[0], args->operands > 1 ? " " : "",
                        args->operands > 1 ? args->operand[1] : "");
    if (ctl->json) {
        show_json(args);
        return 0;
    }
    if (args->operands == 0) {
        ctl_help_all(stdout);
        return 0;
    }
    for (const struct ctl_command *c = ctl_commands; c->words != NULL; c++)
        if (wanted(c, args))
            ctl_help_command(c, stdout);
    return 0;
}
