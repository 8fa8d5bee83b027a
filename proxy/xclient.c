/* SPDX-License-Identifier: ISC */
/*
 * XCLIENT and XFORWARD (Postfix XCLIENT_README and XFORWARD_README). Parsing is for XCLIENT of a
 * trusted peer only; XFORWARD is never taken from anybody. Values are xtext (RFC 3461 4).
 *
 * Parsing: attributes in any order, each at most once; [UNAVAILABLE] and [TEMPUNAVAIL] leave an
 * attribute out. IPv6 addresses carry "IPV6:", as the text demands. NAME has to look like a host
 * name, HELO and LOGIN may be anything printable in ASCII. REVERSE_NAME is checked and forgotten:
 * Gatepost knows no name but the verified one.
 *
 * Building: a backend that is not told a name would go on with its name for us, so NAME,
 * REVERSE_NAME, HELO and IDENT are said to be [UNAVAILABLE] where they are not known, and so is a
 * HELO whose xtext does not fit into one command of 512 octets. ADDR comes last in the last
 * command, since after it the backend no longer trusts us to send another; where it cannot be said
 * nothing is.
 */
#include "proxy/xclient.h"

#include "lib/str.h"
#include "proxy/path.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MAX 512 /* octets with CRLF, RFC 5321 4.5.3.1.4 */
#define VALUE_SIZE  256 /* decoded, with NUL */
#define PORT_TEXT   6

enum verb { VERB_XCLIENT = 1 << 0, VERB_XFORWARD = 1 << 1 };

struct row {
    const char *name;
    enum xclient_attr bit;
    unsigned verbs;   /* that know it */
    bool say_unknown; /* where we do not know it */
};

