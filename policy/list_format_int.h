/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_FORMAT_INT_H
#define POLICY_LIST_FORMAT_INT_H
/* What the files of list_format share. */

#include "policy/entry_text.h"
#include "policy/list_format.h"
#include "policy/list_store.h"

struct list_reader {
    struct list_import how;
    enum list_format format; /* LIST_FORMAT_AUTO until it is known */
    list_read_fn read;
    list_said_fn said;
    void *arg;
    unsigned long number; /* of the line that is being read */
    unsigned long first;  /* of the logical line that is held */
    unsigned long faults;
    unsigned depth;          /* of if in if, in a cidr table */
    struct list_store *seen; /* networks of a table where the first line counts */
    bool stopped;            /* not to be read on */
    bool held;               /* `text` is a logical line that may go on */
    bool long_line, long_text;
    size_t line_len, text_len;
    char line[LIST_LINE_MOST + 1]; /* as it comes */
    char text[LIST_LINE_MOST + 1]; /* the logical line */
};

/* One entry on its way out. `kind` -1: the key says it, or goes without. */
struct list_line {
    enum entry_list list;
    int kind;
    const char *key;
    enum entry_action action;
    bool unproven;
    const char *reason;
    int64_t expires;
};

/* ---- list_format.c */
/* Of the logical line. */
void list_fault(struct list_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void list_note(struct list_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Gives the entry to who reads, or faults the line. */
void list_emit(struct list_reader *r, const struct list_line *line);
/* Ends the word at `text` with a NUL; where the next begins. */
char *list_word(char *text);
/* "192.168", "2001:db8" as a network. False: not of that form. */
bool list_prefix(const char *text, char out[static ENTRY_KEY_MOST]);

/* ---- list_parse.c: one logical line without blanks at its ends, to be cut up */
/* The format that the line shows; LIST_FORMAT_AUTO: it may be of several. */
enum list_format list_detect(const char *line);
void list_parse_native(struct list_reader *r, char *line);
void list_parse_cidr(struct list_reader *r, char *line);
void list_parse_access(struct list_reader *r, char *line);
void list_parse_postscreen(struct list_reader *r, char *line);
void list_parse_postgrey(struct list_reader *r, char *line, bool recipients);
void list_parse_drop(struct list_reader *r, char *line);

#endif
