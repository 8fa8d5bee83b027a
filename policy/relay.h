/* SPDX-License-Identifier: ISC */
#ifndef POLICY_RELAY_H
#define POLICY_RELAY_H
/*
 * The relay rule: who may send where. It stands outside scores and modes; nothing lets a foreign
 * recipient through but an own domain, an own network or an authenticated client.
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct relay_rule;

enum relay_answer {
    RELAY_OWN,        /* an own domain */
    RELAY_TRUSTED,    /* a foreign domain, but the client may relay */
    RELAY_DENIED,     /* 550 5.7.1 */
    RELAY_SUSPICIOUS, /* an own domain, but a local part that the server behind may route on:
                         550 5.7.1 */
    RELAY_NO_SUCH,    /* an own domain, and not in the recipients file: 550 5.1.1 */
};

struct relay_rule *relay_new(void) __attribute__((warn_unused_result));
struct relay_rule *relay_ref(struct relay_rule *rule);
void relay_unref(struct relay_rule *rule);
/* Building (before it is shared). "example.org" (exact), ".example.org" (all below, not itself),
 * "[192.0.2.1]" (an address literal; never own unless listed). False: *why says what is wrong and
 * what would be right. U-labels are taken as A-labels. */
bool relay_add_domain(struct relay_rule *rule, const char *domain, const char **why);
void relay_add_network(struct relay_rule *rule, const struct cidr *network);
/* A full address of the recipients file ("user@example.org", or "@example.org": all of it). From
 * the first one on, own domains have no other recipients but postmaster. */
bool relay_add_recipient(struct relay_rule *rule, const char *address, const char **why);
/* A file of domains or recipients, one a line, '#' comments. False: *why (caller frees) is
 * "file:line: ...", or "file: ..." where it cannot be opened. A recipients file without entries
 * names nobody. */
bool relay_add_domain_file(struct relay_rule *rule, const char *path, char **why);
bool relay_add_recipient_file(struct relay_rule *rule, const char *path, char **why);

/* Is the client in an own network? */
bool relay_client_trusted(const struct relay_rule *rule, const struct addr *client);
/* `local` and `domain` as the client gave them (local part with its quotes; domain "" for
 * <postmaster>). `trusted`: own network or authenticated; foreign domains are then TRUSTED, own
 * ones OWN or NO_SUCH. Any thread, pure. */
enum relay_answer relay_judge(const struct relay_rule *rule, const char *local, size_t local_len,
                              const char *domain, bool trusted);
/* `domain` in lower case, as A-labels, without a trailing dot, into `out` (256 octets hold any);
 * address literals in the one form of their address. False: empty, too long or not convertible. */
bool relay_domain_normal(const char *domain, char *out, size_t size);

#endif
