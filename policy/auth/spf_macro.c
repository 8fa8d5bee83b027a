/* SPDX-License-Identifier: ISC */
/*
 * spf_macro: the macros of SPF (RFC 7208 7), in domain-specs, explanations and unknown modifiers.
 *
 * Promises: a string is checked whole before anything of it is expanded; time is linear in its
 * length times that of the longest fact; memory is fixed, however long the expansion were: of a
 * name its end is kept, of an explanation its beginning.
 * %{i} of IPv6 shows its nibbles in upper case, as the official suite has it.
 * A number of parts beyond 128 is as good as all of them (7.3 asks for 128 at least).
 * Limits: a domain-spec has at most 1024 octets, or 64 KiB of macros would hold up the loop.
 */
#include "policy/auth/spf_macro.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARTS_MOST 1000 /* what is more is this: no fact has so many */
#define NAME_MOST  1024 /* octets of a domain-spec: each macro costs what its fact is long */
#define KEEP       512  /* octets of a name's end that are kept at least; 254 are used */

struct element { /* a macro-expand, or a run of literal octets */
    char letter; /* lower case; 0: literal */
    bool escape, reverse;
    unsigned parts; /* 0: all */
    const char *delimiter;
    size_t delimiters;
    const char *literal;
    size_t literals;
};

struct output {
    char *data;
    size_t size, len;
    bool tail; /* full: the front goes; else what comes is dropped */
};

/* ---- syntax ------------------------------------------------------------------------------------
 */

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "%{" was read: the octets of the rest, with its '}'; 0: no macro. */
static size_t read_braces(const char *text, size_t len, struct element *out)
{
    size_t at = 0;
    bool digits = false;
    if (at == len || !is_alpha(text[at]))
        return 0;
    out->escape = text[at] < 'a';
    out->letter = (char)(text[at++] | 0x20);
    for (; at < len && is_digit(text[at]); at++, digits = true)
        if (out->parts < PARTS_MOST)
            out->parts = out->parts * 10 + (unsigned)(text[at] - '0');
    if (digits && out->parts == 0)
        return 0;
    if (at < len && (text[at] | 0x20) == 'r') {
        out->reverse = true;
        at++;
    }
    out->delimiter = text + at;
    while (at < len && text[at] != '\0' && strchr(".-+,/_=", text[at]) != NULL)
        at++;
    out->delimiters = (size_t)(text + at - out->delimiter);
    return at < len && text[at] == '}' && strchr("slodiphvcrt", out->letter) != NULL ? at + 1 : 0;
}

static size_t read_percent(const char *text, size_t len, struct element *out)
{
    if (len < 2)
        return 0;
    switch (text[1]) {
    case '%':
        out->literal = "%";
        break;
    case '_':
        out->literal = " ";
        break;
    case '-':
        out->literal = "%20";
        break;
    case '{': {
        size_t rest = read_braces(text + 2, len - 2, out);
        return rest > 0 ? rest + 2 : 0;
    }
    default:
        return 0;
    }
    out->literals = strlen(out->literal);
    return 2;
}

/* The octets of the element at `text`, `len` > 0; 0: a '%' that begins none. */
static size_t read_element(const char *text, size_t len, struct element *out)
{
    *out = (struct element){.literal = text};
    if (text[0] == '%')
        return read_percent(text, len, out);
    const char *percent = memchr(text, '%', len);
    out->literals = percent != NULL ? (size_t)(percent - text) : len;
    return out->literals;
}

static bool literal_ok(const char *text, size_t len, bool blanks)
{
    for (size_t i = 0; i < len; i++)
        if ((text[i] < '!' || text[i] > '~') && !(blanks && text[i] == ' '))
            return false;
    return true;
}

