/* SPDX-License-Identifier: ISC */
/*
 * addr: IP addresses with a port, and networks.
 *
 * There is one form of each address: an IPv4-mapped IPv6 address (::ffff:192.0.2.1, RFC 4291
 * 2.5.5.2) becomes IPv4 wherever it comes in, text or kernel, and so does a network inside
 * ::ffff:0:0/96. So lists and limits cannot be walked around by dialling the other family. An IPv4
 * network never matches an IPv6 address, nor the other way round, ::/0 and 0.0.0.0/0 included.
 *
 * Text is read strictly (inet_pton: four decimal parts without leading zeros; no scope) and written
 * in the form of RFC 5952. A network with host bits set is refused, since it is a slip of the pen
 * in one of its two halves and only its writer knows which.
 */
#include "lib/addr.h"

#include "lib/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const uint8_t ip[16])
{
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

static void set_v4(struct addr *out, const void *ip, uint16_t port)
{
    *out = (struct addr){.family = AF_INET, .port = port};
    memcpy(out->ip, ip, 4);
}

static void set_v6(struct addr *out, const uint8_t ip[16], uint16_t port)
{
    if (is_mapped(ip)) {
        set_v4(out, ip + 12, port);
        return;
    }
    *out = (struct addr){.family = AF_INET6, .port = port};
    memcpy(out->ip, ip, 16);
}

/* An address as written: *mapped tells whether it became IPv4 on the way. */
static bool parse_ip(const char *text, struct addr *out, bool *mapped)
{
    uint8_t ip[16];
    *mapped = false;
    if (inet_pton(AF_INET, text, ip) == 1) {
        set_v4(out, ip, 0);
        return true;
    }
    if (inet_pton(AF_INET6, text, ip) == 1) {
        *mapped = is_mapped(ip);
        set_v6(out, ip, 0);
        return true;
    }
    *out = (struct addr){0};
    return false;
}

bool addr_parse_ip(const char *text, struct addr *out)
{
    bool mapped;
    return parse_ip(text, out, &mapped);
}

/* A decimal number of at most `max` without sign, space or leading zero; -1: not one. */
static long parse_decimal(const char *text, long max)
{
    long value = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return -1;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (*text - '0');
        if (value > max)
            return -1;
    }
    return value;
}

bool addr_parse_port(const char *text, struct addr *out)
{
    *out = (struct addr){0};
    char host[ADDR_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    const char *first = text;
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        first++;
        len -= 2;
    }
    if (len >= sizeof host)
        return false;
    memcpy(host, first, len);
    host[len] = '\0';
    long port = parse_decimal(colon + 1, 65535);
    /* Brackets go with the colons of the text, so [::ffff:192.0.2.1]:25 is of the right form. */
    if (port < 1 || bracketed != (strchr(host, ':') != NULL))
        return false;
    if (!addr_parse_ip(host, out))
        return false;
    out->port = (uint16_t)port;
    return true;
}

void addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
    *out = (struct addr){0};
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        set_v4(out, &in.sin_addr, ntohs(in.sin_port));
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        set_v6(out, in6.sin6_addr.s6_addr, ntohs(in6.sin6_port));
    }
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    if (a->family == AF_INET6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&in6.sin6_addr, a->ip, 16);
        memcpy(out, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

/* By hand, since inet_ntop() takes printf for IPv4 and this is done for every log line. */
static void ipv4_text(const uint8_t ip[static 4], char *text)
{
    for (size_t i = 0; i < 4; i++) {
        char digits[STR_NUMBER_MAX];
        size_t len = str_number(digits, ip[i]);
        memcpy(text, digits, len);
        text[len] = '.';
        text += len + 1;
    }
    text[-1] = '\0';
}

const char *addr_ip_text(const struct addr *a, char text[static ADDR_TEXT_MAX])
{
    if (a->family == AF_INET)
        ipv4_text(a->ip, text);
    else if (a->family == AF_UNSPEC || inet_ntop(a->family, a->ip, text, ADDR_TEXT_MAX) == NULL)
        memcpy(text, "unknown", sizeof "unknown");
    return text;
}

const char *addr_text(const struct addr *a, char text[static ADDR_TEXT_MAX])
{
    bool v6 = a->family == AF_INET6;
    text[0] = '[';
    char ip[ADDR_TEXT_MAX];
    size_t len = strlen(addr_ip_text(a, ip));
    memcpy(text + v6, ip, len + 1);
    if (a->family == AF_UNSPEC)
        return text;
    char *end = text + v6 + len;
    if (v6)
        *end++ = ']';
    *end++ = ':';
    char port[STR_NUMBER_MAX];
    size_t digits = str_number(port, a->port);
    memcpy(end, port, digits + 1);
    return text;
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_is_private(const struct addr *a)
{
    static const struct cidr networks[] = {
        {{AF_INET, 0, {0}}, 8},         {{AF_INET, 0, {10}}, 8},
        {{AF_INET, 0, {100, 64}}, 10},  {{AF_INET, 0, {127}}, 8},
        {{AF_INET, 0, {169, 254}}, 16}, {{AF_INET, 0, {172, 16}}, 12},
        {{AF_INET, 0, {192, 168}}, 16}, {{AF_INET, 0, {224}}, 3}, /* multicast and reserved */
        {{AF_INET6, 0, {0}}, 127},                                /* ::, ::1 */
        {{AF_INET6, 0, {0xfc}}, 7},     {{AF_INET6, 0, {0xfe, 0x80}}, 10},
        {{AF_INET6, 0, {0xff}}, 8},
    };
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (cidr_match(&networks[i], a))
            return true;
    }
    return a->family == AF_UNSPEC;
}

bool addr_is_loopback(const struct addr *a)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    if (a->family == AF_INET)
        return a->ip[0] == 127;
    return a->family == AF_INET6 && memcmp(a->ip, loopback6, sizeof loopback6) == 0;
}

/* The first `bits` bits of both are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    if (bits % 8 == 0)
        return true;
    unsigned mask = 0xffu << (8 - bits % 8);
    return ((a[whole] ^ b[whole]) & mask & 0xff) == 0;
}

static bool has_host_bits(const struct cidr *c)
{
    uint8_t net[16] = {0};
    memcpy(net, c->net.ip, c->bits / 8);
    if (c->bits % 8 != 0)
        net[c->bits / 8] = (uint8_t)(c->net.ip[c->bits / 8] & (0xffu << (8 - c->bits % 8)));
    return memcmp(net, c->net.ip, sizeof net) != 0;
}

bool cidr_parse(const char *text, struct cidr *out, const char **why)
{
    char host[ADDR_TEXT_MAX];
    bool mapped;
    size_t len = strcspn(text, "/");
    *out = (struct cidr){0};
    *why = "not an address or network; right would be 192.0.2.0/24, 2001:db8::/32 or one address";
    if (len >= sizeof host)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (!parse_ip(host, &out->net, &mapped))
        return false;
    long most = out->net.family == AF_INET && !mapped ? 32 : 128;
    long bits = text[len] == '/' ? parse_decimal(text + len + 1, most) : most;
    if (bits < 0) {
        *why = most == 32 ? "the prefix length of an IPv4 network is a number from 0 to 32"
                          : "the prefix length of an IPv6 network is a number from 0 to 128";
        return false;
    }
    /* A mapped network wider than /96 would have ffff among its host bits. */
    bool wide = mapped && bits < 96;
    out->bits = (uint8_t)(mapped && !wide ? bits - 96 : bits);
    if (wide || has_host_bits(out)) {
        *why = "the address has bits set behind the prefix; right would be zeros there, or a "
               "longer prefix";
        return false;
    }
    *why = NULL;
    return true;
}

bool cidr_match(const struct cidr *net, const struct addr *a)
{
    return a->family != AF_UNSPEC && net->net.family == a->family &&
           same_prefix(net->net.ip, a->ip, net->bits);
}

bool cidr_set_match(const struct cidr_set *set, const struct addr *a)
{
    for (size_t i = 0; i < set->count; i++)
        if (cidr_match(&set->item[i], a))
            return true;
    return false;
}
