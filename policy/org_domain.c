/* SPDX-License-Identifier: ISC */
/*
 * org_domain: organisational domains by the Public Suffix List (publicsuffix.org) that libpsl was
 * built with, its private section included: neighbours at a hoster whose suffix is listed there are
 * strangers.
 *
 * A top-level domain that the list does not have counts as one ("*", the list's default rule).
 * Limits: 253 octets; names with empty labels, and those that end in a number (addresses), have
 * none.
 */
#include "policy/org_domain.h"

#include <libpsl.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NAME_MOST 253

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copies it in lower case. False: it is no domain name. */
static bool normal(const char *name, char out[static NAME_MOST + 1])
{
    size_t len = strnlen(name, NAME_MOST + 1);
    if (len == 0 || len > NAME_MOST || name[0] == '.' || name[len - 1] == '.' ||
        strstr(name, "..") != NULL)
        return false;
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    const char *last = strrchr(out, '.');
    last = last != NULL ? last + 1 : out;
    return last[strspn(last, "0123456789")] != '\0' || !is_digit(last[0]);
}

const char *org_domain(const char *name)
{
    char lower[NAME_MOST + 1];
    const psl_ctx_t *list = psl_builtin();
    if (list == NULL || !normal(name, lower))
        return NULL;
    const char *found = psl_registrable_domain(list, lower);
    return found != NULL ? name + (found - lower) : NULL;
}

bool org_domain_same(const char *a, const char *b)
{
    const char *of_a = org_domain(a);
    const char *of_b = org_domain(b);
    return of_a != NULL && of_b != NULL && strcasecmp(of_a, of_b) == 0;
}
