/* SPDX-License-Identifier: ISC */
/*
 * conf_print: the rows as text, for --help and for the lint that compares them with the manual; and
 * which options a reload would have had to change but cannot.
 */
#include "lib/conf_int.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <string.h>

static const char *type_name(enum conf_type type)
{
    switch (type) {
    case CONF_BOOL:
        return "yes|no";
    case CONF_NUMBER:
        return "number";
    case CONF_SIZE:
        return "size";
    case CONF_DURATION:
        return "time";
    case CONF_DECIMAL:
        return "score";
    case CONF_ENUM:
    case CONF_STRING:
        return "text";
    case CONF_PATH:
        return "file";
    case CONF_STRINGS:
        return "text list";
    case CONF_PATHS:
        return "file list";
    case CONF_ADDRESSES:
        return "address list";
    case CONF_NETWORKS:
        return "network list";
    }
    return "";
}

static void put_type(const struct conf_row *row, char *out, size_t size)
{
    struct buf text = {0};
    if (row->words == NULL || row->type == CONF_NUMBER)
        buf_add_str(&text, type_name(row->type));
    for (size_t i = 0; row->words != NULL && row->words[i] != NULL; i++)
        buf_printf(&text, "%s%s", buf_len(&text) > 0 ? "|" : "", row->words[i]);
    snprintf(out, size, "%.*s", (int)buf_len(&text), buf_data(&text));
    buf_free(&text);
}

static void put_range(const struct conf_row *row, char *out, size_t size)
{
    char min[32];
    char max[32];
    bool quantity =
        row->type == CONF_NUMBER || row->type == CONF_SIZE || row->type == CONF_DURATION;
    if (quantity)
        snprintf(out, size, "%s..%s", conf_quantity_text(row->type, row->min, min, sizeof min),
                 conf_quantity_text(row->type, row->max, max, sizeof max));
    else
        snprintf(out, size, "-");
}

static void print_row(const struct conf_section *section, const struct conf_row *row, FILE *out)
{
    char name[64];
    char type[64];
    char range[64];
    const char *initial = row->initial != NULL ? row->initial : "-";
    snprintf(name, sizeof name, "%s%s%s", section->name != NULL ? section->name : "",
             section->name != NULL ? "." : "", row->name);
    put_type(row, type, sizeof type);
    put_range(row, range, sizeof range);
    fprintf(out, "  %-31s  %-14s  %-18s  %-12s  %-7s  %s\n", name, type,
            row->required ? "required" : initial, range, row->restart ? "restart" : "reload",
            row->help);
}

void conf_print(const struct conf_section *const *sections, FILE *out)
{
    for (size_t i = 0; sections[i] != NULL; i++)
        for (size_t j = 0; j < sections[i]->rows; j++)
            print_row(sections[i], &sections[i]->row[j], out);
}

static bool texts_differ(const char *left, const char *right)
{
    return left != right && (left == NULL || right == NULL || strcmp(left, right) != 0);
}

static bool lists_differ(const struct conf_row *row, const void *old, const void *new)
{
    const size_t count = *(const size_t *)(const void *)((const char *)old + row->count_offset);
    char *const *left = *(char *const *const *)(const void *)((const char *)old + row->offset);
    char *const *right = *(char *const *const *)(const void *)((const char *)new + row->offset);
    if (count != *(const size_t *)(const void *)((const char *)new + row->count_offset))
        return true;
    for (size_t i = 0; i < count; i++)
        if (texts_differ(left[i], right[i]))
            return true;
    return false;
}

/* Only the types that `restart` rows have: a number, a text, or texts. */
static bool differs(const struct conf_row *row, const void *old, const void *new)
{
    const void *a = (const char *)old + row->offset;
    const void *b = (const char *)new + row->offset;
    if (row->type == CONF_NUMBER)
        return *(const size_t *)a != *(const size_t *)b;
    if (row->type == CONF_STRINGS)
        return lists_differ(row, old, new);
    return texts_differ(*(const char *const *)a, *(const char *const *)b);
}

char *conf_restart_needed(const struct conf_section *section, const void *old, const void *new)
{
    struct buf text = {0};
    for (size_t i = 0; i < section->rows; i++)
        if (section->row[i].restart && differs(&section->row[i], old, new))
            buf_printf(&text, "%s%s%s%s", buf_len(&text) > 0 ? ", " : "",
                       section->name != NULL ? section->name : "", section->name != NULL ? "." : "",
                       section->row[i].name);
    char *names = buf_len(&text) > 0 ? mem_strndup(buf_data(&text), buf_len(&text)) : NULL;
    buf_free(&text);
    return names;
}
