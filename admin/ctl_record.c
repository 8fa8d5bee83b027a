/* SPDX-License-Identifier: ISC */
/* ctl_record: a decision record as people read it. */
#include "admin/ctl_record.h"

#include "admin/ctl_show.h"

void ctl_record_show(struct ctl *ctl, const json_t *record)
{
    ctl_show_object(ctl, record, 0);
}
