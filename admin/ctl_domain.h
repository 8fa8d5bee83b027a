/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_DOMAIN_H
#define ADMIN_CTL_DOMAIN_H
/*
 * What the world sees of a domain, part by part. Each part asks, puts what it found under its name
 * into `out`, and says what is wrong in plain words. Texts of others are made printable before they
 * go in.
 */

#include "admin/ctl_dns.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl;

struct ctl_domain {
    struct ctl *ctl;
    struct ctl_dns *dns;
    const char *name; /* lower-case A-labels */
    json_t *out;
    json_t *faults; /* [{"part": ..., "fault": ...}] */
    json_t *notes;  /* the same with "note": what is no fault, but should be known */
    bool answered;  /* some question was */
};

/* `part`: "mx". */
void ctl_domain_fault(struct ctl_domain *domain, const char *part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ctl_domain_note(struct ctl_domain *domain, const char *part, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Asks one question and waits. A temporary fault is said, as a fault of `part`. */
const struct ctl_found *ctl_domain_ask(struct ctl_domain *domain, const char *part,
                                       enum dns_type type, const char *name);
/* The one TXT record of `name` that begins with `version` ("v=STSv1"), then ends or goes on with
 * one of `behind`. NULL: there is none, or several, which is said as a fault. */
const struct ctl_record *ctl_domain_text(struct ctl_domain *domain, const char *part,
                                         const char *name, const char *version, const char *behind);

/* The parts. */
void ctl_domain_mx(struct ctl_domain *domain); /* with TLSA: ctl_domain_mail.c */
void ctl_domain_sts(struct ctl_domain *domain);
void ctl_domain_spf(struct ctl_domain *domain);
void ctl_domain_dmarc(struct ctl_domain *domain);
void ctl_domain_dkim(struct ctl_domain *domain, const char *selector);

/* All of it, for people. */
void ctl_domain_show(const struct ctl_domain *domain);

/* ---- pure, for tests */

/* An MTA-STS record (RFC 8461 3.1). NULL: it is right; else what is wrong. */
const char *ctl_domain_sts_fault(const char *text, size_t len);
/* A TLSA record of a mail server (RFC 7672 3.1). NULL: it is right; else what is wrong. */
const char *ctl_domain_tlsa_fault(const struct ctl_record *tlsa);

#endif
