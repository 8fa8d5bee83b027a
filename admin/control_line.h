/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CONTROL_LINE_H
#define ADMIN_CONTROL_LINE_H
/* One request of the control socket, from bytes to JSON within limits. Pure; any thread. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CONTROL_DEPTH_MOST  8     /* arrays and objects inside each other */
#define CONTROL_VALUES_MOST 20000 /* values in one request */

struct control_line {
    json_t *request; /* the whole; the caller's: json_decref */
    const char *command;
    json_t *args; /* an object */
};

/* Reads the `len` bytes of a line (its end may be there or not). False: why[] says what is wrong,
 * and nothing is to be freed. */
bool control_line_read(struct control_line *out, const char *text, size_t len,
                       char why[static 256]);

#endif
