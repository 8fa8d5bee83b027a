/* SPDX-License-Identifier: ISC */
/*
 * main: gatepostd's command line. See gatepostd(8).
 *
 * Exit status: 0 after a clean stop or a good -t, 1 for a fault, 2 for wrong usage.
 */
#include "proxy/config.h"
#include "proxy/daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GATEPOST_VERSION
#define GATEPOST_VERSION "unknown"
#endif

#ifndef GATEPOST_CONFIG
#define GATEPOST_CONFIG "/etc/gatepost/gatepost.conf"
#endif

static void usage(FILE *out)
{
    fputs("usage: gatepostd [-c FILE] [-t] [-V] [--help]\n"
          "  -c FILE  read this configuration (default " GATEPOST_CONFIG ")\n"
          "  -t       check the configuration and exit\n"
          "  -V       print the version and exit\n"
          "  --help   print this and every option of the configuration\n",
          out);
}

static int help(void)
{
    usage(stdout);
    putchar('\n');
    config_print_options(stdout);
    return 0;
}

/* Shows faults or warnings as they are, a line each. */
static void show(char *text)
{
    if (text != NULL && text[0] != '\0')
        fprintf(stderr, "%s%s", text, text[strlen(text) - 1] != '\n' ? "\n" : "");
    free(text);
}

static int check(const char *path)
{
    char *why = NULL;
    char *faults = NULL;
    char *warnings = NULL;
    struct config *config = config_read(path, &faults, &warnings);
    show(warnings);
    show(faults);
    if (config == NULL)
        return 1;
    warnings = NULL;
    bool good = daemon_check(config, &warnings, &why);
    show(warnings);
    config_unref(config);
    if (good)
        printf("%s: the configuration is good\n", path);
    else
        fprintf(stderr, "%s: %s\n", path, why);
    free(why);
    return good ? 0 : 1;
}

static int run(const char *path)
{
    char *faults = NULL;
    char *warnings = NULL;
    struct config *config = config_read(path, &faults, &warnings);
    if (config == NULL) {
        show(warnings);
        show(faults);
        return 1;
    }
    daemon_log_init(config);
    daemon_log_lines(LOG_LEVEL_WARNING, "config-warning", warnings);
    return daemon_run(config, GATEPOST_VERSION);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    const char *path = GATEPOST_CONFIG;
    bool check_only = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 't':
            check_only = true;
            break;
        case 'V':
            puts("gatepostd " GATEPOST_VERSION);
            return 0;
        case 'h':
            return help();
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 2;
    }
    if (check_only)
        return check(path);
    return run(path);
}
