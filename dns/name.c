/* SPDX-License-Identifier: ISC */
/*
 * name: names to be asked for: normal form, reversed addresses, names put together.
 *
 * Promises: what dns_name_normal() takes is a valid name for the wire (labels of 1 to 63 octets,
 * 255 in all; RFC 1035 2.3.4) and holds nothing that a library would take for an escape.
 * Underscores, blanks and other printing characters are fine: a name is not a host name (RFC 2181
 * 11), and SPF's macros put anything into one.
 */
#include "dns/name.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX 63

static const char hex[] = "0123456789abcdef";

static char *put_octet(char *at, unsigned octet)
{
    if (octet >= 100)
        *at++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *at++ = (char)('0' + octet / 10 % 10);
    *at++ = (char)('0' + octet % 10);
    return at;
}

void dns_name_reverse(const struct addr *address, char out[static DNS_REVERSE_MAX])
{
    char *at = out;
    bool v6 = address->family == AF_INET6;
    for (size_t i = v6 ? 16 : 4; i-- > 0;) {
        unsigned octet = address->ip[i];
        if (v6) {
            *at++ = hex[octet & 15];
            *at++ = '.';
            *at++ = hex[octet >> 4];
        } else {
            at = put_octet(at, octet);
        }
        *at++ = '.';
    }
    at[-1] = '\0';
}

void dns_name_arpa(const struct addr *address, char out[static DNS_NAME_MAX + 1])
{
    char front[DNS_REVERSE_MAX];
    dns_name_reverse(address, front);
    snprintf(out, DNS_NAME_MAX + 1, "%s.%s", front,
             address->family == AF_INET6 ? "ip6.arpa" : "in-addr.arpa");
}

bool dns_name_join(const char *front, const char *zone, char out[static DNS_NAME_MAX + 1])
{
    size_t left = strlen(front), right = strlen(zone);
    if (left > DNS_NAME_MAX || right > DNS_NAME_MAX || left + 1 + right > DNS_NAME_MAX)
        return false;
    memcpy(out, front, left);
    out[left] = '.';
    memcpy(out + left + 1, zone, right + 1);
    return true;
}

/* ASCII in lower case; NUL for what cannot be asked for and for what parts labels or ends the name.
 * By table, since a question to a DNSBL that is cached costs little else. */
static const char plain[128] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               " !\"#$%&'()*+,-\0/"
                               "0123456789:;<=>?"
                               "@abcdefghijklmno"
                               "pqrstuvwxyz[\0]^_"
                               "`abcdefghijklmno"
                               "pqrstuvwxyz{|}~";

bool dns_name_normal(const char *name, char out[static DNS_NAME_MAX + 1])
{
    size_t len = 0, label = 0; /* where the label began */
    for (;; len++) {
        unsigned char c = (unsigned char)name[len];
        char lower = c < sizeof plain ? plain[c] : '\0';
        if (lower == '\0') {
            if ((c != '.' && c != '\0') || len == label || len - label > LABEL_MAX)
                return false;
            if (c == '\0' || name[len + 1] == '\0')
                break;
            label = len + 1;
            lower = '.';
        }
        if (len == DNS_NAME_MAX)
            return false;
        out[len] = lower;
    }
    out[len] = '\0';
    return true;
}
