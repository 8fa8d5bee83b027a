/* SPDX-License-Identifier: ISC */
/*
 * base64: letters as the octets they stand for (RFC 4648 4), with white space among them.
 *
 * Promises: padding is where it has to be, and nothing follows it but blanks. Bits that the last
 * letter has too many are passed over, as verifiers do.
 * Limits: the caller's; `out` grows by three octets for four letters.
 */
#include "lib/base64.h"

#include "lib/buf.h"

#include <stdint.h>

#define BLANK  64
#define WRONG  65
#define OCTETS 384 /* at a time: a multiple of three */

static unsigned value_of(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 0U;
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26U;
    if (c >= '0' && c <= '9')
        return c - '0' + 52U;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? BLANK : WRONG;
}

/* What is left of the text is `need` times '=', and blanks. */
static bool padded(const char *text, size_t len, unsigned need)
{
    unsigned pads = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '=')
            pads++;
        else if (value_of((unsigned char)text[i]) != BLANK)
            return false;
    return pads == need;
}

bool base64_decode(const char *text, size_t len, struct buf *out)
{
    unsigned char octets[OCTETS];
    size_t count = 0; /* of them */
    uint32_t word = 0;
    unsigned have = 0; /* letters of the quartet */
    size_t at = 0;
    for (; at < len && text[at] != '='; at++) {
        unsigned value = value_of((unsigned char)text[at]);
        if (value == BLANK)
            continue;
        if (value == WRONG)
            return false;
        word = word << 6 | value;
        if (++have < 4)
            continue;
        octets[count++] = (unsigned char)(word >> 16);
        octets[count++] = (unsigned char)(word >> 8);
        octets[count++] = (unsigned char)word;
        have = 0;
        if (count == OCTETS) {
            buf_add(out, octets, count);
            count = 0;
        }
    }
    if (have == 1 || !padded(text + at, len - at, have == 0 ? 0 : 4 - have))
        return false;
    word <<= have > 0 ? 6 * (4 - have) : 0;
    if (have > 1)
        octets[count++] = (unsigned char)(word >> 16);
    if (have > 2)
        octets[count++] = (unsigned char)(word >> 8);
    buf_add(out, octets, count);
    return true;
}
