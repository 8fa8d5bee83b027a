/* SPDX-License-Identifier: ISC */
/*
 * authres_ours: does an Authentication-Results field that came with a message claim to be ours
 * (RFC 8601 5)? The first word of its value is its authserv-id (2.2).
 *
 * Not everybody who reads such fields behind us reads them by the grammar. So the word is sought as
 * a strict reader finds it, and as those do who do not know that comments nest, decode encoded
 * words first, or make A-labels of U-labels: the field is ours if it is to any of them. Marks in
 * front that begin no word are passed over; blanks and comments may stand around the dots.
 *
 * Promises: time is linear in the value. A field that only mentions the id, in a comment or behind
 * another id, is not ours, unless that comment has no end.
 */
#include "policy/auth/authres.h"

#include "lib/base64.h"
#include "lib/str.h"
#include "policy/relay.h"

#include <string.h>

#define NAME_MOST 256

/* How comments are understood. */
enum comments {
    COMMENTS_NEST, /* RFC 5322 3.2.2 */
    COMMENTS_FLAT, /* the first ')' ends one */
    COMMENTS_NONE, /* parentheses are nothing */
};

struct reading {
    const char *at, *end;
    enum comments comments;
    bool endless; /* a comment without its end was seen */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* An octet of a token (RFC 2045 5.1), or of UTF-8. */
static bool is_word(char c)
{
    return (unsigned char)c >= 0x80 ||
           (c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL);
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* At a '('. Goes behind the comment. */
static void skip_comment(struct reading *r)
{
    size_t depth = 0;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '\\' && r->comments == COMMENTS_NEST && r->at + 1 < r->end)
            r->at++;
        else if (*r->at == '(')
            depth++;
        else if (*r->at == ')' && (--depth == 0 || r->comments == COMMENTS_FLAT)) {
            r->at++;
            return;
        }
    }
    r->endless = true;
}

static void skip_blanks(struct reading *r)
{
    while (r->at < r->end) {
        if (is_blank(*r->at))
            r->at++;
        else if (*r->at == '(' && r->comments != COMMENTS_NONE)
            skip_comment(r);
        else
            return;
    }
}

/* Goes to the first word; false: there is none before the ';'. */
static bool find_word(struct reading *r)
{
    for (;;) {
        skip_blanks(r);
        if (r->at == r->end || *r->at == ';')
            return false;
        if (is_word(*r->at))
            return true;
        r->at++;
    }
}

/* Octets that some readers drop or take for blanks: no ASCII (0xA0 in ISO 8859-1), controls. */
static bool is_dropped(char c)
{
    return (unsigned char)c >= 0x7f || (c < ' ' && !is_blank(c));
}

/* Goes behind those, and folds, of which some readers leave no blank. */
static void skip_dropped(struct reading *r)
{
    while (r->at < r->end) {
        if (is_dropped(*r->at)) {
            r->at++;
        } else if (*r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n') {
            while (r->at < r->end && is_blank(*r->at))
                r->at++;
        } else {
            return;
        }
    }
}

/* The next octet of the word, if it is that one; blanks are let be next to dots. */
static bool take(struct reading *r, char before, char want)
{
    if (want == '.' || before == '.')
        skip_blanks(r);
    skip_dropped(r);
    if (r->at + 1 < r->end && *r->at == '\\') /* of a quoted string */
        r->at++;
    if (r->at == r->end || lower(*r->at) != lower(want))
        return false;
    r->at++;
    return true;
}

/* The word at hand is the id, and ends where the id does. */
static bool is_id(struct reading r, const char *id)
{
    while (r.at < r.end && (is_dropped(*r.at) || is_blank(*r.at)))
        r.at++;
    for (const char *c = id; *c != '\0'; c++)
        if (!take(&r, c == id ? '\0' : c[-1], *c))
            return false;
    if (r.at < r.end && *r.at == '.')
        r.at++;
    while (r.at < r.end && is_dropped(*r.at))
        r.at++;
    return r.at == r.end || !is_word(*r.at);
}

