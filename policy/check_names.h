/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CHECK_NAMES_H
#define POLICY_CHECK_NAMES_H
/* The checks of what a client and a sender are called: one file each. */

#include "policy/check.h"

extern const struct check check_reverse_dns;
extern const struct check check_helo;
extern const struct check check_sender_domain;

#endif
