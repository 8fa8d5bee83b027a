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

/*
 * `args` of a row is more than a help text: only what it names may be asked, with values of that
 * type. Words apart by blanks; in brackets what may be missing. A word is NAME for text, or
 * NAME:number (an integer), NAME:flag (true or false), NAME:list (an array, whose items the row
 * checks itself): "list key [reason] [for:number] [unproven:flag]".
 */

struct command {
    const char *name; /* "allow-add": lower case and dashes */
    const char *args; /* "key [reason] [for:number]", see above; "" where there are none */
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
    /* See command_pace(); NULL where an asker takes everything at once. */
    void (*pace)(struct command_call *call, void (*fn)(void *arg), void *arg);
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

/* The dispatcher. Finds the row, refuses what `level` may not, arguments that the row does not name
 * or that have another type, and what is missing; then runs it. The call may be gone on return. */
void command_start(struct command_call *call, const struct command_set *sets, const char *name,
                   enum command_level level);
/* "read", "admin" */
const char *command_level_text(enum command_level level);

/* Arguments. NULL where it is not there, or is no string (which is answered as wrong use when the
 * row asks for it by command_need). Valid as long as the call. */
const char *command_text(const struct command_call *call, const char *name);
/* The same, but required: where it is missing the call has failed and is gone, NULL. */
const char *command_need(struct command_call *call, const char *name);
/* A number, a true; what is not there is `otherwise`. */
long long command_number(const struct command_call *call, const char *name, long long otherwise);
bool command_flag(const struct command_call *call, const char *name);

/* A list, an array; NULL where there is none. The call's. */
const json_t *command_list(const struct command_call *call, const char *name);

/* A JSON string of text that a peer has chosen, "" for NULL: JSON is UTF-8, so json_string() gives
 * NULL for what is not. What should not be shown as it is becomes \xHH (str_printable), what is
 * over 4096 octets is cut. */
json_t *command_string(const char *text);

/* One item of an answer that has many: {"item": item}; takes over `item` (NULL is sent as null).
 * False: say no more, and end the call. */
bool command_item(struct command_call *call, json_t *item);
/* For answers of many pages: fn(arg) is called once, from the loop or at once, as soon as the asker
 * has taken what was sent; ask for the next page there. Whoever sends on without it finds
 * command_item false after some megabytes. Not called any more once the call is gone. */
void command_pace(struct command_call *call, void (*fn)(void *arg), void *arg);
/* The end of a good answer: {"ok": true, "result": result}; takes over `result`, NULL: {}. */
void command_done(struct command_call *call, json_t *result);
/* The end of a bad one: {"ok": false, "error": text}; one sentence: what is wrong, what would be
 * right; line ends in it stay. `usage`: the asker's mistake (exit status 2), not ours (1). */
void command_fail(struct command_call *call, bool usage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* fn(arg) is called when the asker leaves before the end: whatever is open is cancelled there, and
 * the call is gone with it: no command_done, no _fail. NULL: no longer. A call without it goes on
 * unheard until it is ended: for what must be finished once it is begun. */
void command_on_gone(struct command_call *call, void (*fn)(void *arg), void *arg);

#endif
