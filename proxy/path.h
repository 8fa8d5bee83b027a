/* SPDX-License-Identifier: ISC */
#ifndef PROXY_PATH_H
#define PROXY_PATH_H
/* Reverse-path and forward-path of MAIL and RCPT (RFC 5321 4.1.2, SMTPUTF8: RFC 6531 3.3). */

#include <stdbool.h>
#include <stddef.h>

#define PATH_LOCAL_MAX  64  /* octets, RFC 5321 4.5.3.1.1 */
#define PATH_DOMAIN_MAX 255 /* octets, RFC 5321 4.5.3.1.2 */
#define PATH_MAX_TEXT   (PATH_LOCAL_MAX + 1 + PATH_DOMAIN_MAX)

struct path {
    char text[PATH_MAX_TEXT + 1]; /* "local@domain" as given, source route stripped; "" for <> */
    size_t local_len;             /* octets of the local part in `text`, quotes included */
    bool null;                    /* <> */
    bool quoted;                  /* the local part is a quoted string */
    bool literal;                 /* the domain is an address literal [..] */
    bool bare;                    /* no domain: <postmaster> in any case */
    bool utf8;                    /* holds non-ASCII (valid UTF-8) */
};

enum path_result {
    PATH_OK,
    PATH_SYNTAX,   /* 501 5.1.7 (sender) or 5.1.3 (recipient) */
    PATH_TOO_LONG, /* 501: a part beyond its limit */
};

/*
 * Parses "<...>" at the start of the `len` bytes at `text` (what follows "MAIL FROM:" or "RCPT
 * TO:"; leading spaces allowed, brackets required). *used gets the bytes taken, up to and with the
 * '>', 0 on failure, and *out is zeroed then. `sender`: <> is allowed, <postmaster> is not;
 * otherwise the other way round. What stands behind the '>' has no say. Pure, any thread.
 */
enum path_result path_parse(const char *text, size_t len, bool sender, struct path *out,
                            size_t *used);
/* The domain in `path->text`, literals with their brackets ("" where null or bare). */
const char *path_domain(const struct path *path);
/* The argument of HELO/EHLO: a domain or an address literal, at most 255 octets, RFC 5321 4.1.1.1;
 * lenient as real servers are: letters, digits, '-', '_', '.', ':' and brackets. */
bool path_helo_ok(const char *text, size_t len);

#endif
