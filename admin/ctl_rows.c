/* SPDX-License-Identifier: ISC */
/*
 * ctl_rows: many items as a table, or as one JSON array.
 *
 * Columns are as wide as what is in them. To know that, the first HELD_MOST rows are held back;
 * what comes behind them keeps the widths, so a list of a million entries takes no memory. A live
 * table holds nothing and has widths of its own.
 */
#include "admin/ctl_show.h"

#include "admin/ctl_run.h"
#include "lib/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MOST    500
#define COLUMNS_MOST 24
#define LIVE_WIDTH   12

struct column {
    char *member;
    size_t width;
    bool numeric;
};

struct ctl_rows {
    struct ctl *ctl;
    bool live, titled;
    int indent;
    size_t columns;
    struct column column[COLUMNS_MOST];
    char **held; /* columns to a row */
    size_t held_rows;
    size_t count;
};

static void add_column(struct ctl_rows *rows, const char *member, size_t len)
{
    if (rows->columns == COLUMNS_MOST || len == 0)
        return;
    struct column *column = &rows->column[rows->columns++];
    column->member = mem_strndup(member, len);
    column->width = rows->live && len < LIVE_WIDTH ? LIVE_WIDTH : len;
    column->numeric = true;
}

struct ctl_rows *ctl_rows_new(struct ctl *ctl, const char *columns, bool live)
{
    struct ctl_rows *rows = mem_alloc(sizeof *rows);
    rows->ctl = ctl;
    rows->live = live;
    while (columns != NULL && *columns != '\0') {
        size_t len = strcspn(columns, " ");
        add_column(rows, columns, len);
        columns += len + (columns[len] == ' ');
    }
    return rows;
}

void ctl_rows_indent(struct ctl_rows *rows, int indent)
{
    rows->indent = indent;
}

static void pad(size_t count)
{
    printf("%*s", (int)count, "");
}

static void show_titles(struct ctl_rows *rows)
{
    pad((size_t)rows->indent);
    fputs(ctl_show_bold(rows->ctl), stdout);
    for (size_t i = 0; i < rows->columns; i++) {
        const struct column *column = &rows->column[i];
        size_t room = column->width - strlen(column->member);
        if (column->numeric)
            pad(room);
        for (const char *p = column->member; *p != '\0'; p++)
            putchar(*p == '-' || *p == '_' ? ' ' : toupper((unsigned char)*p));
        if (i + 1 < rows->columns)
            pad((column->numeric ? 0 : room) + 2);
    }
    puts(ctl_show_plain(rows->ctl, ctl_show_bold(rows->ctl)));
    rows->titled = true;
}

static void show_cells(struct ctl_rows *rows, char **cell)
{
    pad((size_t)rows->indent);
    for (size_t i = 0; i < rows->columns; i++) {
        const struct column *column = &rows->column[i];
        const char *colour = ctl_show_colour(rows->ctl, column->member, cell[i]);
        size_t width = ctl_show_width(cell[i]);
        size_t room = width < column->width ? column->width - width : 0;
        if (column->numeric)
            pad(room);
        printf("%s%s%s", colour, cell[i], ctl_show_plain(rows->ctl, colour));
        if (i + 1 < rows->columns)
            pad((column->numeric ? 0 : room) + 2);
        free(cell[i]);
    }
    putchar('\n');
}

static void show_held(struct ctl_rows *rows)
{
    if (rows->held_rows > 0 && !rows->titled)
        show_titles(rows);
    for (size_t i = 0; i < rows->held_rows; i++)
        show_cells(rows, rows->held + i * rows->columns);
    rows->held_rows = 0;
}

static void read_cells(struct ctl_rows *rows, const json_t *item, char **cell)
{
    for (size_t i = 0; i < rows->columns; i++) {
        struct column *column = &rows->column[i];
        bool numeric;
        const json_t *value = json_object_get(item, column->member);
        cell[i] = ctl_show_value(column->member, value, &numeric);
        if (rows->titled)
            continue;
        size_t width = ctl_show_width(cell[i]);
        column->width = width > column->width ? width : column->width;
        column->numeric = column->numeric && (numeric || value == NULL || json_is_null(value));
    }
}

/* None of our columns: a note between the items. */
static bool is_note(const struct ctl_rows *rows, const json_t *item)
{
    for (size_t i = 0; i < rows->columns; i++)
        if (json_object_get(item, rows->column[i].member) != NULL)
            return false;
    return rows->columns > 0;
}

static void show_note(const json_t *item)
{
    bool numeric;
    char *text = ctl_show_value("", item, &numeric);
    puts(text);
    free(text);
}

static void people_item(struct ctl_rows *rows, json_t *item)
{
    const char *key;
    json_t *value;
    if (rows->live && is_note(rows, item)) {
        show_note(item);
        return;
    }
    if (rows->columns == 0) {
        json_object_foreach(item, key, value)
        {
            add_column(rows, key, strlen(key));
        }
    }
    if (rows->columns == 0)
        return;
    if (!rows->titled && rows->held == NULL)
        rows->held = mem_grow(NULL, HELD_MOST * rows->columns, sizeof *rows->held);
    char **cell = rows->held + rows->held_rows * rows->columns;
    read_cells(rows, item, cell);
    rows->held_rows++;
    if (rows->live || rows->titled || rows->held_rows == HELD_MOST)
        show_held(rows);
}

bool ctl_rows_item(json_t *item, void *arg)
{
    struct ctl_rows *rows = arg;
    rows->count++;
    if (!rows->ctl->json) {
        people_item(rows, item);
    } else {
        if (!rows->live)
            fputs(rows->count == 1 ? "[\n" : ",\n", stdout);
        json_dumpf(item, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_COMPACT);
        if (rows->live)
            putchar('\n');
    }
    if (rows->live)
        fflush(stdout);
    return ferror(stdout) == 0;
}

size_t ctl_rows_end(struct ctl_rows *rows, bool good)
{
    size_t count = rows->count;
    if (!rows->ctl->json)
        show_held(rows);
    else if (!rows->live && (count > 0 || good))
        puts(count > 0 ? "\n]" : "[]");
    for (size_t i = 0; i < rows->columns; i++)
        free(rows->column[i].member);
    free(rows->held);
    free(rows);
    return count;
}