/* "." toplabel [ "." ] at the end of the literal octets behind the last macro. */
static const char *top_label_fault(const char *text, size_t len)
{
    bool number = true;
    if (len > 0 && text[len - 1] == '.')
        len--;
    size_t from = len;
    while (from > 0 && text[from - 1] != '.')
        from--;
    if (from == 0)
        return "a domain of one label";
    if (from == len || text[from] == '-' || text[len - 1] == '-')
        return "a domain that does not end in a label";
    for (size_t i = from; i < len; i++) {
        if (!is_alpha(text[i]) && !is_digit(text[i]) && text[i] != '-')
            return "a domain that does not end in a label";
        number = number && is_digit(text[i]);
    }
    return number ? "a domain that ends in a number; of an address, ip4: is wanted" : NULL;
}

const char *spf_macro_fault(const char *text, size_t len, enum spf_macro_use use, bool *wants_name)
{
    size_t tail = 0;
    *wants_name = false;
    for (size_t at = 0; at < len;) {
        struct element e;
        size_t used = read_element(text + at, len - at, &e);
        if (used == 0)
            return "a '%' that begins no macro";
        if (text[at] != '%' && !literal_ok(text + at, used, use == SPF_MACRO_TEXT))
            return "an octet that is no visible US-ASCII";
        if (use == SPF_MACRO_NAME && e.letter != '\0' && strchr("crt", e.letter) != NULL)
            return "a macro that only explanations may have";
        *wants_name = *wants_name || e.letter == 'p';
        at += used;
        if (text[at - used] == '%')
            tail = at;
    }
    if (use != SPF_MACRO_NAME)
        return NULL;
    if (len == 0)
        return "no domain";
    if (len > NAME_MOST)
        return "a domain that is too long";
    return tail == len ? NULL : top_label_fault(text + tail, len - tail);
}

/* ---- expansion ---------------------------------------------------------------------------------
 */

static void put(struct output *out, const char *text, size_t len)
{
    if (len > out->size - out->len && out->tail) {
        if (len > KEEP) {
            text += len - KEEP;
            len = KEEP;
        }
        if (len > out->size - out->len) {
            memmove(out->data, out->data + out->len - KEEP, KEEP);
            out->len = KEEP;
        }
    }
    if (len > out->size - out->len)
        len = out->size - out->len;
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

static void put_escaped(struct output *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i], code[4];
        if (is_alpha(c) || is_digit(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
            put(out, &c, 1);
        } else {
            snprintf(code, sizeof code, "%%%02X", (unsigned char)c);
            put(out, code, 3);
        }
    }
}

static void put_part(struct output *out, const struct element *e, const char *text, size_t len,
                     bool first)
{
    if (!first)
        put(out, ".", 1);
    if (e->escape)
        put_escaped(out, text, len);
    else
        put(out, text, len);
}

static bool splits(const struct element *e, char c)
{
    return e->delimiters > 0 ? memchr(e->delimiter, c, e->delimiters) != NULL : c == '.';
}

static unsigned count_parts(const struct element *e, const char *value, size_t len)
{
    unsigned parts = 1;
    for (size_t i = 0; i < len; i++)
        parts += splits(e, value[i]);
    return parts;
}

/* The last e->parts of the value, in their order. */
static void put_forward(struct output *out, const struct element *e, const char *value, size_t len)
{
    unsigned parts = count_parts(e, value, len);
    unsigned skip = e->parts > 0 && e->parts < parts ? parts - e->parts : 0;
    size_t from = 0;
    for (unsigned part = 0; part < parts; part++) {
        size_t end = from;
        while (end < len && !splits(e, value[end]))
            end++;
        if (part >= skip)
            put_part(out, e, value + from, end - from, part == skip);
        from = end + 1;
    }
}

/* Turned round, those are the first ones, from the last of them to the first. */
static void put_reverse(struct output *out, const struct element *e, const char *value, size_t len)
{
    size_t end = len;
    bool first = true;
    if (e->parts > 0) {
        unsigned parts = 0;
        for (end = 0; end < len; end++)
            if (splits(e, value[end]) && ++parts == e->parts)
                break;
    }
    for (;; first = false) {
        size_t from = end;
        while (from > 0 && !splits(e, value[from - 1]))
            from--;
        put_part(out, e, value + from, end - from, first);
        if (from == 0)
            return;
        end = from - 1;
    }
}

