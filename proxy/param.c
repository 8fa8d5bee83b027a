/* SPDX-License-Identifier: ISC */
/*
 * ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.1.11 and 4.1.2): one row per keyword with the
 * extension that allows it and the check of its value. A value is checked because it goes on to the
 * backend in a line of our own, and because a backend's 501 would come too late to be of use: MAIL
 * is answered before the backend is dialled.
 *
 * Several spaces between parameters and spaces at the end of the line are taken (RFC 5321 4.1.1
 * asks for the latter). RFC-DEVIATION: xtext may have lower-case hex digits, as Postfix takes them.
 *
 * Lengths are those of the RFCs: ENVID 100 (3461 4.4), ORCPT 500 (3461 4.2), AUTH 500 (4954 3),
 * SOLICIT 1000 (3865). The caller's limit on a command line bounds the whole.
 */
#include "proxy/param.h"

#include "lib/str.h"

#include <string.h>

#define SIZE_DIGITS 20 /* RFC 1870 4 */
#define XTEXT_ENVID 100
#define XTEXT_ORCPT 500
#define XTEXT_AUTH  500
#define SOLICIT_MAX 1000

struct value { /* behind the '=': never empty where given */
    const char *text;
    size_t len;
    bool given;
};

struct request { /* what a check may need beside the value */
    unsigned allowed;
    struct param_set *out;
    const char **why;
};

struct keyword {
    const char *name;
    unsigned bit;
    bool mail; /* else RCPT */
    enum param_result (*check)(struct value value, const struct request *request);
};

static enum param_result syntax(const struct request *request, const char *why)
{
    *request->why = why;
    return PARAM_SYNTAX;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* 1 to `max` octets of xtext (RFC 3461 4). `utf8`: non-ASCII too (RFC 6533 3). */
static bool is_xtext(const char *text, size_t len, size_t max, bool utf8)
{
    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len;) {
        size_t octets = str_utf8_shown(text + i, len - i);
        if (octets == 0 || text[i] == ' ' || text[i] == '=' || (octets > 1 && !utf8))
            return false;
        if (text[i] == '+') {
            if (len - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
                return false;
            octets = 3;
        }
        i += octets;
    }
    return true;
}

static enum param_result check_size(struct value value, const struct request *request)
{
    uint64_t size = 0;

    if (value.len == 0 || value.len > SIZE_DIGITS)
        return syntax(request, "SIZE wants a number");
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.text[i]))
            return syntax(request, "SIZE wants a number");
        uint64_t digit = (uint64_t)(value.text[i] - '0');
        size = size > (UINT64_MAX - digit) / 10 ? UINT64_MAX : size * 10 + digit;
    }
    request->out->size = size;
    return PARAM_OK;
}

static enum param_result check_body(struct value value, const struct request *request)
{
    if (!value.given)
        return syntax(request, "BODY wants a value");
    request->out->eight_bit = str_case_eq(value.text, value.len, "8BITMIME");
    if (request->out->eight_bit || str_case_eq(value.text, value.len, "7BIT"))
        return PARAM_OK;
    *request->why = "BODY value not supported";
    return PARAM_NOT_POSSIBLE;
}

static enum param_result check_none(struct value value, const struct request *request)
{
    return !value.given ? PARAM_OK : syntax(request, "SMTPUTF8 takes no value");
}

static enum param_result check_ret(struct value value, const struct request *request)
{
    return str_case_eq(value.text, value.len, "FULL") || str_case_eq(value.text, value.len, "HDRS")
               ? PARAM_OK
               : syntax(request, "RET wants FULL or HDRS");
}

static enum param_result check_envid(struct value value, const struct request *request)
{
    return is_xtext(value.text, value.len, XTEXT_ENVID, false)
               ? PARAM_OK
               : syntax(request, "ENVID wants up to 100 octets of xtext");
}

/* "<>" is the form for no identity (RFC 4954 5); both are xtext, and so is a mailbox. */
static enum param_result check_auth(struct value value, const struct request *request)
{
    return is_xtext(value.text, value.len, XTEXT_AUTH, false)
               ? PARAM_OK
               : syntax(request, "AUTH wants up to 500 octets of xtext");
}

/* by-value = ["-" / "+"] 1*9DIGIT ";" ("N" / "R") ["T"] (RFC 2852 4) */
static enum param_result check_by(struct value value, const struct request *request)
{
    size_t at = value.len > 0 && (value.text[0] == '-' || value.text[0] == '+');
    size_t from = at;
    bool zero = true;

