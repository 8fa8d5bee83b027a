/* SPDX-License-Identifier: ISC */
/* ctl_import: import and export. */
#include "admin/ctl_run.h"

int ctl_list_import(struct ctl *ctl)
{
    (void)ctl;
    return ctl_fail(1, "import is not built in");
}

int ctl_list_export(struct ctl *ctl)
{
    (void)ctl;
    return ctl_fail(1, "export is not built in");
}

int ctl_replay(struct ctl *ctl)
{
    (void)ctl;
    return ctl_fail(1, "replay is not built in");
}
