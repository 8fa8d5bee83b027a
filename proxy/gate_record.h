/* SPDX-License-Identifier: ISC */
#ifndef PROXY_GATE_RECORD_H
#define PROXY_GATE_RECORD_H
/* From a decision to its record: in the store, and to administrators who listen. */

#include "policy/record.h"
#include "proxy/setup.h"

struct gate_decision {
    const struct trial *trial;
    const struct setup *setup;
    struct record_context context; /* but for the time */
};

/* Any thread that may touch the trial. */
void gate_record(const struct gate_decision *decision);

#endif
