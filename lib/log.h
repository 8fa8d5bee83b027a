/* SPDX-License-Identifier: ISC */
#ifndef LIB_LOG_H
#define LIB_LOG_H
/*
 * One grammar for every log line:
 *
 *   TIME LEVEL SESSION EVENT key=value key="quoted value" ...
 *
 * A line is built with log_begin, log_str/log_num/log_list..., log_end; peer text is escaped and
 * cut. Any thread may log; a line is written whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG, LOG_TARGET_JOURNAL };

#define LOG_VALUE_MAX 512  /* bytes of one value; what is longer is cut and ends in "..." */
#define LOG_LIST_MAX  4096 /* the same of a list */
#define LOG_LINE_MAX  8192

struct log_line {
    enum log_level level;
    bool wanted; /* false: below the level that is logged, nothing is built */
    const char *event;
    const char *session;
    size_t len;
    char text[LOG_LINE_MAX];
};

/* Sends one finished line to the journal: the message and its fields as built (see log.c). */
typedef void (*log_journal_fn)(enum log_level level, const char *event, const char *session,
                               const char *message);

/* Sets where lines go, their form and the least level. Before it is called lines go to stderr as
 * text. `journal` may be NULL unless the target is the journal. Not thread-safe against itself;
 * main thread, at start and reload. */
void log_init(enum log_target target, enum log_format format, enum log_level least,
              log_journal_fn journal);

/* From now on every value of a line that has a session goes through `filter`, but those of log_num:
 * it appends to `out` what is to stand in its place, or returns false: as it is. Any thread calls
 * it. NULL: none, as at the start; then none runs any more once the threads that log have ended.
 * Main thread. */
typedef bool (*log_filter_fn)(void *arg, const char *text, size_t len, struct buf *out);
void log_filter(log_filter_fn filter, void *arg);

/* Starts a line. `event` is a fixed word of lower-case letters and dashes (the list is in
 * gatepostd(8)); `session` is the session id or NULL. */
void log_begin(struct log_line *line, enum log_level level, const char *session, const char *event);
/* Adds key=value; `key` is a fixed word; `value` may be peer text and may be NULL (nothing is
 * added). */
void log_str(struct log_line *line, const char *key, const char *value);
/* The same for bytes that are not NUL-terminated. */
void log_bytes(struct log_line *line, const char *key, const char *value, size_t len);
/* The same for a list, whose items stand apart by "; ": what is too long for LOG_LIST_MAX or for
 * the line is cut behind an item, and ends in "; ..." */
void log_list(struct log_line *line, const char *key, const char *value, size_t len);
void log_num(struct log_line *line, const char *key, long long value);
/* Writes the line. */
void log_end(struct log_line *line);

/* One line with a single text: EVENT text="...". `session` may be NULL. */
void log_event(enum log_level level, const char *session, const char *event, const char *format,
               ...) __attribute__((format(printf, 4, 5)));

#endif
