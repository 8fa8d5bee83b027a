/* SPDX-License-Identifier: ISC */
/* spf_macro_fuzz: four lines (local part, domain, HELO, and then the macro string): whatever they
 * hold, what is a domain-spec makes a name that fits, and what is an explanation makes printable
 * text, of which less room shows the beginning. */
#include "lib/mem.h"
#include "policy/auth/spf_macro.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

/* The next line as a text; the caller frees. */
static char *line(const char **at, size_t *left)
{
    const char *end = memchr(*at, '\n', *left);
    size_t len = end != NULL ? (size_t)(end - *at) : *left;
    char *text = mem_strndup(*at, len);
    *at += len + (end != NULL);
    *left -= len + (end != NULL);
    return text;
}

static void check_name(const char *text, size_t len, const struct spf_macro_facts *facts)
{
    char name[DNS_NAME_MAX + 1];
    bool wants_name, again;
    if (spf_macro_fault(text, len, SPF_MACRO_NAME, &wants_name) != NULL)
        return;
    /* What may be in a name may be anywhere. */
    expect(spf_macro_fault(text, len, SPF_MACRO_TEXT, &again) == NULL && again == wants_name);
    expect(spf_macro_fault(text, len, SPF_MACRO_IGNORED, &again) == NULL);
    spf_macro_name(text, len, facts, name);
    expect(strlen(name) <= DNS_NAME_MAX);
}

static void check_text(const char *text, size_t len, const struct spf_macro_facts *facts)
{
    char all[256], some[20];
    bool wants_name;
    if (spf_macro_fault(text, len, SPF_MACRO_TEXT, &wants_name) != NULL)
        return;
    spf_macro_text(text, len, facts, all, sizeof all);
    spf_macro_text(text, len, facts, some, sizeof some);
    expect(strlen(all) < sizeof all && strncmp(all, some, strlen(some)) == 0);
    expect(strlen(some) == sizeof some - 1 || strlen(all) == strlen(some));
    for (const char *c = all; *c != '\0'; c++)
        expect(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    struct spf_macro_facts facts = {.name = "unknown", .hostname = "here.example", .now = 1};
    facts.client.family = size % 2 == 0 ? AF_INET : AF_INET6;
    char *local = line(&at, &size), *domain = line(&at, &size), *helo = line(&at, &size);
    char *exact = mem_alloc(size > 0 ? size : 1); /* no NUL behind */
    memcpy(exact, at, size);
    facts.local = local;
    facts.origin = facts.domain = domain;
    facts.helo = helo;
    check_name(exact, size, &facts);
    check_text(exact, size, &facts);
    free(exact);
    free(helo);
    free(domain);
    free(local);
    return 0;
}
