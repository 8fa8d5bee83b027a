/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_SPF_MACRO_H
#define POLICY_AUTH_SPF_MACRO_H
/* SPF's macros (RFC 7208 7): their syntax and their expansion. Pure, any thread. */

#include "dns/dns.h"
#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum spf_macro_use {
    SPF_MACRO_NAME, /* a domain-spec: without the letters c, r and t; ends in a top label or macro
                     */
    SPF_MACRO_TEXT, /* an explanation: all letters, and blanks */
    SPF_MACRO_IGNORED, /* an unknown modifier's value: only its syntax counts */
};

/* NULL: it is one of that use; else what is wrong (static), a clause. `wants_name`: it has a %{p},
 * which costs look-ups. */
const char *spf_macro_fault(const char *text, size_t len, enum spf_macro_use use, bool *wants_name);

struct spf_macro_facts {
    struct addr client;
    const char *local;    /* %{l}, and with the domain %{s} */
    const char *origin;   /* %{o}: the sender's domain */
    const char *domain;   /* %{d}: whose record it is */
    const char *helo;     /* %{h} */
    const char *name;     /* %{p}: the client's validated name, or "unknown" */
    const char *hostname; /* %{r} */
    int64_t now;          /* %{t} */
};

/* The name that a valid domain-spec makes: without a trailing dot, whole labels cut from the left
 * until it has DNS_NAME_MAX octets; "" where that leaves nothing. It may be one that cannot be
 * asked for. */
void spf_macro_name(const char *text, size_t len, const struct spf_macro_facts *facts,
                    char out[static DNS_NAME_MAX + 1]);
/* The text that a valid explanation makes, in printable US-ASCII ('?' for all else), cut to `size`
 * with its NUL. */
void spf_macro_text(const char *text, size_t len, const struct spf_macro_facts *facts, char *out,
                    size_t size);

#endif
