/* SPDX-License-Identifier: ISC */
/*
 * conf_value: texts of a configuration become values of the types that rows name, and go into the
 * struct that the rows describe; what does not fit is noted as a fault with what would be right.
 * Values are read alike whether they come from the file or are a row's default.
 */
#include "lib/conf_int.h"

#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- quantities --------------------------------------------------------------------------------
 */

struct unit {
    const char *name;
    uint64_t factor;
};

/* The largest first. */
static const struct unit size_units[] = {
    {"T", 1ULL << 40}, {"G", 1ULL << 30}, {"M", 1ULL << 20}, {"K", 1ULL << 10}, {"", 1}, {NULL, 0},
};
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0},
};
static const struct unit number_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units(enum conf_type type)
{
    if (type == CONF_SIZE)
        return size_units;
    return type == CONF_DURATION ? duration_units : number_units;
}

const char *conf_quantity_text(enum conf_type type, uint64_t value, char *out, size_t size)
{
    const struct unit *unit = units(type);
    while (unit[1].name != NULL && (value == 0 || value % unit->factor != 0))
        unit++;
    snprintf(out, size, "%llu%s", (unsigned long long)(value / unit->factor),
             value == 0 && type == CONF_DURATION ? "s" : unit->name);
    return out;
}

/* The digits and the unit of `text`. False: not of that form, or beyond 64 bits. */
static bool read_quantity(enum conf_type type, const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    if (p == text)
        return false;
    for (const struct unit *unit = units(type); unit->name != NULL; unit++) {
        bool same = type == CONF_SIZE ? strcasecmp(p, unit->name) == 0 : strcmp(p, unit->name) == 0;
        if (same)
            return !__builtin_mul_overflow(value, unit->factor, out);
    }
    return false;
}

bool conf_quantity(const struct conf_row *row, const char *text, uint64_t *out, char *why,
                   size_t why_size)
{
    char min[32];
    char max[32];
    const char *form = "a number such as 100";
    if (row->type == CONF_SIZE)
        form = "a size such as 4096, 128K, 50M or 4G";
    else if (row->type == CONF_DURATION)
        form = "a time with its unit, such as 500ms, 30s, 5m, 12h or 36d";
    if (row->type == CONF_NUMBER && row->words != NULL && strcmp(text, row->words[0]) == 0) {
        *out = 0;
        return true;
    }
    if (!read_quantity(row->type, text, out)) {
        snprintf(why, why_size, "is not %s", form);
        return false;
    }
    if (*out >= row->min && *out <= row->max)
        return true;
    snprintf(why, why_size, "is out of range; give %s to %s",
             conf_quantity_text(row->type, row->min, min, sizeof min),
             conf_quantity_text(row->type, row->max, max, sizeof max));
    return false;
}

/* ---- one value ---------------------------------------------------------------------------------
 */

/* What filling one part carries along. */
struct fill {
    struct conf *conf;
    const struct conf_part *part;
    char *base;
};

static void *field(const struct fill *f, const struct conf_row *row)
{
    return f->base + row->offset;
}

static void fill_quantity(const struct fill *f, const struct conf_row *row, const char *text,
                          unsigned line)
{
    char why[128];
    uint64_t value = 0;
    if (!conf_quantity(row, text, &value, why, sizeof why))
        conf_fault(f->conf, line, "%s = %s %s", row->name, text, why);
    else if (row->type == CONF_NUMBER)
        *(size_t *)field(f, row) = (size_t)value;
    else
        *(uint64_t *)field(f, row) = value;
}

static void fill_decimal(const struct fill *f, const struct conf_row *row, const char *text,
                         unsigned line)
{
    int32_t value = 0;
    if (!str_decimal(text, &value))
        conf_fault(f->conf, line,
                   "%s = %s is not a score; give a number from -1000 to 1000, such as 6, -2 or 0.5",
                   row->name, text);
    else
        *(int32_t *)field(f, row) = value;
}

static void fill_bool(const struct fill *f, const struct conf_row *row, const char *text,
                      unsigned line)
{
    bool yes = strcmp(text, "yes") == 0;
    if (!yes && strcmp(text, "no") != 0)
        conf_fault(f->conf, line, "%s = %s is neither yes nor no; give one of them", row->name,
                   text);
    *(bool *)field(f, row) = yes;
}

/* The place of `text` in the row's words; false notes the fault. */
static bool find_word(const struct fill *f, const struct conf_row *row, const char *text,
                      unsigned line, unsigned *index)
{
    struct buf list = {0};
    for (*index = 0; row->words[*index] != NULL; (*index)++) {
        if (strcmp(row->words[*index], text) == 0) {
            buf_free(&list);
            return true;
        }
        buf_printf(&list, "%s%s", *index > 0 ? ", " : "", row->words[*index]);
    }
    conf_fault(f->conf, line, "%s = %s is not known; give one of %.*s", row->name, text,
               (int)buf_len(&list), buf_data(&list));
    buf_free(&list);
    return false;
}

static void fill_enum(const struct fill *f, const struct conf_row *row, const char *text,
                      unsigned line)
{
    unsigned index = 0;
    if (find_word(f, row, text, line, &index))
        memcpy(field(f, row), &index, sizeof index);
}

/* A copy, under the file's directory where the row holds file names. */
static char *copy_text(const struct fill *f, const struct conf_row *row, const char *text)
{
    bool path = row->type == CONF_PATH || row->type == CONF_PATHS;
    return path && text[0] != '/' ? mem_printf("%s%s", f->conf->directory, text) : mem_strdup(text);
}

