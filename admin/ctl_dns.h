/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_DNS_H
#define ADMIN_CTL_DNS_H
/*
 * DNS for commands that work in gatepostctl itself: a loop and a resolver as the configuration's
 * dns { } says, or without one as /etc/resolv.conf does. One thread; who asks here waits.
 */

#include "dns/dns.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl;
struct loop;
struct ctl_dns;

/* NULL: why was said. */
struct ctl_dns *ctl_dns_new(struct ctl *ctl) __attribute__((warn_unused_result));
/* NULL is fine. All questions of others have been answered or cancelled. */
void ctl_dns_free(struct ctl_dns *dns);
/* For evaluators, which ask by themselves. */
struct loop *ctl_dns_loop(const struct ctl_dns *dns);
struct dns *ctl_dns_asker(const struct ctl_dns *dns);
/* Runs the loop until ctl_dns_stop, whose form is that of the evaluators' callbacks. */
void ctl_dns_run(struct ctl_dns *dns);
void ctl_dns_stop(void *dns);

/* An answer that is kept. */
struct ctl_record {
    char *text; /* an address, a name, a text (may hold any octet), TLSA's data in hex */
    size_t len;
    uint16_t preference;               /* MX */
    uint8_t usage, selector, matching; /* TLSA */
    size_t octets;                     /* TLSA */
    struct addr addr;                  /* A, AAAA */
};
struct ctl_found {
    enum dns_status status;
    enum dns_type type;
    char *name; /* that was asked for */
    char *why;  /* DNS_TEMPFAIL */
    size_t count;
    struct ctl_record *record;
};
/* What is found is there after ctl_dns_wait, until the end. Questions asked before one wait are
 * under way together. */
const struct ctl_found *ctl_dns_ask(struct ctl_dns *dns, enum dns_type type, const char *name);
void ctl_dns_wait(struct ctl_dns *dns);

/* What is known of an address's name: its PTR, and whether that leads back. */
struct ctl_reverse {
    const char *name; /* the confirmed one, else the first; "" : none */
    bool confirmed, temperror;
};
/* Of `count` addresses at once; waits. */
void ctl_dns_reverse(struct ctl_dns *dns, const struct addr *address, struct ctl_reverse *out,
                     size_t count);

/* Anybody's octets as a JSON string; where they are no UTF-8, what cannot be shown as \xHH. */
json_t *ctl_dns_text(const char *text, size_t len) __attribute__((warn_unused_result));

#endif
