/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DOMAIN_FORM_H
#define POLICY_DOMAIN_FORM_H
/* What a text is that stands where a domain is wanted (HELO, the right of an '@'), by its form
 * alone. Pure, any thread. */

#include "lib/addr.h"

#include <stdbool.h>

enum domain_form {
    DOMAIN_WRONG,   /* none of these */
    DOMAIN_ADDRESS, /* an IP address without brackets, which SMTP does not know */
    DOMAIN_LITERAL, /* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3) */
    DOMAIN_SHORT,   /* a name of one label */
    DOMAIN_FULL,    /* a name of several */
};

/* *literal: the address of DOMAIN_ADDRESS and DOMAIN_LITERAL, else AF_UNSPEC. */
enum domain_form domain_form(const char *text, struct addr *literal);
/* A name that public DNS does not have, so there is no use in asking: localhost, invalid (RFC
 * 6761), local (RFC 6762), onion (RFC 7686), and all below them. */
bool domain_form_special(const char *name);
/* Has a name, in lower case, no octet but those of host and mail domains ('_' among them: names
 * that sign have it)? "": false. Labels are not looked at. */
bool domain_form_host(const char *name);

#endif
