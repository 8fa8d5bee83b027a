/* SPDX-License-Identifier: ISC */
#ifndef POLICY_ORG_DOMAIN_H
#define POLICY_ORG_DOMAIN_H
/* Organisational domains by the Public Suffix List, private section included (libpsl, its built-in
 * list or the system's newer one). Any thread. */

#include <stdbool.h>

/* The registrable domain of `name` (lower-case A-labels, no trailing dot): a pointer into `name`.
 * NULL: it is itself a public suffix, or no domain name. */
const char *org_domain(const char *name);
bool org_domain_same(const char *a, const char *b);

#endif
