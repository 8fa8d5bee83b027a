/* SPDX-License-Identifier: ISC */
#ifndef POLICY_NAME_PATTERN_H
#define POLICY_NAME_PATTERN_H
/* Does a host name look like one that providers give to whoever dials in? Patterns (PCRE2) and
 * names that hold the client's address. Immutable once made; any thread. */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct name_pattern;

/* `pattern`s, matched anywhere, ASCII case ignored; none: the built-in ones. NULL: *why (caller
 * frees) names the pattern that is wrong and where; *index is its place. */
struct name_pattern *name_pattern_new(const char *const *pattern, size_t count, size_t *index,
                                      char **why) __attribute__((warn_unused_result));
void name_pattern_free(struct name_pattern *patterns);
/* The pattern that matches, or NULL; of the built-in ones what it is about. Bounded work per name:
 * a pattern that takes longer does not match, nor does any a name over DNS_NAME_MAX octets. */
const char *name_pattern_match(const struct name_pattern *patterns, const char *name);
/* Does the name hold the address: its octets in either order, dotted, dashed, zero-padded, run
 * together or in hex; for IPv6 its nibbles or groups? Linear in the name's length. */
bool name_holds_address(const char *name, const struct addr *address);

#endif
