/* SPDX-License-Identifier: ISC */
/*
 * header_fuzz: any octets as a message, in any cut. The first octet is the size of the pieces. What
 * is split is what came, octet for octet; bounds only leave out what is beyond them.
 */
#include "lib/header.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static struct header *header_of(const char *text, size_t len, size_t piece, size_t octets,
                                size_t fields)
{
    struct header *header = header_new(octets, fields);
    for (size_t at = 0; at < len && !header_complete(header); at += piece) {
        size_t some = len - at < piece ? len - at : piece;
        size_t taken = header_add(header, text + at, some);
        expect(taken <= some && (taken == some || header_complete(header)));
    }
    header_end(header);
    expect(header_complete(header) && header_size(header) <= len);
    return header;
}

static void check_field(const struct header_field *field)
{
    const char *end = field->raw + field->len;
    expect(field->len > 0 && field->name_len < field->len);
    expect(field->value >= field->raw && field->value + field->value_len <= end);
    for (size_t i = 0; i < field->name_len; i++)
        expect(field->raw[i] > ' ' && field->raw[i] < 0x7f && field->raw[i] != ':');
    if (field->name_len > 0)
        expect(field->value[-1] == ':');
    else
        expect(field->value == field->raw);
}

/* Returns where the last field ends. */
static size_t check_fields(const struct header *header, const char *text)
{
    size_t at = 0;
    for (size_t i = 0; i < header_count(header); i++) {
        const struct header_field *field = header_field(header, i);
        check_field(field);
        expect(field->offset == at && memcmp(field->raw, text + at, field->len) == 0);
        at += field->len;
        expect(i + 1 == header_count(header) || text[at - 1] == '\n');
    }
    expect(header_occurs(header, "a") <= header_count(header));
    expect((header_first(header, "a") != NULL) == (header_occurs(header, "a") > 0));
    return at;
}

static void check_cut(const char *text, size_t len, size_t bound, const struct header *whole)
{
    struct header *by_octets = header_of(text, len, 7, bound, len + 1);
    struct header *by_fields = header_of(text, len, 7, len + 1, bound);
    expect(header_size(by_octets) == header_size(whole));
    expect(header_cut(by_octets) == (header_size(whole) > bound));
    expect(check_fields(by_octets, text) <= bound);
    expect(header_cut(by_fields) == (header_count(whole) > bound));
    expect(header_count(by_fields) <= bound);
    check_fields(by_fields, text);
    header_free(by_octets);
    header_free(by_fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    struct header *whole = header_of(text, len, len + 1, len + 1, len + 1);
    struct header *pieces = header_of(text, len, data[0] % 16 + 1U, len + 1, len + 1);
    size_t end = check_fields(whole, text);
    expect(!header_cut(whole) && header_size(whole) == header_size(pieces));
    expect(end == header_size(whole) ||
           (end + 2 == header_size(whole) && memcmp(text + end, "\r\n", 2) == 0));
    expect(check_fields(pieces, text) == end && header_count(pieces) == header_count(whole));
    check_cut(text, len, data[0], whole);
    header_free(whole);
    header_free(pieces);
    return 0;
}
