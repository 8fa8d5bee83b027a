/* SPDX-License-Identifier: ISC */
/* ctl_simple: commands that are one request, shown as its answer comes; their rows say how. */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"

#include <stdio.h>

static int simple_items(struct ctl *ctl)
{
    const struct ctl_command *row = ctl->args.command;
    struct ctl_rows *rows = ctl_rows_new(ctl, row->columns, row->answer == CTL_LIVE);
    int status = ctl_ask(ctl, row->ask, ctl_args_request(&ctl->args), ctl_rows_item, rows, NULL);
    size_t count = ctl_rows_end(rows, status == 0);
    if (status == 0 && count == 0 && row->none != NULL)
        ctl_note(ctl, "%s", row->none);
    return status;
}

static int simple_object(struct ctl *ctl)
{
    const struct ctl_command *row = ctl->args.command;
    json_t *result = NULL;
    int status = ctl_ask(ctl, row->ask, ctl_args_request(&ctl->args), NULL, NULL, &result);
    if (status != 0)
        return status;
    if (ctl->json)
        ctl_show_json(result, true);
    else if (row->done != NULL && json_object_size(result) == 0)
        puts(row->done);
    else
        ctl_show_object(ctl, result, 0);
    json_decref(result);
    return 0;
}

int ctl_simple(struct ctl *ctl)
{
    return ctl->args.command->answer == CTL_OBJECT ? simple_object(ctl) : simple_items(ctl);
}
