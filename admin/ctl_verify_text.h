/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_VERIFY_TEXT_H
#define ADMIN_CTL_VERIFY_TEXT_H
/* A message from a file as it would come by SMTP: its lines end in CRLF. Pure. */

#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct ctl_verify_text { /* begins with fn and arg, else zeroed */
    void (*fn)(const char *data, size_t len, void *arg);
    void *arg;
    struct buf head; /* before the first line is whole */
    bool begun, convert;
    char last;
};

/* The octets of the file in order, in any cut. */
void ctl_verify_text_add(struct ctl_verify_text *text, const char *data, size_t len);
void ctl_verify_text_end(struct ctl_verify_text *text);

#endif
