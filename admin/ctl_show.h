/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_SHOW_H
#define ADMIN_CTL_SHOW_H
/*
 * Answers as people read them: values by what their member means, whole objects as indented lines.
 * What came from peers is escaped (lib/str.h), so it cannot move the cursor. JSON for programs is
 * plain ASCII for the same reason.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct ctl;

/* The value of `member` as text; fresh, the caller frees. `numeric`: it stands to the right. */
char *ctl_show_value(const char *member, const json_t *value, bool *numeric)
    __attribute__((warn_unused_result));
/* How many columns a terminal gives the text. */
size_t ctl_show_width(const char *text);
/* What makes the text of that member coloured, "" for none; ctl_show_plain behind it. */
const char *ctl_show_colour(const struct ctl *ctl, const char *member, const char *text);
const char *ctl_show_plain(const struct ctl *ctl, const char *colour);
const char *ctl_show_bold(const struct ctl *ctl);

/* The object's members, a line each, what it has inside indented, on standard output. */
void ctl_show_object(struct ctl *ctl, const json_t *object, int indent);
/* One value as JSON with a newline, several lines where `indent`. */
void ctl_show_json(const json_t *value, bool indent);

/* ---- tables: many items, as rows for people or as one JSON array for programs -------------------
 */

struct ctl_rows;

/* `columns`: members of the items, apart by blanks, or NULL: those of the first item. `live`: each
 * row is shown at once, and JSON is one object a line. */
struct ctl_rows *ctl_rows_new(struct ctl *ctl, const char *columns, bool live)
    __attribute__((warn_unused_result));
void ctl_rows_indent(struct ctl_rows *rows, int indent);
/* A ctl_item_fn; `rows` is the struct. False: nobody reads any more. */
bool ctl_rows_item(json_t *item, void *rows);
/* Shows what is held back, frees, returns how many items there were. Where the answer was not
 * `good` and had no items nothing is shown. */
size_t ctl_rows_end(struct ctl_rows *rows, bool good);

#endif