static void fill_string(const struct fill *f, const struct conf_row *row, const char *text,
                        unsigned line)
{
    unsigned index = 0;
    if (row->words != NULL && !find_word(f, row, text, line, &index))
        return;
    char **out = field(f, row);
    free(*out);
    *out = copy_text(f, row, text);
}

static size_t *list_count(const struct fill *f, const struct conf_row *row)
{
    return (size_t *)(void *)(f->base + row->count_offset);
}

static void add_string(const struct fill *f, const struct conf_row *row, const char *text)
{
    char ***list = field(f, row);
    size_t *count = list_count(f, row);
    *list = mem_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = copy_text(f, row, text);
}

static void add_address(const struct fill *f, const struct conf_row *row, const char *text,
                        unsigned line)
{
    struct addr **list = field(f, row);
    size_t *count = list_count(f, row);
    struct addr address = {0};
    if (!addr_parse_port(text, &address)) {
        address = (struct addr){0};
        conf_fault(f->conf, line,
                   "%s \"%s\" is not an IP address with a port; write \"192.0.2.1:PORT\" or "
                   "\"[2001:db8::1]:PORT\" (names are not looked up)",
                   row->name, text);
    }
    *list = mem_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = address;
}

static void add_network(const struct fill *f, const struct conf_row *row, const char *text,
                        unsigned line)
{
    struct cidr_set *set = field(f, row);
    struct cidr network = {0};
    const char *why = NULL;
    if (!cidr_parse(text, &network, &why)) {
        network = (struct cidr){0};
        conf_fault(f->conf, line, "%s \"%s\": %s", row->name, text, why);
    }
    set->item = mem_grow(set->item, set->count + 1, sizeof set->item[0]);
    set->item[set->count++] = network;
}

static bool is_list(const struct conf_row *row)
{
    return row->type >= CONF_STRINGS;
}

static void fill_value(const struct fill *f, const struct conf_row *row, const char *text,
                       unsigned line)
{
    /* In a list an empty text keeps its place, and is wrong as whatever it should have been. */
    if (text[0] == '\0' && !is_list(row)) {
        conf_fault(f->conf, line, "%s is empty; give a value or remove the line", row->name);
        return;
    }
    switch (row->type) {
    case CONF_BOOL:
        fill_bool(f, row, text, line);
        break;
    case CONF_NUMBER:
    case CONF_SIZE:
    case CONF_DURATION:
        fill_quantity(f, row, text, line);
        break;
    case CONF_DECIMAL:
        fill_decimal(f, row, text, line);
        break;
    case CONF_ENUM:
        fill_enum(f, row, text, line);
        break;
    case CONF_STRING:
    case CONF_PATH:
        fill_string(f, row, text, line);
        break;
    case CONF_STRINGS:
    case CONF_PATHS:
        add_string(f, row, text);
        break;
    case CONF_ADDRESSES:
        add_address(f, row, text, line);
        break;
    case CONF_NETWORKS:
        add_network(f, row, text, line);
        break;
    }
}

/* ---- a part ------------------------------------------------------------------------------------
 */

static void missing(const struct fill *f, const struct conf_row *row)
{
    const char *name = f->part->section->name;
    if (f->part->title != NULL)
        conf_fault(f->conf, f->part->line, "%s \"%s\" has no %s; add one: %s", name, f->part->title,
                   row->name, row->help);
    else if (name != NULL)
        conf_fault(f->conf, f->part->line, "%s { ... } has no %s; add one: %s", name, row->name,
                   row->help);
    else
        conf_fault(f->conf, 0, "%s is missing; add it: %s", row->name, row->help);
}

void conf_fill(struct conf *conf, const struct conf_part *part, void *base)
{
    struct fill f = {.conf = conf, .part = part, .base = base};
    const struct conf_section *section = part->section;
    /* A section that is not there lacks nothing. */
    bool there = section->many || section->name == NULL || part->line != 0;
    for (size_t i = 0; i < section->rows; i++) {
        const struct conf_row *row = &section->row[i];
        bool given = conf_given(part, row->name);
        /* First the default, so that what comes after a faulty value sees a sane one. */
        if (row->initial != NULL && (!given || !is_list(row)))
            fill_value(&f, row, row->initial, part->line);
        else if (!given && row->required && there)
            missing(&f, row);
        for (size_t j = 0; j < part->count; j++)
            if (part->value[j].row == row)
                fill_value(&f, row, part->value[j].text, part->value[j].line);
    }
}

static void clear_row(const struct conf_row *row, char *base)
{
    void *at = base + row->offset;
    size_t *count = (size_t *)(void *)(base + row->count_offset);
    if (row->type == CONF_STRING || row->type == CONF_PATH) {
        free(*(char **)at);
        *(char **)at = NULL;
    } else if (row->type == CONF_STRINGS || row->type == CONF_PATHS) {
        char ***list = at;
        for (size_t i = 0; i < *count; i++)
            free((*list)[i]);
        free(*list);
        *list = NULL;
        *count = 0;
    } else if (row->type == CONF_ADDRESSES) {
        free(*(struct addr **)at);
        *(struct addr **)at = NULL;
        *count = 0;
    } else if (row->type == CONF_NETWORKS) {
        free(((struct cidr_set *)at)->item);
        *(struct cidr_set *)at = (struct cidr_set){0};
    }
}

void conf_clear(const struct conf_section *section, void *base)
{
    for (size_t i = 0; i < section->rows; i++)
        clear_row(&section->row[i], base);
}
