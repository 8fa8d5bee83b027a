/* SPDX-License-Identifier: ISC */
#ifndef DNS_NAME_H
#define DNS_NAME_H
/* Names to be asked for. Pure, any thread. */

#include "dns/dns.h"

#include <stdbool.h>

#define DNS_REVERSE_MAX 64 /* "b.a.9.8...": 32 nibbles with dots, and a NUL */

/* The address's octets (IPv4) or nibbles (IPv6) reversed and dotted, as DNSBLs and PTR use them
 * (RFC 5782 2.1, 2.4): "1.2.0.192". `out` ends without a dot. */
void dns_name_reverse(const struct addr *address, char out[static DNS_REVERSE_MAX]);
/* "1.2.0.192.in-addr.arpa", "....ip6.arpa" (RFC 3596 2.5). */
void dns_name_arpa(const struct addr *address, char out[static DNS_NAME_MAX + 1]);
/* `front` + '.' + `zone`. False: longer than a name may be. */
bool dns_name_join(const char *front, const char *zone, char out[static DNS_NAME_MAX + 1]);
/* Lower case, no trailing dot. False: it cannot be asked for (empty, too long, an empty or too long
 * label, a backslash or an octet that is no printing ASCII; a blank is). */
bool dns_name_normal(const char *name, char out[static DNS_NAME_MAX + 1]);

#endif
