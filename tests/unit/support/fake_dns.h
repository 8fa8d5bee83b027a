/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_FAKE_DNS_H
#define TESTS_UNIT_SUPPORT_FAKE_DNS_H
/*
 * A `struct dns` that answers from a table, when the test says so:
 *
 *     struct dns *dns = fake_dns_new();
 *     fake_dns_set(dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.4 127.0.0.2");
 *     ...the code under test asks...
 *     fake_dns_run(dns);
 *     fake_dns_free(dns);
 *
 * What the table does not name is DNS_NXDOMAIN, and DNS_NODATA where the name is there with records
 * of another type. Names in any case, with or without a trailing dot. A mistake in a test (records
 * that are none, questions open at the end) prints what is wrong and aborts.
 */

#include "dns/dns.h"

struct dns *fake_dns_new(void);
/* No question may be open: who asked has to have cancelled. NULL is fine. */
void fake_dns_free(struct dns *dns);

/* DNS_FOUND, in place of what the table said before. `records`, apart by spaces: addresses; PTR:
 * names, as they are to be shown; MX: "10 mx.example 20 mx2.example", "0 ." is a null MX; TLSA:
 * "3 1 1 00ff"; TXT: a record a line. */
void fake_dns_set(struct dns *dns, enum dns_type type, const char *name, const char *records);
/* No record: DNS_NODATA, DNS_NXDOMAIN, or DNS_TEMPFAIL with `why` (else NULL). */
void fake_dns_status(struct dns *dns, enum dns_type type, const char *name, enum dns_status status,
                     const char *why);
/* Never answered, until set otherwise. */
void fake_dns_hold(struct dns *dns, enum dns_type type, const char *name);
/* The TTL of an entry that is there; 300 by itself. */
void fake_dns_ttl(struct dns *dns, enum dns_type type, const char *name, uint32_t ttl);
/* The table is empty again. */
void fake_dns_forget(struct dns *dns);

/* Answers, in their order, the questions that are open now and not held; what is asked meanwhile
 * waits for the next call. Returns how many were answered: `while (fake_dns_run(dns)) ;` goes to
 * the end. */
size_t fake_dns_run(struct dns *dns);
/* The same for the questions of one type and name only. */
size_t fake_dns_run_for(struct dns *dns, enum dns_type type, const char *name);

/* Questions asked since the start, the cancelled too; those of one type and name; those open. */
size_t fake_dns_asked(const struct dns *dns);
size_t fake_dns_asked_for(const struct dns *dns, enum dns_type type, const char *name);
size_t fake_dns_open(const struct dns *dns);

#endif