/* The address as octets or nibbles with dots. */
static void dotted(const struct addr *client, char out[static ADDR_TEXT_MAX + 16])
{
    char *at = out;
    if (client->family != AF_INET6) {
        addr_ip_text(client, out);
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        *at++ = "0123456789ABCDEF"[client->ip[i] >> 4];
        *at++ = '.';
        *at++ = "0123456789ABCDEF"[client->ip[i] & 15];
        *at++ = '.';
    }
    at[-1] = '\0';
}

/* The letters whose value is not at hand. `scratch` has room for it. */
static const char *made_value(char letter, const struct spf_macro_facts *facts,
                              char scratch[static ADDR_TEXT_MAX + 16])
{
    switch (letter) {
    case 'i':
        dotted(&facts->client, scratch);
        break;
    case 'c':
        addr_ip_text(&facts->client, scratch);
        break;
    case 'v':
        return facts->client.family == AF_INET6 ? "ip6" : "in-addr";
    default:
        snprintf(scratch, ADDR_TEXT_MAX + 16, "%" PRId64, facts->now);
        break;
    }
    return scratch;
}

static void put_value(struct output *out, const struct element *e, const char *value, size_t len)
{
    if (e->reverse)
        put_reverse(out, e, value, len);
    else
        put_forward(out, e, value, len);
}

/* %{s} is put together, for its transformers see it whole. */
static void put_sender(struct output *out, const struct element *e,
                       const struct spf_macro_facts *facts)
{
    char sender[1024];
    int len = snprintf(sender, sizeof sender, "%s@%s", facts->local, facts->origin);
    put_value(out, e, sender, len < (int)sizeof sender ? (size_t)len : sizeof sender - 1);
}

static void put_macro(struct output *out, const struct element *e,
                      const struct spf_macro_facts *facts)
{
    char scratch[ADDR_TEXT_MAX + 16];
    const char *value;
    switch (e->letter) {
    case 's':
        put_sender(out, e, facts);
        return;
    case 'l':
        value = facts->local;
        break;
    case 'o':
        value = facts->origin;
        break;
    case 'd':
        value = facts->domain;
        break;
    case 'h':
        value = facts->helo;
        break;
    case 'p':
        value = facts->name;
        break;
    case 'r':
        value = facts->hostname;
        break;
    default:
        value = made_value(e->letter, facts, scratch);
        break;
    }
    put_value(out, e, value, strlen(value));
}

static void expand(struct output *out, const char *text, size_t len,
                   const struct spf_macro_facts *facts)
{
    for (size_t at = 0; at < len && (out->tail || out->len < out->size);) {
        struct element e;
        size_t used = read_element(text + at, len - at, &e);
        if (used == 0)
            return; /* it was not checked */
        if (e.letter == '\0')
            put(out, e.literal, e.literals);
        else
            put_macro(out, &e, facts);
        at += used;
    }
}

void spf_macro_name(const char *text, size_t len, const struct spf_macro_facts *facts,
                    char out[static DNS_NAME_MAX + 1])
{
    char data[2 * KEEP];
    struct output made = {.data = data, .size = sizeof data, .tail = true};
    expand(&made, text, len, facts);
    const char *from = data;
    if (made.len > 0 && data[made.len - 1] == '.')
        made.len--;
    while (made.len > DNS_NAME_MAX) {
        const char *dot = memchr(from, '.', made.len);
        size_t cut = dot != NULL ? (size_t)(dot - from) + 1 : made.len;
        from += cut;
        made.len -= cut;
    }
    memcpy(out, from, made.len);
    out[made.len] = '\0';
    if (strlen(out) < made.len) /* a fact with a NUL does not come, but a name with one is none */
        out[0] = '\0';
}

void spf_macro_text(const char *text, size_t len, const struct spf_macro_facts *facts, char *out,
                    size_t size)
{
    struct output made = {.data = out, .size = size - 1};
    expand(&made, text, len, facts);
    for (size_t i = 0; i < made.len; i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    out[made.len] = '\0';
}
