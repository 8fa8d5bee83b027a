/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TEXT_IN_H
#define PROXY_TEXT_IN_H
/*
 * The client's message text, as a stream: finds the one legal end of data (CRLF.CRLF), undoes
 * dot-stuffing, and refuses or normalises what is not CRLF (SMTP smuggling). Also counts what the
 * header section needs: its size and its Received fields.
 */

#include "proxy/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_fault {                        /* bits; they stay set */
                  TEXT_BARE_CR = 1 << 0, /* "\r\r\n" included */
                  TEXT_BARE_LF = 1 << 1,
                  TEXT_NUL = 1 << 2,
};

struct text_in {
    bool dotted;    /* DATA: dot-stuffed and ended by CRLF.CRLF; BDAT: neither */
    bool normalize; /* bare newlines become CRLF (a lone dot beside one is dropped), NUL still
                       faults */
    unsigned faults;
    uint64_t size;        /* octets given to `out` so far */
    uint64_t header_size; /* of them, the header section's, without the empty line that ends it */
    size_t received;      /* Received fields seen (case-insensitive) */
    bool header_done;
    bool ends_in_crlf; /* what came out so far is empty or ends in CRLF */
    bool dot_lines;    /* some line of the output begins with '.' (must be stuffed for DATA) */
    bool eight_bit;    /* an octet >= 0x80 was seen */
    /* private: where in its line the next octet stands */
    unsigned char place;
    unsigned char crs; /* CRs held back */
    bool after_bare;   /* the line before ended in a bare newline (only when normalising) */
    unsigned char header_state;
};

/* Gets the decoded octets in order, in runs. Returns nothing; a full spool is the caller's to
 * remember. */
typedef void (*text_out_fn)(void *arg, const char *data, size_t len);

void text_in_init(struct text_in *text, bool dotted, enum newline_policy policy);
/*
 * Feeds bytes from the client. Returns how many were taken: all of them, or, where *end becomes
 * true, those up to and with the final CRLF of CRLF.CRLF. For BDAT all are always taken, and the
 * caller calls text_in_finish() after LAST. Any cut of the input gives the same output. Once a
 * fault is set (and not normalised) nothing more comes out, but the end is still found.
 */
size_t text_in_feed(struct text_in *text, const char *data, size_t len, text_out_fn out, void *arg,
                    bool *end);
/* BDAT: no more bytes; a dangling CR is a fault (or normalised). */
void text_in_finish(struct text_in *text, text_out_fn out, void *arg);

/* Dot-stuffing toward the backend: appends `data` stuffed to `out`; *line_start carries over
 * between calls, true at first. */
struct buf;
void text_stuff(struct buf *out, const char *data, size_t len, bool *line_start);

#endif
