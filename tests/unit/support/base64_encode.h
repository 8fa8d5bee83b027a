/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_BASE64_ENCODE_H
#define TESTS_UNIT_SUPPORT_BASE64_ENCODE_H
/* What lib/base64.h reads again: only tests make keys and signatures. */

#include "lib/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Appends the characters of `len` octets, padded, without line breaks. */
static inline void base64_encode(const void *data, size_t len, struct buf *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    for (size_t at = 0; at < len; at += 3) {
        size_t some = len - at < 3 ? len - at : 3;
        uint32_t word = (uint32_t)in[at] << 16 | (some > 1 ? (uint32_t)in[at + 1] << 8 : 0) |
                        (some > 2 ? in[at + 2] : 0);
        char four[] = {letters[word >> 18], letters[word >> 12 & 63],
                       some > 1 ? letters[word >> 6 & 63] : '=',
                       some > 2 ? letters[word & 63] : '='};
        buf_add(out, four, sizeof four);
    }
}

#endif
