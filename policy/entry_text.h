/* SPDX-License-Identifier: ISC */
#ifndef POLICY_ENTRY_TEXT_H
#define POLICY_ENTRY_TEXT_H
/*
 * List entries as people write them. A key is KIND:VALUE, where the kind may be left out for an
 * address or a network (client) and for what has an '@' (the sender; of a trap the recipient):
 *
 *   192.0.2.1   2001:db8::/32   client:192.0.2.0/24   helo:friend.example   reverse:example.net
 *   someone@example.org   sender:example.org   recipient:info@example.com
 *
 * A name means itself and all below it. Pure, any thread.
 */

#include "db/store.h"
#include "lib/addr.h"

#define ENTRY_KEY_MOST 320 /* octets of a key in normal form, with its NUL */

/* The normal form: an address without a prefix where all its bits are given, a network with one, a
 * name in lower-case A-labels without a trailing dot, an address lower-cased with such a domain.
 * `kind` is set. False: *why says what would be right; static text. */
bool entry_key_parse(enum entry_list list, const char *text, enum entry_kind *kind,
                     char key[static ENTRY_KEY_MOST], const char **why);
/* The two parts of it that look-ups need: a network's key, and an address's (false: it can be in no
 * list, for its local part has quotes, blanks or backslashes, or its domain is none). */
void entry_network_key(const struct cidr *net, char key[static ENTRY_KEY_MOST]);
bool entry_mailbox_normal(const char *address, char key[static ENTRY_KEY_MOST]);
/* As people write it: "192.0.2.1", "helo:friend.example". */
const char *entry_key_text(enum entry_kind kind, const char *key,
                           char out[static ENTRY_KEY_MOST + 16]);

const char *entry_list_name(enum entry_list list);       /* "allow" "deny" "trap" */
const char *entry_kind_name(enum entry_kind kind);       /* "client" ... "recipient" */
const char *entry_action_name(enum entry_action action); /* "reject" "tarpit" "defer" */
const char *entry_origin_name(enum entry_origin origin); /* "manual" "automatic" "file" */
/* False: no such word; *out is the first of them. */
bool entry_list_parse(const char *text, enum entry_list *out);
bool entry_kind_parse(const char *text, enum entry_kind *out);
bool entry_action_parse(const char *text, enum entry_action *out);

/* "300s", "12h", "7d", "36d", "4w" in seconds. False: not of that form, or 0, or over 10 years. */
bool entry_duration_parse(const char *text, int64_t *seconds);

#endif
