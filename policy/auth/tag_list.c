/* SPDX-License-Identifier: ISC */
/*
 * tag_list: "name=value; name=value", cut at its semicolons.
 *
 * Promises: a list is taken whole or not at all; a name stands once; nothing is copied. Values may
 * hold UTF-8 (RFC 8616 2), white space within and any printing ASCII but ';'. Does not know which
 * tags there are.
 * Limits: TAG_LIST_MOST tags.
 * RFC 6376 3.2. RFC-DEVIATION: a tag that is wholly empty (";;") is passed over: records have it,
 * and no two could read it differently. White space is any run of blanks, tabs, CR and LF.
 */
#include "policy/auth/tag_list.h"

#include "lib/str.h"

#include <string.h>

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *text, size_t len)
{
    if (len == 0 || !is_letter(text[0]))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!is_letter(text[i]) && !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
            return false;
    return true;
}

static bool is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && !is_white(text[i])) || c == 0x7f)
            return false;
    }
    return true;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_white((*text)[0])) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && is_white((*text)[*len - 1]))
        (*len)--;
}

static bool has(const struct tag_list *list, const char *name, size_t len)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->tag[i].name_len == len && memcmp(list->tag[i].name, name, len) == 0)
            return true;
    return false;
}

/* One tag, which is not empty. NULL, or what is wrong. */
static const char *add(struct tag_list *list, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    if (equals == NULL)
        return "a tag has no \"=\"";
    struct tag tag = {.name = text, .name_len = (size_t)(equals - text), .value = equals + 1};
    tag.value_len = len - tag.name_len - 1;
    trim(&tag.name, &tag.name_len);
    trim(&tag.value, &tag.value_len);
    if (!is_name(tag.name, tag.name_len))
        return "a tag has no proper name";
    if (!is_value(tag.value, tag.value_len))
        return "a tag holds a control character";
    if (has(list, tag.name, tag.name_len))
        return "a tag stands twice";
    if (list->count == TAG_LIST_MOST)
        return "too many tags";
    list->tag[list->count++] = tag;
    return NULL;
}

bool tag_list_parse(const char *text, size_t len, struct tag_list *out, const char **why)
{
    const char *end = text + len;
    out->count = 0;
    *why = NULL;
    while (text < end && *why == NULL) {
        const char *stop = memchr(text, ';', (size_t)(end - text));
        if (stop == NULL)
            stop = end;
        const char *spec = text;
        size_t spec_len = (size_t)(stop - text);
        trim(&spec, &spec_len);
        if (spec_len > 0)
            *why = add(out, spec, spec_len);
        text = stop < end ? stop + 1 : end;
    }
    if (*why == NULL && out->count == 0)
        *why = "there is no tag";
    return *why == NULL;
}

const struct tag *tag_list_find(const struct tag_list *list, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < list->count; i++)
        if (list->tag[i].name_len == len && memcmp(list->tag[i].name, name, len) == 0)
            return &list->tag[i];
    return NULL;
}

bool tag_is(const struct tag *tag, const char *word)
{
    return str_case_eq(tag->value, tag->value_len, word);
}

bool tag_number(const struct tag *tag, unsigned long long *out)
{
    unsigned long long number = 0;
    if (tag->value_len == 0 || tag->value_len > 12)
        return false;
    for (size_t i = 0; i < tag->value_len; i++) {
        if (tag->value[i] < '0' || tag->value[i] > '9')
            return false;
        number = number * 10 + (unsigned)(tag->value[i] - '0');
    }
    *out = number;
    return true;
}

bool tag_item(const struct tag *tag, size_t *at, const char **item, size_t *len)
{
    if (*at > tag->value_len)
        return false;
    const char *colon = memchr(tag->value + *at, ':', tag->value_len - *at);
    *item = tag->value + *at;
    *len = colon != NULL ? (size_t)(colon - *item) : tag->value_len - *at;
    *at += *len + 1;
    trim(item, len);
    return true;
}

bool tag_has_item(const struct tag *tag, const char *word)
{
    const char *item;
    for (size_t at = 0, len; tag_item(tag, &at, &item, &len);)
        if (str_case_eq(item, len, word))
            return true;
    return false;
}
