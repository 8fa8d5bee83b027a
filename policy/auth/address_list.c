/* SPDX-License-Identifier: ISC */
/*
 * address_list: the mailboxes of a field (RFC 5322 3.4, its obsolete forms 4.4, RFC 6532).
 *
 * Tokens, then elements: the words up to the next sign say what an element is, and are read again
 * for what they hold. Nested comments and groups are counted, not called into.
 *
 * Taken beyond the grammar, since no two readers could name different domains for it:
 * - a word or several without '@' ("root", "Doe, John <j@x.example>"): a mailbox without a domain;
 * - "<>"; dots anywhere in a local part or phrase; '[...]' in a phrase; ';' where ',' should be;
 * - '@' in an encoded word in a phrase;
 * - "a@x.example <b@y.example>": two mailboxes, so that whoever wants one domain sees both.
 * Everything else is refused: words behind '>', words without a dot between them in an address,
 * what is not closed, controls, and CR or LF that is not folding.
 *
 * Promises: linear; memory as long as the text, once.
 */
#include "policy/auth/address_list.h"

#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

enum kind {
    END,
    ATOM,
    QUOTED,  /* with its quotes */
    LITERAL, /* with its brackets */
    SIGN,    /* one of "<>,;:@." */
    BAD,
};

struct token {
    enum kind kind;
    char sign;  /* of SIGN; else NUL */
    bool apart; /* blanks or comments before it */
    const char *at;
    size_t len;
};

struct span {
    const char *at;
    size_t len;
};

struct parser {
    const char *at, *end;
    char *scratch; /* holds what the tokens of one element hold */
    size_t used;
    bool in_group;
    void (*fn)(const struct mailbox *, void *);
    void *arg;
};

/* ---- tokens ---------------------------------------------------------------------------------- */

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_atext(char c)
{
    return !is_control(c) && strchr(" ()<>[]:;@\\,.\"", c) == NULL;
}

/* CRLF and a blank, of which the CRLF is to be skipped (RFC 5322 2.2.3). */
static bool is_fold(const struct parser *p, const char *at)
{
    return p->end - at > 2 && at[0] == '\r' && at[1] == '\n' && is_blank(at[2]);
}

/* Steps over one octet within quotes, brackets or a comment, a quoted pair, or a fold. False: it
 * may not stand there, or the text ends. */
static bool step(struct parser *p)
{
    p->at += *p->at == '\\';
    if (is_fold(p, p->at)) {
        p->at += 2;
        return true;
    }
    if (p->at == p->end || (is_control(*p->at) && *p->at != '\t'))
        return false;
    p->at++;
    return true;
}

/* The comment at '('. False: it is not closed. */
static bool skip_comment(struct parser *p)
{
    size_t depth = 0;
    do {
        depth += *p->at == '(';
        depth -= *p->at == ')';
        if (!step(p))
            return false;
    } while (depth > 0 && p->at < p->end);
    return depth == 0;
}

/* Blanks, folds and comments. False: a comment that is none. */
static bool skip_blanks(struct parser *p)
{
    while (p->at < p->end) {
        if (is_blank(*p->at))
            p->at++;
        else if (is_fold(p, p->at))
            p->at += 2;
        else if (*p->at != '(')
            break;
        else if (!skip_comment(p))
            return false;
    }
    return true;
}

/* Up to and with `close`. */
static bool skip_enclosed(struct parser *p, char close)
{
    p->at++;
    while (p->at < p->end && *p->at != close)
        if (!step(p))
            return false;
    return p->at++ < p->end;
}

/* Behind the encoded word at `at` (RFC 2047 2), or NULL. Its text may hold '@' and '.', as some
 * write it. */
static const char *encoded_word(const struct parser *p, const char *at)
{
    size_t marks = 0;
    if (p->end - at < 2 || at[0] != '=' || at[1] != '?')
        return NULL;
    for (at += 2; at < p->end && marks < 3; at++) {
        if (*at == '?')
            marks++;
        else if (!is_atext(*at) && *at != '.' && (*at != '@' || marks < 2))
            return NULL;
    }
    return marks == 3 && at < p->end && *at == '=' ? at + 1 : NULL;
}

