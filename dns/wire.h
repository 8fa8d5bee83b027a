/* SPDX-License-Identifier: ISC */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H
/* A DNS packet's parts as they lie on the wire (RFC 1035 4.1). Pure, any thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER    12
#define WIRE_NAME_TEXT 1024 /* any name as text, every octet escaped, and a NUL */

enum { WIRE_CLASS_IN = 1, WIRE_NS = 2, WIRE_CNAME = 5, WIRE_SOA = 6 };

struct wire {
    const unsigned char *octet;
    size_t len; /* at most 65535 */
};

struct wire_rr {
    uint16_t owner; /* where its name is */
    uint16_t type;
    uint16_t class;
    uint16_t data; /* where its data is */
    uint16_t len;  /* of the data; all of it is within the packet */
    uint32_t ttl;
};

enum wire_form {
    WIRE_ASKED, /* as dns_name_normal() has it: printing octets stay */
    WIRE_HOST,  /* letters, digits, '-' and '_' stay */
};

/* The big-endian numbers at `at`, which are within the packet. */
uint16_t wire_u16(const struct wire *wire, size_t at);
uint32_t wire_u32(const struct wire *wire, size_t at);
/* The name at *at in lower case, without a trailing dot ("" is the root), other octets as \DDD; *at
 * moves behind it. False: malformed. */
bool wire_name(const struct wire *wire, size_t *at, enum wire_form form,
               char out[static WIRE_NAME_TEXT]);
/* Moves *at behind the name without looking where its pointers lead. False: malformed. */
bool wire_skip_name(const struct wire *wire, size_t *at);
/* The record at *at, which moves behind it. False: malformed. */
bool wire_record(const struct wire *wire, size_t *at, struct wire_rr *out);

#endif
