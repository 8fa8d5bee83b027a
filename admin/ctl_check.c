/* SPDX-License-Identifier: ISC */
/*
 * ctl_check: check-config and backup: what concerns files.
 *
 * check-config is gatepostd -t, the one beside this program: the same code finds the same faults,
 * keys and certificates included, which only the daemon knows how to read.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"
#include "lib/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MOST ((size_t)1 << 20)

/* Where gatepostd is; fresh. */
static char *daemon_path(void)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        return mem_strdup("gatepostd");
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    return mem_printf("%.*sgatepostd", slash != NULL ? (int)(slash - self) + 1 : 0, self);
}

/* Runs argv with its output in `fd`, or where it is negative in ours. -1: it cannot be started. */
static pid_t start(char *const *argv, int fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (fd >= 0 && (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0))
        _exit(127);
    execvp(argv[0], argv);
    _exit(127);
}

static int finish(pid_t pid, const char *program)
{
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) != 127)
        return WEXITSTATUS(status) == 0 ? 0 : 1;
    return ctl_fail(1, "%s cannot be run; it belongs beside gatepostctl", program);
}

/* The lines that `in` gives, as an array. */
static json_t *lines_of(FILE *in)
{
    json_t *lines = json_array();
    char *line = NULL;
    size_t room = 0, total = 0;
    ssize_t len;
    while ((len = getline(&line, &room, in)) > 0) {
        total += (size_t)len;
        if (total < OUTPUT_MOST)
            json_array_append_new(
                lines, json_stringn(line, (size_t)len - (line[len - 1] == '\n' ? 1 : 0)));
    }
    free(line);
    return lines;
}

/* {"good": true, "lines": [...]} */
static int check_for_programs(char *const *argv)
{
    int ends[2];
    if (pipe(ends) != 0)
        return ctl_fail(1, "pipe: %s", strerror(errno));
    pid_t pid = start(argv, ends[1]);
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    json_t *lines = in != NULL ? lines_of(in) : json_array();
    if (in != NULL)
        fclose(in);
    int status = finish(pid, argv[0]);
    json_t *out = json_pack("{s:b, s:o}", "good", status == 0, "lines", lines);
    ctl_show_json(out, true);
    json_decref(out);
    return status;
}

int ctl_check_config(struct ctl *ctl)
{
    char *argv[] = {daemon_path(), mem_strdup("-t"), mem_strdup("-c"), mem_strdup(ctl->config.path),
                    NULL};
    int status = ctl->json ? check_for_programs(argv) : finish(start(argv, -1), argv[0]);
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    return status;
}

/* The daemon has another working directory than we. */
static char *absolute(const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/' || getcwd(here, sizeof here) == NULL)
        return mem_strdup(path);
    return mem_printf("%s/%s", here, path);
}

int ctl_backup(struct ctl *ctl)
{
    json_t *result = NULL;
    char *path = absolute(ctl->args.operand[0]);
    int status = ctl_ask(ctl, "backup", json_pack("{s:s}", "file", path), NULL, NULL, &result);
    if (status == 0 && ctl->json)
        ctl_show_json(result, true);
    else if (status == 0)
        printf("copied to %s\n", path);
    json_decref(result);
    free(path);
    return status;
}
