/* SPDX-License-Identifier: ISC */
#ifndef PROXY_XCLIENT_H
#define PROXY_XCLIENT_H
/* XCLIENT and XFORWARD (Postfix XCLIENT_README, XFORWARD_README): parsing XCLIENT of a trusted
 * peer, building both toward the backend. */

#include "lib/addr.h"
#include "lib/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum xclient_attr {
    XCLIENT_NAME = 1 << 0,
    XCLIENT_ADDR = 1 << 1,
    XCLIENT_PORT = 1 << 2,
    XCLIENT_PROTO = 1 << 3,
    XCLIENT_HELO = 1 << 4,
    XCLIENT_LOGIN = 1 << 5,
    XCLIENT_DESTADDR = 1 << 6,
    XCLIENT_DESTPORT = 1 << 7,
    XCLIENT_REVERSE_NAME = 1 << 8,
    XCLIENT_IDENT = 1 << 9,   /* XFORWARD only */
    XCLIENT_SOURCE = 1 << 10, /* XFORWARD only */
};

struct xclient {
    unsigned seen;    /* attributes present with a value; [UNAVAILABLE] leaves a bit out */
    struct addr addr; /* ADDR with PORT */
    struct addr dest; /* DESTADDR with DESTPORT */
    bool esmtp;       /* PROTO */
    char name[256];   /* NAME, a host name; REVERSE_NAME is built from it, never parsed to it */
    char helo[256];   /* decoded; parsed: printable ASCII only, spaces too, as for login */
    char login[256];
    char ident[64]; /* for XFORWARD only */
};

/* Parses the `len` bytes of arguments behind "XCLIENT ". False: *why is the reason (reply
 * 501 5.5.4) and *out is zeroed. Pure, any thread. */
bool xclient_parse(const char *args, size_t len, struct xclient *out, const char **why);
/* The attribute list of an EHLO line ("NAME ADDR PORT...") as bits; unknown words are ignored. */
unsigned xclient_offer(const char *args, size_t len);
/*
 * Appends the commands (each with CRLF, at most 512 octets) that tell the backend who the client
 * is: only attributes in `offer` whose bit is in `who->seen` (names that are not known are said to
 * be [UNAVAILABLE]), ADDR in the last one. `verb`: "XCLIENT" or "XFORWARD". Returns how many
 * commands; 0, and nothing appended, where ADDR cannot be said, since the backend would then go on
 * to take the client for us.
 */
size_t xclient_build(const char *verb, unsigned offer, const struct xclient *who, struct buf *out);

#endif
