/* SPDX-License-Identifier: ISC */
/*
 * The PROXY protocol (haproxy's proxy-protocol.txt, 2.1 and 2.2): who the client is, told by the
 * balancer in front (parse) and told by us to the backend (build).
 *
 * Parsing is strict and says INVALID as soon as no continuation could be valid, so a peer that
 * speaks something else is not waited for. The answer for a prefix is MORE or that of the whole.
 * v1: 107 octets, single spaces, no leading zeros, CRLF; nothing behind UNKNOWN is looked at but
 * for its line end. v2: LOCAL is taken with any family, as the text demands; UDP and UNIX sockets
 * fall back to UNSPEC as it allows, and so name no client; anything the text calls unspecified is
 * refused, and so is a length below what the family needs. TLVs are skipped, CRC32C among them: a
 * checksum inside TCP from a peer that is trusted by its address proves nothing more.
 *
 * RFC-DEVIATION: a v2 header over 536 bytes is refused; none that carries addresses and the TLVs of
 * a mail balancer comes near.
 */
#include "proxy/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX      107 /* octets with CRLF */
#define V2_FIXED    16  /* signature, command, family, length */
#define V2_IPV4_LEN 12
#define V2_IPV6_LEN 36
#define V2_UNIX_LEN 216

enum v2_command { V2_LOCAL = 0x20, V2_PROXY = 0x21 }; /* with the version in the high half */
enum v2_family { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

static const char v2_signature[12] = {'\r', '\n', '\r', '\n', '\0', '\r',
                                      '\n', 'Q',  'U',  'I',  'T',  '\n'};

static enum proxy_header_result invalid(const char **why, const char *reason)
{
    *why = reason;
    return PROXY_HEADER_INVALID;
}

/* As much of `literal` as has come is there. */
static bool starts(const char *data, size_t len, const char *literal, size_t literal_len)
{
    return memcmp(data, literal, len < literal_len ? len : literal_len) == 0;
}

/* The end of a v1 line: OK with *line_len (CRLF included), MORE or INVALID. */
static enum proxy_header_result v1_find_end(const char *data, size_t len, size_t *line_len,
                                            const char **why)
{
    size_t seen = len < V1_MAX ? len : V1_MAX;
    const char *cr = memchr(data, '\r', seen);
    const char *lf = memchr(data, '\n', cr != NULL ? (size_t)(cr - data) : seen);

    if (lf != NULL)
        return invalid(why, "bare LF in the line");
    if (cr == NULL || cr == data + V1_MAX - 1)
        return len < V1_MAX ? PROXY_HEADER_MORE : invalid(why, "line longer than 107 octets");
    if (cr + 1 == data + len)
        return PROXY_HEADER_MORE;
    if (cr[1] != '\n')
        return invalid(why, "bare CR in the line");
    *line_len = (size_t)(cr + 2 - data);
    return PROXY_HEADER_OK;
}

/* Decimal, 0..65535, no sign, no leading zero. */
static bool v1_port(const char *text, uint16_t *port)
{
    unsigned value = 0;

    if (*text == '\0' || strlen(text) > 5 || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (unsigned)(*text - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool v1_address(const char *text, bool ipv6, struct addr *out)
{
    return (strchr(text, ':') != NULL) == ipv6 && addr_parse_ip(text, out);
}

/* "source destination port port", the `len` octets between the family and the CRLF. */
static enum proxy_header_result v1_endpoints(const char *text, size_t len, bool ipv6,
                                             struct addr *src, struct addr *dst, const char **why)
{
    char line[V1_MAX + 1];
    char *rest = line;
    char *field[5];
    size_t count = 0;

    memcpy(line, text, len);
    line[len] = '\0';
    while (rest != NULL && count < 5)
        field[count++] = strsep(&rest, " ");
    if (count != 4)
        return invalid(why, "not four fields behind the family");
    if (!v1_address(field[0], ipv6, src) || !v1_address(field[1], ipv6, dst))
        return invalid(why, "bad address");
    if (!v1_port(field[2], &src->port) || !v1_port(field[3], &dst->port))
        return invalid(why, "bad port");
    return PROXY_HEADER_OK;
}

/* Which of the beginnings of a v1 line has come whole, in *which; MORE or INVALID where none. */
static enum proxy_header_result v1_beginning(const char *data, size_t len, const char **which,
                                             const char **why)
{
    static const char *const beginnings[] = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN ",
                                             "PROXY UNKNOWN\r"};
    bool more = false;

    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        size_t size = strlen(beginnings[i]);
        if (!starts(data, len, beginnings[i], size))
            continue;
        more = true;
        if (len >= size) {
            *which = beginnings[i];
            return PROXY_HEADER_OK;
        }
    }
    return more ? PROXY_HEADER_MORE : invalid(why, "no PROXY header");
}

/* Nothing but what addresses and ports are made of, so that garbage is not waited out. */
static bool v1_chars_ok(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr("0123456789abcdefABCDEF:. \r", text[i]) == NULL)
            return false;
    return true;
}

static enum proxy_header_result v1_parse(const char *data, size_t len, struct addr *src,
                                         struct addr *dst, size_t *used, const char **why)
{
    const char *which = NULL;
    enum proxy_header_result result = v1_beginning(data, len, &which, why);
    if (result != PROXY_HEADER_OK)
        return result;

