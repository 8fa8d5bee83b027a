/* SPDX-License-Identifier: ISC */
#ifndef LIB_HEADER_H
#define LIB_HEADER_H
/*
 * The header section of a message (RFC 5322 2.2), split into its fields, octet for octet: nothing
 * is unfolded, decoded or lost. It is fed as the message comes. One thread.
 *
 * A line that is neither a field ("name:" with printable ASCII but ':' before the colon; blanks
 * between name and colon are taken, as RFC 5322 4.5 has them) nor the continuation of one is a
 * field without a name, so that what is written again is what came. Lines end in CRLF; another CR
 * or LF is an octet like any.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header_field {
    const char *raw; /* from its name to the CRLF of its last line, that included */
    size_t len;
    size_t name_len;   /* of the name, which stands at `raw`; 0: it is no field */
    const char *value; /* behind the colon, to before the last CRLF */
    size_t value_len;
    uint64_t offset; /* of `raw` in the message */
};

struct header;

/* At most so many octets and fields are kept: what is beyond is not (header_cut), but its end is
 * found all the same. */
struct header *header_new(size_t octets, size_t fields) __attribute__((warn_unused_result));
void header_free(struct header *header); /* NULL is fine */
/* Takes the octets of the message in order, up to and with the empty line that ends the section.
 * Returns how many: fewer than `len` only where the end was among them. */
size_t header_add(struct header *header, const char *data, size_t len);
/* The message is over; what has no empty line behind it is complete, too. */
void header_end(struct header *header);
bool header_complete(const struct header *header);
/* It had more than is kept. */
bool header_cut(const struct header *header);

/* Octets of memory that it holds by now. */
size_t header_memory(const struct header *header);

/* ---- once it is complete; what is pointed at lives as long as the header */
size_t header_count(const struct header *header);
const struct header_field *header_field(const struct header *header, size_t index);
bool header_named(const struct header_field *field, const char *name); /* in any case */
/* How many of that name there are, and the first of them, or NULL. */
size_t header_occurs(const struct header *header, const char *name);
const struct header_field *header_first(const struct header *header, const char *name);
/* Octets of the section with the empty line. */
uint64_t header_size(const struct header *header);

#endif
