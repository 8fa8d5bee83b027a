/* SPDX-License-Identifier: ISC */
#ifndef LIB_STR_H
#define LIB_STR_H
/* Counted strings that come from peers: comparing, showing, xtext, hex, UTF-8. All pure, any
 * thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STR_NUMBER_MAX 21 /* the digits of 2^64 - 1 and a NUL */

/* `number` in decimal digits and a NUL; returns how many digits. */
size_t str_number(char out[static STR_NUMBER_MAX], unsigned long long number);

/* Hundredths of "6", "-2", "0.5" or "1.25". False: not of that form, or beyond +-1000. */
bool str_decimal(const char *text, int32_t *out);

/* The `len` bytes at `text` spell the NUL-terminated `literal`, ASCII letters in any case. */
bool str_case_eq(const char *text, size_t len, const char *literal);
/* They begin with it. */
bool str_case_starts(const char *text, size_t len, const char *literal);

/* Makes bytes fit to be shown in one line: controls, invalid UTF-8 and the characters that turn or
 * break a line become \xHH per byte, a backslash becomes two. `out` gets at most `size` bytes with
 * its NUL (size >= 4); what does not fit is cut and ends in "...". Returns the length. */
size_t str_printable(char *out, size_t size, const char *text, size_t len);

/* The octets of the well-formed UTF-8 character at `text` (RFC 3629; 1 for ASCII, controls too), 0
 * where there is none or it is not whole within `len`. */
size_t str_utf8(const char *text, size_t len);
/* The same, but 0 for what should not be shown as it is: controls (C0, DEL, C1), line and paragraph
 * separators, direction marks and overrides. */
size_t str_utf8_shown(const char *text, size_t len);

/* xtext (RFC 3461 4) of `len` octets into `out` (`size` with the NUL). False: does not fit. */
bool str_xtext_encode(char *out, size_t size, const char *text, size_t len);
/* The octets of an xtext, NUL-terminated. False: not xtext, an octet 0, or does not fit. */
bool str_xtext_decode(char *out, size_t size, const char *text, size_t len);

/* Exactly `size` octets from 2 * size hex digits in either case, with or without one ':' between
 * octets. False: anything else. */
bool str_hex_decode(unsigned char *out, size_t size, const char *text, size_t len);

#endif
