/* SPDX-License-Identifier: ISC */
/*
 * control_line: one request of the control socket, {"command": NAME, "args": {...}}.
 *
 * Promises: what is accepted is one JSON object (RFC 8259) in UTF-8 with no name twice in any
 * object and no field that the protocol does not have. Depth and the number of values are counted
 * on the bytes, before anything is built from them.
 */
#include "admin/control_line.h"

#include <stdio.h>
#include <string.h>

/* Outside of strings each value but the first follows one of these; whatever else stands there is
 * for the reader to judge. */
static bool within_limits(const char *text, size_t len)
{
    size_t depth = 0, values = 0;
    bool string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (string && c == '\\')
            i++;
        else if (c == '"')
            string = !string;
        else if (string)
            continue;
        else if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        if (!string && (c == '{' || c == '[' || c == ',' || c == ':'))
            values++;
        if (depth > CONTROL_DEPTH_MOST || values > CONTROL_VALUES_MOST)
            return false;
    }
    return true;
}

static bool take_fields(struct control_line *out, char why[static 256])
{
    const char *name;
    json_t *value;
    json_object_foreach(out->request, name, value)
    {
        if (strcmp(name, "command") == 0 && json_is_string(value)) {
            out->command = json_string_value(value);
        } else if (strcmp(name, "args") == 0 && json_is_object(value)) {
            out->args = value;
        } else {
            snprintf(why, 256,
                     "the field \"%.100s\" is not understood: a request is "
                     "{\"command\": \"NAME\", \"args\": {...}}",
                     name);
            return false;
        }
    }
    if (out->command == NULL)
        snprintf(why, 256, "a request wants the field \"command\", a string");
    return out->command != NULL;
}

bool control_line_read(struct control_line *out, const char *text, size_t len, char why[static 256])
{
    json_error_t error;
    *out = (struct control_line){0};
    if (!within_limits(text, len)) {
        snprintf(why, 256, "too deep, or too many values: at most %d and %d", CONTROL_DEPTH_MOST,
                 CONTROL_VALUES_MOST);
        return false;
    }
    out->request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (out->request == NULL || !json_is_object(out->request)) {
        snprintf(why, 256, "no JSON object: %s",
                 out->request == NULL ? error.text : "something else");
        json_decref(out->request);
        *out = (struct control_line){0};
        return false;
    }
    if (take_fields(out, why)) {
        if (out->args == NULL) {
            out->args = json_object();
            json_object_set_new(out->request, "args", out->args);
        }
        return true;
    }
    json_decref(out->request);
    *out = (struct control_line){0};
    return false;
}
