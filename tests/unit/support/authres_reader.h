/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_AUTHRES_READER_H
#define TESTS_UNIT_SUPPORT_AUTHRES_READER_H
/*
 * A reader of Authentication-Results by the grammar of RFC 8601 2.2 and nothing else, written apart
 * from what writes it. It is itself held against the suite authres-dev by a driver.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define READER_METHODS 80
#define READER_PROPS   8
#define READER_WORD    700

struct reader_prop {
    char name[64];
    char value[READER_WORD];
};
struct reader_method {
    char method[32], result[32];
    char reason[READER_WORD]; /* "" : none */
    size_t props;
    struct reader_prop prop[READER_PROPS];
};
struct reader_results {
    char id[READER_WORD];
    size_t methods; /* 0: "none" */
    struct reader_method method[READER_METHODS];
};

struct reader {
    const char *at, *end;
};

/* CFWS; false: a comment has no end. */
static bool reader_blanks(struct reader *r)
{
    size_t depth = 0;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '(')
            depth++;
        else if (*r->at == ')' && depth > 0)
            depth--;
        else if (*r->at == '\\' && depth > 0 && r->at + 1 < r->end)
            r->at++;
        else if (depth == 0 && strchr(" \t\r\n", *r->at) == NULL)
            return true;
        else if (*r->at == '\0')
            return false;
    }
    return depth == 0;
}

static bool reader_is_token(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool reader_char(struct reader *r, char c)
{
    if (!reader_blanks(r) || r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Adds the octets for which `is` holds. */
static bool reader_run(struct reader *r, bool (*is)(char c), char *out, size_t size)
{
    size_t len = strlen(out);
    size_t from = len;
    while (r->at < r->end && is(*r->at) && len + 1 < size)
        out[len++] = *r->at++;
    out[len] = '\0';
    return len > from;
}

static bool reader_is_keyword(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool reader_keyword(struct reader *r, char *out, size_t size)
{
    out[0] = '\0';
    return reader_blanks(r) && reader_run(r, reader_is_keyword, out, size);
}

static bool reader_quoted(struct reader *r, char *out, size_t size)
{
    size_t len = 0;
    for (r->at++; r->at < r->end && len + 1 < size; out[len++] = *r->at++) {
        if (*r->at == '"') {
            r->at++;
            out[len] = '\0';
            return true;
        }
        if (*r->at == '\\' && r->at + 1 < r->end)
            r->at++;
        if (*r->at == '\r' || *r->at == '\n' || *r->at == '\0')
            return false;
    }
    return false;
}

static bool reader_value(struct reader *r, char *out, size_t size)
{
    out[0] = '\0';
    if (!reader_blanks(r) || r->at == r->end)
        return false;
    return *r->at == '"' ? reader_quoted(r, out, size) : reader_run(r, reader_is_token, out, size);
}

static bool reader_is_address(char c)
{
    return reader_is_token(c) || c == '@' || c == '/' || c == '?' || c == '=';
}

/* value, or an address of atoms. */
static bool reader_pvalue(struct reader *r, char *out, size_t size)
{
    out[0] = '\0';
    if (!reader_blanks(r) || r->at == r->end)
        return false;
    const char *from = r->at;
    if (*from != '"' && reader_run(r, reader_is_address, out, size) && strchr(out, '@') != NULL)
        return true;
    r->at = from;
    return reader_value(r, out, size);
}

/* ptype "." property "=" pvalue, or reason "=" value where none was yet. */
static bool reader_prop(struct reader *r, struct reader_method *m)
{
    char word[32];
    if (!reader_keyword(r, word, sizeof word))
        return false;
    if (strcmp(word, "reason") == 0 && m->reason[0] == '\0' && m->props == 0)
        return reader_char(r, '=') && reader_value(r, m->reason, sizeof m->reason);
    if (m->props == READER_PROPS)
        return false;
    struct reader_prop *prop = &m->prop[m->props++];
    char property[31];
    if (!reader_char(r, '.') || !reader_keyword(r, property, sizeof property))
        return false;
    snprintf(prop->name, sizeof prop->name, "%s.%s", word, property);
    return reader_char(r, '=') && reader_pvalue(r, prop->value, sizeof prop->value);
}

static bool reader_method(struct reader *r, struct reader_method *m, bool *none)
{
    *m = (struct reader_method){0};
    if (!reader_keyword(r, m->method, sizeof m->method))
        return false;
    *none = !reader_char(r, '=');
    if (*none)
        return strcmp(m->method, "none") == 0;
    if (!reader_keyword(r, m->result, sizeof m->result))
        return false;
    while (reader_blanks(r) && r->at < r->end && *r->at != ';')
        if (!reader_prop(r, m))
            return false;
    return true;
}

/* False: it is not by the grammar. A ';' at the end is let be. */
static bool reader_read(const char *value, size_t len, struct reader_results *out)
{
    struct reader r = {value, value + len};
    char version[16];
    bool none = false;
    out->methods = 0;
    if (!reader_value(&r, out->id, sizeof out->id) || !reader_blanks(&r))
        return false;
    if (r.at < r.end && *r.at != ';' && !reader_keyword(&r, version, sizeof version))
        return false;
    while (!none && reader_char(&r, ';')) {
        if (!reader_blanks(&r) || (r.at == r.end && out->methods > 0))
            break;
        if (out->methods == READER_METHODS ||
            !reader_method(&r, &out->method[out->methods], &none) || (none && out->methods > 0))
            return false;
        out->methods += none ? 0 : 1;
    }
    return reader_blanks(&r) && r.at == r.end && (none || out->methods > 0);
}

/* What is wrong with the lines of a field that is to go in front of a message, or NULL. */
static inline const char *reader_lines(const char *text, size_t len)
{
    size_t line = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || text[i] == '\n')
            return "a NUL or bare LF";
        if (text[i] != '\r') {
            if (++line > 998)
                return "a line of over 998 octets";
            continue;
        }
        if (i + 1 == len || text[i + 1] != '\n')
            return "a bare CR";
        if (i + 2 < len && text[i + 2] != '\t' && text[i + 2] != ' ')
            return "a second field";
        if (line == 0)
            return "an empty line";
        i++;
        line = 0;
    }
    return line == 0 && len > 0 ? NULL : "no CRLF at the end";
}

/* What is wrong with an Authentication-Results field as it was written, or NULL. */
static inline const char *reader_field(const char *text, size_t len, struct reader_results *out)
{
    static const char name[] = "Authentication-Results:";
    const char *why = reader_lines(text, len);
    if (why != NULL)
        return why;
    if (strncmp(text, name, sizeof name - 1) != 0)
        return "another field";
    return reader_read(text + sizeof name - 1, len - sizeof name - 1, out) ? NULL
                                                                           : "not by the grammar";
}

#endif
