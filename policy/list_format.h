/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_FORMAT_H
#define POLICY_LIST_FORMAT_H
/*
 * Lists in files: what others write, read into entries line by line, and entries written for
 * others. Any thread; a reader belongs to one at a time.
 *
 * Some formats say of each line what it leads to (native, postfix-access, postscreen): there a file
 * of allowed clients may deny. Lines of the others go to the list and action that were named.
 */

#include "db/store.h"
#include "lib/buf.h"

#include <stdatomic.h>

#define LIST_LINE_MOST   4096 /* octets of a logical line; a longer one is a fault */
#define LIST_REASON_MOST 256  /* with its NUL; a longer reason is cut */

enum list_format {
    LIST_FORMAT_AUTO,   /* by a comment "# format: NAME [KIND]" in front, or by the first line where
                           that is unambiguous */
    LIST_FORMAT_NATIVE, /* LIST KEY [action=A] [unproven] [expires=TIME] [reason=TEXT to the end] */
    LIST_FORMAT_CIDR,   /* an address or network a line; comments with '#' and ';' */
    LIST_FORMAT_ACCESS, /* Postfix access(5) */
    LIST_FORMAT_POSTSCREEN, /* Postfix cidr_table(5) with permit, reject, dunno; the first line
                             * counts
                             */
    LIST_FORMAT_POSTGREY_CLIENTS,
    LIST_FORMAT_POSTGREY_RECIPIENTS,
    LIST_FORMAT_DROP, /* Spamhaus DROP: "192.0.2.0/24 ; SBL1", or a JSON object a line */
    LIST_FORMATS,
};

/* "auto" "native" "cidr" "postfix-access" "postscreen" "postgrey-clients" "postgrey-recipients"
 * "drop". */
const char *list_format_name(enum list_format format);
bool list_format_parse(const char *text, enum list_format *out);

struct list_import {
    const char *name; /* of the file, for what is said of it; outlives the reader */
    enum list_format format;
    enum entry_list list;     /* of lines that say nothing else */
    enum entry_action action; /* the same */
    int kind; /* of a name in an access table: enum entry_kind (ENTRY_CLIENT: the reverse name), or
                 -1: not said, and names there are faults */
    atomic_bool *stop; /* list_read_file: another thread sets it to have it end; NULL */
};

/* Called for each entry: key in normal form, origin ENTRY_FILE, author "", created 0; valid during
 * the call. And for each line that is a fault (it is left out), or of which something must be known
 * though it is none: "file:line: what is wrong, what would be right". Neither may free the reader.
 */
typedef void (*list_read_fn)(const struct entry *entry, void *arg);
typedef void (*list_said_fn)(bool fault, const char *text, void *arg);

struct list_reader;
struct list_reader *list_reader_new(const struct list_import *how, list_read_fn read,
                                    list_said_fn said, void *arg)
    __attribute__((warn_unused_result));
void list_reader_free(struct list_reader *reader); /* NULL is fine */
/* The next octets of the file, as many as there are at a time. */
void list_reader_feed(struct list_reader *reader, const char *data, size_t len);
/* The end of the file; what was held back is read. Returns how many faults there were. */
unsigned long list_reader_end(struct list_reader *reader);
/* What it turned out to be. */
enum list_format list_reader_format(const struct list_reader *reader);
/* Reads a whole file; blocks. False: it cannot be opened or read, *why (caller frees) says so; else
 * *faults is how many there were. */
bool list_read_file(const struct list_import *how, list_read_fn read, list_said_fn said, void *arg,
                    unsigned long *faults, char **why);

/* ---- export ------------------------------------------------------------------------------------
 */

/* What stands above the entries. False: not a format. */
bool list_export_head(enum list_format format, struct buf *out);
/* One entry. False: the format cannot say it (a HELO name in a file of networks), nothing is
 * written. */
bool list_export(enum list_format format, const struct entry *entry, struct buf *out);
/* For qsort of struct entry: allow before deny, wide networks last. A postscreen map is right in
 * this order only. */
int list_export_order(const void *a, const void *b);

/* "2026-11-22T17:00:00Z", and back. */
#define LIST_TIME_SIZE 32
const char *list_time_text(int64_t time, char out[static LIST_TIME_SIZE]);
bool list_time_parse(const char *text, int64_t *out);

#endif