static enum kind skip_token(struct parser *p)
{
    const char *from = p->at;
    const char *word = encoded_word(p, from);
    if (word != NULL)
        p->at = word;
    while (p->at < p->end && is_atext(*p->at))
        p->at++;
    if (p->at > from)
        return ATOM;
    if (*from == '"')
        return skip_enclosed(p, '"') ? QUOTED : BAD;
    if (*from == '[')
        return skip_enclosed(p, ']') ? LITERAL : BAD;
    if (*from == '\0' || strchr("<>,;:@.", *from) == NULL)
        return BAD;
    p->at++;
    return SIGN;
}

static struct token next(struct parser *p)
{
    struct token token = {.at = p->at};
    if (!skip_blanks(p)) {
        token.kind = BAD;
        return token;
    }
    token.apart = p->at > token.at;
    token.at = p->at;
    token.kind = p->at == p->end ? END : skip_token(p);
    token.len = (size_t)(p->at - token.at);
    token.sign = token.kind == SIGN ? *token.at : '\0';
    return token;
}

static struct token peek(struct parser *p)
{
    const char *at = p->at;
    struct token token = next(p);
    p->at = at;
    return token;
}

static bool is_word(const struct token *token)
{
    return token->kind == ATOM || token->kind == QUOTED || token->kind == LITERAL;
}

/* ---- what tokens hold ------------------------------------------------------------------------ */

static void put(struct parser *p, char c)
{
    p->scratch[p->used++] = c;
}

/* Folds and quoting taken off. */
static void put_token(struct parser *p, const struct token *token)
{
    bool quoted = token->kind == QUOTED;
    const char *at = token->at + quoted, *end = token->at + token->len - quoted;
    for (; at < end; at++) {
        if (*at == '\\' && token->kind != ATOM)
            at++;
        if (is_fold(p, at))
            at += 2;
        put(p, *at);
    }
}

/* The tokens between the two places; with one blank where they stand apart, if `spaced`. */
static struct span put_tokens(struct parser *p, const char *from, const char *to, bool spaced)
{
    struct parser again = *p;
    struct span span = {p->scratch + p->used, 0};
    size_t begin = p->used;
    bool was_quoted = false;
    again.at = from;
    again.end = to;
    for (;;) {
        struct token token = next(&again);
        if (token.kind == END || token.kind == BAD)
            break;
        bool quoted = token.kind == QUOTED;
        if (spaced && p->used > begin && (token.apart || quoted || was_quoted))
            put(p, ' ');
        put_token(p, &token);
        was_quoted = quoted;
    }
    span.len = p->used - begin;
    return span;
}

/* ---- elements -------------------------------------------------------------------------------- */

struct words {
    const char *from, *to;
    size_t count;
    bool joined; /* no two words without a dot between: it may be a local part */
};

/* May the token be in a local part? An address within an encoded word is none's. */
static bool is_local(const struct token *token)
{
    return token->kind == QUOTED ||
           (token->kind == ATOM && memchr(token->at, '@', token->len) == NULL);
}

/* Words and dots up to what is neither, which is returned. */
static struct token take_words(struct parser *p, struct words *words)
{
    bool after_word = false;
    *words = (struct words){.from = p->at, .joined = true};
    for (;;) {
        struct token token = next(p);
        if (!is_word(&token) && token.sign != '.') {
            words->to = token.at;
            return token;
        }
        if (is_word(&token))
            words->joined = words->joined && !after_word && is_local(&token);
        after_word = is_word(&token);
        words->count += after_word;
    }
}

/* "sub.example.org" or "[192.0.2.1]". False: it is neither. */
static bool take_domain(struct parser *p, struct span *domain)
{
    const char *from = p->at;
    bool after_word = false;
    size_t count = 0;
    for (;;) {
        struct token token = peek(p);
        if (token.sign != '.' && (after_word || (token.kind != ATOM && token.kind != LITERAL)))
            break;
        if (token.kind == LITERAL && count > 0)
            return false;
        (void)next(p);
        count++;
        after_word = token.sign != '.';
    }
    *domain = put_tokens(p, from, p->at, false);
    return count > 0;
}

