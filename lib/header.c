/* SPDX-License-Identifier: ISC */
/*
 * header: the header section of a message, split into its fields (RFC 5322 2.2, 4.5).
 *
 * Octets are copied as they come, while only the empty line is looked for; the fields are made
 * once, at the end, when the copy moves no more.
 *
 * Promises: any cut of the message gives the same fields; the fields, one behind the other, are the
 * section without its empty line (of one that was cut: its beginning, without the field that the
 * cut went through). The cost is linear in the octets.
 * Limits: the two of header_new().
 */
#include "lib/header.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_FIRST 32

struct header {
    size_t most_octets, most_fields;
    struct buf text;
    uint64_t size;
    uint64_t line; /* octets of the line that is not over */
    bool cr;       /* the last of them is a CR */
    bool complete, cut;
    struct header_field *fields;
    size_t count, room;
};

struct header *header_new(size_t octets, size_t fields)
{
    struct header *header = mem_alloc(sizeof *header);
    header->most_octets = octets;
    header->most_fields = fields;
    return header;
}

void header_free(struct header *header)
{
    if (header == NULL)
        return;
    buf_free(&header->text);
    free(header->fields);
    free(header);
}

size_t header_memory(const struct header *header)
{
    return header->text.cap + header->room * sizeof *header->fields;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first octet behind the CRLF of the line at `at`, or the end. */
static const char *line_end(const char *at, const char *end)
{
    const char *lf = at;
    while ((lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL) {
        if (lf > at && lf[-1] == '\r')
            return lf + 1;
        lf++;
    }
    return end;
}

/* The octets of the field's name, where `line` has one in front of its `colon`. */
static size_t name_length(const char *line, const char *colon)
{
    const char *name_end = colon;
    while (name_end > line && blank(name_end[-1]))
        name_end--;
    for (const char *at = line; at < name_end; at++)
        if (*at <= ' ' || *at >= 0x7f)
            return 0;
    return (size_t)(name_end - line);
}

static struct header_field *field_new(struct header *header)
{
    if (header->count == header->room) {
        header->room = header->room == 0 ? FIELDS_FIRST : header->room * 2;
        header->fields = mem_grow(header->fields, header->room, sizeof *header->fields);
    }
    return &header->fields[header->count++];
}

/* The field from `raw` to `end`, whose first line goes to `first_end`. */
static void add_field(struct header *header, const char *raw, const char *first_end,
                      const char *end)
{
    struct header_field *field = field_new(header);
    const char *colon = memchr(raw, ':', (size_t)(first_end - raw));
    size_t name_len = colon != NULL ? name_length(raw, colon) : 0;
    const char *value = name_len > 0 ? colon + 1 : raw;
    const char *value_end = end - raw >= 2 && end[-1] == '\n' && end[-2] == '\r' ? end - 2 : end;
    *field = (struct header_field){.raw = raw,
                                   .len = (size_t)(end - raw),
                                   .name_len = name_len,
                                   .value = value,
                                   .value_len = (size_t)(value_end - value),
                                   .offset = (uint64_t)(raw - buf_data(&header->text))};
}

static void split(struct header *header, size_t len)
{
    const char *at = buf_data(&header->text);
    const char *end = at + len;
    while (at < end) {
        const char *first_end = line_end(at, end);
        const char *field_end = first_end;
        while (field_end < end && blank(*field_end))
            field_end = line_end(field_end, end);
        if (header->count == header->most_fields) {
            header->cut = true;
            return;
        }
        if (field_end == end && header->size > buf_len(&header->text))
            return; /* the cut went through it, or nobody knows */
        add_field(header, at, first_end, field_end);
        at = field_end;
    }
}

static void complete(struct header *header, size_t empty_line)
{
    size_t len = buf_len(&header->text);
    header->complete = true;
    header->cut = header->size > len;
    split(header, header->cut ? len : len - empty_line);
}

/* Where in `data` the section ends, or NULL. */
static const char *find_end(struct header *header, const char *data, size_t len)
{
    const char *end = data + len;
    const char *at = data;
    const char *lf;
    while (at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        bool cr = lf > data ? lf[-1] == '\r' : header->cr;
        header->line += (uint64_t)(lf - at);
        at = lf + 1;
        if (cr && header->line == 1)
            return at;
        header->line = cr ? 0 : header->line + 1;
    }
    header->line += (uint64_t)(end - at);
    header->cr = len > 0 ? end[-1] == '\r' : header->cr;
    return NULL;
}

size_t header_add(struct header *header, const char *data, size_t len)
{
    if (header->complete || len == 0)
        return 0;
    const char *end = find_end(header, data, len);
    size_t taken = end != NULL ? (size_t)(end - data) : len;
    size_t room = header->most_octets - buf_len(&header->text);
    buf_add(&header->text, data, taken < room ? taken : room);
    header->size += taken;
    if (end != NULL)
        complete(header, 2);
    return taken;
}

void header_end(struct header *header)
{
    if (!header->complete)
        complete(header, 0);
}

bool header_complete(const struct header *header)
{
    return header->complete;
}

bool header_cut(const struct header *header)
{
    return header->cut;
}

size_t header_count(const struct header *header)
{
    return header->count;
}

const struct header_field *header_field(const struct header *header, size_t index)
{
    return &header->fields[index];
}

bool header_named(const struct header_field *field, const char *name)
{
    return field->name_len > 0 && str_case_eq(field->raw, field->name_len, name);
}

size_t header_occurs(const struct header *header, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < header->count; i++)
        found += header_named(&header->fields[i], name) ? 1 : 0;
    return found;
}

const struct header_field *header_first(const struct header *header, const char *name)
{
    for (size_t i = 0; i < header->count; i++)
        if (header_named(&header->fields[i], name))
            return &header->fields[i];
    return NULL;
}

uint64_t header_size(const struct header *header)
{
    return header->size;
}
