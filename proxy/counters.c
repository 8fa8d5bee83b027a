/* SPDX-License-Identifier: ISC */
/*
 * counters: figures since the start.
 *
 * Promises: adding is one atomic addition without order, on a line of memory that other processors
 * rarely touch: there is a set of counters for each few processors, and reading sums them up.
 * Limits: a set more or less in use makes no figure wrong, so a thread that moves to another
 * processor meanwhile does no harm.
 */
#include "proxy/counters.h"

#include "lib/mem.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SETS 16
#define LINE 64 /* octets of a cache line */

struct set {
    _Atomic uint64_t count[COUNTERS];
    char apart[LINE]; /* the next set begins on another line, however this one lies */
};

struct counters {
    char apart[LINE];
    struct set set[SETS];
    uint64_t saved[COUNTERS];
};

static const struct counter_row rows[COUNTERS] = {
    [COUNTER_CONNECTIONS] = {"connections", "clients that connected and began a session"},
    [COUNTER_CONNECTIONS_BUSY] = {"connections-refused.busy",
                                  "421: limits { sessions } was reached"},
    [COUNTER_CONNECTIONS_LIMIT] = {"connections-refused.limit", "421: a limit of the client's"},
    [COUNTER_CONNECTIONS_TLS] = {"tls", "TLS handshakes of clients that came to an end"},
    [COUNTER_CONNECTIONS_AUTH] = {"authenticated", "sessions whose client authenticated"},
    [COUNTER_TARPIT_BANNER] = {"tarpit.banner", "clients taken to the tarpit before the banner"},
    [COUNTER_TARPIT_EHLO] = {"tarpit.ehlo", "clients taken to the tarpit at EHLO or MAIL"},
    [COUNTER_TARPIT_RCPT] = {"tarpit.rcpt", "clients taken to the tarpit at RCPT"},
    [COUNTER_TRANSACTION_DELIVERED] = {"transactions.delivered",
                                       "the server behind took the message"},
    [COUNTER_TRANSACTION_REFUSED] = {"transactions.refused", "we refused the message"},
    [COUNTER_TRANSACTION_BACKEND] = {"transactions.backend",
                                     "the server behind refused the message"},
    [COUNTER_TRANSACTION_FAULT] = {"transactions.fault",
                                   "451: a fault between us and the server behind"},
    [COUNTER_TRANSACTION_ENDED] = {"transactions.ended", "ended before a message was whole"},
    [COUNTER_RECIPIENT_ACCEPTED] = {"recipients.accepted", "the server behind took the recipient"},
    [COUNTER_RECIPIENT_POLICY] = {"recipients.policy", "refused by a verdict"},
    [COUNTER_RECIPIENT_RELAY] = {"recipients.relay", "refused: not a domain of ours"},
    [COUNTER_RECIPIENT_UNKNOWN] = {"recipients.unknown", "refused: not in recipients-file"},
    [COUNTER_RECIPIENT_LIMIT] = {"recipients.limit",
                                 "refused: a limit of the client's or of a transaction"},
    [COUNTER_RECIPIENT_FORM] = {"recipients.form",
                                "refused: a parameter or an address that cannot be"},
    [COUNTER_RECIPIENT_BACKEND] = {"recipients.backend", "the server behind refused the recipient"},
    [COUNTER_RECIPIENT_FAULT] = {"recipients.fault",
                                 "451: a fault between us and the server behind"},
    [COUNTER_VERDICT_PASS] = {"verdicts.pass", "verdicts on recipients and messages: pass"},
    [COUNTER_VERDICT_SUSPICIOUS] = {"verdicts.suspicious", "pass, with delays and tighter limits"},
    [COUNTER_VERDICT_GREYLIST] = {"verdicts.greylist", "451: to come again later"},
    [COUNTER_VERDICT_DEFER] = {"verdicts.defer", "450"},
    [COUNTER_VERDICT_REJECT] = {"verdicts.reject", "550"},
    [COUNTER_VERDICT_TARPIT] = {"verdicts.tarpit", "to the tarpit, or 550 where that cannot be"},
    [COUNTER_CAUSE_ALLOW] = {"causes.allow", "verdicts by an allow entry"},
    [COUNTER_CAUSE_DENY] = {"causes.deny", "verdicts by a deny entry"},
    [COUNTER_CAUSE_TRUST] = {"causes.trust", "verdicts by an own network or AUTH"},
    [COUNTER_CAUSE_EXEMPT] = {"causes.exempt", "verdicts for postmaster and abuse"},
    [COUNTER_CAUSE_RULE] = {"causes.rule", "verdicts by a check with mode = reject"},
    [COUNTER_CAUSE_SCORE] = {"causes.score", "verdicts by the score"},
    [COUNTER_CAUSE_GREYLIST] = {"causes.greylist", "verdicts by the greylist"},
    [COUNTER_GREYLIST_NEW] = {"greylist.new", "recipients of a triplet that was not there"},
    [COUNTER_GREYLIST_EARLY] = {"greylist.early", "of one that has to wait still"},
    [COUNTER_GREYLIST_PASSED] = {"greylist.passed", "of one that had waited long enough"},
    [COUNTER_GREYLIST_WHITE] = {"greylist.white", "of one that was white already"},
    [COUNTER_GREYLIST_PROVEN] = {"greylist.proven",
                                 "of clients that are proven, and so not asked about"},
    [COUNTER_GREYLIST_DOWN] = {"greylist.down", "let pass, since the store could not tell"},
    [COUNTER_MESSAGE_OCTETS] = {"octets", "of messages that were delivered"},
    [COUNTER_BACKEND_FAULTS] = {"backend-faults", "lines backend-fault in the log"},
    [COUNTER_RECORDS] = {"records", "decision records made"},
};

const struct counter_row *counter_row(enum counter counter)
{
    return &rows[counter];
}

struct counters *counters_new(void)
{
    return mem_alloc(sizeof(struct counters));
}

void counters_free(struct counters *counters)
{
    free(counters);
}

void counters_add(struct counters *counters, enum counter counter, uint64_t count)
{
    const int processor = sched_getcpu();
    struct set *set = &counters->set[processor > 0 ? processor % SETS : 0];
    atomic_fetch_add_explicit(&set->count[counter], count, memory_order_relaxed);
}

void counters_read(const struct counters *counters, uint64_t out[static COUNTERS])
{
    for (size_t i = 0; i < COUNTERS; i++) {
        out[i] = 0;
        for (size_t set = 0; set < SETS; set++)
            out[i] += atomic_load_explicit(&counters->set[set].count[i], memory_order_relaxed);
    }
}

void counters_unsaved(const struct counters *counters, uint64_t out[static COUNTERS])
{
    counters_read(counters, out);
    for (size_t i = 0; i < COUNTERS; i++)
        out[i] -= counters->saved[i];
}

void counters_saved(struct counters *counters, const uint64_t count[static COUNTERS])
{
    for (size_t i = 0; i < COUNTERS; i++)
        counters->saved[i] += count[i];
}
