/* SPDX-License-Identifier: ISC */
/*
 * Reverse-path and forward-path: "<local@domain>", "<>", "<postmaster>" (RFC 5321 4.1.2, 4.1.3;
 * non-ASCII as RFC 6531 3.3). The grammar is RFC 5321's and strict: no comments, no folding, no
 * "a".b, no empty label, no dot at the end of a domain, no address without brackets. A source route
 * is checked and thrown away (RFC 5321 appendix C).
 *
 * RFC-DEVIATION: '_' is taken in domains, wherever a letter may stand, since real host names hold
 * it. RFC-DEVIATION: UTF-8 that shows as nothing or turns the text around it (C1 controls, line
 * separators, direction marks) is refused, as ASCII controls are.
 *
 * Lengths are judged last, so that PATH_TOO_LONG is only said of a path that is well formed. A
 * label with non-ASCII is only held to the limit of the domain: its 63 octets are those of its
 * A-label, which is not known here. Whether non-ASCII is allowed at all is the caller's to check.
 */
#include "proxy/path.h"

#include "lib/addr.h"
#include "lib/str.h"

#include <string.h>

#define LABEL_MAX 63 /* octets, RFC 1035 2.3.4 */

struct scan {
    const char *at;
    const char *end;
    bool too_long; /* a label was */
};

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool is_let_dig(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The octets of the non-ASCII character at the scan, 0 where there is none or a bad one. */
static size_t non_ascii(const struct scan *s)
{
    size_t octets = str_utf8_shown(s->at, (size_t)(s->end - s->at));
    return octets > 1 ? octets : 0;
}

static size_t atext(const struct scan *s)
{
    unsigned char c = s->at < s->end ? (unsigned char)*s->at : 0;

    if (is_let_dig(c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL))
        return 1;
    return non_ascii(s);
}

/* One character or quoted pair inside a quoted string. A pair is ASCII only, in RFC 6531 too. */
static size_t quoted_content(const struct scan *s)
{
    unsigned char c = s->at < s->end ? (unsigned char)*s->at : 0;

    if (c == '"')
        return 0;
    if (c == '\\')
        return s->end - s->at >= 2 && s->at[1] >= ' ' && s->at[1] <= '~' ? 2 : 0;
    if (c >= ' ' && c <= '~')
        return 1;
    return non_ascii(s);
}

/* Takes as much as `unit` accepts; false where that is nothing. */
static bool take_run(struct scan *s, size_t (*unit)(const struct scan *))
{
    const char *from = s->at;

    for (size_t octets; (octets = unit(s)) > 0;)
        s->at += octets;
    return s->at > from;
}

static bool take_local(struct scan *s, bool *quoted)
{
    *quoted = take(s, '"');
    if (*quoted) {
        (void)take_run(s, quoted_content); /* may be empty */
        return take(s, '"');
    }
    do {
        if (!take_run(s, atext))
            return false;
    } while (take(s, '.'));
    return true;
}

static size_t label_text(const struct scan *s)
{
    unsigned char c = s->at < s->end ? (unsigned char)*s->at : 0;

    if (is_let_dig(c) || c == '-' || c == '_')
        return 1;
    return non_ascii(s);
}

static bool has_non_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return true;
    return false;
}

static bool take_label(struct scan *s)
{
    const char *from = s->at;

    if (!take_run(s, label_text) || *from == '-' || s->at[-1] == '-')
        return false;
    size_t len = (size_t)(s->at - from);
    if (len > LABEL_MAX && !has_non_ascii(from, len))
        s->too_long = true;
    return true;
}

static bool take_domain(struct scan *s)
{
    do {
        if (!take_label(s))
            return false;
    } while (take(s, '.'));
    return true;
}

