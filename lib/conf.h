/* SPDX-License-Identifier: ISC */
#ifndef LIB_CONF_H
#define LIB_CONF_H
/*
 * Reading a configuration file: rows say what options there are, this module says what a file gives
 * them, where (file:line), and everything that is wrong with it. It knows no option of its own.
 * Everything here runs on one thread (libConfuse's lexer is one for the process).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {                /* single values first, then lists */
                 CONF_BOOL,     /* bool: yes or no */
                 CONF_NUMBER,   /* size_t */
                 CONF_SIZE,     /* uint64_t, octets: 128K, 50M, 4G (powers of 1024) */
                 CONF_DURATION, /* uint64_t, milliseconds: 500ms, 300s, 5m, 12h, 36d */
                 CONF_DECIMAL,  /* int32_t, hundredths: 6, -2, 0.5; -1000 to 1000 */
                 CONF_ENUM,     /* an enum that counts `words` from 0 */
                 CONF_STRING,   /* char *, NULL where nothing is given; with `words`, one of them */
                 CONF_PATH,     /* the same, relative to the directory of the file */
                 CONF_STRINGS,  /* char ** and a size_t at `count_offset` */
                 CONF_PATHS,    /* the same, each relative to the directory of the file */
                 CONF_ADDRESSES, /* struct addr * and a size_t at `count_offset`; each with its port
                                  */
                 CONF_NETWORKS,  /* struct cidr_set */
};

/* One option. */
struct conf_row {
    const char *name;
    enum conf_type type;
    size_t offset;            /* of the value in the struct that conf_fill fills */
    size_t count_offset;      /* of the count, for lists */
    const char *initial;      /* the default, as the file would write it; NULL: none */
    uint64_t min, max;        /* CONF_NUMBER, CONF_SIZE, CONF_DURATION */
    const char *const *words; /* see CONF_ENUM, CONF_STRING; CONF_NUMBER: words[0] means 0 */
    bool required;
    bool restart; /* a reload does not change it */
    const char *help;
};

/* One kind of section. `name` NULL: the top level, which is always the first. */
struct conf_section {
    const char *name;
    bool many; /* any number of them, each with a title; else one without a title, or none */
    const struct conf_row *row;
    size_t rows;
    const char *help;
};

struct conf;
struct conf_part; /* one section of the file */

/* `sections` ends with NULL; it must outlive the result. `path` names the file in faults, and its
 * directory is where relative names begin. Free with conf_free. */
struct conf *conf_new(const char *path, const struct conf_section *const *sections)
    __attribute__((warn_unused_result));
void conf_free(struct conf *conf);
/* Reads the file. False: it cannot be read or has a fault of grammar, which is noted. */
bool conf_read(struct conf *conf);
/* The same with the `len` bytes at `text` for the file's content. */
bool conf_read_text(struct conf *conf, const char *text, size_t len);

/* How many sections of this kind the file has (at most one where not `many`). */
size_t conf_parts(const struct conf *conf, const struct conf_section *section);
/* The `index`-th of them in the file's order. One that is not `many` is always there, empty and
 * with line 0 where the file has none. Lives as long as `conf`. */
const struct conf_part *conf_part(const struct conf *conf, const struct conf_section *section,
                                  size_t index);
/* NULL where the kind has no titles. */
const char *conf_part_title(const struct conf_part *part);
/* Where it begins; 0: the top level, or not in the file. */
unsigned conf_part_line(const struct conf_part *part);
/* Does the file give a value for the option? (An empty list gives none.) */
bool conf_given(const struct conf_part *part, const char *option);
/* The line of the `index`-th value of the option, or where there is none the part's. */
unsigned conf_line(const struct conf_part *part, const char *option, size_t index);

/* Puts the part's values or the defaults into the struct at `base`, which the caller zeroed, and
 * notes each fault. Where a value of an address or network list is faulty, an AF_UNSPEC stands in
 * its place, so that indexes are those of the file. */
void conf_fill(struct conf *conf, const struct conf_part *part, void *base);
/* Frees what conf_fill allocated for such a section. */
void conf_clear(const struct conf_section *section, void *base);

/* Notes a fault or a warning: one sentence that says what is wrong and what would be right. `line`
 * 0: of the file as a whole. */
void conf_fault(struct conf *conf, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void conf_warn(struct conf *conf, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t conf_fault_count(const struct conf *conf);
/* All of them by line as "file:line: text\n"; NULL: none. The caller frees. */
char *conf_faults(const struct conf *conf) __attribute__((warn_unused_result));
char *conf_warnings(const struct conf *conf) __attribute__((warn_unused_result));

/* Every option, one a line, columns two or more blanks apart: name (section.option), type, default
 * or "required" or "-", range or "-", "reload" or "restart", help. */
void conf_print(const struct conf_section *const *sections, FILE *out);
/* The names (as "section.option") of the `restart` options of a section that differ between two
 * filled structs, joined by ", "; NULL: none. The caller frees. */
char *conf_restart_needed(const struct conf_section *section, const void *old, const void *new)
    __attribute__((warn_unused_result));

#endif
