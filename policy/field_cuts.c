/* SPDX-License-Identifier: ISC */
/*
 * field_cuts: finds the header fields of a message that claim to be ours: Authentication-Results
 * with our authserv-id (RFC 8601 5), whatever its case, folding or comments, and the fields of the
 * names that we use ourselves.
 *
 * Promises: any split of the input gives the same pieces; memory is bounded whatever comes (one
 * field's first 16 KiB, 1000 pieces). Splits the section as lib/header does, but keeps none of it,
 * so that a section longer than what is kept for authentication hides nothing.
 * Limits: an Authentication-Results field of more than 16 KiB is taken for ours, and so is, behind
 * the first 100, one that has octets that are no ASCII, or encoded words. A name of ours with 16
 * KiB of blanks behind it is taken for a field. Of a message with more than 1000 pieces the rest of
 * the header section is left out.
 */
#include "policy/field_cuts.h"

#include "lib/buf.h"
#include "lib/header.h"
#include "lib/mem.h"
#include "policy/auth/authres.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RESULTS_NAME "Authentication-Results"
#define STRANGE_MOST 100 /* results not all in ASCII, of which each may cost 100 microseconds */

struct piece {
    uint64_t offset, len;
};

struct field_cuts {
    struct field_cuts_rules rules;
    struct buf field; /* the first octets of the one that is being read */
    uint64_t start;   /* its offset */
    uint64_t at;      /* of what comes next */
    bool line_start;  /* what comes next begins a line */
    bool after_cr;    /* the last octet was a CR */
    bool done;        /* the section is over */
    bool flooded;     /* too many pieces: what comes is left out */
    size_t strange;   /* results with 8-bit octets or encoded words */
    struct piece *piece;
    size_t pieces;
};

struct field_cuts *field_cuts_new(const struct field_cuts_rules *rules)
{
    struct field_cuts *cuts = mem_alloc(sizeof *cuts);
    cuts->rules = *rules;
    cuts->line_start = true;
    return cuts;
}

void field_cuts_free(struct field_cuts *cuts)
{
    if (cuts == NULL)
        return;
    buf_free(&cuts->field);
    free(cuts->piece);
    free(cuts);
}

/* ---- one field ----------------------------------------------------------------------------------
 */

/* Octets of the name at `raw`, 0 where it is no field; *colon is where its colon is. One that has
 * nothing but blanks behind its name, as far as it was kept, may have its colon beyond. */
static size_t name_length(const char *raw, size_t len, bool kept_whole, size_t *colon)
{
    size_t name = 0;
    while (name < len && raw[name] > ' ' && raw[name] < 0x7f && raw[name] != ':')
        name++;
    *colon = name;
    while (*colon < len && (raw[*colon] == ' ' || raw[*colon] == '\t'))
        ++*colon;
    bool named = *colon < len ? raw[*colon] == ':' : !kept_whole;
    return named ? name : 0;
}

static bool is_named(const char *raw, size_t len, const char *name)
{
    return name != NULL && strlen(name) == len && strncasecmp(raw, name, len) == 0;
}

static bool is_strange(const char *raw, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)raw[i] >= 0x80 || (raw[i] == '=' && i + 1 < len && raw[i + 1] == '?'))
            return true;
    return false;
}

static bool bears_our_id(struct field_cuts *cuts, size_t name_len, size_t colon)
{
    const char *raw = buf_data(&cuts->field);
    size_t len = buf_len(&cuts->field);
    size_t end = len;
    if (cuts->at - cuts->start > len)
        return true; /* longer than anybody needs */
    if (is_strange(raw, len) && ++cuts->strange > STRANGE_MOST)
        return true;
    if (end >= colon + 3 && memcmp(raw + end - 2, "\r\n", 2) == 0)
        end -= 2;
    const struct header_field field = {.raw = raw,
                                       .len = len,
                                       .name_len = name_len,
                                       .value = raw + colon + 1,
                                       .value_len = end - colon - 1,
                                       .offset = cuts->start};
    return authres_is_ours(&field, cuts->rules.authserv_id);
}

