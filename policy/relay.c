/* SPDX-License-Identifier: ISC */
/*
 * relay: who may send where; what keeps Gatepost from being an open relay.
 *
 * A recipient passes if its domain is an own one, or the client is trusted (own network or
 * authenticated). In an own domain a local part that the server behind might route on
 * ("user%other", "other!user", "user@other" in quotes, a leading '/' or '|') passes from trusted
 * clients only.
 *
 * Domains compare in lower case, as A-labels (IDNA 2008 with the mapping of UTS 46), without a
 * trailing dot; address literals by their address. Local parts of the recipients file compare
 * without their quotes and, though RFC 5321 2.4 leaves case to the server behind, in any case:
 * refusing mail that server would take is the worse fault. postmaster of an own domain, and
 * <postmaster>, are always there (RFC 5321 4.5.1).
 *
 * Built once, then shared and never changed. Look-ups cost a hash for each label of the domain.
 */
#include "policy/relay.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/domain_form.h"
#include "policy/name_set.h"

#include <errno.h>
#include <idn2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAIN_MAX 255
#define LABEL_MAX  63
#define LOCAL_MAX  64

struct relay_rule {
    atomic_uint refs;
    struct name_set *exact;      /* own domains */
    struct name_set *below;      /* all below these are own */
    struct name_set *recipients; /* "local@domain", or "@domain": all of it */
    struct cidr_set networks;
};

struct relay_rule *relay_new(void)
{
    struct relay_rule *rule = mem_alloc(sizeof *rule);
    atomic_init(&rule->refs, 1);
    rule->exact = name_set_new();
    rule->below = name_set_new();
    return rule;
}

struct relay_rule *relay_ref(struct relay_rule *rule)
{
    atomic_fetch_add(&rule->refs, 1);
    return rule;
}

void relay_unref(struct relay_rule *rule)
{
    if (rule == NULL || atomic_fetch_sub(&rule->refs, 1) != 1)
        return;
    name_set_free(rule->exact);
    name_set_free(rule->below);
    name_set_free(rule->recipients);
    free(rule->networks.item);
    free(rule);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool copy_lower(const char *text, size_t len, char *out, size_t size)
{
    if (len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = lower(text[i]);
    out[len] = '\0';
    return true;
}

static bool is_ascii(const char *text)
{
    while (*text != '\0' && ((unsigned char)*text & 0x80) == 0)
        text++;
    return *text == '\0';
}

/* Labels of 1 to 63 printable octets with a dot between. */
static bool labels_ok(const char *name)
{
    size_t label = 0;
    for (const char *p = name;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > LABEL_MAX)
                return false;
            label = 0;
        } else {
            if (*p <= ' ' || *p > '~')
                return false;
            label++;
        }
        if (*p == '\0')
            return p - name <= DOMAIN_MAX;
    }
}

/* "[192.0.2.1]" and "[IPv6:...]" in the one form of their address, others in lower case. */
static bool literal_normal(const char *domain, char *out, size_t size)
{
    char text[DOMAIN_MAX + 1];
    char ip[ADDR_TEXT_MAX];
    struct addr addr;
    size_t len = strlen(domain);
    for (size_t i = 0; i < len; i++)
        if (domain[i] <= ' ' || domain[i] > '~')
            return false;
    if (len < 3 || domain[len - 1] != ']' || !copy_lower(domain + 1, len - 2, text, sizeof text))
        return false;
    bool six = strncmp(text, "ipv6:", 5) == 0;
    if (!addr_parse_ip(six ? text + 5 : text, &addr))
        return copy_lower(domain, len, out, size);
    int n = snprintf(out, size, "[%s%s]", addr.family == AF_INET6 ? "ipv6:" : "",
                     addr_ip_text(&addr, ip));
    return n > 0 && (size_t)n < size;
}

static bool to_a_labels(const char *domain, char *out, size_t size)
{
    char *ascii = NULL;
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES;
    bool ok = idn2_to_ascii_8z(domain, &ascii, flags) == IDN2_OK &&
              copy_lower(ascii, strlen(ascii), out, size);
    idn2_free(ascii);
    return ok;
}

