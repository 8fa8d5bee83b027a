/* SPDX-License-Identifier: ISC */
/*
 * ctl_verify_text: a message from a file as it would come by SMTP.
 *
 * Files on this side of SMTP have lines that end in LF: where the first does, all become CRLF;
 * where the first ends in CRLF nothing is changed, since then a bare LF is part of what was signed.
 * A line "From " in front, as mailboxes have it, is left out.
 */
#include "admin/ctl_verify_text.h"

#include <string.h>

#define HEAD_MOST 65536 /* of a first line; a longer one is taken as CRLF */

static void plain(struct ctl_verify_text *text, const char *data, size_t len)
{
    if (len > 0)
        text->fn(data, len, text->arg);
}

/* Passes `data` on with CR before each LF that has none. */
static void with_cr(struct ctl_verify_text *text, const char *data, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\n' && text->last != '\r') {
            plain(text, data + from, i - from);
            plain(text, "\r\n", 2);
            from = i + 1;
        }
        text->last = data[i];
    }
    plain(text, data + from, len - from);
}

static void pass_on(struct ctl_verify_text *text, const char *data, size_t len)
{
    if (text->convert)
        with_cr(text, data, len);
    else
        plain(text, data, len);
}

/* The first line decides, once it is whole or the text is over. */
static void begin(struct ctl_verify_text *text)
{
    const char *data = buf_data(&text->head);
    size_t len = buf_len(&text->head);
    const char *end = memchr(data, '\n', len);
    size_t line = end != NULL ? (size_t)(end - data) + 1 : len;
    text->begun = true;
    text->convert = end != NULL && (end == data || end[-1] != '\r');
    if (len >= 5 && memcmp(data, "From ", 5) == 0)
        buf_consume(&text->head, line);
    pass_on(text, buf_data(&text->head), buf_len(&text->head));
    buf_free(&text->head);
}

void ctl_verify_text_add(struct ctl_verify_text *text, const char *data, size_t len)
{
    if (text->begun) {
        pass_on(text, data, len);
        return;
    }
    buf_add(&text->head, data, len);
    if (memchr(data, '\n', len) != NULL || buf_len(&text->head) > HEAD_MOST)
        begin(text);
}

void ctl_verify_text_end(struct ctl_verify_text *text)
{
    if (!text->begun)
        begin(text);
}
