/* SPDX-License-Identifier: ISC */
/*
 * wire: names and records of a DNS packet.
 *
 * Promises: never reads outside the packet, whatever is in it; a pointer of a compressed name must
 * lead backwards (RFC 1035 4.1.4: "a prior occurrence") and a name has at most 255 octets, so that
 * every name ends; an octet that is no part of a plain name, a dot inside a label with them, is
 * shown as \DDD and cannot pass for something else.
 * Limits: 32 pointers a name; label types other than plain and pointer are malformed.
 */
#include "dns/wire.h"

#define NAME_OCTETS_MAX 255
#define POINTERS_MAX    32
#define LABEL_MAX       63
#define POINTER         0xc0u
#define RECORD_FIXED    10 /* type, class, TTL, length */

uint16_t wire_u16(const struct wire *wire, size_t at)
{
    return (uint16_t)(wire->octet[at] << 8 | wire->octet[at + 1]);
}

uint32_t wire_u32(const struct wire *wire, size_t at)
{
    return (uint32_t)wire_u16(wire, at) << 16 | wire_u16(wire, at + 2);
}

static bool stays(unsigned char c, enum wire_form form)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        return true;
    return form == WIRE_ASKED && c >= ' ' && c < 0x7f && c != '\\' && c != '.';
}

static char *put_label(const unsigned char *label, size_t len, enum wire_form form, char *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = label[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (stays(c, form)) {
            *out++ = (char)c;
        } else {
            *out++ = '\\';
            *out++ = (char)('0' + c / 100);
            *out++ = (char)('0' + c / 10 % 10);
            *out++ = (char)('0' + c % 10);
        }
    }
    return out;
}

bool wire_name(const struct wire *wire, size_t *at, enum wire_form form,
               char out[static WIRE_NAME_TEXT])
{
    char *end = out;
    size_t place = *at, octets = 1, start = *at;
    unsigned pointers = 0;
    for (;;) {
        if (place >= wire->len)
            return false;
        size_t len = wire->octet[place];
        if (len == 0)
            break;
        if (len <= LABEL_MAX) {
            octets += 1 + len;
            if (octets > NAME_OCTETS_MAX || len >= wire->len - place)
                return false;
            if (end != out)
                *end++ = '.';
            end = put_label(wire->octet + place + 1, len, form, end);
            place += 1 + len;
        } else {
            if ((len & POINTER) != POINTER || wire->len - place < 2 || ++pointers > POINTERS_MAX)
                return false;
            if (pointers == 1)
                *at = place + 2;
            place = wire_u16(wire, place) & 0x3fffu;
            if (place >= start)
                return false;
            start = place;
        }
    }
    *end = '\0';
    if (pointers == 0)
        *at = place + 1;
    return true;
}

bool wire_skip_name(const struct wire *wire, size_t *at)
{
    for (size_t place = *at; place < wire->len;) {
        size_t len = wire->octet[place];
        if (len == 0 || (len & POINTER) == POINTER) {
            *at = place + (len == 0 ? 1 : 2);
            return *at <= wire->len;
        }
        if (len > LABEL_MAX)
            return false;
        place += 1 + len;
    }
    return false;
}

bool wire_record(const struct wire *wire, size_t *at, struct wire_rr *out)
{
    size_t owner = *at;
    if (!wire_skip_name(wire, at) || wire->len - *at < RECORD_FIXED)
        return false;
    size_t data = *at + RECORD_FIXED;
    size_t len = wire_u16(wire, data - 2);
    if (wire->len - data < len)
        return false;
    *out = (struct wire_rr){
        .owner = (uint16_t)owner,
        .type = wire_u16(wire, *at),
        .class = wire_u16(wire, *at + 2),
        .ttl = wire_u32(wire, *at + 4),
        .data = (uint16_t)data,
        .len = (uint16_t)len,
    };
    *at = data + len;
    return true;
}
