/* SPDX-License-Identifier: ISC */
/*
 * command: finding the row of an administrators' command, checking who asks and for what, and the
 * form of answers.
 *
 * Promises: the level is checked here and nowhere else; a row runs only with the arguments it
 * names, of the types it names, and with none missing; each answer has exactly one last line.
 * Limits: an error is cut at 4 KiB, and so is a string of an answer.
 */
#include "lib/command.h"

#include "lib/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_MOST 4096

/* One word of a row's `args`. */
struct argument {
    const char *name;
    size_t len;
    json_type type; /* JSON_TRUE stands for both flags */
    bool optional;
};

const struct command *command_find(const struct command_set *sets, const char *name, void **arg)
{
    for (const struct command_set *set = sets; set->rows != NULL; set++)
        for (const struct command *row = set->rows; row->name != NULL; row++)
            if (strcmp(row->name, name) == 0) {
                *arg = set->arg;
                return row;
            }
    return NULL;
}

const char *command_level_text(enum command_level level)
{
    switch (level) {
    case COMMAND_READ:
        return "read";
    case COMMAND_ADMIN:
        return "admin";
    }
    return "";
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

static bool word_is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static json_type type_of(const char *text, size_t len)
{
    if (word_is(text, len, "number"))
        return JSON_INTEGER;
    if (word_is(text, len, "flag"))
        return JSON_TRUE;
    if (word_is(text, len, "list"))
        return JSON_ARRAY;
    return JSON_STRING;
}

static const char *type_text(json_type type)
{
    switch (type) {
    case JSON_INTEGER:
        return "an integer";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
    case JSON_OBJECT:
    case JSON_REAL:
    case JSON_NULL:
        break;
    }
    return "a string";
}

/* Cuts the next word off *text. False: that was the last. */
static bool next_argument(const char **text, struct argument *out)
{
    const char *word = *text + strspn(*text, " ");
    size_t len = strcspn(word, " ");
    if (len == 0)
        return false;
    *text = word + len;
    out->optional = word[0] == '[';
    if (out->optional) {
        word++;
        len -= len > 1 && word[len - 2] == ']' ? 2 : 1;
    }
    const char *colon = memchr(word, ':', len);
    out->name = word;
    out->len = colon != NULL ? (size_t)(colon - word) : len;
    out->type = colon != NULL ? type_of(colon + 1, len - out->len - 1) : JSON_STRING;
    return true;
}

static bool named(const char *args, const char *name)
{
    struct argument one;
    while (next_argument(&args, &one))
        if (word_is(one.name, one.len, name))
            return true;
    return false;
}

static bool has_type(const json_t *value, json_type type)
{
    return json_typeof(value) == type || (type == JSON_TRUE && json_is_boolean(value));
}

/* False: the call has failed. */
static bool arguments_fit(struct command_call *call)
{
    const struct command *row = call->command;
    const char *rest = row->args;
    const char *name;
    json_t *value;
    struct argument one;
    json_object_foreach(call->args, name, value)
    {
        if (named(row->args, name))
            continue;
        command_fail(call, true, "%s has no argument \"%s\"; it takes: %s", row->name, name,
                     row->args[0] != '\0' ? row->args : "none");
        return false;
    }
    while (next_argument(&rest, &one)) {
        value = json_object_getn(call->args, one.name, one.len);
        if (value == NULL ? one.optional : has_type(value, one.type))
            continue;
        command_fail(call, true,
                     value == NULL ? "%s wants \"%.*s\", %s" : "%s: \"%.*s\" must be %s", row->name,
                     (int)one.len, one.name, type_text(one.type));
        return false;
    }
    return true;
}

void command_start(struct command_call *call, const struct command_set *sets, const char *name,
                   enum command_level level)
{
    void *arg = NULL;
    call->command = command_find(sets, name, &arg);
    if (call->command == NULL)
        command_fail(call, true, "there is no command \"%s\"; help lists them", name);
    else if (call->command->level > level)
        command_fail(call, false,
                     "%s needs the level %s; root, the daemon's own user and those named in "
                     "control { admins } have it",
                     name, command_level_text(call->command->level));
    else if (arguments_fit(call))
        call->command->run(call, arg);
}

const char *command_text(const struct command_call *call, const char *name)
{
    return json_string_value(json_object_get(call->args, name));
}

const char *command_need(struct command_call *call, const char *name)
{
    const char *text = command_text(call, name);
    if (text == NULL)
        command_fail(call, true, "%s wants \"%s\", a string",
                     call->command != NULL ? call->command->name : "the command", name);
    return text;
}

long long command_number(const struct command_call *call, const char *name, long long otherwise)
{
    const json_t *value = json_object_get(call->args, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool command_flag(const struct command_call *call, const char *name)
{
    return json_is_true(json_object_get(call->args, name));
}

const json_t *command_list(const struct command_call *call, const char *name)
{
    const json_t *value = json_object_get(call->args, name);
    return json_is_array(value) ? value : NULL;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

json_t *command_string(const char *text)
{
    char shown[4096];
    if (text == NULL)
        return json_string("");
    return json_stringn(shown, str_printable(shown, sizeof shown, text, strlen(text)));
}

bool command_item(struct command_call *call, json_t *item)
{
    return call->ops->send(call, json_pack("{s:o}", "item", item != NULL ? item : json_null()));
}

void command_pace(struct command_call *call, void (*fn)(void *arg), void *arg)
{
    if (call->ops->pace != NULL)
        call->ops->pace(call, fn, arg);
    else
        fn(arg);
}

void command_done(struct command_call *call, json_t *result)
{
    call->gone = NULL;
    call->ops->send(
        call, json_pack("{s:b, s:o}", "ok", 1, "result", result != NULL ? result : json_object()));
    call->ops->end(call);
}

/* Faults of a configuration are a line each; within a line nothing stays that is not to be shown.
 */
static json_t *error_text(const char *text)
{
    char shown[2 * ERROR_MOST];
    size_t len = 0;
    for (;;) {
        size_t line = strcspn(text, "\n");
        if (sizeof shown - len > 8)
            len += str_printable(shown + len, sizeof shown - len - 1, text, line);
        if (text[line] == '\0')
            return json_stringn(shown, len);
        shown[len] = '\n';
        len += sizeof shown - len > 8;
        text += line + 1;
    }
}

void command_fail(struct command_call *call, bool usage, const char *format, ...)
{
    char text[ERROR_MOST];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call->gone = NULL;
    call->ops->send(
        call, json_pack("{s:b, s:o, s:b}", "ok", 0, "error", error_text(text), "usage", usage));
    call->ops->end(call);
}

void command_on_gone(struct command_call *call, void (*fn)(void *arg), void *arg)
{
    call->gone = fn;
    call->gone_arg = arg;
}
