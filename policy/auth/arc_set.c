/* SPDX-License-Identifier: ISC */
/*
 * arc_set: the ARC sets of a header, put in order (RFC 8617 4.1, 5.2).
 *
 * Promises: what it says is sound has the numbers 1 to n once in each of the three fields, seals
 * whose cv= is none for the first and pass for the rest, and no seal with h=.
 * Limits: the caller's number of sets; it reads no more than three fields a set, whatever comes.
 * Stricter than DKIM's lists of tags: an empty one (";;") makes the chain fail, as RFC 6376 3.2 has
 * it; chains are made by programs, and who verifies one otherwise than the next makes it worthless.
 */
#include "policy/auth/arc_set.h"

#include "lib/mem.h"
#include "policy/auth/tag_list.h"

#include <stdlib.h>

/* ---- the number of a set */

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind white space and comments (CFWS) at `at`, or `len`. */
static size_t skip(const char *text, size_t at, size_t len)
{
    unsigned depth = 0;
    for (; at < len; at++)
        if (depth > 0 && text[at] == '\\')
            at += at + 1 < len ? 1 : 0;
        else if (text[at] == '(')
            depth++;
        else if (depth > 0)
            depth -= text[at] == ')' ? 1 : 0;
        else if (!is_white(text[at]))
            return at;
    return len;
}

static unsigned number(const char *text, size_t len)
{
    unsigned out = 0;
    if (len < 1 || len > 2)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        out = out * 10 + (unsigned)(text[i] - '0');
    }
    return out <= ARC_SETS_MOST ? out : 0;
}

unsigned arc_set_instance(const char *value, size_t len, size_t *used)
{
    size_t at = skip(value, 0, len);
    if (at == len || value[at] != 'i')
        return 0;
    at = skip(value, at + 1, len);
    if (at == len || value[at] != '=')
        return 0;
    at = skip(value, at + 1, len);
    size_t end = at;
    while (end < len && value[end] >= '0' && value[end] <= '9')
        end++;
    *used = skip(value, end, len);
    if (*used == len || value[(*used)++] != ';')
        return 0;
    return number(value + at, end - at);
}

/* ---- one field */

enum part { RESULTS, MESSAGE, SEAL, OTHER };

static enum part part_of(const struct header_field *field)
{
    if (header_named(field, "ARC-Seal"))
        return SEAL;
    if (header_named(field, "ARC-Message-Signature"))
        return MESSAGE;
    return header_named(field, "ARC-Authentication-Results") ? RESULTS : OTHER;
}

/* Nothing but white space stands in front of the first ';', or between two. */
static bool has_empty_tag(const char *text, size_t len)
{
    bool empty = true;
    for (size_t i = 0; i < len; i++)
        if (text[i] == ';') {
            if (empty)
                return true;
            empty = true;
        } else if (!is_white(text[i])) {
            empty = false;
        }
    return false;
}

static const char *check_seal(const struct tag_list *tags, unsigned instance)
{
    const struct tag *validation = tag_list_find(tags, "cv");
    if (tag_list_find(tags, "h") != NULL) /* RFC 8617 4.1.3 */
        return "a seal has h=";
    if (validation == NULL)
        return "a seal has no cv=";
    if (tag_is(validation, "fail"))
        return "the chain had failed before";
    if (!tag_is(validation, instance == 1 ? "none" : "pass"))
        return "the cv= of a seal does not fit its place";
    return NULL;
}

/* Of a seal or a signature; 0: *why. */
static unsigned tagged_instance(const struct header_field *field, enum part part,
                                struct tag_list *tags, const char **why)
{
    *why = "a field has an empty tag";
    if (has_empty_tag(field->value, field->value_len) ||
        !tag_list_parse(field->value, field->value_len, tags, why))
        return 0;
    const struct tag *tag = tag_list_find(tags, "i");
    unsigned instance = tag != NULL ? number(tag->value, tag->value_len) : 0;
    *why = "a field has no proper i=";
    if (instance == 0 || part != SEAL)
        return instance;
    *why = check_seal(tags, instance);
    return *why == NULL ? instance : 0;
}

/* NULL, or what is wrong. */
static const char *place(struct arc_chain *chain, const struct header_field *field, enum part part,
                         struct tag_list *tags)
{
    size_t used;
    const char *why = "ARC-Authentication-Results has no proper i=";
    unsigned instance = part == RESULTS ? arc_set_instance(field->value, field->value_len, &used)
                                        : tagged_instance(field, part, tags, &why);
    if (instance == 0)
        return why;
    struct arc_set *set = &chain->set[instance - 1];
    const struct header_field **slot = part == RESULTS   ? &set->results
                                       : part == MESSAGE ? &set->message
                                                         : &set->seal;
    if (*slot != NULL)
        return "a field stands twice";
    *slot = field;
    if (instance > chain->count)
        chain->count = instance;
    return NULL;
}

static const char *collect(const struct header *header, struct arc_chain *chain, unsigned most,
                           struct tag_list *tags)
{
    size_t found = 0;
    for (size_t i = 0; i < header_count(header); i++) {
        const struct header_field *field = header_field(header, i);
        enum part part = part_of(field);
        if (part == OTHER)
            continue;
        if (++found > (size_t)most * 3)
            return "the chain is too long";
        const char *why = place(chain, field, part, tags);
        if (why != NULL)
            return why;
    }
    if (chain->count > most)
        return "the chain is too long";
    return found == (size_t)chain->count * 3 ? NULL : "a field is missing";
}

enum arc_result arc_set_collect(const struct header *header, unsigned most, struct arc_chain *out,
                                const char **why)
{
    *out = (struct arc_chain){.count = 0};
    struct tag_list *tags = mem_alloc(sizeof *tags);
    *why = collect(header, out, most < ARC_SETS_MOST ? most : ARC_SETS_MOST, tags);
    free(tags);
    if (*why == NULL)
        return out->count > 0 ? ARC_PASS : ARC_NONE;
    out->count = 0;
    return ARC_FAIL;
}
