/* SPDX-License-Identifier: ISC */
/*
 * conf_scan: a look over a configuration text before libConfuse reads it.
 *
 * libConfuse 3.3 says only where it stumbled, and lets some faults pass: a comment that never ends
 * silently hides the rest of the file, `section|option` reaches into sections, a NUL cuts a value,
 * "${" swallows lines uncounted, and it counts a line too many for each comment in C's style. This
 * scan has the same words as its lexer (src/lexer.l) and finds those, names the line where an open
 * string, comment or brace begins, notes where each section begins, which libConfuse forgets, and
 * turns comments into blanks. Whether the text is right is still libConfuse's to say.
 */
#include "lib/conf_int.h"

#include "lib/mem.h"

#include <string.h>

enum token { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_SIGN, TOKEN_FAULT };

#define DEPTH_MAX 8

/* What the grammar has next. */
enum place { PLACE_NAME, PLACE_AFTER_NAME, PLACE_VALUE, PLACE_LIST };

struct scan {
    struct conf *conf;
    char *at;
    char *end;
    unsigned line;
    const char *token; /* the last one read */
    size_t token_len;
    enum place place;
    unsigned depth;                 /* of section braces */
    unsigned opened[DEPTH_MAX + 1]; /* lines of the open braces; those further in do not matter */
    const char *name;               /* the name before the current place */
    size_t name_len;
    unsigned name_line;
};

static bool is_word_byte(char c)
{
    return c != '\0' && strchr(" #\"'\t\n\r={}()+,*", c) == NULL;
}

static bool at_text(const struct scan *s, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(s->end - s->at) >= len && memcmp(s->at, text, len) == 0;
}

/* Blanks a comment in C's style; false: it does not end. */
static bool blank_block(struct scan *s)
{
    unsigned first = s->line;
    bool ends = false;
    /* Both at once: in slash, star, slash the star only begins. */
    memset(s->at, ' ', 2);
    for (s->at += 2; s->at < s->end && !ends; s->at++) {
        ends = at_text(s, "*/");
        if (ends)
            *s->at++ = ' ';
        if (*s->at == '\n')
            s->line++;
        else
            *s->at = ' ';
    }
    if (!ends)
        conf_fault(s->conf, first, "this comment never ends; close it with */");
    return ends;
}

/* Blanks a comment up to the end of its line. */
static void blank_line(struct scan *s)
{
    while (s->at < s->end && *s->at != '\n')
        *s->at++ = ' ';
}

/* Past blanks and comments; false: a comment does not end. */
static bool skip_blank(struct scan *s)
{
    while (s->at < s->end) {
        if (*s->at == '#' || at_text(s, "//")) {
            blank_line(s);
        } else if (at_text(s, "/*")) {
            if (!blank_block(s))
                return false;
        } else if (*s->at == '\n') {
            s->line++;
            s->at++;
        } else if (strchr(" \t\r*", *s->at) != NULL || (*s->at == '+' && !at_text(s, "+="))) {
            s->at++;
        } else {
            break;
        }
    }
    return true;
}

/* "${NAME}" stands for a variable of the environment; it must end on its line. */
static bool variable_ends(struct scan *s)
{
    for (const char *p = s->at; p < s->end && *p != '\n'; p++)
        if (*p == '}')
            return true;
    conf_fault(s->conf, s->line,
               "\"${\" begins a variable that does not end on its line; write ${NAME}, or \\$ for "
               "a dollar sign");
    return false;
}

static enum token scan_string(struct scan *s)
{
    char quote = *s->at;
    unsigned first = s->line;
    for (s->at++; s->at < s->end; s->at++) {
        if (*s->at == quote) {
            s->at++;
            return TOKEN_STRING;
        }
        if (quote == '"' && at_text(s, "${") && !variable_ends(s))
            return TOKEN_FAULT;
        if (*s->at == '\\' && s->end - s->at > 1)
            s->at++;
        if (*s->at == '\n')
            s->line++;
    }
    conf_fault(s->conf, first, "this string never ends; close it with %c", quote);
    return TOKEN_FAULT;
}