/* In the order in which they are built. */
static const struct row rows[] = {
    {"NAME", XCLIENT_NAME, VERB_XCLIENT | VERB_XFORWARD, true},
    {"REVERSE_NAME", XCLIENT_REVERSE_NAME, VERB_XCLIENT, true},
    {"PROTO", XCLIENT_PROTO, VERB_XCLIENT | VERB_XFORWARD, false},
    {"HELO", XCLIENT_HELO, VERB_XCLIENT | VERB_XFORWARD, true},
    {"LOGIN", XCLIENT_LOGIN, VERB_XCLIENT, false},
    {"IDENT", XCLIENT_IDENT, VERB_XFORWARD, true},
    {"SOURCE", XCLIENT_SOURCE, VERB_XFORWARD, false},
    {"DESTADDR", XCLIENT_DESTADDR, VERB_XCLIENT, false},
    {"DESTPORT", XCLIENT_DESTPORT, VERB_XCLIENT, false},
    {"PORT", XCLIENT_PORT, VERB_XCLIENT | VERB_XFORWARD, false},
    {"ADDR", XCLIENT_ADDR, VERB_XCLIENT | VERB_XFORWARD, false},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *find(const char *name, size_t len)
{
    for (size_t i = 0; i < ROWS; i++)
        if (str_case_eq(name, len, rows[i].name))
            return &rows[i];
    return NULL;
}

/* The next run of non-spaces at *at; false at the end. */
static bool next_word(const char *text, size_t len, size_t *at, const char **word, size_t *word_len)
{
    while (*at < len && text[*at] == ' ')
        ++*at;
    if (*at == len)
        return false;
    const char *space = memchr(text + *at, ' ', len - *at);
    *word = text + *at;
    *word_len = space != NULL ? (size_t)(space - *word) : len - *at;
    *at += *word_len;
    return true;
}

static bool set_text(const char *value, char *out, size_t size)
{
    size_t len = strlen(value);

    if (len == 0 || len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (value[i] < ' ' || value[i] > '~')
            return false;
    memcpy(out, value, len + 1);
    return true;
}

static bool set_address(const char *value, struct addr *out)
{
    static const char tag[] = "IPV6:";
    struct addr ip;
    bool ipv6 = str_case_starts(value, strlen(value), tag);
    const char *text = ipv6 ? value + strlen(tag) : value;

    if ((strchr(text, ':') != NULL) != ipv6 || !addr_parse_ip(text, &ip))
        return false;
    ip.port = out->port; /* may have come before */
    *out = ip;
    return true;
}

static bool set_port(const char *value, struct addr *out)
{
    unsigned port = 0;

    if (strlen(value) >= PORT_TEXT)
        return false;
    for (const char *c = value; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return false;
        port = port * 10 + (unsigned)(*c - '0');
    }
    out->port = (uint16_t)port;
    return port > 0 && port <= UINT16_MAX;
}

static bool set_proto(const char *value, bool *esmtp)
{
    *esmtp = str_case_eq(value, strlen(value), "ESMTP");
    return *esmtp || str_case_eq(value, strlen(value), "SMTP");
}

/* Takes over one decoded value; false: not one for this attribute. */
static bool set_value(enum xclient_attr bit, const char *value, struct xclient *out)
{
    switch (bit) {
    case XCLIENT_NAME:
        return path_helo_ok(value, strlen(value)) && set_text(value, out->name, sizeof(out->name));
    case XCLIENT_REVERSE_NAME:
        return path_helo_ok(value, strlen(value));
    case XCLIENT_ADDR:
        return set_address(value, &out->addr);
    case XCLIENT_PORT:
        return set_port(value, &out->addr);
    case XCLIENT_PROTO:
        return set_proto(value, &out->esmtp);
    case XCLIENT_HELO:
        return set_text(value, out->helo, sizeof(out->helo));
    case XCLIENT_LOGIN:
        return set_text(value, out->login, sizeof(out->login));
    case XCLIENT_DESTADDR:
        return set_address(value, &out->dest);
    case XCLIENT_DESTPORT:
        return set_port(value, &out->dest);
    case XCLIENT_IDENT:
    case XCLIENT_SOURCE:
        break;
    }
    return false;
}

static bool unavailable(const char *value)
{
    size_t len = strlen(value);

    return str_case_eq(value, len, "[UNAVAILABLE]") || str_case_eq(value, len, "[TEMPUNAVAIL]");
}

/* "NAME=value". NULL, or what is wrong with it. */
static const char *parse_one(const char *word, size_t len, unsigned *had, struct xclient *out)
{
    const char *equals = memchr(word, '=', len);
    const struct row *row = equals != NULL ? find(word, (size_t)(equals - word)) : NULL;
    char value[VALUE_SIZE];

    if (equals == NULL)
        return "Attribute without a value";
    if (row == NULL || (row->verbs & VERB_XCLIENT) == 0)
        return "Unknown attribute";
    if ((*had & row->bit) != 0)
        return "Attribute given twice";
    *had |= row->bit;
    const char *xtext = equals + 1;
    if (!str_xtext_decode(value, sizeof(value), xtext, len - (size_t)(xtext - word)))
        return "Value is not xtext of up to 255 octets";
    if (unavailable(value))
        return NULL;
    if (!set_value(row->bit, value, out))
        return "Malformed value";
    if (row->bit != XCLIENT_REVERSE_NAME)
        out->seen |= row->bit;
    return NULL;
}

bool xclient_parse(const char *args, size_t len, struct xclient *out, const char **why)
{
    const char *fault = NULL;
    const char *word;
    size_t word_len;
    size_t at = 0;
    unsigned had = 0;

    memset(out, 0, sizeof(*out));
    while (fault == NULL && next_word(args, len, &at, &word, &word_len))
        fault = parse_one(word, word_len, &had, out);
    if (fault == NULL && had == 0)
        fault = "No attributes";
    if (fault == NULL)
        return true;
    memset(out, 0, sizeof(*out));
    *why = fault;
    return false;
}

unsigned xclient_offer(const char *args, size_t len)
{
    unsigned offer = 0;
    const char *word;
    size_t word_len;
    size_t at = 0;

    while (next_word(args, len, &at, &word, &word_len)) {
        const struct row *row = find(word, word_len);
        if (row != NULL)
            offer |= row->bit;
    }
    return offer;
}

/* "192.0.2.1" or "IPV6:2001:db8::1", NULL where there is none. */
static const char *address_text(const struct addr *a, char text[static VALUE_SIZE])
{
    char ip[ADDR_TEXT_MAX];

    if (a->family == AF_UNSPEC)
        return NULL;
    (void)snprintf(text, VALUE_SIZE, "%s%s", a->family == AF_INET6 ? "IPV6:" : "",
                   addr_ip_text(a, ip));
    return text;
}

static const char *port_text(const struct addr *a, char text[static VALUE_SIZE])
{
    if (a->port == 0)
        return NULL;
    (void)snprintf(text, VALUE_SIZE, "%u", a->port);
    return text;
}

/* The value to say, maybe in `text`; NULL: not known. */
static const char *get_value(enum xclient_attr bit, const struct xclient *who,
                             char text[static VALUE_SIZE])
{
    unsigned needs = bit == XCLIENT_REVERSE_NAME ? (unsigned)XCLIENT_NAME : bit;

    if (bit != XCLIENT_SOURCE && (who->seen & needs) == 0)
        return NULL;
    switch (bit) {
    case XCLIENT_NAME:
    case XCLIENT_REVERSE_NAME: /* the verified name is the reverse name too */
        return who->name;
    case XCLIENT_ADDR:
        return address_text(&who->addr, text);
    case XCLIENT_PORT:
        return port_text(&who->addr, text);
    case XCLIENT_PROTO:
        return who->esmtp ? "ESMTP" : "SMTP";
    case XCLIENT_HELO:
        return who->helo;
    case XCLIENT_LOGIN:
        return who->login;
    case XCLIENT_DESTADDR:
        return address_text(&who->dest, text);
    case XCLIENT_DESTPORT:
        return port_text(&who->dest, text);
    case XCLIENT_IDENT:
        return who->ident;
    case XCLIENT_SOURCE:
        return "REMOTE"; /* Gatepost submits nothing of its own */
    }
    return NULL;
}

/* " NAME=xtext" into `out` of `size`; returns its length, 0 where nothing is to be said. */
static size_t attribute(const struct row *row, const struct xclient *who, char *out, size_t size)
{
    char text[VALUE_SIZE];
    const char *value = get_value(row->bit, who, text);
    size_t head = strlen(row->name) + 2;

    (void)snprintf(out, size, " %s=", row->name);
    if (value != NULL && value[0] != '\0' &&
        str_xtext_encode(out + head, size - head, value, strlen(value)))
        return strlen(out);
    if (!row->say_unknown)
        return 0;
    (void)snprintf(out + head, size - head, "[UNAVAILABLE]");
    return strlen(out);
}

size_t xclient_build(const char *verb, unsigned offer, const struct xclient *who, struct buf *out)
{
    unsigned verb_bit = strcmp(verb, "XFORWARD") == 0 ? VERB_XFORWARD : VERB_XCLIENT;
    size_t room = COMMAND_MAX - strlen("\r\n") - strlen(verb); /* for attributes, in one command */
    size_t used = room;                                        /* of it; full: begin another */
    size_t commands = 0;

    if ((offer & who->seen & XCLIENT_ADDR) == 0 || who->addr.family == AF_UNSPEC)
        return 0;
    for (size_t i = 0; i < ROWS; i++) {
        char text[COMMAND_MAX];
        size_t len = 0;
        if ((offer & rows[i].bit) != 0 && (rows[i].verbs & verb_bit) != 0)
            len = attribute(&rows[i], who, text, room + 1);
        if (len == 0)
            continue;
        if (len > room - used) {
            buf_add_str(out, commands++ > 0 ? "\r\n" : "");
            buf_add_str(out, verb);
            used = 0;
        }
        buf_add(out, text, len);
        used += len;
    }
    buf_add_str(out, "\r\n");
    return commands;
}
