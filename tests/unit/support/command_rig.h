/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_COMMAND_RIG_H
#define TESTS_UNIT_SUPPORT_COMMAND_RIG_H
/* One who asks for a command and writes down what is answered; to be included by a test. */

#include "lib/command.h"
#include "lib/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct asker {
    struct command_call call;
    json_t *items; /* an array */
    json_t *last;  /* the last line; NULL: not yet there */
    bool deaf;     /* reads nothing more: items are refused */
    bool slow;     /* is to be waited for: asker_reads() */
    void (*ready)(void *arg);
    void *ready_arg;
};

static bool asker_send(struct command_call *call, json_t *line)
{
    struct asker *a = (struct asker *)call;
    json_t *item = json_object_get(line, "item");
    assert(a->last == NULL);
    if (item != NULL && !a->deaf)
        json_array_append(a->items, item);
    if (item == NULL)
        a->last = json_incref(line);
    json_decref(line);
    return !a->deaf;
}

static void asker_end(struct command_call *call)
{
    assert(((struct asker *)call)->last != NULL);
}

static void asker_pace(struct command_call *call, void (*fn)(void *arg), void *arg)
{
    struct asker *a = (struct asker *)call;
    if (a->slow) {
        a->ready = fn;
        a->ready_arg = arg;
    } else {
        fn(arg);
    }
}

/* It has read what was sent. */
static inline void asker_reads(struct asker *a)
{
    void (*ready)(void *arg) = a->ready;
    a->ready = NULL;
    if (ready != NULL)
        ready(a->ready_arg);
}

static const struct command_ops asker_ops = {
    .send = asker_send, .end = asker_end, .pace = asker_pace};

static inline struct asker *asker_new(void)
{
    struct asker *a = mem_alloc(sizeof *a);
    a->call.ops = &asker_ops;
    a->call.args = json_object();
    a->call.author = "anna";
    a->items = json_array();
    return a;
}

/* Asks, at the level admin; `args` is JSON, NULL: none. */
static inline void asker_asks(struct asker *a, const struct command_set *sets, const char *name,
                              const char *args)
{
    if (args != NULL) {
        json_decref(a->call.args);
        a->call.args = json_loads(args, 0, NULL);
        assert(a->call.args != NULL);
    }
    command_start(&a->call, sets, name, COMMAND_ADMIN);
}

/* Leaves, where it has no answer yet, and is freed. */
static inline void asker_free(struct asker *a)
{
    if (a->last == NULL && a->call.gone != NULL)
        a->call.gone(a->call.gone_arg);
    json_decref(a->call.args);
    json_decref(a->items);
    json_decref(a->last);
    free(a);
}

/* Of a good answer, the result; NULL: there is none, or it is an error. */
static inline json_t *asker_result(const struct asker *a)
{
    return json_is_true(json_object_get(a->last, "ok")) ? json_object_get(a->last, "result") : NULL;
}

static inline const char *asker_error(const struct asker *a)
{
    const char *text = json_string_value(json_object_get(a->last, "error"));
    return text != NULL ? text : "";
}

#endif