    for (; at < value.len && is_digit(value.text[at]); at++)
        zero = zero && value.text[at] == '0';
    const char *mode = value.text + at;
    size_t mode_len = value.len - at;
    bool returns = str_case_eq(mode, mode_len, ";R") || str_case_eq(mode, mode_len, ";RT");
    bool notifies = str_case_eq(mode, mode_len, ";N") || str_case_eq(mode, mode_len, ";NT");
    if (at == from || at - from > 9 || (!returns && !notifies))
        return syntax(request, "BY wants seconds;N or seconds;R, with T for a trace");
    if (returns && (value.text[0] == '-' || zero))
        return syntax(request, "BY with R wants a time above zero");
    return PARAM_OK;
}

/* priority-value = (["-"] NZDIGIT) / "0" (RFC 6710 5) */
static enum param_result check_priority(struct value value, const struct request *request)
{
    bool negative = value.len == 2 && value.text[0] == '-' && value.text[1] != '0';
    bool plain = value.len == 1;

    return (negative || plain) && is_digit(value.text[value.len - 1])
               ? PARAM_OK
               : syntax(request, "MT-PRIORITY wants -9 to 9");
}

/* word 0*("," word), a word begins with a letter (RFC 3865) */
static enum param_result check_solicit(struct value value, const struct request *request)
{
    bool begins = true;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.text[i];
        bool inner = is_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == ',';
        if (!is_alpha(c) && (begins || !inner))
            return syntax(request, "SOLICIT wants keywords and commas");
        begins = c == ',';
    }
    return begins || value.len > SOLICIT_MAX ? syntax(request, "SOLICIT wants keywords and commas")
                                             : PARAM_OK;
}

/* NEVER, or a list of SUCCESS, FAILURE, DELAY (RFC 3461 4.1) */
static enum param_result check_notify(struct value value, const struct request *request)
{
    const char *at = value.text;
    const char *end = value.text + value.len;

    if (str_case_eq(value.text, value.len, "NEVER"))
        return PARAM_OK;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t len = (size_t)((comma != NULL ? comma : end) - at);
        if (!str_case_eq(at, len, "SUCCESS") && !str_case_eq(at, len, "FAILURE") &&
            !str_case_eq(at, len, "DELAY"))
            return syntax(request, "NOTIFY wants NEVER or a list of SUCCESS, FAILURE, DELAY");
        if (comma == NULL)
            return PARAM_OK;
        at = comma + 1;
    }
}

/* addr-type ";" xtext (RFC 3461 4.2); for type utf-8 UTF-8 as it is, in SMTPUTF8 (RFC 6533 3) */
static enum param_result check_orcpt(struct value value, const struct request *request)
{
    const char *semicolon = memchr(value.text, ';', value.len);
    bool ok = semicolon != NULL && semicolon > value.text && value.len <= XTEXT_ORCPT;

    if (ok) {
        size_t type_len = (size_t)(semicolon - value.text);
        bool utf8 =
            (request->allowed & PARAM_SMTPUTF8) != 0 && str_case_eq(value.text, type_len, "utf-8");
        for (size_t i = 0; i < type_len; i++)
            ok = ok && (is_alpha(value.text[i]) || is_digit(value.text[i]) || value.text[i] == '-');
        ok = ok && is_xtext(semicolon + 1, value.len - type_len - 1, XTEXT_ORCPT, utf8);
    }
    return ok ? PARAM_OK : syntax(request, "ORCPT wants type;xtext of up to 500 octets");
}

/* The octets of `text` that have the form of `form` ('0' is any digit), 0 where they have not. */
static size_t matches(const char *text, size_t len, const char *form)
{
    size_t size = strlen(form);

    if (len < size)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i])
            return 0;
    return size;
}

/* date-time [";" ("C" / "R")] (RFC 7293 3.1, RFC 3339 5.6); the form only, not the calendar */
static enum param_result check_rrvs(struct value value, const struct request *request)
{
    const char *text = value.text;
    size_t len = value.len;
    size_t at = matches(text, len, "0000-00-00T00:00:00");
    bool ok = at > 0;

    if (ok && at + 1 < len && text[at] == '.' && is_digit(text[at + 1]))
        for (at++; at < len && is_digit(text[at]);)
            at++;
    size_t zone = matches(text + at, len - at, "Z") + matches(text + at, len - at, "+00:00") +
                  matches(text + at, len - at, "-00:00");
    at += zone;
    ok = ok && zone > 0 &&
         (at == len || str_case_eq(text + at, len - at, ";C") ||
          str_case_eq(text + at, len - at, ";R"));
    return ok ? PARAM_OK : syntax(request, "RRVS wants a date and time as in RFC 3339");
}

