/* SPDX-License-Identifier: ISC */
/*
 * spf_record: the grammar of SPF records (RFC 7208 4.6.1, 5, 6, 12).
 *
 * Promises: a record is checked whole before anything of it is evaluated (4.6), and is read term by
 * term afterwards, so it needs no memory but its text, whatever is in it. Time is linear.
 *
 * A modifier is a name and '=', before any ':' or '/'; what is not one is a mechanism. A known
 * modifier's name with a value that is none is a fault and not an unknown modifier. Leading zeros
 * in a prefix length are a fault. In the domain of a and mx '/' may stand, so their prefix lengths
 * are read from the end.
 */
#include "policy/auth/spf_record.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/auth/spf_macro.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define VERSION     "v=spf1"
#define VERSION_LEN (sizeof VERSION - 1)

enum takes { /* what may follow a mechanism's name */
             TAKES_NOTHING,
             TAKES_DOMAIN,
             TAKES_MAYBE_DOMAIN,
             TAKES_DOMAIN_AND_BITS, /* each may be missing */
             TAKES_NETWORK,
};

static const struct {
    const char *name;
    enum spf_kind kind;
    enum takes takes;
} mechanisms[] = {
    {"all", SPF_ALL, TAKES_NOTHING},      {"include", SPF_INCLUDE, TAKES_DOMAIN},
    {"a", SPF_A, TAKES_DOMAIN_AND_BITS},  {"mx", SPF_MX, TAKES_DOMAIN_AND_BITS},
    {"ptr", SPF_PTR, TAKES_MAYBE_DOMAIN}, {"ip4", SPF_IP4, TAKES_NETWORK},
    {"ip6", SPF_IP6, TAKES_NETWORK},      {"exists", SPF_EXISTS, TAKES_DOMAIN},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct spf_text from(struct spf_text text, size_t skip)
{
    return (struct spf_text){text.text + skip, text.len - skip};
}

/* Cuts "/N" (`slashes` of them before N) from the end of *text, if there is one. False: there is,
 * and N is none. */
static bool cut_bits(struct spf_text *text, size_t slashes, unsigned most, uint8_t *out)
{
    size_t digits = 0;
    unsigned bits = 0;
    while (digits < text->len && is_digit(text->text[text->len - 1 - digits]))
        digits++;
    size_t len = text->len - digits;
    if (digits == 0 || len < slashes || strncmp(text->text + len - slashes, "//", slashes) != 0)
        return true;
    for (size_t i = len; i < text->len && bits <= most; i++)
        bits = bits * 10 + (unsigned)(text->text[i] - '0');
    if (bits > most || (digits > 1 && text->text[len] == '0'))
        return false;
    *out = (uint8_t)bits;
    text->len = len - slashes;
    return true;
}

static const char *read_domain(struct spf_text text, struct spf_text *out)
{
    bool wants_name;
    *out = text;
    return spf_macro_fault(text.text, text.len, SPF_MACRO_NAME, &wants_name);
}

/* `rest`: all behind "ip4:" or "ip6:". */
static const char *read_network(struct spf_term *term, struct spf_text rest)
{
    char ip[INET6_ADDRSTRLEN];
    bool six = term->kind == SPF_IP6;
    if (!cut_bits(&rest, 1, six ? 128 : 32, six ? &term->bits6 : &term->bits4))
        return "a prefix length that is none";
    if (rest.len == 0 || rest.len >= sizeof ip)
        return "an address that is none";
    memcpy(ip, rest.text, rest.len);
    ip[rest.len] = '\0';
    term->network.family = six ? AF_INET6 : AF_INET;
    return strlen(ip) == rest.len && inet_pton(term->network.family, ip, term->network.ip) == 1
               ? NULL
               : "an address that is none";
}

static const char *read_domain_and_bits(struct spf_term *term, struct spf_text rest)
{
    if (!cut_bits(&rest, 2, 128, &term->bits6) || !cut_bits(&rest, 1, 32, &term->bits4))
        return "a prefix length that is none";
    if (rest.len == 0)
        return NULL;
    return rest.text[0] == ':' ? read_domain(from(rest, 1), &term->domain)
                               : "a prefix length that is none";
}

/* `rest`: all behind the mechanism's name. */
static const char *read_argument(struct spf_term *term, enum takes takes, struct spf_text rest)
{
    bool colon = rest.len > 0 && rest.text[0] == ':';
    switch (takes) {
    case TAKES_NOTHING:
        return rest.len == 0 ? NULL : "an argument where none may be";
    case TAKES_DOMAIN:
        return colon ? read_domain(from(rest, 1), &term->domain) : "no domain";
    case TAKES_MAYBE_DOMAIN:
        if (rest.len == 0)
            return NULL;
        return colon ? read_domain(from(rest, 1), &term->domain) : "an argument where none may be";
    case TAKES_DOMAIN_AND_BITS:
        return read_domain_and_bits(term, rest);
    case TAKES_NETWORK:
        return colon ? read_network(term, from(rest, 1)) : "no address";
    }
    return "";
}

static bool read_qualifier(char c, enum spf_result *out)
{
    switch (c) {
    case '+':
        *out = SPF_PASS;
        return true;
    case '-':
        *out = SPF_FAIL;
        return true;
    case '~':
        *out = SPF_SOFTFAIL;
        return true;
    case '?':
        *out = SPF_NEUTRAL;
        return true;
    default:
        *out = SPF_PASS;
        return false;
    }
}

static const char *read_mechanism(struct spf_term *term)
{
    struct spf_text rest = from(term->whole, read_qualifier(term->whole.text[0], &term->result));
    size_t len = 0;
    while (len < rest.len && rest.text[len] != ':' && rest.text[len] != '/')
        len++;
    for (size_t i = 0; i < COUNT(mechanisms); i++) {
        if (!str_case_eq(rest.text, len, mechanisms[i].name))
            continue;
        term->kind = mechanisms[i].kind;
        term->bits4 = 32;
        term->bits6 = 128;
        return read_argument(term, mechanisms[i].takes, from(rest, len));
    }
    return "no such mechanism";
}

static const char *read_modifier(struct spf_term *term, size_t name)
{
    bool wants_name;
    struct spf_text value = from(term->whole, name + 1);
    term->kind = str_case_eq(term->whole.text, name, "redirect") ? SPF_REDIRECT
                 : str_case_eq(term->whole.text, name, "exp")    ? SPF_EXP
                                                                 : SPF_UNKNOWN;
    if (term->kind != SPF_UNKNOWN)
        return read_domain(value, &term->domain);
    return spf_macro_fault(value.text, value.len, SPF_MACRO_IGNORED, &wants_name);
}

/* The octets of a modifier's name; 0: it is none. */
static size_t modifier_name(struct spf_text whole)
{
    size_t len = 0;
    if (whole.len == 0 || !is_alpha(whole.text[0]))
        return 0;
    while (len < whole.len && (is_alpha(whole.text[len]) || is_digit(whole.text[len]) ||
                               memchr("-_.", whole.text[len], 3) != NULL))
        len++;
    return len < whole.len && whole.text[len] == '=' ? len : 0;
}

/* NULL, or what is wrong with term->whole. */
static const char *read_term(struct spf_term *term)
{
    size_t name = modifier_name(term->whole);
    return name > 0 ? read_modifier(term, name) : read_mechanism(term);
}

/* The next run of octets that are no blanks; false: there is none. */
static bool next_word(const char *text, size_t len, size_t *at, struct spf_text *out)
{
    while (*at < len && text[*at] == ' ')
        ++*at;
    size_t begin = *at;
    while (*at < len && text[*at] != ' ')
        ++*at;
    *out = (struct spf_text){text + begin, *at - begin};
    return out->len > 0;
}

bool spf_record_is(const char *text, size_t len)
{
    return str_case_starts(text, len, VERSION) && (len == VERSION_LEN || text[VERSION_LEN] == ' ');
}

/* A modifier that may be there once. */
static const char *keep(struct spf_text *modifier, const struct spf_term *term)
{
    if (modifier->len > 0)
        return "it is there twice";
    *modifier = term->domain;
    return NULL;
}

static const char *take_term(struct spf_record *record, struct spf_term *term)
{
    const char *fault = read_term(term);
    if (fault != NULL)
        return fault;
    if (term->kind == SPF_REDIRECT)
        return keep(&record->redirect, term);
    if (term->kind == SPF_EXP)
        return keep(&record->exp, term);
    return NULL;
}

bool spf_record_read(struct spf_record *out, const char *text, size_t len,
                     char why[static SPF_WHY_MAX])
{
    struct spf_term term = {0};
    *out = (struct spf_record){.text = mem_alloc(len + 1), .len = len};
    memcpy(out->text, text, len);
    for (size_t at = VERSION_LEN; next_word(out->text, len, &at, &term.whole);) {
        const char *fault = take_term(out, &term);
        if (fault != NULL) {
            char shown[80];
            str_printable(shown, sizeof shown, term.whole.text, term.whole.len);
            snprintf(why, SPF_WHY_MAX, "%s: \"%s\"", fault, shown);
            spf_record_clear(out);
            return false;
        }
        term = (struct spf_term){0};
    }
    return true;
}

void spf_record_clear(struct spf_record *record)
{
    free(record->text);
    *record = (struct spf_record){0};
}

bool spf_record_next(const struct spf_record *record, size_t *at, struct spf_term *out)
{
    if (*at < VERSION_LEN)
        *at = VERSION_LEN;
    for (;;) {
        *out = (struct spf_term){0};
        if (!next_word(record->text, record->len, at, &out->whole))
            return false;
        if (read_term(out) == NULL && out->kind < SPF_REDIRECT)
            return true;
    }
}
