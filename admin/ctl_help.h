/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_HELP_H
#define ADMIN_CTL_HELP_H
/* What --help prints. */

#include "admin/ctl_table.h"

#include <stdio.h>

void ctl_help_all(FILE *out);
void ctl_help_command(const struct ctl_command *command, FILE *out);

#endif
