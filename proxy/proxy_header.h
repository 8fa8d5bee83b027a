/* SPDX-License-Identifier: ISC */
#ifndef PROXY_PROXY_HEADER_H
#define PROXY_PROXY_HEADER_H
/* The PROXY protocol, versions 1 and 2, both ways (haproxy's proxy-protocol.txt). */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

#define PROXY_HEADER_MAX 536 /* bytes of a v2 header that is accepted (16 + 520); v1: 107 */

enum proxy_header_result {
    PROXY_HEADER_MORE,
    PROXY_HEADER_OK,      /* src and dst are set */
    PROXY_HEADER_LOCAL,   /* v2 LOCAL or not TCP, v1 UNKNOWN: names no client */
    PROXY_HEADER_INVALID, /* *why says it */
};

/*
 * Parses a header at the start of `data`. *used gets its length for OK and LOCAL, else 0; src and
 * dst are zeroed unless OK; *why is set for INVALID only. Strict: wrong version, family, too short
 * a length for the family, leading zeros, v1 over 107 bytes are INVALID as soon as that is certain.
 * v2 with UDP or UNIX addresses is LOCAL. TLVs are skipped. Mapped IPv4 becomes IPv4. Pure, any
 * thread; a prefix of the same bytes gives MORE or the same result.
 */
enum proxy_header_result proxy_header_parse(const char *data, size_t len, struct addr *src,
                                            struct addr *dst, size_t *used, const char **why);
/* Builds a header of `version` 1 or 2 into `out`; returns its length. Families that differ: both
 * as IPv6 (v4 mapped). An AF_UNSPEC address: "PROXY UNKNOWN" or LOCAL, which name no client. */
size_t proxy_header_build(int version, const struct addr *src, const struct addr *dst,
                          char out[static PROXY_HEADER_MAX]);

#endif
