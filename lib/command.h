/* SPDX-License-Identifier: ISC */
#ifndef LIB_COMMAND_H
#define LIB_COMMAND_H
/*
 * Administrators' commands, as rows: a room offers what it can be asked, and who carries requests
 * (the control socket in admin/, or gatepostctl itself while the daemon is down) finds the row,
 * checks the level, and calls it. A row's function never checks a level.
 *
 * A request is one JSON object of arguments, an answer one JSON object, or items and then an end.
 * Everything belongs to the thread that carries the request: the daemon's main thread.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum command_level {
    COMMAND_READ,  /* shows */
    COMMAND_ADMIN, /* changes */
};

struct command_call; /* one request that is being answered */

struct command {
    const char *name; /* "allow-add": lower case and dashes */
    const char *args; /* the arguments, for the manual and for errors: "key [reason] [for]" */
    const char *help; /* one line */
    enum command_level level;
    /* Answers now or later, by exactly one of command_done and command_fail. `arg` is the set's. */
    void (*run)(struct command_call *call, void *arg);
};

/* What one room offers; `rows` ends with a NULL name. */
struct command_set {
    const struct command *rows;
    void *arg;
};

struct command_ops { /* of who carries the request */
    /* Sends one line; takes over `line`. False: the asker is gone, or reads too slowly. */
    bool (*send)(struct command_call *call, json_t *line);
    void (*end)(struct command_call *call); /* the answer is whole; frees the call */
};
struct command_call { /* first member of the carrier's own */
    const struct command_ops *ops;
    const struct command *command;
    json_t *args;            /* an object; the call's */
    const char *author;      /* who asks, for entries: a user's name, or "uid 1000" */
    void (*gone)(void *arg); /* set by command_on_gone */
    void *gone_arg;
};

/* The row of that name in the sets (ends with rows NULL), and its set's arg; NULL: none. */
const struct command *command_find(const struct command_set *sets, const char *name, void **arg);

/* Arguments. NULL where it is not there, or is no string (which is answered as wrong use when the
 * row asks for it by command_need). Valid as long as the call. */
const char *command_text(const struct command_call *call, const char *name);
/* The same, but required: where it is missing the call has failed and is gone, NULL. */
const char *command_need(struct command_call *call, const char *name);
/* A number, a true; what is not there is `otherwise`. */
long long command_number(const struct command_call *call, const char *name, long long otherwise);
bool command_flag(const struct command_call *call, const char *name);

/* One item of an answer that has many: {"item": item}; takes over `item`. False: say no more, and
 * end the call. */
bool command_item(struct command_call *call, json_t *item);
/* The end of a good answer: {"ok": true, "result": result}; takes over `result`, NULL: {}. */
void command_done(struct command_call *call, json_t *result);
/* The end of a bad one: {"ok": false, "error": text}; one sentence: what is wrong, what would be
 * right. `usage`: the asker's mistake (exit status 2), not ours (1). */
void command_fail(struct command_call *call, bool usage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* fn(arg) is called when the asker leaves before the end: whatever is open is cancelled there, and
 * command_done or _fail must not be called any more. NULL: no longer. */
void command_on_gone(struct command_call *call, void (*fn)(void *arg), void *arg);

#endif
