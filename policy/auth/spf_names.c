/* SPDX-License-Identifier: ISC */
/*
 * spf_names: the client's names by reverse DNS, validated by their addresses, for ptr (RFC 7208
 * 5.5) and %{p} (7.3).
 *
 * Promises: one PTR question an evaluation and one for the addresses of each of its first
 * SPF_NAMES_MOST names, however often a record wants them; a name is asked for only when it could
 * matter, in the order of preference: for ptr those within its domain; for %{p} the domain itself,
 * then names below it, then any. A fault skips that name; a fault of the PTR question is no name.
 * So is an answer that has not come within half of the evaluation's time: the name servers are the
 * client's, who would else make a temperror of any record with a ptr.
 */
#include "policy/auth/spf_int.h"

#include "dns/name.h"
#include "lib/str.h"

#include <string.h>

/* An octet of what dns.h shows as \DDD; -1: one that cannot be asked for. */
static int unescape(const char *code)
{
    int octet = 0;
    for (size_t i = 0; i < 3; i++) {
        if (code[i] < '0' || code[i] > '9')
            return -1;
        octet = octet * 10 + (code[i] - '0');
    }
    return octet >= ' ' && octet < 0x7f && octet != '.' && octet != '\\' ? octet : -1;
}

bool spf_host(const char *shown, char out[static DNS_NAME_MAX + 1])
{
    size_t len = 0;
    for (; *shown != '\0'; shown++) {
        int octet = *shown == '\\' ? unescape(shown + 1) : *shown;
        if (octet < 0 || len == DNS_NAME_MAX)
            return false;
        if (*shown == '\\')
            shown += 3;
        out[len++] = (char)octet;
    }
    out[len] = '\0';
    return len > 0;
}

/* How near the name is to the domain. */
enum nearness { SAME, BELOW, FOREIGN };

static enum nearness nearness(const char *name, const char *domain)
{
    size_t name_len = strlen(name), len = strlen(domain);
    if (name_len < len || !str_case_eq(name + name_len - len, len, domain))
        return FOREIGN;
    if (name_len == len)
        return SAME;
    return name[name_len - len - 1] == '.' ? BELOW : FOREIGN;
}

static enum spf_flow on_addresses(struct spf *s, const struct dns_answer *answer)
{
    struct spf_names *names = &s->names;
    names->validity[names->looking] =
        answer->status == DNS_FOUND && spf_holds(s, answer, 32, 128) ? SPF_VALID : SPF_NOT_VALID;
    return SPF_GO_ON;
}

static enum spf_flow on_ptr(struct spf *s, const struct dns_answer *answer)
{
    struct spf_names *names = &s->names;
    names->asked = true;
    names->nothing = answer->status == DNS_NODATA || answer->status == DNS_NXDOMAIN;
    for (size_t i = 0; i < answer->count && i < SPF_NAMES_MOST; i++)
        names->count += spf_host(answer->name[i], names->name[names->count]);
    return SPF_GO_ON;
}

/* The first valid name as near as that, or NULL. False: DNS has been asked. */
static bool find(struct spf *s, const char *domain, enum nearness wanted, const char **out)
{
    struct spf_names *names = &s->names;
    char arpa[DNS_NAME_MAX + 1];
    *out = NULL;
    if (!names->asked && !names->late) {
        dns_name_arpa(&s->client, arpa);
        (void)spf_query(s, DNS_PTR, arpa, on_ptr);
        return false;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (nearness(names->name[i], domain) != wanted || names->validity[i] == SPF_NOT_VALID)
            continue;
        if (names->validity[i] == SPF_VALID) {
            *out = names->name[i];
            return true;
        }
        if (names->late)
            continue;
        names->looking = i;
        (void)spf_query(s, spf_address_type(s), names->name[i], on_addresses);
        return false;
    }
    return true;
}

bool spf_names_show(struct spf *s, const char *domain, const char **out)
{
    static const enum nearness order[] = {SAME, BELOW, FOREIGN};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!find(s, domain, order[i], out))
            return false;
        if (*out != NULL)
            return true;
    }
    *out = "unknown";
    return true;
}

enum spf_flow spf_names_match(struct spf *s)
{
    const char *found;
    if (!find(s, s->target, SAME, &found))
        return SPF_WAITS;
    if (found == NULL && !find(s, s->target, BELOW, &found))
        return SPF_WAITS;
    if (s->names.nothing && !spf_void(s))
        return spf_error(s, SPF_PERMERROR, "more than %d look-ups without an answer",
                         SPF_VOIDS_MOST);
    return spf_match(s, found != NULL);
}

bool spf_names_late(struct spf *s)
{
    s->names.late = true;
    if (s->question == NULL || (s->hear != on_ptr && s->hear != on_addresses))
        return false;
    dns_cancel(s->question);
    s->question = NULL;
    return true;
}
