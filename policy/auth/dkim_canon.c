/* SPDX-License-Identifier: ISC */
/*
 * dkim_canon: header fields as they are signed, and the digest over those that are.
 *
 * Promises: a field that h= names once more than there are is signed as one that is not there; a
 * signature never signs itself by h=. The header's fields are gone through once for a signature,
 * looking each up among the sorted names of h=; what is digested is at most the header once, and
 * the signature.
 * RFC 6376 3.4.1, 3.4.2, 3.7, 5.4.2; ARC's signatures likewise (RFC 8617 4.1.2).
 */
#include "policy/auth/dkim_int.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLOCK 512 /* octets that are gathered before they are added */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_white(char c)
{
    return is_blank(c) || c == '\r' || c == '\n';
}

/* ---- one field */

/* The octets of the value up to and with the '=' of b=, and those from the ';' behind it on. */
static void find_b(const char *value, size_t len, size_t *head, size_t *tail)
{
    *head = *tail = len;
    for (size_t at = 0; at < len;) {
        const char *stop = memchr(value + at, ';', len - at);
        size_t end = stop != NULL ? (size_t)(stop - value) : len, name = at;
        while (name < end && is_white(value[name]))
            name++;
        size_t equals = name + 1;
        while (equals < end && is_white(value[equals]))
            equals++;
        if (equals < end && value[name] == 'b' && value[equals] == '=') {
            *head = equals + 1;
            *tail = end;
            return;
        }
        at = end + 1;
    }
}

/* The octets of the blank or CRLF in front, 0: it is neither. */
static size_t folding(const char *text, size_t len)
{
    if (is_blank(text[0]))
        return 1;
    return len >= 2 && text[0] == '\r' && text[1] == '\n' ? 2 : 0;
}

/* CRLF of folding out, blanks to one space. `space`: there were blanks that were not written. */
static void add_relaxed(struct buf *out, const char *text, size_t len, bool *space)
{
    char block[BLOCK];
    size_t used = 0;
    for (size_t at = 0, run; at < len; at += run) {
        run = folding(text + at, len - at);
        if (run > 0) {
            *space = *space || run == 1;
            continue;
        }
        run = 1;
        if (used + 2 > sizeof block) {
            buf_add(out, block, used);
            used = 0;
        }
        if (*space)
            block[used++] = ' ';
        *space = false;
        block[used++] = text[at];
    }
    buf_add(out, block, used);
}

static void add_name(struct buf *out, const char *name, size_t len)
{
    char lower[BLOCK];
    for (size_t at = 0, some; at < len; at += some) {
        some = len - at < sizeof lower ? len - at : sizeof lower;
        for (size_t i = 0; i < some; i++) {
            char c = name[at + i];
            lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        }
        buf_add(out, lower, some);
    }
}

static void canon_relaxed(const struct header_field *field, size_t head, size_t tail,
                          struct buf *out)
{
    bool space = false;
    size_t first = 0; /* blanks in front of the value are none */
    for (size_t run = 1; first < head && run > 0; first += run)
        run = folding(field->value + first, head - first);
    add_name(out, field->raw, field->name_len);
    buf_add(out, ":", 1);
    add_relaxed(out, field->value + first, head - first, &space);
    add_relaxed(out, field->value + tail, field->value_len - tail, &space);
}

void dkim_canon_field(const struct header_field *field, enum canon canon, bool blank_b,
                      struct buf *out)
{
    size_t head = field->value_len, tail = head; /* nothing is left out */
    if (blank_b)
        find_b(field->value, field->value_len, &head, &tail);
    if (canon == CANON_RELAXED && field->name_len > 0) {
        canon_relaxed(field, head, tail, out);
        return;
    }
    buf_add(out, field->raw, (size_t)(field->value - field->raw) + head);
    buf_add(out, field->value + tail, field->value_len - tail);
}

/* ---- those of h= */

struct item {
    const char *name;
    size_t len;
    size_t place;                     /* in h= */
    const struct header_field *field; /* NULL: not there (any more) */
};

static int compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return a_len < b_len ? -1 : 1;
    return strncasecmp(a, b, a_len);
}

static int by_name(const void *a, const void *b)
{
    const struct item *one = a, *two = b;
    int order = compare_names(one->name, one->len, two->name, two->len);
    return order != 0 ? order : (one->place > two->place) - (one->place < two->place);
}

static int by_place(const void *a, const void *b)
{
    const struct item *one = a, *two = b;
    return (one->place > two->place) - (one->place < two->place);
}

/* The first item of the field's name, or `count`. */
static size_t find_item(const struct item *item, size_t count, const struct header_field *field)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_names(item[middle].name, item[middle].len, field->raw, field->name_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < count && field->name_len > 0 &&
                 compare_names(item[low].name, item[low].len, field->raw, field->name_len) == 0;
    return found ? low : count;
}

/* Gives each item its field: the first of a name the lowest, the next the one above it... */
static void choose(const struct header *header, const struct header_field *own, struct item *item,
                   size_t count)
{
    size_t *taken = mem_alloc(count * sizeof *taken); /* of the items from there on */
    qsort(item, count, sizeof *item, by_name);
    for (size_t i = header_count(header); i-- > 0;) {
        const struct header_field *field = header_field(header, i);
        size_t first = field != own ? find_item(item, count, field) : count;
        if (first == count)
            continue;
        size_t next = first + taken[first];
        if (next == count ||
            compare_names(item[next].name, item[next].len, item[first].name, item[first].len) != 0)
            continue;
        item[next].field = field;
        taken[first]++;
    }
    free(taken);
    qsort(item, count, sizeof *item, by_place);
}

static size_t read_items(const struct tag *tag, struct item item[static DKIM_SIGNED_MOST])
{
    const char *name;
    size_t count = 0;
    for (size_t at = 0, len; count < DKIM_SIGNED_MOST && tag_item(tag, &at, &name, &len); count++)
        item[count] = (struct item){.name = name, .len = len, .place = count};
    return count;
}

bool dkim_header_digest(const struct header *header, const struct header_field *own,
                        const struct dkim_field *field, unsigned char out[static DIGEST_SIZE])
{
    struct item item[DKIM_SIGNED_MOST];
    struct buf text = {0};
    if (field->signed_fields == NULL)
        return false;
    size_t count = read_items(field->signed_fields, item);
    choose(header, own, item, count);
    for (size_t i = 0; i < count; i++) {
        if (item[i].field == NULL)
            continue;
        dkim_canon_field(item[i].field, field->header_canon, false, &text);
        buf_add(&text, "\r\n", 2);
    }
    dkim_canon_field(own, field->header_canon, true, &text);
    digest_of(buf_data(&text), buf_len(&text), out);
    buf_free(&text);
    return true;
}
