/* SPDX-License-Identifier: ISC */
/*
 * ctl_config: what gatepostctl needs to know of the daemon's configuration.
 *
 * The one file of gatepostctl that knows proxy/, since there the file is read. A file that cannot
 * be read, for want of rights or because it has a fault since the daemon read it, is no reason not
 * to talk to a running daemon: then the socket is the default one, and the reason is kept for the
 * case that nobody listens there.
 */
#include "admin/ctl_config.h"

#include "lib/mem.h"
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

#define SOCKET_DEFAULT "/run/gatepost/control"

void ctl_config_init(struct ctl_config *config, const char *path, const char *socket)
{
    *config = (struct ctl_config){.path = mem_strdup(path), .socket = mem_strdup(socket)};
}

void ctl_config_read(struct ctl_config *out)
{
    char *faults = NULL;
    char *warnings = NULL;
    if (out->read)
        return;
    out->read = true;
    struct config *config = config_read(out->path, &faults, &warnings);
    if (config != NULL) {
        out->state_dir = mem_strdup(config->state_dir);
        out->user = mem_strdup(config->user);
        if (out->socket == NULL)
            out->socket = mem_strdup(config->control.socket);
        config_unref(config);
    } else {
        out->why = faults != NULL ? faults : mem_printf("%s: cannot be read\n", out->path);
        out->why[strcspn(out->why, "\n")] = '\0';
        faults = NULL;
        if (out->socket == NULL)
            out->socket = mem_strdup(SOCKET_DEFAULT);
    }
    free(faults);
    free(warnings);
}

void ctl_config_clear(struct ctl_config *config)
{
    free(config->path);
    free(config->socket);
    free(config->state_dir);
    free(config->user);
    free(config->why);
}
