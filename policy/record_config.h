/* SPDX-License-Identifier: ISC */
#ifndef POLICY_RECORD_CONFIG_H
#define POLICY_RECORD_CONFIG_H
/* The section `decisions`: which decision records are kept, how long and how many. Plain data. */

#include "lib/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_which {
    RECORD_ALL,
    RECORD_REFUSED, /* what was deferred or refused, or would have been */
    RECORD_OFF,
};

struct decisions_config {
    uint64_t keep; /* ms; a record that is older goes */
    size_t most;   /* records; the oldest beyond go */
    enum record_which record;
};

extern const struct conf_section decisions_section; /* its rows fill a struct decisions_config */

#endif