static bool is_ours(struct field_cuts *cuts)
{
    size_t colon;
    const char *raw = buf_data(&cuts->field);
    size_t len = buf_len(&cuts->field);
    size_t name_len = name_length(raw, len, cuts->at - cuts->start == len, &colon);
    if (name_len == 0)
        return false;
    for (size_t i = 0; i < FIELD_CUTS_NAMES; i++) {
        if (is_named(raw, name_len, cuts->rules.name[i]))
            return true;
    }
    return is_named(raw, name_len, RESULTS_NAME) && bears_our_id(cuts, name_len, colon);
}

static void add_piece(struct field_cuts *cuts, uint64_t offset, uint64_t len)
{
    struct piece *last = cuts->pieces > 0 ? &cuts->piece[cuts->pieces - 1] : NULL;
    if (last != NULL && last->offset + last->len == offset) {
        last->len += len;
        return;
    }
    cuts->piece = mem_grow(cuts->piece, cuts->pieces + 1, sizeof *cuts->piece);
    cuts->piece[cuts->pieces++] = (struct piece){.offset = offset, .len = len};
    cuts->flooded = cuts->pieces > FIELD_CUTS_MOST;
}

/* The field that began at `start` is whole. */
static void end_field(struct field_cuts *cuts)
{
    if (cuts->at > cuts->start && (cuts->flooded || is_ours(cuts)))
        add_piece(cuts, cuts->start, cuts->at - cuts->start);
    cuts->start = cuts->at;
    buf_consume(&cuts->field, buf_len(&cuts->field));
}

/* ---- the section --------------------------------------------------------------------------------
 */

/* Octets up to and with the end of the line, or all; *ended: it was among them. */
static size_t line_length(const struct field_cuts *cuts, const char *data, size_t len, bool *ended)
{
    *ended = false;
    for (size_t at = 0; at < len;) {
        const char *newline = memchr(data + at, '\n', len - at);
        if (newline == NULL)
            return len;
        at = (size_t)(newline - data) + 1;
        if (at == 1 ? cuts->after_cr : newline[-1] == '\r') {
            *ended = true;
            return at;
        }
    }
    return len;
}

static void take(struct field_cuts *cuts, const char *data, size_t len)
{
    size_t kept = buf_len(&cuts->field);
    size_t room = kept < FIELD_CUTS_FIELD ? FIELD_CUTS_FIELD - kept : 0;
    buf_add(&cuts->field, data, len < room ? len : room);
    cuts->at += len;
    cuts->after_cr = data[len - 1] == '\r';
}

/* Is what was read of this field the empty line that ends the section? */
static bool is_empty_line(const struct field_cuts *cuts)
{
    return cuts->at - cuts->start == 2 && memcmp(buf_data(&cuts->field), "\r\n", 2) == 0;
}

void field_cuts_add(struct field_cuts *cuts, const char *data, size_t len)
{
    while (len > 0 && !cuts->done) {
        if (cuts->line_start && data[0] != ' ' && data[0] != '\t')
            end_field(cuts);
        size_t octets = line_length(cuts, data, len, &cuts->line_start);
        take(cuts, data, octets);
        cuts->done = cuts->line_start && is_empty_line(cuts);
        data += octets;
        len -= octets;
    }
    if (cuts->done)
        buf_free(&cuts->field);
}

void field_cuts_end(struct field_cuts *cuts)
{
    if (!cuts->done)
        end_field(cuts);
    cuts->done = true;
    buf_free(&cuts->field);
}

void field_cuts_each(const struct field_cuts *cuts,
                     void (*fn)(uint64_t offset, uint64_t len, void *arg), void *arg)
{
    for (size_t i = 0; i < cuts->pieces; i++)
        fn(cuts->piece[i].offset, cuts->piece[i].len, arg);
}
