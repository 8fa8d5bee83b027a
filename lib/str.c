/* SPDX-License-Identifier: ISC */
/*
 * str: counted strings that come from peers: comparing, showing, xtext, hex, UTF-8.
 *
 * Nothing here depends on the locale. Case means ASCII letters only. UTF-8 is RFC 3629's: no
 * overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Shown text (for logs and error messages) keeps well-formed UTF-8 readable, but never lets a peer
 * move the cursor, begin a line or turn the direction of what is beside it: such characters are
 * escaped byte by byte. The escape is not meant to be undone.
 *
 * xtext (RFC 3461 4): octets outside 33..126, '+' and '=' are "+XX" with upper-case digits.
 * RFC-DEVIATION: decoding takes lower-case digits too, as Postfix sends and accepts them.
 */
#include "lib/str.h"

#include <string.h>

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

bool str_case_starts(const char *text, size_t len, const char *literal)
{
    for (size_t i = 0; literal[i] != '\0'; i++)
        if (i == len || lower(text[i]) != lower(literal[i]))
            return false;
    return true;
}

size_t str_number(char out[static STR_NUMBER_MAX], unsigned long long number)
{
    char digit[STR_NUMBER_MAX];
    size_t at = sizeof digit;
    do
        digit[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    memcpy(out, digit + at, sizeof digit - at);
    out[sizeof digit - at] = '\0';
    return sizeof digit - at;
}

bool str_decimal(const char *text, int32_t *out)
{
    bool minus = text[0] == '-';
    const char *p = text + minus;
    int32_t value = 0;
    int digits = 0;
    for (; *p >= '0' && *p <= '9' && value <= 1000; p++, digits++)
        value = value * 10 + (*p - '0');
    value *= 100;
    if (digits > 0 && *p == '.' && p[1] >= '0' && p[1] <= '9') {
        value += (p[1] - '0') * 10;
        p += 2;
        if (*p >= '0' && *p <= '9')
            value += *p++ - '0';
    }
    *out = minus ? -value : value;
    return digits > 0 && *p == '\0' && value <= 100000;
}

bool str_case_eq(const char *text, size_t len, const char *literal)
{
    for (size_t i = 0; i < len; i++)
        if (literal[i] == '\0' || lower(text[i]) != lower(literal[i]))
            return false;
    return literal[len] == '\0';
}

static bool continues(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t str_utf8(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (c[0] < 0x80)
        return 1;
    if (c[0] < 0xc2 || c[0] > 0xf4 || len < 2 || !continues(c[1]))
        return 0;
    if (c[0] < 0xe0)
        return 2;
    if (len < 3 || !continues(c[2]) || (c[0] == 0xe0 && c[1] < 0xa0) ||
        (c[0] == 0xed && c[1] >= 0xa0))
        return 0;
    if (c[0] < 0xf0)
        return 3;
    if (len < 4 || !continues(c[3]) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] >= 0x90))
        return 0;
    return 4;
}

/* U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069 and U+FEFF, all three octets long. */
static bool turns_text(const unsigned char *c)
{
    if (c[0] == 0xef)
        return c[1] == 0xbb && c[2] == 0xbf;
    if (c[0] != 0xe2)
        return false;
    if (c[1] == 0x80)
        return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae);
    return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

size_t str_utf8_shown(const char *text, size_t len)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t octets = str_utf8(text, len);
    if (octets == 1)
        return c[0] >= 0x20 && c[0] != 0x7f;
    if (octets == 2 && c[0] == 0xc2 && c[1] < 0xa0)
        return 0;
    if (octets == 3 && turns_text(c))
        return 0;
    return octets;
}

/* One shown character in `out` (4 bytes of room); *used gets the input octets taken. */
static size_t show(char *out, const char *text, size_t len, size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    size_t octets = str_utf8_shown(text, len);
    *used = octets != 0 ? octets : 1;
    if (octets == 0) {
        unsigned char c = (unsigned char)*text;
        memcpy(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
        return 4;
    }
    if (*text == '\\') {
        memcpy(out, "\\\\", 2);
        return 2;
    }
    memcpy(out, text, octets);
    return octets;
}

size_t str_printable(char *out, size_t size, const char *text, size_t len)
{
    size_t at = 0;
    size_t cut = 0; /* where "..." would still fit */
    for (size_t i = 0, used; i < len; i += used) {
        char one[4];
        size_t add = show(one, text + i, len - i, &used);
        if (at + add >= size) {
            memcpy(out + cut, "...", 4);
            return cut + 3;
        }
        memcpy(out + at, one, add);
        at += add;
        if (at + 4 <= size)
            cut = at;
    }
    out[at] = '\0';
    return at;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet spelled by the two digits at `text`; -1: not two digits. */
static int hex_octet(const char *text)
{
    int high = hex_value(text[0]);
    int low = high < 0 ? -1 : hex_value(text[1]);
    return low < 0 ? -1 : high * 16 + low;
}

static bool xtext_plain(char c)
{
    return c >= '!' && c <= '~' && c != '+' && c != '=';
}

bool str_xtext_encode(char *out, size_t size, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        size_t add = xtext_plain(text[i]) ? 1 : 3;
        if (size - at <= add)
            return false;
        if (add == 1) {
            out[at++] = text[i];
        } else {
            out[at++] = '+';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    if (at >= size)
        return false;
    out[at] = '\0';
    return true;
}

bool str_xtext_decode(char *out, size_t size, const char *text, size_t len)
{
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        int octet = (unsigned char)text[i];
        if (text[i] == '+') {
            octet = len - i > 2 ? hex_octet(text + i + 1) : -1;
            i += 2;
        } else if (!xtext_plain(text[i])) {
            return false;
        }
        if (octet <= 0 || at + 1 >= size)
            return false;
        out[at++] = (char)octet;
    }
    if (at >= size)
        return false;
    out[at] = '\0';
    return true;
}

bool str_hex_decode(unsigned char *out, size_t size, const char *text, size_t len)
{
    size_t i = 0;
    for (size_t at = 0; at < size; at++) {
        if (at > 0 && i < len && text[i] == ':')
            i++;
        int octet = len - i >= 2 ? hex_octet(text + i) : -1;
        if (octet < 0)
            return false;
        out[at] = (unsigned char)octet;
        i += 2;
    }
    return i == len;
}
