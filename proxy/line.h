/* SPDX-License-Identifier: ISC */
#ifndef PROXY_LINE_H
#define PROXY_LINE_H
/* Command lines: only CRLF ends one (RFC 5321 2.3.8). */

#include <stddef.h>

enum line_result {
    LINE_MORE,     /* no end yet, and still within `max` */
    LINE_OK,       /* a whole, clean line */
    LINE_BARE_CR,  /* ended by CRLF or by the fault's LF, but holds a CR elsewhere */
    LINE_BARE_LF,  /* ended by LF without CR */
    LINE_NUL,      /* holds a NUL */
    LINE_TOO_LONG, /* more than `max` octets with its CRLF, or no LF within `max` */
};

/*
 * Looks for one line at the start of the `len` bytes at `data`. *line_len gets its length without
 * the line end (0 for LINE_MORE and LINE_TOO_LONG), *used how many bytes to consume (0 for
 * LINE_MORE; for LINE_TOO_LONG: all up to and with the LF if one is there, else all of `len`: the
 * caller goes on dropping until an LF). `max` counts the CRLF. Of several faults the first of too
 * long, NUL, bare CR, bare LF is told. Pure; a caller who is given the same bytes with more behind
 * them gets the same answer, whatever the cut, but for LINE_MORE (and but for *used of
 * LINE_TOO_LONG). Any thread.
 */
enum line_result line_split(const char *data, size_t len, size_t max, size_t *line_len,
                            size_t *used);

#endif
