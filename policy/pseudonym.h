/* SPDX-License-Identifier: ISC */
#ifndef POLICY_PSEUDONYM_H
#define POLICY_PSEUDONYM_H
/*
 * What stands for a person's address in what is kept and shown: of a mail address the local part
 * is replaced ("anon-5c1f9a3e77b21234@example.org"), an IP address becomes one of the discard
 * prefix 100::/64 (RFC 6666), so that it can be read as an address and is never somebody's. The
 * same address gives the same pseudonym under the same key; without the key nobody can go back or
 * try an address out. Pure, any thread.
 *
 * The domain goes into the digest, so info@a.example and info@b.example have nothing in common;
 * case does not count. Networks, loopback addresses and 0.0.0.0 stay; so does what is a pseudonym.
 */

#include "lib/addr.h"
#include "lib/mac.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* "anon-" and 16 digits, '@', a domain that may be too long, a NUL */
#define PSEUDONYM_MAILBOX_SIZE 1100

/* What has no '@' or no local part ("", "<>", "postmaster", a domain) stays as it is. Longer ones
 * are cut. Returns `out`. */
const char *pseudonym_mailbox(const struct mac_key *key, const char *address,
                              char out[static PSEUDONYM_MAILBOX_SIZE]);
/* As a label of a host's name, "anon-5c1f9a3e77b21234": the same digits as of pseudonym_client().
 * Returns `out`. */
#define PSEUDONYM_LABEL_SIZE 22
const char *pseudonym_label(const struct mac_key *key, const struct addr *client,
                            char out[static PSEUDONYM_LABEL_SIZE]);
/* The port stays. */
void pseudonym_client(const struct mac_key *key, const struct addr *client, struct addr *out);
/* Appends the text with every mail address and IP address in it replaced, however they stand there:
 * in brackets, with a port, within a host's name ("host-192-0-2-1.example"). Not found are those
 * that a name holds in another form ("c0000201.example"), and a mail address without its '@'. */
void pseudonym_text(const struct mac_key *key, const char *text, size_t len, struct buf *out);
/* Has the text anything that pseudonym_text() may replace? Cheap; true may be wrong. */
bool pseudonym_likely(const char *text, size_t len);

#endif