static void say(struct parser *p, struct span name, struct span local, struct span domain)
{
    struct mailbox mailbox = {
        .local = local.at,
        .local_len = local.len,
        .domain = domain.at,
        .domain_len = domain.len,
        .name = name.at,
        .name_len = name.len,
        .in_group = p->in_group,
    };
    p->fn(&mailbox, p->arg);
    p->used = 0;
}

/* "@a.example,@b.example:" (4.4), of which '@' or ',' was seen. */
static bool skip_route(struct parser *p)
{
    struct span domain;
    for (;;) {
        struct token token = next(p);
        size_t used = p->used;
        if (token.sign == ':')
            return true;
        if (token.sign == '@' ? !take_domain(p, &domain) : token.sign != ',')
            return false;
        p->used = used;
    }
}

/* What may follow a mailbox. */
static bool is_over(struct parser *p)
{
    struct token token = peek(p);
    return token.kind == END || token.sign == ',' || token.sign == ';';
}

/* Behind '<'. */
static bool take_angle(struct parser *p, struct span name)
{
    struct words words;
    struct span local, domain = {p->scratch, 0};
    struct token first = peek(p);
    if ((first.sign == '@' || first.sign == ',') && !skip_route(p))
        return false;
    struct token token = take_words(p, &words);
    if (!words.joined || (token.sign != '>' && (token.sign != '@' || words.count == 0)))
        return false;
    local = put_tokens(p, words.from, words.to, false);
    if (token.sign == '@' && (!take_domain(p, &domain) || next(p).sign != '>'))
        return false;
    say(p, name, local, domain);
    return is_over(p);
}

/* Behind "local@". */
static bool take_address(struct parser *p, const struct words *words)
{
    struct span local, domain, name = {p->scratch, 0};
    if (words->count == 0 || !words->joined)
        return false;
    local = put_tokens(p, words->from, words->to, false);
    if (!take_domain(p, &domain))
        return false;
    say(p, name, local, domain);
    struct token token = peek(p);
    if (token.sign != '<')
        return is_over(p);
    (void)next(p);
    name = put_tokens(p, words->from, token.at, true);
    return take_angle(p, name);
}

/* Words that came to nothing. */
static void take_bare(struct parser *p, const struct words *words)
{
    struct span none = {p->scratch, 0};
    if (words->count == 0)
        return;
    struct span text = put_tokens(p, words->from, words->to, !words->joined);
    if (words->joined)
        say(p, none, text, none);
    else
        say(p, text, none, none);
}

static bool take_element(struct parser *p)
{
    struct words words;
    struct token token = take_words(p, &words);
    switch (token.sign) {
    case '<':
        return take_angle(p, put_tokens(p, words.from, words.to, true));
    case '@':
        return take_address(p, &words);
    case ':':
        if (p->in_group || words.count == 0)
            return false;
        p->in_group = true;
        return true;
    case '>':
        return false;
    }
    if (token.kind == BAD)
        return false;
    take_bare(p, &words);
    p->at = token.at; /* ',', ';' or the end, for who called */
    return true;
}

static bool take_list(struct parser *p)
{
    for (;;) {
        struct token token = peek(p);
        p->used = 0;
        if (token.kind == END)
            return !p->in_group;
        if (token.sign != ',' && token.sign != ';') {
            if (!take_element(p))
                return false;
            continue;
        }
        (void)next(p);
        p->in_group = p->in_group && token.sign == ',';
    }
}

bool address_list_parse(const char *text, size_t len, void (*fn)(const struct mailbox *, void *),
                        void *arg)
{
    struct parser parser = {.at = text, .end = text + len, .fn = fn, .arg = arg};
    parser.scratch = mem_alloc(len + 1);
    bool good = take_list(&parser);
    free(parser.scratch);
    return good;
}
