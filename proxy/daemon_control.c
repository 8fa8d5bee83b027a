/* SPDX-License-Identifier: ISC */
/*
 * daemon_control: what each room can be asked, in one table, and the socket where it is asked.
 *
 * Promises: mail does not wait for administrators: a socket that cannot be made is an error in the
 * log and nothing more.
 */
#include "proxy/daemon_control.h"

#include "admin/control.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "proxy/config.h"
#include "proxy/setup.h"

#include <stdlib.h>

struct daemon_control {
    struct control *control;
    struct commands commands;
    struct command_set set[8]; /* the last has no rows */
};

static void join_sets(struct daemon_control *d)
{
    size_t count = 0;
    d->set[count++] = (struct command_set){commands_rows, &d->commands};
    d->set[count++] = (struct command_set){commands_sessions_rows, &d->commands};
    d->set[count++] = (struct command_set){commands_dns_rows, &d->commands};
}

static void listen_at(struct daemon_control *d, const struct control_settings *settings)
{
    char *why = NULL;
    const char **admins = mem_alloc((settings->admin_count + 1) * sizeof *admins);
    for (size_t i = 0; i < settings->admin_count; i++)
        admins[i] = settings->admin[i];
    const struct control_config config = {
        .socket = settings->socket, .group = settings->group, .admins = admins};
    d->control = control_new(d->commands.loop, &config, d->set, &why);
    if (d->control == NULL)
        log_event(LOG_LEVEL_ERROR, NULL, "control-fault", "gatepostctl cannot ask this daemon: %s",
                  why);
    free(why);
    free(admins);
}

struct daemon_control *daemon_control_new(const struct commands *commands,
                                          const struct config *config, struct dns *dns)
{
    struct daemon_control *d = mem_alloc(sizeof *d);
    (void)dns;
    d->commands = *commands;
    join_sets(d);
    if (config->control.socket != NULL)
        listen_at(d, &config->control);
    return d;
}

void daemon_control_free(struct daemon_control *d)
{
    if (d == NULL)
        return;
    control_free(d->control);
    free(d);
}
