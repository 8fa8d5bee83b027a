/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DNSBL_KNOWN_H
#define POLICY_DNSBL_KNOWN_H
/* What is known of some public DNS lists, for warnings only: nothing here changes what is asked or
 * what an answer counts. Main thread. */

#include "lib/conf.h"
#include "policy/check_dnsbl.h"

/* Warns where the block, which has been prepared, asks a known list for what it is not, or an ended
 * one at all. Silent about zones nobody knows here. */
void dnsbl_known_check(const struct dnsbl_config *config, struct conf *conf,
                       const struct conf_part *part);

#endif