/* The word at hand has U-labels, or what becomes ASCII by them, and is the id as A-labels. */
static bool is_id_in_utf8(const struct reading *r, const char *id)
{
    char word[NAME_MOST];
    char normal[NAME_MOST];
    size_t len = 0;
    bool ascii = true;
    for (const char *p = r->at; p < r->end && (is_word(*p) || *p == '\\'); p++) {
        if (*p == '\\')
            continue;
        if (len + 1 == sizeof word)
            return false;
        ascii = ascii && (unsigned char)*p < 0x80;
        word[len++] = *p;
    }
    word[len] = '\0';
    return !ascii && relay_domain_normal(word, normal, sizeof normal) &&
           str_case_eq(normal, strlen(normal), id);
}

static bool claims(const char *text, size_t len, const char *id, enum comments comments,
                   bool *endless)
{
    struct reading r = {.at = text, .end = text + len, .comments = comments};
    bool found = find_word(&r);
    *endless = r.endless;
    return found && (is_id(r, id) || is_id_in_utf8(&r, id));
}

static bool claims_somehow(const char *text, size_t len, const char *id)
{
    bool endless;
    bool unused;
    return claims(text, len, id, COMMENTS_NEST, &endless) ||
           claims(text, len, id, COMMENTS_FLAT, &unused) ||
           (endless && claims(text, len, id, COMMENTS_NONE, &unused));
}

/* ---- encoded words (RFC 2047) ------------------------------------------------------------------
 */

static void add_q(const char *text, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char octet = (unsigned char)text[i];
        if (octet == '=' && i + 2 < len && str_hex_decode(&octet, 1, text + i + 1, 2))
            i += 2;
        else if (octet == '_')
            octet = ' ';
        buf_add(out, &octet, 1);
    }
}

/* Appends what the encoded word at `text` says; returns its octets, 0: it is none. */
static size_t add_encoded(const char *text, size_t len, struct buf *out)
{
    const char *end = text + len;
    const char *charset = text + 2;
    const char *kind = charset < end ? memchr(charset, '?', (size_t)(end - charset)) : NULL;
    if (kind == NULL || end - kind < 3 || kind[2] != '?')
        return 0;
    const char *data = kind + 3;
    const char *mark = data < end ? memchr(data, '?', (size_t)(end - data)) : NULL;
    if (mark == NULL || end - mark < 2 || mark[1] != '=')
        return 0;
    size_t before = out->end;
    if (lower(kind[1]) == 'q') {
        add_q(data, (size_t)(mark - data), out);
    } else if (lower(kind[1]) != 'b' || !base64_decode(data, (size_t)(mark - data), out)) {
        out->end = before;
        return 0;
    }
    return (size_t)(mark + 2 - text);
}

/* The text with its encoded words decoded; blanks between two of them are nothing. False: there is
 * none. */
static bool decode(const char *text, size_t len, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < len;) {
        size_t used = 0;
        if (len - i >= 2 && text[i] == '=' && text[i + 1] == '?')
            used = add_encoded(text + i, len - i, out);
        any = any || used > 0;
        if (used == 0)
            buf_add(out, &text[i], used = 1);
        else
            while (i + used < len && is_blank(text[i + used]))
                used++;
        i += used;
    }
    return any;
}

bool authres_is_ours(const struct header_field *field, const char *authserv_id)
{
    struct buf decoded = {0};
    if (!header_named(field, "Authentication-Results"))
        return false;
    bool ours = claims_somehow(field->value, field->value_len, authserv_id);
    if (!ours && memmem(field->value, field->value_len, "=?", 2) != NULL &&
        decode(field->value, field->value_len, &decoded))
        ours = claims_somehow(buf_data(&decoded), buf_len(&decoded), authserv_id);
    buf_free(&decoded);
    return ours;
}