/* General-address-literal: Ldh-str ":" 1*dcontent. */
static bool tagged_literal_ok(const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);

    if (colon == NULL || colon == text || colon == text + len - 1)
        return false;
    for (const char *c = text; c < colon; c++)
        if (!is_let_dig((unsigned char)*c) && (*c != '-' || c + 1 == colon))
            return false;
    for (const char *c = colon + 1; c < text + len; c++)
        if (*c < '!' || *c > '~' || *c == '[' || *c == '\\')
            return false;
    return true;
}

/* An IP address of the family its literal claims. */
static bool ip_ok(const char *text, size_t len, bool ipv6)
{
    char ip[ADDR_TEXT_MAX];
    struct addr parsed;

    if (len >= sizeof(ip) || (memchr(text, ':', len) != NULL) != ipv6)
        return false;
    memcpy(ip, text, len);
    ip[len] = '\0';
    return strlen(ip) == len && addr_parse_ip(ip, &parsed);
}

/* An address literal, its '[' already taken. */
static bool take_literal(struct scan *s)
{
    static const char tag[] = "IPv6:";
    const char *text = s->at;
    const char *close = memchr(text, ']', (size_t)(s->end - text));

    if (close == NULL)
        return false;
    size_t len = (size_t)(close - text);
    s->at = close + 1;
    if (str_case_starts(text, len, tag))
        return ip_ok(text + strlen(tag), len - strlen(tag), true);
    return ip_ok(text, len, false) || tagged_literal_ok(text, len);
}

/* "@a,@b:" */
static bool take_route(struct scan *s)
{
    do {
        if (!take(s, '@') || !take_domain(s))
            return false;
    } while (take(s, ','));
    return take(s, ':');
}

/* Local part and domain, or a local part alone. */
static bool take_mailbox(struct scan *s, struct path *out)
{
    const char *local = s->at;

    if (!take_local(s, &out->quoted))
        return false;
    out->local_len = (size_t)(s->at - local);
    if (!take(s, '@')) {
        out->bare = true;
        return true;
    }
    out->literal = take(s, '[');
    return out->literal ? take_literal(s) : take_domain(s);
}

/* A mailbox and the closing bracket; the opening one is taken. */
static enum path_result take_path(struct scan *s, bool sender, struct path *out)
{
    bool routed = s->at < s->end && *s->at == '@';

    if (routed && !take_route(s))
        return PATH_SYNTAX;
    const char *text = s->at;
    if (!take_mailbox(s, out))
        return PATH_SYNTAX;
    size_t len = (size_t)(s->at - text);
    if (!take(s, '>'))
        return PATH_SYNTAX;
    if (out->bare && (sender || routed || !str_case_eq(text, len, "postmaster")))
        return PATH_SYNTAX;
    if (s->too_long || out->local_len > PATH_LOCAL_MAX ||
        len > out->local_len + 1 + PATH_DOMAIN_MAX)
        return PATH_TOO_LONG;

    memcpy(out->text, text, len);
    out->utf8 = has_non_ascii(text, len);
    return PATH_OK;
}

static enum path_result take_brackets(struct scan *s, bool sender, struct path *out)
{
    if (!take(s, '<'))
        return PATH_SYNTAX;
    if (sender && take(s, '>')) {
        out->null = true;
        return PATH_OK;
    }
    return take_path(s, sender, out);
}

enum path_result path_parse(const char *text, size_t len, bool sender, struct path *out,
                            size_t *used)
{
    struct scan s = {.at = text, .end = text + len};

    memset(out, 0, sizeof(*out));
    *used = 0;
    while (take(&s, ' '))
        ;
    enum path_result result = take_brackets(&s, sender, out);
    if (result == PATH_OK)
        *used = (size_t)(s.at - text);
    else
        memset(out, 0, sizeof(*out));
    return result;
}

const char *path_domain(const struct path *path)
{
    return path->null || path->bare ? "" : path->text + path->local_len + 1;
}

bool path_helo_ok(const char *text, size_t len)
{
    if (len == 0 || len > PATH_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_let_dig((unsigned char)text[i]) &&
            (text[i] == '\0' || strchr("-_.:[]", text[i]) == NULL))
            return false;
    return true;
}
