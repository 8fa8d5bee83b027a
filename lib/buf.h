/* SPDX-License-Identifier: ISC */
#ifndef LIB_BUF_H
#define LIB_BUF_H
/* A growing run of bytes, consumed from the front. A zeroed struct is an empty buffer. */

#include <stddef.h>

struct buf {
    char *data;   /* NULL while nothing was ever stored */
    size_t start; /* consumed bytes in front */
    size_t end;   /* one past the last byte */
    size_t cap;
};

/* The first unread byte; valid until the next call that changes the buffer. */
static inline const char *buf_data(const struct buf *b)
{
    return b->data != NULL ? b->data + b->start : "";
}
static inline size_t buf_len(const struct buf *b)
{
    return b->end - b->start;
}
/* Appends `len` bytes. */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops `len` bytes from the front (at most what is there). */
void buf_consume(struct buf *b, size_t len);
/* Empties the buffer and gives its memory back; the buffer may be used again. */
void buf_free(struct buf *b);

#endif
