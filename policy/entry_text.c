/* SPDX-License-Identifier: ISC */
/*
 * entry_text: the keys of list entries in the one form in which they are compared, and the words
 * for what an entry is.
 *
 * Promises: the normal form of a normal form is itself, so what is exported comes in again as it
 * was. Domains take the way of the relay rule (lower-case A-labels, address literals by their
 * address). Local parts lose quotes that say nothing and compare without case; one that holds
 * quotes, backslashes or blanks can be in no list, and matches by its domain alone.
 */
#include "policy/entry_text.h"

#include "lib/str.h"
#include "policy/domain_form.h"
#include "policy/relay.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DOMAIN_SIZE 256
#define LOCAL_MOST  64
#define DAY         86400
#define YEARS_10    ((int64_t)3653 * DAY)

/* By the enums of db/store.h. */
static const char *const list_names[] = {"allow", "deny", "trap"};
static const char *const kind_names[ENTRY_KINDS] = {"client", "helo", "reverse", "sender",
                                                    "recipient"};
static const char *const action_names[] = {"reject", "tarpit", "defer"};
static const char *const origin_names[] = {"manual", "automatic", "file"};

/* ---- names
 * ---------------------------------------------------------------------------------------
 */

/* Is it written as an address, or as a part of one? */
static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789.")] == '\0';
}

/* A name or, where `literal`, an address in brackets. NULL: `out` has it; else what is wrong. */
static const char *name_normal(const char *text, bool literal, bool number,
                               char out[static DOMAIN_SIZE])
{
    if (text[0] == '.' || strchr(text, '*') != NULL)
        return "a name means itself and all below it; write it without a \".\" or \"*\" in front";
    if (text[0] == '[') {
        struct addr address;
        if (!literal)
            return "a host name is wanted here, such as \"mail.example.net\"";
        if (!relay_domain_normal(text, out, DOMAIN_SIZE) || out[strlen(out) - 1] != ']')
            return "not an address in brackets such as \"[192.0.2.1]\"";
        out[strlen(out) - 1] = '\0';
        bool good = addr_parse_ip(out + (strncmp(out, "[ipv6:", 6) == 0 ? 6 : 1), &address);
        out[strlen(out)] = ']'; /* the NUL behind it is still there */
        return good ? NULL : "not an address in brackets such as \"[192.0.2.1]\"";
    }
    if (!relay_domain_normal(text, out, DOMAIN_SIZE) || !domain_form_host(out))
        return "not a name such as \"example.net\"";
    if (is_number(out) && !number)
        return "an address is no name; write \"client:192.0.2.1\" for the client";
    return NULL;
}

/* ---- addresses
 * -----------------------------------------------------------------------------------
 */

