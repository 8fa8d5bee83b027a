/* SPDX-License-Identifier: ISC */
/*
 * name_address: does a name hold an address? The second half of policy/name_pattern.h.
 *
 * IPv4: its four numbers one behind the other, in the address's order or backwards and beginning
 * with any of them, since providers write 4.red-1-2-3 and host3-4-dynamic.1-2; zeros in front do
 * not matter, other text may stand between, with a '.', '-' or '_' in it. Or all of it in one run,
 * forward or backwards: 12 digits, the digits without zeros in front (6 at least), or 8 hex digits.
 * IPv6: its 32 nibbles forward or backwards, each with or without a separator; or its 8 groups as
 * usually written, with the "::" of RFC 5952 as an empty group.
 *
 * A number is compared whole, so 1.2.3.4 is not found in 11.2.3.4 or 1.2.3.45. One letter may stand
 * before hex digits though it is one itself: d54c1a2b3.access.
 */
#include "policy/name_pattern.h"

#include "dns/dns.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define NUMBERS_MAX (DNS_NAME_MAX / 2 + 1)
#define NIBBLES_MAX 32
#define OCTETS      4
#define GROUPS      8
#define RUN_MIN     6 /* digits of an address in one run */
#define RUN_MAX     (3 * OCTETS)

/* A run of decimal digits. */
struct number {
    const char *text;
    size_t len;
    unsigned value; /* over 255: no octet */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c == '.' || c == '-' || c == '_';
}

/* -1: no hex digit. */
static int nibble(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---- IPv4 in decimal ---------------------------------------------------------------------------
 */

static size_t find_numbers(const char *name, size_t len, struct number number[static NUMBERS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < len && count < NUMBERS_MAX; i++) {
        if (!is_digit(name[i]))
            continue;
        struct number *n = &number[count++];
        *n = (struct number){.text = name + i};
        for (; i < len && is_digit(name[i]); i++, n->len++)
            n->value = n->len < 3 ? n->value * 10 + (unsigned)(name[i] - '0') : 256;
    }
    return count;
}

/* Between two numbers stands a separator at least. */
static bool apart(const struct number *left, const struct number *right)
{
    for (const char *p = left->text + left->len; p < right->text; p++)
        if (is_separator(*p))
            return true;
    return false;
}

/* The four numbers are the octets, from the `first` on, `step` 1 forward and 3 backwards. */
static bool is_order(const struct number *number, const uint8_t *ip, unsigned first, unsigned step)
{
    for (unsigned i = 0; i < OCTETS; i++)
        if (number[i].value != ip[(first + i * step) % OCTETS])
            return false;
    return true;
}

static bool are_octets(const struct number *number, const uint8_t *ip)
{
    for (unsigned i = 0; i + 1 < OCTETS; i++)
        if (!apart(&number[i], &number[i + 1]))
            return false;
    for (unsigned first = 0; first < OCTETS; first++)
        if (is_order(number, ip, first, 1) || is_order(number, ip, first, OCTETS - 1))
            return true;
    return false;
}

/* The octets in one run of digits. */
static void write_run(char out[static RUN_MAX + 1], const uint8_t *ip, bool back, bool padded)
{
    size_t len = 0;
    for (unsigned i = 0; i < OCTETS; i++) {
        unsigned octet = ip[back ? OCTETS - 1 - i : i];
        for (unsigned unit = 100; unit > 0; unit /= 10)
            if (padded || octet >= unit || unit == 1)
                out[len++] = (char)('0' + octet / unit % 10);
    }
    out[len] = '\0';
}

static bool holds_run(const struct number *number, size_t count, const uint8_t *ip)
{
    char run[RUN_MAX + 1];
    for (unsigned form = 0; form < 4; form++) {
        write_run(run, ip, (form & 1) != 0, (form & 2) != 0);
        size_t len = strlen(run);
        for (size_t i = 0; i < count && len >= RUN_MIN; i++)
            if (number[i].len == len && memcmp(number[i].text, run, len) == 0)
                return true;
    }
    return false;
}

static bool holds_decimal(const char *name, size_t len, const uint8_t *ip)
{
    struct number number[NUMBERS_MAX];
    size_t count = find_numbers(name, len, number);
    for (size_t i = 0; i + OCTETS <= count; i++)
        if (are_octets(number + i, ip))
            return true;
    return holds_run(number, count, ip);
}

/* ---- hex ---------------------------------------------------------------------------------------
 */

/* Hex digits may begin here: behind what is none, or behind one letter that begins a word. */
static bool may_begin(const char *name, size_t at)
{
    if (at == 0 || nibble(name[at - 1]) < 0)
        return true;
    return !is_digit(name[at - 1]) && (at == 1 || is_separator(name[at - 2]));
}

/* The nibbles, with at most one separator behind every `group` of them. */
static bool nibbles_at(const char *at, const char *end, const uint8_t *want, size_t count,
                       size_t group)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && i % group == 0 && at < end && is_separator(*at))
            at++;
        if (at == end || nibble(*at) != want[i])
            return false;
        at++;
    }
    return at == end || nibble(*at) < 0;
}

