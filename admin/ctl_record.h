/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_RECORD_H
#define ADMIN_CTL_RECORD_H
/* A decision record (policy/record.h) as people read it. */

#include <jansson.h>

struct ctl;

void ctl_record_show(struct ctl *ctl, const json_t *record);

#endif
