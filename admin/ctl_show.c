/* SPDX-License-Identifier: ISC */
/*
 * ctl_show: answers as people read them.
 *
 * A member means the same in every answer (gatepostctl(1) has the list), so how it is shown hangs
 * on its name alone: seconds as "4m 32s", octets as "1.5M". What has no entry here is shown as it
 * is.
 *
 * Limits: a value is cut at VALUE_MOST octets, objects in objects at DEPTH_MOST.
 */
#include "admin/ctl_show.h"

#include "admin/ctl_run.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define VALUE_MOST   1024
#define DEPTH_MOST   8

enum form { FORM_PLAIN, FORM_SECONDS, FORM_OCTETS };

static const struct member {
    const char *name;
    enum form form;
    const char *null; /* what a null says */
} members[] = {
    {"left", FORM_SECONDS, "-"},   {"wait", FORM_SECONDS, "-"},      {"uptime", FORM_SECONDS, "-"},
    {"age", FORM_SECONDS, "-"},    {"idle", FORM_SECONDS, "-"},      {"size", FORM_OCTETS, "-"},
    {"probed", FORM_SECONDS, "-"}, {"expires", FORM_PLAIN, "never"},
};

static const struct member *member_named(const char *name)
{
    static const struct member plain = {"", FORM_PLAIN, "-"};
    for (size_t i = 0; i < COUNT(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return &plain;
}

static char *seconds_text(int64_t seconds)
{
    static const struct {
        int64_t unit;
        char big, small;
        int64_t rest;
    } steps[] = {{86400, 'd', 'h', 3600}, {3600, 'h', 'm', 60}, {60, 'm', 's', 1}};
    for (size_t i = 0; i < COUNT(steps); i++)
        if (seconds >= steps[i].unit)
            return mem_printf("%" PRId64 "%c %" PRId64 "%c", seconds / steps[i].unit, steps[i].big,
                              seconds % steps[i].unit / steps[i].rest, steps[i].small);
    return mem_printf("%" PRId64 "s", seconds);
}

static char *octets_text(int64_t octets)
{
    static const char unit[] = "KMGT";
    if (octets < 1024)
        return mem_printf("%" PRId64, octets);
    double value = (double)octets;
    size_t i = 0;
    for (value /= 1024; value >= 1024 && unit[i + 1] != '\0'; i++)
        value /= 1024;
    return mem_printf("%.1f%c", value, unit[i]);
}

static char *printable(const char *text, size_t len)
{
    char out[VALUE_MOST];
    str_printable(out, sizeof out, text, len);
    return mem_strdup(out);
}

static char *number_text(enum form form, int64_t number)
{
    switch (form) {
    case FORM_PLAIN:
        break;
    case FORM_SECONDS:
        return seconds_text(number);
    case FORM_OCTETS:
        return octets_text(number);
    }
    return mem_printf("%" PRId64, number);
}

/* Scalars with ", " between them, or what is in objects as JSON. */
static char *joined(const char *member, const json_t *array)
{
    char *all = mem_strdup("");
    size_t i;
    json_t *one;
    json_array_foreach(array, i, one)
    {
        bool numeric;
        char *text =
            json_is_array(one) ? mem_strdup("[...]") : ctl_show_value(member, one, &numeric);
        char *more = mem_printf("%s%s%s", all, i > 0 ? ", " : "", text);
        free(text);
        free(all);
        all = more;
        if (strlen(all) > VALUE_MOST)
            break;
    }
    return all;
}

static char *compact(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *shown = text != NULL ? printable(text, strlen(text)) : mem_strdup("?");
    free(text);
    return shown;
}

char *ctl_show_value(const char *member, const json_t *value, bool *numeric)
{
    const struct member *known = member_named(member);
    *numeric = json_is_number(value);
    if (json_is_string(value))
        return printable(json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        return number_text(known->form, json_integer_value(value));
    if (json_is_real(value))
        return mem_printf("%.10g", json_real_value(value));
    if (json_is_boolean(value))
        return mem_strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_array(value))
        return joined(member, value);
    if (json_is_object(value))
        return compact(value);
    return mem_strdup(known->null);
}

size_t ctl_show_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"

static const struct {
    const char *text, *colour;
} words[] = {
    {"accept", GREEN},      {"pass", GREEN},   {"allow", GREEN},    {"white", GREEN},
    {"good", GREEN},        {"well", GREEN},   {"sick", RED},       {"resting", YELLOW},
    {"stopping", YELLOW},   {"ok", GREEN},     {"up", GREEN},       {"reject", RED},
    {"deny", RED},          {"tarpit", RED},   {"degraded", RED},   {"down", RED},
    {"greylist", YELLOW},   {"defer", YELLOW}, {"waiting", YELLOW}, {"trap", YELLOW},
    {"suspicious", YELLOW},
};

const char *ctl_show_colour(const struct ctl *ctl, const char *member, const char *text)
{
    static const char *const coloured[] = {"verdict", "would", "state", "action", "list"};
    bool wanted = false;
    for (size_t i = 0; i < COUNT(coloured); i++)
        wanted = wanted || strcmp(coloured[i], member) == 0;
    for (size_t i = 0; ctl->colour && wanted && i < COUNT(words); i++)
        if (strcmp(words[i].text, text) == 0)
            return words[i].colour;
    return "";
}

const char *ctl_show_plain(const struct ctl *ctl, const char *colour)
{
    return ctl->colour && colour[0] != '\0' ? "\033[0m" : "";
}

const char *ctl_show_bold(const struct ctl *ctl)
{
    return ctl->colour ? "\033[1m" : "";
}

static bool has_objects(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void show_table(struct ctl *ctl, const json_t *array, int indent)
{
    struct ctl_rows *rows = ctl_rows_new(ctl, NULL, false);
    size_t i;
    json_t *item;
    ctl_rows_indent(rows, indent);
    json_array_foreach(array, i, item)
    {
        ctl_rows_item(item, rows);
    }
    ctl_rows_end(rows, true);
}

static void show_member(struct ctl *ctl, const char *key, const json_t *value, int indent,
                        int width)
{
    char name[64];
    str_printable(name, sizeof name, key, strlen(key));
    bool inside = json_object_size(value) > 0 && indent < 2 * DEPTH_MOST;
    if (inside || has_objects(value)) {
        printf("%*s%s%s%s\n", indent, "", ctl_show_bold(ctl), name,
               ctl_show_plain(ctl, ctl_show_bold(ctl)));
        if (inside)
            ctl_show_object(ctl, value, indent + 2);
        else
            show_table(ctl, value, indent + 2);
        return;
    }
    bool numeric;
    char *text = json_is_object(value) || (json_is_array(value) && json_array_size(value) == 0)
                     ? mem_strdup("none")
                     : ctl_show_value(key, value, &numeric);
    const char *colour = ctl_show_colour(ctl, key, text);
    printf("%*s%-*s  %s%s%s\n", indent, "", width, name, colour, text, ctl_show_plain(ctl, colour));
    free(text);
}

void ctl_show_object(struct ctl *ctl, const json_t *object, int indent)
{
    const char *key;
    json_t *value;
    size_t width = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t len = strlen(key);
        width = len > width && len < 30 ? len : width;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        show_member(ctl, key, value, indent, (int)width);
    }
}

void ctl_show_json(const json_t *value, bool indent)
{
    json_dumpf(value, stdout,
               JSON_ENSURE_ASCII | JSON_ENCODE_ANY | (indent ? JSON_INDENT(2) : JSON_COMPACT));
    putchar('\n');
}
