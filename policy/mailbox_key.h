/* SPDX-License-Identifier: ISC */
#ifndef POLICY_MAILBOX_KEY_H
#define POLICY_MAILBOX_KEY_H
/* A sender's address in the form in which a triplet is remembered: lower case, A-labels, and what
 * changes from message to message taken out: VERP, SRS (both forms), BATV (prvs=), plus tags. Pure,
 * any thread. */

#include <stddef.h>

#define MAILBOX_KEY_SIZE 324

/* "" for the null sender. Always NUL-terminated; returns `out`. */
const char *mailbox_key_sender(const char *address, char out[static MAILBOX_KEY_SIZE]);
/* A recipient only loses its case and plus tag's case; its tag stays, it may be another person's.
 */
const char *mailbox_key_recipient(const char *address, char out[static MAILBOX_KEY_SIZE]);

#endif
