/* SPDX-License-Identifier: ISC */
#ifndef LIB_CONF_INT_H
#define LIB_CONF_INT_H
/* What the files of conf share. */

#include "lib/conf.h"

#define CONF_FILE_MAX (1024UL * 1024) /* octets of a configuration file */

struct conf_value {
    const struct conf_row *row;
    char *text;
    unsigned line;
};

struct conf_part {
    const struct conf_section *section;
    const void *key; /* libConfuse's section, while it parses */
    char *title;
    unsigned line;
    struct conf_value *value; /* in the order of the file */
    size_t count;
};

struct conf_note {
    unsigned line;
    bool warning;
    char *text;
};

/* Where a section begins, as the scan saw it. */
struct conf_opening {
    const char *name; /* in the text, not terminated */
    size_t len;
    unsigned line;
};

struct conf {
    char *path;
    char *directory; /* with its last slash; "" for the current one */
    const struct conf_section *const *sections;
    struct conf_part **part;
    size_t part_count;
    struct conf_note *note;
    size_t note_count;
    size_t fault_count;
    struct conf_opening *opening; /* only while a text is being read */
    size_t opening_count;
};

/* Looks the text over before libConfuse does, and makes its comments blanks (see conf_scan.c).
 * False: a fault was noted. */
bool conf_scan(struct conf *conf, char *text, size_t len);
/* Lets libConfuse read the text into parts; `len` is not 0. False: a fault was noted. */
bool conf_parse(struct conf *conf, char *text, size_t len);
/* A new, empty part. */
struct conf_part *conf_add_part(struct conf *conf, const struct conf_section *section);
/* NULL where the section has no such option. */
const struct conf_row *conf_row(const struct conf_section *section, const char *name);
/* NULL where there is none; `name` NULL: the top level. */
const struct conf_section *conf_section(const struct conf *conf, const char *name);

/* One text as a number, octets or milliseconds, by the row's type and range; `why` gets what is
 * wrong where false. */
bool conf_quantity(const struct conf_row *row, const char *text, uint64_t *out, char *why,
                   size_t why_size);
/* A quantity of the row's type as the file would write it. Returns `out`. */
const char *conf_quantity_text(enum conf_type type, uint64_t value, char *out, size_t size);

#endif
