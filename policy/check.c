/* SPDX-License-Identifier: ISC */
/*
 * check: the table of all checks. A new one is a line here; its findings are logged in this order
 * where they come at the same time. Alone in its file, so that tests may bring a table of their
 * own.
 */
#include "policy/check.h"

#include "policy/auth_config.h"
#include "policy/behaviour.h"
#include "policy/check_dnsbl.h"
#include "policy/check_names.h"
#include "policy/client_limits.h"

const struct check *const checks[] = {
    &check_pregreet,
    &check_pipelining,
    &check_commands,
    &check_newlines,
    &check_hangup,
    &check_client_limits,
    &check_dnsbl,
    &check_rhsbl,
    &check_reverse_dns,
    &check_helo,
    &check_sender_domain,
    &check_spf,
    &check_dkim,
    &check_arc,
    &check_dmarc,
    &check_header,
    NULL,
};
