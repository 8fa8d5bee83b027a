/* SPDX-License-Identifier: ISC */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H
/* Base64 (RFC 4648 4) as it stands in header fields and DNS records. Pure, any thread. */

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends the octets of `len` characters at `text` to `out`. Blanks, tabs, CR and LF between them
 * are passed over (RFC 6376 3.2: FWS). False: a character that is none, or wrong padding; padding
 * that is missing at the end is wrong, too. `out` may then hold a part. */
bool base64_decode(const char *text, size_t len, struct buf *out);

#endif
