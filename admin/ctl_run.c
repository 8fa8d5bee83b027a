/* SPDX-License-Identifier: ISC */
/*
 * ctl_run: what the commands of gatepostctl stand on: saying what failed, asking back, and asking
 * the daemon, or, where it is down and the command allows that, the rows themselves.
 *
 * Whether somebody is asked back: only where standard input and standard error are a terminal, so
 * nothing ever waits in a script.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_local.h"
#include "lib/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list more)
{
    fflush(stdout);
    fputs("gatepostctl: ", stderr);
    vfprintf(stderr, format, more);
    fputc('\n', stderr);
}

int ctl_fail(int status, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    say(format, more);
    va_end(more);
    return status;
}

void ctl_note(const struct ctl *ctl, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    if (!ctl->json)
        say(format, more);
    va_end(more);
}

bool ctl_confirm(const struct ctl *ctl, const char *question)
{
    if (ctl->args.option[CTL_YES] != NULL || ctl->json || !isatty(STDIN_FILENO) ||
        !isatty(STDERR_FILENO))
        return true;
    char answer[16] = "";
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    return answer[0] == 'y' || answer[0] == 'Y';
}

/* Nobody listens: by ourselves, or not at all. Returns 0 with the link. */
static int without_daemon(struct ctl *ctl, const char *nobody)
{
    char *why = NULL;
    ctl_config_read(&ctl->config);
    if (!ctl->args.command->local && ctl->config.why == NULL)
        return ctl_fail(1, "gatepostd is not running: %s", nobody);
    if (!ctl->args.command->local)
        return ctl_fail(1,
                        "gatepostd is not running, or listens elsewhere (--socket): %s; the "
                        "configuration cannot be read: %s",
                        nobody, ctl->config.why);
    if (ctl->config.state_dir == NULL)
        return ctl_fail(1, "%s, and without a good configuration its lists cannot be found: %s",
                        nobody, ctl->config.why);
    ctl->link = ctl_local_new(&ctl->config, &why);
    int status = ctl->link != NULL ? 0 : ctl_fail(1, "%s; %s", nobody, why);
    free(why);
    return status;
}

static int open_link(struct ctl *ctl)
{
    char *why = NULL;
    if (ctl->config.socket == NULL)
        ctl_config_read(&ctl->config);
    if (ctl->config.socket == NULL)
        return without_daemon(ctl, "the configuration says control { socket = off }");
    enum ctl_connect connect = ctl_connect(ctl->config.socket, &ctl->link, &why);
    int status = 0;
    switch (connect) {
    case CTL_CONNECTED:
        break;
    case CTL_NOBODY:
        status = without_daemon(ctl, why);
        break;
    case CTL_REFUSED:
        status = ctl_fail(1, "%s", why);
        break;
    }
    free(why);
    return status;
}

/* A line each: a reload names every fault of a file. */
static void say_lines(const char *text)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        char shown[1024];
        size_t len = strcspn(line, "\n");
        str_printable(shown, sizeof shown, line, len);
        ctl_fail(1, "%s", shown);
        line += len + (line[len] == '\n');
    }
}

/* Says what went wrong; the exit status. */
static int judge(enum ctl_outcome outcome, const struct ctl_reply *reply)
{
    say_lines(reply->why);
    switch (outcome) {
    case CTL_GOOD:
    case CTL_ENOUGH:
        break;
    case CTL_BAD:
    case CTL_BROKEN:
        return 1;
    case CTL_USAGE:
        return 2;
    }
    return 0;
}

int ctl_ask(struct ctl *ctl, const char *command, json_t *args, ctl_item_fn item, void *arg,
            json_t **result)
{
    const struct ctl_command *row = ctl->args.command;
    struct ctl_request request = {.command = command, .args = args, .item = item, .arg = arg};
    struct ctl_reply reply = {0};
    if (row->answer != CTL_LIVE)
        request.patience = row->patience != 0 ? row->patience : CTL_PATIENCE;
    int status = ctl->link != NULL ? 0 : open_link(ctl);
    if (status == 0)
        status = judge(ctl->link->ops->ask(ctl->link, &request, &reply), &reply);
    json_decref(args);
    free(reply.why);
    if (result != NULL)
        *result = reply.result;
    else
        json_decref(reply.result);
    return status;
}