bool relay_domain_normal(const char *domain, char *out, size_t size)
{
    size_t len = strnlen(domain, 4 * DOMAIN_MAX);
    if (len == 4 * DOMAIN_MAX)
        return false;
    if (domain[0] == '[')
        return literal_normal(domain, out, size);
    if (is_ascii(domain) ? !copy_lower(domain, len, out, size) : !to_a_labels(domain, out, size))
        return false;
    len = strlen(out);
    if (len > 0 && out[len - 1] == '.')
        out[len - 1] = '\0';
    return labels_ok(out);
}

static const char *add_domain(struct relay_rule *rule, const char *domain)
{
    char normal[DOMAIN_MAX + 1];
    struct addr addr;
    bool below = domain[0] == '.';
    const char *name = domain + (below ? 1 : 0);
    if (strchr(name, '*') != NULL)
        return "\"*\" means nothing here, \".example.org\" is all domains below example.org";
    if (strchr(name, '@') != NULL)
        return "an address where a domain should be, like \"example.org\"";
    if (addr_parse_ip(name, &addr))
        return "an IP address is a domain only in brackets, like \"[192.0.2.1]\"";
    if (name[0] == '[' && !below) {
        if (!relay_domain_normal(name, normal, sizeof normal))
            return "not an address literal like \"[192.0.2.1]\" or \"[IPv6:2001:db8::1]\"";
    } else if (!relay_domain_normal(name, normal, sizeof normal) || !domain_form_host(normal)) {
        return "not a domain name like \"example.org\" or \".example.org\"";
    }
    if (!name_set_add(below ? rule->below : rule->exact, normal, strlen(normal)))
        return "more domains than memory may hold (4 GiB)";
    return NULL;
}

bool relay_add_domain(struct relay_rule *rule, const char *domain, const char **why)
{
    *why = add_domain(rule, domain);
    return *why == NULL;
}

void relay_add_network(struct relay_rule *rule, const struct cidr *network)
{
    struct cidr_set *set = &rule->networks;
    set->item = mem_grow(set->item, set->count + 1, sizeof *set->item);
    set->item[set->count++] = *network;
}

struct key {
    char text[LOCAL_MAX + 1 + DOMAIN_MAX];
    size_t len;
};

/* The local part without its quotes in lower case, '@' and the normal domain; false: too long. */
static bool make_key(const char *local, size_t local_len, const char *normal, struct key *key)
{
    size_t domain_len = strlen(normal);
    if (local_len > LOCAL_MAX || domain_len > DOMAIN_MAX)
        return false;
    bool quoted = local_len >= 2 && local[0] == '"' && local[local_len - 1] == '"';
    size_t end = quoted ? local_len - 1 : local_len;
    key->len = 0;
    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        if (quoted && local[i] == '\\' && i + 1 < end)
            i++;
        key->text[key->len++] = lower(local[i]);
    }
    key->text[key->len++] = '@';
    memcpy(key->text + key->len, normal, domain_len);
    key->len += domain_len;
    return true;
}

/* Without quotes a local part has no blanks, controls or quotes. */
static bool local_ok(const char *local, size_t len)
{
    if (len > 0 && local[0] == '"')
        return len > 2 && local[len - 1] == '"';
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)local[i] <= ' ' || local[i] == 0x7f || strchr("\"<>\\", local[i]))
            return false;
    return true;
}

static const char *add_recipient(struct relay_rule *rule, const char *address)
{
    char normal[DOMAIN_MAX + 1];
    struct key key;
    const char *at = strrchr(address, '@');
    if (at == NULL || !local_ok(address, (size_t)(at - address)))
        return "not an address like \"user@example.org\" or, for all of a domain, \"@example.org\"";
    if (!relay_domain_normal(at + 1, normal, sizeof normal) ||
        (at[1] != '[' && !domain_form_host(normal)))
        return "behind the \"@\" stands no domain name like \"example.org\"";
    if (!make_key(address, (size_t)(at - address), normal, &key))
        return "the part before the \"@\" has more than 64 octets";
    if (rule->recipients == NULL)
        rule->recipients = name_set_new();
    if (!name_set_add(rule->recipients, key.text, key.len))
        return "more recipients than memory may hold (4 GiB)";
    return NULL;
}

bool relay_add_recipient(struct relay_rule *rule, const char *address, const char **why)
{
    *why = add_recipient(rule, address);
    return *why == NULL;
}