static enum token scan_word(struct scan *s)
{
    if (at_text(s, "${")) {
        if (!variable_ends(s))
            return TOKEN_FAULT;
        s->at = (char *)memchr(s->at, '}', (size_t)(s->end - s->at)) + 1;
        return TOKEN_WORD;
    }
    while (s->at < s->end && is_word_byte(*s->at))
        s->at++;
    return TOKEN_WORD;
}

static enum token next_token(struct scan *s)
{
    if (!skip_blank(s))
        return TOKEN_FAULT;
    s->token = s->at;
    enum token token = TOKEN_END;
    if (s->at == s->end) {
        token = TOKEN_END;
    } else if (*s->at == '"' || *s->at == '\'') {
        token = scan_string(s);
    } else if (is_word_byte(*s->at)) {
        token = scan_word(s);
    } else {
        s->at += at_text(s, "+=") ? 2 : 1;
        token = TOKEN_SIGN;
    }
    s->token_len = (size_t)(s->at - s->token);
    return token;
}

static void add_opening(struct scan *s)
{
    struct conf *conf = s->conf;
    conf->opening = mem_grow(conf->opening, conf->opening_count + 1, sizeof conf->opening[0]);
    conf->opening[conf->opening_count++] = (struct conf_opening){
        .name = s->name,
        .len = s->name_len,
        .line = s->name_line,
    };
}

/* A brace, an equal sign, a comma. */
static void take_sign(struct scan *s)
{
    char sign = s->token[s->token_len - 1];
    if (sign == '{') {
        if (s->depth <= DEPTH_MAX)
            s->opened[s->depth] = s->line;
        if (s->place == PLACE_VALUE) {
            s->place = PLACE_LIST;
        } else {
            if (s->depth == 0 && s->place == PLACE_AFTER_NAME)
                add_opening(s);
            s->depth++;
            s->place = PLACE_NAME;
        }
    } else if (sign == '}') {
        if (s->place != PLACE_LIST && s->depth > 0)
            s->depth--;
        s->place = PLACE_NAME;
    } else if (sign == '=') {
        s->place = PLACE_VALUE;
    }
}

/* A word or a string. False: a fault was noted. */
static bool take_text(struct scan *s, enum token token)
{
    switch (s->place) {
    case PLACE_NAME:
        if (token == TOKEN_STRING) {
            conf_fault(s->conf, s->line,
                       "%.*s stands where an option's name is expected; names have no quotes, and "
                       "several values are a list: {\"a\", \"b\"}",
                       (int)(s->token_len < 64 ? s->token_len : 64), s->token);
            return false;
        }
        if (memchr(s->token, '|', s->token_len) != NULL) {
            conf_fault(s->conf, s->line,
                       "\"|\" in an option's name; write section { option = ... }");
            return false;
        }
        s->name = s->token;
        s->name_len = s->token_len;
        s->name_line = s->line;
        s->place = PLACE_AFTER_NAME;
        break;
    case PLACE_VALUE:
        s->place = PLACE_NAME;
        break;
    case PLACE_AFTER_NAME:
    case PLACE_LIST:
        break;
    }
    return true;
}

/* The innermost brace that is open at the end. */
static unsigned open_line(const struct scan *s)
{
    unsigned index = s->place == PLACE_LIST ? s->depth : s->depth - 1;
    return s->opened[index < DEPTH_MAX ? index : DEPTH_MAX];
}

static bool scan_tokens(struct scan *s)
{
    for (;;) {
        enum token token = next_token(s);
        switch (token) {
        case TOKEN_FAULT:
            return false;
        case TOKEN_END:
            if (s->depth == 0 && s->place != PLACE_LIST)
                return true;
            conf_fault(s->conf, open_line(s), "this { is never closed; close it with }");
            return false;
        case TOKEN_SIGN:
            take_sign(s);
            break;
        case TOKEN_WORD:
        case TOKEN_STRING:
            if (!take_text(s, token))
                return false;
            break;
        }
    }
}

bool conf_scan(struct conf *conf, char *text, size_t len)
{
    const char *nul = memchr(text, '\0', len);
    if (nul != NULL) {
        unsigned line = 1;
        for (const char *p = text; p < nul; p++)
            line += *p == '\n';
        conf_fault(conf, line, "an octet 0; a configuration is plain text (UTF-8)");
        return false;
    }
    struct scan s = {.conf = conf, .at = text, .end = text + len, .line = 1};
    return scan_tokens(&s);
}
