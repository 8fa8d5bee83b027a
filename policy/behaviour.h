/* SPDX-License-Identifier: ISC */
#ifndef POLICY_BEHAVIOUR_H
#define POLICY_BEHAVIOUR_H
/* The blocks for what a client does on the wire: pregreet, pipelining, commands, newlines, hangup.
 * Their checks run at no stage; trial_behaved() says their findings. */

#include "policy/check.h"

struct pregreet_config {
    struct check_config common;
    uint64_t wait; /* ms the banner is held back; 0: not at all */
    bool teaser;   /* a first line of the banner goes out before the wait */
};

struct hangup_config {
    struct check_config common;
    size_t least; /* so many within the interval of client-limits are a finding */
};

extern const struct check check_pregreet;
extern const struct check check_pipelining;
extern const struct check check_commands;
extern const struct check check_newlines;
extern const struct check check_hangup;

#endif
