/* SPDX-License-Identifier: ISC */
#ifndef POLICY_GREYLIST_H
#define POLICY_GREYLIST_H
/* The section greylist { ... }: who waits, and how long. What is asked of the store, and what comes
 * of its answer, is in trial_greylist.c; the transitions of a triplet are in db/grey_rule.h. */

#include "db/store.h"
#include "lib/conf.h"

enum greylist_mode {
    GREYLIST_SUSPICIOUS, /* who is at or above the threshold `greylist` */
    GREYLIST_ALL,
    GREYLIST_OFF,
};

struct greylist_config {
    enum greylist_mode mode;
    uint64_t delay, retry_window, white_lifetime; /* ms, as in the file */
    struct grey_rule rule;                        /* the same in seconds */
};

extern const struct conf_section greylist_section;
/* Faults are noted in `conf`. Main thread. */
void greylist_read(struct greylist_config *config, struct conf *conf);

#endif