/* Cuts what is no entry from a line: blanks on both sides, a comment ('#' in front or behind a
 * blank, for it may stand in an address). Returns where the entry begins. */
static char *entry_of(char *line)
{
    char *start = line + strspn(line, " \t\r\n");
    char *end = start;
    for (char *p = start; *p != '\0' && !(*p == '#' && (p == start || strchr(" \t", p[-1]))); p++)
        if (strchr(" \t\r\n", *p) == NULL)
            end = p + 1;
    *end = '\0';
    return start;
}

typedef const char *(*add_fn)(struct relay_rule *rule, const char *entry);

/* Adds all entries of an open file; NULL, or fresh text that says what is wrong. */
static char *add_lines(struct relay_rule *rule, FILE *file, const char *path, add_fn add)
{
    char *line = NULL;
    size_t cap = 0;
    size_t number = 0;
    ssize_t len;
    char *fault = NULL;
    while (fault == NULL && (len = getline(&line, &cap, file)) >= 0) {
        number++;
        const char *why = strlen(line) != (size_t)len ? "a NUL octet" : NULL;
        bool bom = number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0;
        char *entry = entry_of(line + (bom ? 3 : 0));
        if (why == NULL && *entry != '\0')
            why = add(rule, entry);
        if (why != NULL)
            fault = mem_printf("%s:%zu: \"%.100s\": %s", path, number, entry, why);
    }
    if (fault == NULL && ferror(file))
        fault = mem_printf("%s:%zu: cannot be read", path, number + 1);
    free(line);
    return fault;
}

static bool add_file(struct relay_rule *rule, const char *path, add_fn add, char **why)
{
    char text[128];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *why = mem_printf("%s: cannot be opened: %s", path, strerror_r(errno, text, sizeof text));
        return false;
    }
    *why = add_lines(rule, file, path, add);
    fclose(file);
    return *why == NULL;
}

bool relay_add_domain_file(struct relay_rule *rule, const char *path, char **why)
{
    return add_file(rule, path, add_domain, why);
}

bool relay_add_recipient_file(struct relay_rule *rule, const char *path, char **why)
{
    if (rule->recipients == NULL)
        rule->recipients = name_set_new(); /* an empty file names nobody */
    return add_file(rule, path, add_recipient, why);
}

bool relay_client_trusted(const struct relay_rule *rule, const struct addr *client)
{
    return cidr_set_match(&rule->networks, client);
}

static bool own_domain(const struct relay_rule *rule, const char *normal)
{
    if (name_set_has(rule->exact, normal, strlen(normal)))
        return true;
    if (normal[0] == '[')
        return false;
    for (const char *dot = strchr(normal, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        if (name_set_has(rule->below, dot + 1, strlen(dot + 1)))
            return true;
    return false;
}

/* May the server behind route it on? */
static bool routed(const char *local, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (local[i] == '%' || local[i] == '!' || local[i] == '@')
            return true;
    size_t first = len > 0 && local[0] == '"' ? 1 : 0;
    if (first == 1 && len > 1 && local[1] == '\\')
        first = 2;
    return first < len && (local[first] == '/' || local[first] == '|');
}

static bool known(const struct relay_rule *rule, const char *local, size_t len, const char *normal)
{
    struct key key;
    if (rule->recipients == NULL || str_case_eq(local, len, "postmaster"))
        return true;
    if (make_key("", 0, normal, &key) && name_set_has(rule->recipients, key.text, key.len))
        return true;
    return make_key(local, len, normal, &key) && name_set_has(rule->recipients, key.text, key.len);
}

enum relay_answer relay_judge(const struct relay_rule *rule, const char *local, size_t local_len,
                              const char *domain, bool trusted)
{
    char normal[DOMAIN_MAX + 1];
    if (domain[0] == '\0' && str_case_eq(local, local_len, "postmaster"))
        return RELAY_OWN;
    if (!relay_domain_normal(domain, normal, sizeof normal) || !own_domain(rule, normal))
        return trusted ? RELAY_TRUSTED : RELAY_DENIED;
    if (!trusted && routed(local, local_len))
        return RELAY_SUSPICIOUS;
    return known(rule, local, local_len, normal) ? RELAY_OWN : RELAY_NO_SUCH;
}
