/* SPDX-License-Identifier: ISC */
#ifndef LIB_ADDR_H
#define LIB_ADDR_H
/* IP addresses with a port, and networks (CIDR). IPv4-mapped IPv6 addresses are IPv4 everywhere. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT_MAX 56 /* "[ipv6]:port" and its NUL */

struct addr {
    uint8_t family; /* AF_INET, AF_INET6, or AF_UNSPEC (0): no address */
    uint16_t port;  /* host byte order */
    uint8_t ip[16]; /* network byte order; IPv4 in the first four, the rest zero */
};

struct cidr {
    struct addr net; /* host bits are zero */
    uint8_t bits;
};

struct cidr_set {
    struct cidr *item;
    size_t count;
};

/* "192.0.2.1", "2001:db8::1" (no brackets, no scope), port 0. False: not an address. */
bool addr_parse_ip(const char *text, struct addr *out);
/* "192.0.2.1:25" or "[2001:db8::1]:25"; the port is required, 1..65535. False: not of this form. */
bool addr_parse_port(const char *text, struct addr *out);
/* From the kernel; a family other than IPv4 and IPv6 gives AF_UNSPEC. */
void addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);
/* To the kernel; returns the length, 0 for AF_UNSPEC. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* The address alone, IPv6 without brackets; "unknown" for AF_UNSPEC. Returns `text`. */
const char *addr_ip_text(const struct addr *a, char text[static ADDR_TEXT_MAX]);
/* With the port: "192.0.2.1:25", "[2001:db8::1]:25". Returns `text`. */
const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_MAX]);
/* Same address, whatever the port. */
bool addr_same_ip(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *a);
/* Not of the public Internet, so that asking strangers about it is vain: loopback, RFC 1918, shared
 * (RFC 6598), link-local, unique local, unspecified, multicast. Documentation networks are public
 * here (tests use them). */
bool addr_is_private(const struct addr *a);

/* "192.0.2.0/24", "2001:db8::/32" or one address; false sets *why to a text that says what would
 * be right (host bits set, prefix too long, not an address). */
bool cidr_parse(const char *text, struct cidr *out, const char **why);
bool cidr_match(const struct cidr *net, const struct addr *a);
bool cidr_set_match(const struct cidr_set *set, const struct addr *a);

#endif