    bool known = which[6] == 'T';
    size_t begin = strlen(which);
    result = v1_find_end(data, len, used, why);
    if (!known)
        return result == PROXY_HEADER_OK ? PROXY_HEADER_LOCAL : result;
    if (result == PROXY_HEADER_INVALID)
        return result;
    size_t rest = (*used > 0 ? *used - 2 : len) - begin;
    if (!v1_chars_ok(data + begin, rest))
        return invalid(why, "bad character");
    if (result == PROXY_HEADER_MORE)
        return result;
    return v1_endpoints(data + begin, rest, which[9] == '6', src, dst, why);
}

/* The least length the address block of a family byte may have; false: unspecified family. */
static bool v2_least(uint8_t family, size_t *least)
{
    static const size_t lengths[] = {0, V2_IPV4_LEN, V2_IPV6_LEN, V2_UNIX_LEN};
    unsigned address = family >> 4;
    unsigned transport = family & 15;

    if (address > 3 || transport > 2)
        return false;
    *least = transport == 0 ? 0 : lengths[address];
    return true;
}

static void v2_ipv4(const char *ip, const char *port, struct addr *out)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};

    memcpy(&sin.sin_addr, ip, 4);
    memcpy(&sin.sin_port, port, 2);
    addr_from_sockaddr((const struct sockaddr *)&sin, out);
}

static void v2_ipv6(const char *ip, const char *port, struct addr *out)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

    memcpy(&sin6.sin6_addr, ip, 16);
    memcpy(&sin6.sin6_port, port, 2);
    addr_from_sockaddr((const struct sockaddr *)&sin6, out);
}

static enum proxy_header_result v2_endpoints(uint8_t family, const char *block, struct addr *src,
                                             struct addr *dst)
{
    if (family == V2_TCP4) {
        v2_ipv4(block, block + 8, src);
        v2_ipv4(block + 4, block + 10, dst);
        return PROXY_HEADER_OK;
    }
    if (family == V2_TCP6) {
        v2_ipv6(block, block + 32, src);
        v2_ipv6(block + 16, block + 34, dst);
        return PROXY_HEADER_OK;
    }
    return PROXY_HEADER_LOCAL;
}

static enum proxy_header_result v2_parse(const char *data, size_t len, struct addr *src,
                                         struct addr *dst, size_t *used, const char **why)
{
    const uint8_t *byte = (const uint8_t *)data;
    size_t least = 0;

    if (!starts(data, len, v2_signature, sizeof(v2_signature)))
        return invalid(why, "no PROXY header");
    if (len > 12 && byte[12] != V2_LOCAL && byte[12] != V2_PROXY)
        return invalid(why, "unknown version or command");
    if (len > 13 && byte[12] == V2_PROXY && !v2_least(byte[13], &least))
        return invalid(why, "unknown address family or transport");
    if (len < V2_FIXED)
        return PROXY_HEADER_MORE;

