/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DNSBL_LOOKUP_H
#define POLICY_DNSBL_LOOKUP_H
/* One look-up of dnsbl or rhsbl within a run: asks, judges, notes the list's health, says the
 * finding. The thread of the run. */

#include "policy/check_dnsbl.h"

struct dnsbl_lookup { /* the memory of a run */
    struct check_run *run;
    struct dns_question *question;
    const char *subject; /* what was looked up, for the log; NULL: the client */
    uint64_t asked;      /* when, monotonic ms */
    bool telling;        /* a listing of a known good client speaks against the list */
};

/* Asks for `front`.zone and ends with check_done(), now or later; where the list cannot be believed
 * now it abstains without asking. `run->memory` is a struct dnsbl_lookup; `subject` lives as long
 * as the run. */
void dnsbl_lookup_start(struct check_run *run, const char *front, const char *subject,
                        bool telling);
/* Of struct check. A question that has waited for DNSBL_LATE_MS is noted as one without an answer:
 * a run's time may end before the resolver's. */
#define DNSBL_LATE_MS 4000
void dnsbl_lookup_stop(struct check_run *run);
/* Judges an answer that was told in a finding by the codes of another configuration. */
bool dnsbl_lookup_rescore(const struct check_config *common, const struct check_past *past,
                          score_t *out);

#endif
