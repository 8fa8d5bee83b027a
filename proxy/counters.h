/* SPDX-License-Identifier: ISC */
#ifndef PROXY_COUNTERS_H
#define PROXY_COUNTERS_H
/*
 * What is counted since the start, each with a name and a sentence: for `gatepostctl stats`, for
 * the store, which keeps the sums of all starts, and for whoever else wants figures. Any thread.
 *
 * A name is FAMILY or FAMILY.VALUE; those of one family add up to something.
 */

#include <stddef.h>
#include <stdint.h>

enum counter {
    COUNTER_CONNECTIONS,
    COUNTER_CONNECTIONS_BUSY,
    COUNTER_CONNECTIONS_LIMIT,
    COUNTER_CONNECTIONS_TLS,
    COUNTER_CONNECTIONS_AUTH,
    COUNTER_TARPIT_BANNER,
    COUNTER_TARPIT_EHLO,
    COUNTER_TARPIT_RCPT,
    COUNTER_TRANSACTION_DELIVERED,
    COUNTER_TRANSACTION_REFUSED,
    COUNTER_TRANSACTION_BACKEND,
    COUNTER_TRANSACTION_FAULT,
    COUNTER_TRANSACTION_ENDED,
    COUNTER_RECIPIENT_ACCEPTED,
    COUNTER_RECIPIENT_POLICY,
    COUNTER_RECIPIENT_RELAY,
    COUNTER_RECIPIENT_UNKNOWN,
    COUNTER_RECIPIENT_LIMIT,
    COUNTER_RECIPIENT_FORM,
    COUNTER_RECIPIENT_BACKEND,
    COUNTER_RECIPIENT_FAULT,
    COUNTER_VERDICT_PASS,
    COUNTER_VERDICT_SUSPICIOUS,
    COUNTER_VERDICT_GREYLIST,
    COUNTER_VERDICT_DEFER,
    COUNTER_VERDICT_REJECT,
    COUNTER_VERDICT_TARPIT,
    COUNTER_CAUSE_ALLOW,
    COUNTER_CAUSE_DENY,
    COUNTER_CAUSE_TRUST,
    COUNTER_CAUSE_EXEMPT,
    COUNTER_CAUSE_RULE,
    COUNTER_CAUSE_SCORE,
    COUNTER_CAUSE_GREYLIST,
    COUNTER_GREYLIST_NEW,
    COUNTER_GREYLIST_EARLY,
    COUNTER_GREYLIST_PASSED,
    COUNTER_GREYLIST_WHITE,
    COUNTER_GREYLIST_PROVEN,
    COUNTER_GREYLIST_DOWN,
    COUNTER_MESSAGE_OCTETS,
    COUNTER_BACKEND_FAULTS,
    COUNTER_RECORDS,
    COUNTERS,
};

struct counter_row {
    const char *name;
    const char *help; /* one line */
};
const struct counter_row *counter_row(enum counter counter);

struct counters;

struct counters *counters_new(void) __attribute__((warn_unused_result));
void counters_free(struct counters *counters); /* NULL is fine */
void counters_add(struct counters *counters, enum counter counter, uint64_t count);
/* All of them. Each is right; they are not of one moment. */
void counters_read(const struct counters *counters, uint64_t out[static COUNTERS]);

/* What was added since it was last saved; counters_saved() says that so much of it is kept
 * elsewhere now. One thread. */
void counters_unsaved(const struct counters *counters, uint64_t out[static COUNTERS]);
void counters_saved(struct counters *counters, const uint64_t count[static COUNTERS]);

#endif
