/* SPDX-License-Identifier: ISC */
/*
 * domain_form: names, address literals and what is neither (RFC 5321 4.1.2, 4.1.3; RFC 1035 2.3.4).
 *
 * Names are letters, digits and hyphens, labels of at most 63 octets, 253 in all, no dot at the
 * end, and a last label that is not a number (RFC 3696 2: else "1.2.3" were one).
 *
 * RFC-DEVIATION: '_' is taken wherever a letter may stand, since real host names hold it.
 * A literal of another tag than IPv6 is wrong: none was ever registered.
 */
#include "policy/domain_form.h"

#include "lib/str.h"

#include <string.h>

#define NAME_MAX_LEN 253
#define LABEL_MAX    63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

/* *number: digits only. */
static bool label_ok(const char *label, size_t len, bool *number)
{
    *number = true;
    for (size_t i = 0; i < len; i++) {
        if (!is_name_char(label[i]))
            return false;
        *number = *number && is_digit(label[i]);
    }
    return len > 0 && len <= LABEL_MAX && label[0] != '-' && label[len - 1] != '-';
}

static enum domain_form name_form(const char *text)
{
    size_t labels = 0;
    bool number = false;
    if (strlen(text) > NAME_MAX_LEN)
        return DOMAIN_WRONG;
    for (const char *label = text;; labels++) {
        size_t len = strcspn(label, ".");
        if (!label_ok(label, len, &number))
            return DOMAIN_WRONG;
        if (label[len] == '\0')
            break;
        label += len + 1;
    }
    if (number)
        return DOMAIN_WRONG;
    return labels > 0 ? DOMAIN_FULL : DOMAIN_SHORT;
}

static bool literal_ok(const char *text, size_t len, struct addr *literal)
{
    static const char tag[] = "IPv6:";
    char ip[ADDR_TEXT_MAX];
    if (len < 2 || text[len - 1] != ']')
        return false;
    const char *from = text + 1;
    bool six = str_case_starts(from, len - 2, tag);
    if (six)
        from += strlen(tag);
    size_t size = (size_t)(text + len - 1 - from);
    if (size >= sizeof ip || (memchr(from, ':', size) != NULL) != six)
        return false;
    memcpy(ip, from, size);
    ip[size] = '\0';
    return addr_parse_ip(ip, literal);
}

enum domain_form domain_form(const char *text, struct addr *literal)
{
    *literal = (struct addr){0};
    if (text[0] == '[')
        return literal_ok(text, strlen(text), literal) ? DOMAIN_LITERAL : DOMAIN_WRONG;
    if (addr_parse_ip(text, literal))
        return DOMAIN_ADDRESS;
    return name_form(text);
}

bool domain_form_special(const char *name)
{
    static const char *const special[] = {"localhost", "invalid", "local", "onion"};
    const char *dot = strrchr(name, '.');
    const char *last = dot != NULL ? dot + 1 : name;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (str_case_eq(last, strlen(last), special[i]))
            return true;
    return false;
}

bool domain_form_host(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");
    return len > 0 && name[len] == '\0';
}
