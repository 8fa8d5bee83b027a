/* SPDX-License-Identifier: ISC */
/* options_control: the section control { ... }: where administrators' commands come in, and whose.
 */
#include "proxy/options.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member)   offsetof(struct config, control.member)

/* Octets of a path that a socket can have, without the NUL. */
#define SOCKET_MOST (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

static const struct conf_row control_rows[] = {
    {.name = "socket",
     .type = CONF_STRING,
     .offset = AT(socket),
     .initial = "/run/gatepost/control",
     .restart = true,
     .help = "where gatepostctl asks; off: nowhere"},
    {.name = "group",
     .type = CONF_STRING,
     .offset = AT(group),
     .initial = "gatepost",
     .restart = true,
     .help = "whose members may connect and read"},
    {.name = "admins",
     .type = CONF_STRINGS,
     .offset = AT(admin),
     .count_offset = AT(admin_count),
     .restart = true,
     .help = "users that may change things, beside root and the daemon's own"},
};

const struct conf_section options_control = {.name = "control",
                                             .row = control_rows,
                                             .rows = COUNT(control_rows),
                                             .help = "administrators' commands"};

/* Relative to the configuration, like every file name; NULL where there is to be none. */
static char *socket_path(const struct config *config)
{
    const char *name = config->control.socket;
    if (name == NULL || name[0] == '\0' || strcmp(name, "off") == 0)
        return NULL;
    const char *slash = strrchr(config->path, '/');
    int directory = name[0] != '/' && slash != NULL ? (int)(slash - config->path) + 1 : 0;
    return mem_printf("%.*s%s", directory, config->path, name);
}

void options_check_control(struct options_check *c)
{
    const struct conf_part *part = conf_part(c->conf, &options_control, 0);
    struct control_settings *control = &c->config->control;
    char *path = socket_path(c->config);
    free((void *)(uintptr_t)control->socket);
    control->socket = path;
    if (path != NULL && strlen(path) > SOCKET_MOST)
        conf_fault(c->conf, conf_line(part, "socket", 0),
                   "socket %s: longer than the %zu octets a socket's path can have; give a shorter "
                   "one",
                   path, SOCKET_MOST);
    for (size_t i = 0; path == NULL && i < control->admin_count; i++)
        conf_warn(c->conf, conf_line(part, "admins", i),
                  "admins: \"%s\" can change nothing while there is no socket; give one",
                  control->admin[i]);
}