    size_t whole = V2_FIXED + ((size_t)byte[14] << 8 | byte[15]);
    if (whole > PROXY_HEADER_MAX)
        return invalid(why, "header too long");
    if (whole < V2_FIXED + least)
        return invalid(why, "length too short for the address family");
    if (len < whole)
        return PROXY_HEADER_MORE;
    *used = whole;
    if (byte[12] == V2_LOCAL)
        return PROXY_HEADER_LOCAL;
    return v2_endpoints(byte[13], data + V2_FIXED, src, dst);
}

enum proxy_header_result proxy_header_parse(const char *data, size_t len, struct addr *src,
                                            struct addr *dst, size_t *used, const char **why)
{
    enum proxy_header_result result = PROXY_HEADER_MORE;

    memset(src, 0, sizeof(*src));
    memset(dst, 0, sizeof(*dst));
    *used = 0;
    if (len > 0)
        result = data[0] == v2_signature[0] ? v2_parse(data, len, src, dst, used, why)
                                            : v1_parse(data, len, src, dst, used, why);
    if (result == PROXY_HEADER_INVALID) {
        memset(src, 0, sizeof(*src));
        memset(dst, 0, sizeof(*dst));
        *used = 0;
    }
    return result;
}

static const char *v1_ip_text(const struct addr *a, bool ipv6, char text[static ADDR_TEXT_MAX])
{
    char ip[ADDR_TEXT_MAX];

    addr_ip_text(a, ip);
    (void)snprintf(text, ADDR_TEXT_MAX, "%s%.45s", ipv6 && a->family == AF_INET ? "::ffff:" : "",
                   ip);
    return text;
}

static size_t v1_build(const struct addr *src, const struct addr *dst, bool known, bool ipv6,
                       char out[static PROXY_HEADER_MAX])
{
    char from[ADDR_TEXT_MAX];
    char to[ADDR_TEXT_MAX];

    if (!known)
        return (size_t)snprintf(out, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n");
    return (size_t)snprintf(out, PROXY_HEADER_MAX, "PROXY TCP%c %s %s %u %u\r\n", ipv6 ? '6' : '4',
                            v1_ip_text(src, ipv6, from), v1_ip_text(dst, ipv6, to), src->port,
                            dst->port);
}

/* The address in `size` bytes at `out`; IPv4 in sixteen is mapped (RFC 4291 2.5.5.2). */
static void v2_put_ip(const struct addr *a, char *out, size_t size)
{
    if (a->family == AF_INET && size == 16) {
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, a->ip, 4);
    } else {
        memcpy(out, a->ip, size);
    }
}

static void put_16(char *out, size_t value)
{
    out[0] = (char)(value >> 8 & 0xff);
    out[1] = (char)(value & 0xff);
}

static size_t v2_build(const struct addr *src, const struct addr *dst, bool known, bool ipv6,
                       char out[static PROXY_HEADER_MAX])
{
    size_t size = ipv6 ? 16 : 4;
    size_t block = known ? size * 2 + 4 : 0;

    memcpy(out, v2_signature, sizeof(v2_signature));
    out[12] = known ? V2_PROXY : V2_LOCAL;
    out[13] = !known ? V2_UNSPEC : ipv6 ? V2_TCP6 : V2_TCP4;
    put_16(out + 14, block);
    if (known) {
        v2_put_ip(src, out + V2_FIXED, size);
        v2_put_ip(dst, out + V2_FIXED + size, size);
        put_16(out + V2_FIXED + size * 2, src->port);
        put_16(out + V2_FIXED + size * 2 + 2, dst->port);
    }
    return V2_FIXED + block;
}

size_t proxy_header_build(int version, const struct addr *src, const struct addr *dst,
                          char out[static PROXY_HEADER_MAX])
{
    bool known = src->family != AF_UNSPEC && dst->family != AF_UNSPEC;
    bool ipv6 = src->family == AF_INET6 || dst->family == AF_INET6;

    return version == 1 ? v1_build(src, dst, known, ipv6, out)
                        : v2_build(src, dst, known, ipv6, out);
}