static bool holds_nibbles(const char *name, size_t len, const uint8_t *want, size_t count,
                          size_t group)
{
    for (size_t i = 0; i < len; i++)
        if (may_begin(name, i) && nibbles_at(name + i, name + len, want, count, group))
            return true;
    return false;
}

static bool holds_hex4(const char *name, size_t len, const uint8_t *ip)
{
    uint8_t want[2][2 * OCTETS];
    for (unsigned i = 0; i < OCTETS; i++) {
        unsigned back = OCTETS - 1 - i;
        want[0][2 * i] = want[1][2 * back] = ip[i] >> 4;
        want[0][2 * i + 1] = want[1][2 * back + 1] = ip[i] & 15;
    }
    return holds_nibbles(name, len, want[0], 2 * OCTETS, 2) ||
           holds_nibbles(name, len, want[1], 2 * OCTETS, 2);
}

static bool holds_hex6(const char *name, size_t len, const uint8_t *ip)
{
    uint8_t want[2][NIBBLES_MAX];
    for (unsigned i = 0; i < NIBBLES_MAX; i++) {
        want[0][i] = i % 2 == 0 ? ip[i / 2] >> 4 : ip[i / 2] & 15;
        want[1][NIBBLES_MAX - 1 - i] = want[0][i];
    }
    return holds_nibbles(name, len, want[0], NIBBLES_MAX, 1) ||
           holds_nibbles(name, len, want[1], NIBBLES_MAX, 1);
}

/* ---- groups of IPv6 ----------------------------------------------------------------------------
 */

/* A group of 1 to 4 hex digits; behind it, NULL: there is none. */
static const char *take_group(const char *at, const char *end, unsigned *value)
{
    const char *from = at;
    *value = 0;
    for (; at < end && nibble(*at) >= 0; at++) {
        if (at - from == 4)
            return NULL;
        *value = *value << 4 | (unsigned)nibble(*at);
    }
    return at > from ? at : NULL;
}

/* The eight groups, in their order or backwards. */
static bool groups_at(const char *at, const char *end, const uint8_t *ip)
{
    bool forward = true;
    bool backward = true;
    for (unsigned i = 0; i < GROUPS && (forward || backward); i++) {
        unsigned value;
        unsigned back = GROUPS - 1 - i;
        if (i > 0 && (at == end || !is_separator(*at++)))
            return false;
        at = take_group(at, end, &value);
        if (at == NULL)
            return false;
        forward = forward && value == (ip[2 * i] * 256U + ip[2 * i + 1]);
        backward = backward && value == (ip[2 * back] * 256U + ip[2 * back + 1]);
    }
    return forward || backward;
}

static bool holds_groups(const char *name, size_t len, const uint8_t *ip)
{
    for (size_t i = 0; i < len; i++)
        if ((i == 0 || nibble(name[i - 1]) < 0) && groups_at(name + i, name + len, ip))
            return true;
    return false;
}

/* As RFC 5952 writes it, with a '-' for each ':'. */
static bool holds_text6(const char *name, size_t len, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];
    size_t size = strlen(addr_ip_text(address, text));
    for (char *p = text; *p != '\0'; p++)
        if (*p == ':')
            *p = '-';
    for (size_t i = 0; i + size <= len; i++)
        if (strncasecmp(name + i, text, size) == 0 && (i == 0 || nibble(name[i - 1]) < 0) &&
            (i + size == len || nibble(name[i + size]) < 0))
            return true;
    return false;
}

bool name_holds_address(const char *name, const struct addr *address)
{
    const uint8_t *ip = address->ip;
    size_t len = strnlen(name, DNS_NAME_MAX);
    if (address->family == AF_INET)
        return holds_decimal(name, len, ip) || holds_hex4(name, len, ip);
    return address->family == AF_INET6 &&
           (holds_hex6(name, len, ip) || holds_groups(name, len, ip) ||
            holds_text6(name, len, address));
}