static const struct keyword keywords[] = {
    {"SIZE", PARAM_SIZE, true, check_size},
    {"BODY", PARAM_BODY, true, check_body},
    {"SMTPUTF8", PARAM_SMTPUTF8, true, check_none},
    {"RET", PARAM_DSN, true, check_ret},
    {"ENVID", PARAM_DSN, true, check_envid},
    {"AUTH", PARAM_AUTH, true, check_auth},
    {"BY", PARAM_DELIVERBY, true, check_by},
    {"MT-PRIORITY", PARAM_MT_PRIORITY, true, check_priority},
    {"SOLICIT", PARAM_NO_SOLICITING, true, check_solicit},
    {"NOTIFY", PARAM_DSN, false, check_notify},
    {"ORCPT", PARAM_DSN, false, check_orcpt},
    {"RRVS", PARAM_RRVS, false, check_rrvs},
};

#define KEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

struct token {
    const char *text; /* keyword[=value] */
    size_t len;
    size_t name_len;
};

/* The next parameter at *at; false at the end, or where no space stands before one. */
static bool next_token(const char *text, size_t len, size_t *at, struct token *token)
{
    size_t from = *at;

    while (from < len && text[from] == ' ')
        from++;
    if (from == len || from == *at)
        return false;
    const char *space = memchr(text + from, ' ', len - from);
    token->text = text + from;
    token->len = space != NULL ? (size_t)(space - token->text) : len - from;
    const char *equals = memchr(token->text, '=', token->len);
    token->name_len = equals != NULL ? (size_t)(equals - token->text) : token->len;
    *at = from + token->len;
    return true;
}

/* esmtp-keyword and, behind a '=', esmtp-value (RFC 5321 4.1.2, RFC 6531 3.3). */
static bool token_ok(const struct token *token)
{
    for (size_t i = 0; i < token->name_len; i++)
        if (!is_alpha(token->text[i]) && !is_digit(token->text[i]) &&
            (token->text[i] != '-' || i == 0))
            return false;
    if (token->name_len == 0 || token->name_len + 1 == token->len)
        return false;
    for (size_t i = token->name_len + 1; i < token->len;) {
        size_t octets = str_utf8_shown(token->text + i, token->len - i);
        if (octets == 0 || token->text[i] == '=')
            return false;
        i += octets;
    }
    return true;
}

static const struct keyword *find(const struct token *token)
{
    for (size_t i = 0; i < KEYWORDS; i++)
        if (str_case_eq(token->text, token->name_len, keywords[i].name))
            return &keywords[i];
    return NULL;
}

/* One parameter; `had`: a bit for each row of keywords[] that was there before. */
static enum param_result parse_one(const struct token *token, bool mail,
                                   const struct request *request, unsigned *had)
{
    if (!token_ok(token))
        return syntax(request, "Malformed parameter");
    const struct keyword *keyword = find(token);
    if (keyword == NULL || keyword->mail != mail) {
        *request->why = "Unknown parameter";
        return PARAM_UNKNOWN;
    }
    if ((request->allowed & keyword->bit) == 0) {
        *request->why = "Parameter not offered here";
        return keyword->bit == PARAM_BODY ? PARAM_NOT_POSSIBLE : PARAM_UNKNOWN;
    }
    unsigned row = 1U << (keyword - keywords);
    if ((*had & row) != 0)
        return syntax(request, "Parameter given twice");
    *had |= row;
    request->out->seen |= keyword->bit;

    bool given = token->name_len < token->len;
    struct value value = {.given = given,
                          .text = given ? token->text + token->name_len + 1 : "",
                          .len = given ? token->len - token->name_len - 1 : 0};
    return keyword->check(value, request);
}

static enum param_result parse(const char *text, size_t len, bool mail,
                               const struct request *request)
{
    enum param_result result = PARAM_OK;
    struct token token;
    unsigned had = 0;
    size_t at = 0;

    memset(request->out, 0, sizeof(*request->out));
    while (result == PARAM_OK && next_token(text, len, &at, &token))
        result = parse_one(&token, mail, request, &had);
    if (result == PARAM_OK && at < len && text[at] != ' ')
        result = syntax(request, "Space wanted before the parameters");
    if (result != PARAM_OK)
        memset(request->out, 0, sizeof(*request->out));
    return result;
}

enum param_result param_parse_mail(const char *text, size_t len, unsigned allowed,
                                   struct param_set *out, const char **why)
{
    const struct request request = {.allowed = allowed, .out = out, .why = why};

    return parse(text, len, true, &request);
}

enum param_result param_parse_rcpt(const char *text, size_t len, unsigned allowed,
                                   struct param_set *out, const char **why)
{
    const struct request request = {.allowed = allowed, .out = out, .why = why};

    return parse(text, len, false, &request);
}

size_t param_copy(const char *text, size_t len, unsigned drop, char *out)
{
    struct token token;
    size_t at = 0;
    size_t used = 0;

    while (next_token(text, len, &at, &token)) {
        const struct keyword *keyword = find(&token);
        if (keyword != NULL && (keyword->bit & drop) != 0)
            continue;
        out[used++] = ' ';
        memcpy(out + used, token.text, token.len);
        used += token.len;
    }
    out[used] = '\0';
    return used;
}
