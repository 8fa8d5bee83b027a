/* SPDX-License-Identifier: ISC */
/*
 * ctl: gatepostctl's main(). See gatepostctl(1).
 *
 * Exit status: 0 fine, 1 it could not or there is no such thing, 2 wrong usage.
 */
#include "admin/ctl_help.h"
#include "admin/ctl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef GATEPOST_VERSION
#define GATEPOST_VERSION "unknown"
#endif

#ifndef GATEPOST_CONFIG
#define GATEPOST_CONFIG "/etc/gatepost/gatepost.conf"
#endif

static int run(struct ctl *ctl)
{
    const char *const *option = ctl->args.option;
    const char *no_color = getenv("NO_COLOR");
    ctl->json = option[CTL_JSON] != NULL;
    ctl->colour = !ctl->json && option[CTL_NO_COLOR] == NULL &&
                  (no_color == NULL || no_color[0] == '\0') && isatty(STDOUT_FILENO);
    ctl_config_init(&ctl->config, option[CTL_CONFIG] != NULL ? option[CTL_CONFIG] : GATEPOST_CONFIG,
                    option[CTL_SOCKET]);
    int status = ctl->args.command->run(ctl);
    ctl_link_free(ctl->link);
    ctl_config_clear(&ctl->config);
    if (fflush(stdout) != 0 || ferror(stdout))
        return 1;
    return status;
}

static int begin(struct ctl *ctl)
{
    const struct ctl_command *command = ctl->args.command;
    if (ctl->args.option[CTL_VERSION] != NULL) {
        puts("gatepostctl " GATEPOST_VERSION);
        return 0;
    }
    if (ctl->args.option[CTL_HELP] != NULL) {
        if (command != NULL)
            ctl_help_command(command, stdout);
        else
            ctl_help_all(stdout);
        return 0;
    }
    if (command == NULL)
        return ctl_fail(2, "a command is missing; gatepostctl help lists them");
    return run(ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {0};
    char *why = NULL;
    int status = ctl_args_parse(argc, argv, &ctl.args, &why) ? begin(&ctl) : ctl_fail(2, "%s", why);
    ctl_args_free(&ctl.args);
    free(why);
    return status;
}
