/* SPDX-License-Identifier: ISC */
/* ctl_local: the lists without a daemon. */
#include "admin/ctl_local.h"

#include "lib/mem.h"

struct ctl_link *ctl_local_new(const struct ctl_config *config, char **why)
{
    *why = mem_printf("the lists in %s cannot be changed without it", config->state_dir);
    return NULL;
}
