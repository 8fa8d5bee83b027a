/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_RECORD_H
#define ADMIN_CTL_RECORD_H
/* A decision record (policy/record.h), explained. */

#include "policy/record.h"

#include <jansson.h>

struct ctl;

/* The record that the object is; NULL: none that we understand. Free it with record_free. */
struct record *ctl_record_read(const json_t *object) __attribute__((warn_unused_result));
/* For people, on standard output; one that we do not understand as it is. */
void ctl_record_show(struct ctl *ctl, const json_t *object);
/* {"record": ..., "flips": [...]}; a new reference. */
json_t *ctl_record_json(const json_t *object) __attribute__((warn_unused_result));

#endif
