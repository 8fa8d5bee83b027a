/* SPDX-License-Identifier: ISC */
/*
 * buf: a growing run of bytes, consumed from the front.
 *
 * Memory doubles as it grows; a buffer that has been emptied keeps its memory until buf_free().
 * Bounds on what peers may store are the caller's.
 */
#include "lib/buf.h"

#include "lib/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINTF_ROOM 128 /* octets tried first: what is printed is mostly short */

/* Makes room for `len` more bytes behind the last one: by moving down where more was consumed than
 * is moved (so that it costs no more than the consuming did), else by growing. */
static char *reserve(struct buf *b, size_t len)
{
    if (b->cap - b->end >= len)
        return b->data + b->end;
    if (b->start > 0 && b->start >= b->end - b->start) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->cap - b->end < len) {
        size_t want = b->end + len;
        size_t cap = b->cap != 0 ? b->cap : 128;
        while (cap < want)
            cap = cap > SIZE_MAX / 2 ? want : cap * 2;
        b->data = mem_grow(b->data, cap, 1);
        b->cap = cap;
    }
    return b->data + b->end;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    memcpy(reserve(b, len), data, len);
    b->end += len;
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    char *room = reserve(b, PRINTF_ROOM);
    va_start(args, format);
    int len = vsnprintf(room, PRINTF_ROOM, format, args);
    va_end(args);
    if (len <= 0)
        return;
    if (len >= PRINTF_ROOM) { /* rare: once more, with room enough */
        room = reserve(b, (size_t)len + 1);
        va_start(args, format);
        vsnprintf(room, (size_t)len + 1, format, args);
        va_end(args);
    }
    b->end += (size_t)len;
}

void buf_consume(struct buf *b, size_t len)
{
    b->start += len < b->end - b->start ? len : b->end - b->start;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