/* Without its quotes and in lower case; its length, 0 where no list can hold it. */
static size_t local_normal(const char *local, size_t len, char out[static LOCAL_MOST])
{
    bool quoted = len >= 2 && local[0] == '"' && local[len - 1] == '"';
    size_t end = quoted ? len - 1 : len;
    size_t used = 0;
    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        if (quoted && local[i] == '\\' && i + 1 < end)
            i++;
        unsigned char c = (unsigned char)local[i];
        if (used == LOCAL_MOST || c <= ' ' || c == 0x7f || c == '"' || c == '\\' || c == '<' ||
            c == '>')
            return 0;
        out[used++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return used;
}

bool entry_mailbox_normal(const char *address, char key[static ENTRY_KEY_MOST])
{
    char domain[DOMAIN_SIZE];
    char local[LOCAL_MOST];
    const char *at = strrchr(address, '@');
    if (at == NULL || !relay_domain_normal(at + 1, domain, sizeof domain))
        return false;
    size_t len = local_normal(address, (size_t)(at - address), local);
    size_t domain_len = strlen(domain);
    if (len == 0 || len + 1 + domain_len >= ENTRY_KEY_MOST)
        return false;
    memcpy(key, local, len);
    key[len] = '@';
    memcpy(key + len + 1, domain, domain_len + 1);
    return true;
}

/* Only what can be shown, for keys are. */
static bool is_shown(const char *text)
{
    size_t len = strlen(text);
    for (size_t step; len > 0; text += step, len -= step) {
        step = str_utf8_shown(text, len);
        if (step == 0)
            return false;
    }
    return true;
}

static const char *mailbox_key(const char *text, char key[static ENTRY_KEY_MOST])
{
    char domain[DOMAIN_SIZE];
    const char *at = strrchr(text, '@');
    if (at == NULL || at == text) /* "@example.org" is all of it */
        return name_normal(at == NULL ? text : at + 1, true, false, key);
    if (at[1] == '\0')
        return "behind the \"@\" a domain is missing; an address is listed with each domain it has";
    const char *why = name_normal(at + 1, true, false, domain);
    if (why == NULL && (!is_shown(text) || !entry_mailbox_normal(text, key)))
        return "not an address such as \"someone@example.org\" (quotes, blanks and backslashes "
               "cannot be listed)";
    return why;
}

/* ---- keys
 * ----------------------------------------------------------------------------------------
 */

static const char *client_key(const char *text, char key[static ENTRY_KEY_MOST])
{
    struct cidr net;
    const char *why = NULL;
    if (!cidr_parse(text, &net, &why))
        return why;
    entry_network_key(&net, key);
    return NULL;
}

void entry_network_key(const struct cidr *net, char key[static ENTRY_KEY_MOST])
{
    char ip[ADDR_TEXT_MAX];
    bool whole = net->bits == (net->net.family == AF_INET ? 32 : 128);
    addr_ip_text(&net->net, ip);
    if (whole)
        snprintf(key, ENTRY_KEY_MOST, "%s", ip);
    else
        snprintf(key, ENTRY_KEY_MOST, "%s/%u", ip, (unsigned)net->bits);
}

/* The kind before the colon, and what stands behind it; `text` itself where there is none. */
static const char *take_kind(const char *text, enum entry_kind *kind)
{
    for (size_t i = 0; i < ENTRY_KINDS; i++) {
        size_t len = strlen(kind_names[i]);
        if (strncasecmp(text, kind_names[i], len) == 0 && text[len] == ':') {
            *kind = (enum entry_kind)i;
            return text + len + 1;
        }
    }
    return text;
}

/* What is meant without a kind. False: nothing is. */
static bool guess_kind(enum entry_list list, const char *text, enum entry_kind *kind)
{
    struct cidr net;
    const char *why;
    *kind = ENTRY_CLIENT;
    if (strchr(text, '@') != NULL)
        *kind = list == ENTRY_TRAP ? ENTRY_RECIPIENT : ENTRY_SENDER;
    else if (strchr(text, '/') == NULL && !is_number(text) && !cidr_parse(text, &net, &why))
        return false;
    return true;
}

static const char *parse(enum entry_list list, const char *text, enum entry_kind *kind,
                         char key[static ENTRY_KEY_MOST])
{
    const char *value = take_kind(text, kind);
    if (value == text && !guess_kind(list, text, kind))
        return "what is it? write an address, a network, someone@example.org, or a name with its "
               "kind: helo:NAME, reverse:NAME, sender:NAME, recipient:NAME";
    if (list == ENTRY_TRAP && *kind != ENTRY_RECIPIENT)
        return "a trap is a recipient, such as \"trap@example.org\" or \"recipient:example.org\"";
    switch (*kind) {
    case ENTRY_CLIENT:
        return client_key(value, key);
    case ENTRY_HELO:
        return name_normal(value, true, true, key);
    case ENTRY_REVERSE:
        return name_normal(value, false, false, key);
    case ENTRY_SENDER:
    case ENTRY_RECIPIENT:
        break;
    }
    return mailbox_key(value, key);
}

bool entry_key_parse(enum entry_list list, const char *text, enum entry_kind *kind,
                     char key[static ENTRY_KEY_MOST], const char **why)
{
    key[0] = '\0';
    *kind = ENTRY_CLIENT;
    *why = parse(list, text, kind, key);
    return *why == NULL;
}

const char *entry_key_text(enum entry_kind kind, const char *key,
                           char out[static ENTRY_KEY_MOST + 16])
{
    if (kind == ENTRY_CLIENT)
        snprintf(out, ENTRY_KEY_MOST + 16, "%s", key);
    else
        snprintf(out, ENTRY_KEY_MOST + 16, "%s:%s", kind_names[kind], key);
    return out;
}

/* ---- words
 * ---------------------------------------------------------------------------------------
 */

const char *entry_list_name(enum entry_list list)
{
    return list_names[list];
}

const char *entry_kind_name(enum entry_kind kind)
{
    return kind_names[kind];
}

const char *entry_action_name(enum entry_action action)
{
    return action_names[action];
}

const char *entry_origin_name(enum entry_origin origin)
{
    return origin_names[origin];
}

static bool find_word(const char *const *words, size_t count, const char *text, unsigned *out)
{
    for (*out = 0; *out < count; (*out)++)
        if (strcmp(words[*out], text) == 0)
            return true;
    *out = 0;
    return false;
}

bool entry_list_parse(const char *text, enum entry_list *out)
{
    unsigned index;
    bool found = find_word(list_names, COUNT(list_names), text, &index);
    *out = (enum entry_list)index;
    return found;
}

bool entry_kind_parse(const char *text, enum entry_kind *out)
{
    unsigned index;
    bool found = find_word(kind_names, COUNT(kind_names), text, &index);
    *out = (enum entry_kind)index;
    return found;
}

bool entry_action_parse(const char *text, enum entry_action *out)
{
    unsigned index;
    bool found = find_word(action_names, COUNT(action_names), text, &index);
    *out = (enum entry_action)index;
    return found;
}

bool entry_duration_parse(const char *text, int64_t *seconds)
{
    static const char units[] = "smhdw";
    static const int64_t factor[] = {1, 60, 3600, DAY, 7 * DAY};
    int64_t value = 0;
    const char *p = text;
    *seconds = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');
        if (value > YEARS_10)
            return false;
    }
    const char *unit = *p != '\0' ? strchr(units, *p) : NULL;
    if (p == text || unit == NULL || p[1] != '\0')
        return false;
    value *= factor[unit - units];
    *seconds = value;
    return value > 0 && value <= YEARS_10;
}
