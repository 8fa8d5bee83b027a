/* SPDX-License-Identifier: ISC */
/*
 * ctl_domain_mail: where a domain's mail goes: its MX, their addresses, what these are called, and
 * the keys that are pinned for them (DANE). RFC 5321 5.1, 7505 (null MX), 7672 3.1 (TLSA).
 *
 * Limits: MX_MOST hosts and ADDRESSES_MOST addresses of each are looked at; whether answers are
 * signed (DNSSEC), without which no sender looks at TLSA, cannot be seen here and is said.
 */
#include "admin/ctl_domain.h"

#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MX_MOST        20
#define ADDRESSES_MOST 16 /* of one host */
#define PART           "mx"

struct host {
    const struct ctl_found *a, *aaaa, *tlsa;
    size_t addresses; /* that are looked at */
    struct addr address[ADDRESSES_MOST];
    struct ctl_reverse reverse[ADDRESSES_MOST];
    json_t *out;
    const char *name;
};

const char *ctl_domain_tlsa_fault(const struct ctl_record *tlsa)
{
    if (tlsa->usage == 0 || tlsa->usage == 1)
        return "usage 0 and 1 are of no use for mail servers (RFC 7672 3.1.3); 3 1 1 is right";
    if (tlsa->usage > 3)
        return "there is no such usage; 3 1 1 is right";
    if (tlsa->selector > 1)
        return "there is no such selector; 0 and 1 are";
    if (tlsa->matching > 2)
        return "there is no such matching type; 0, 1 and 2 are";
    if (tlsa->matching == 1 && tlsa->octets != 32)
        return "a SHA-256 digest has 32 octets";
    if (tlsa->matching == 2 && tlsa->octets != 64)
        return "a SHA-512 digest has 64 octets";
    return tlsa->octets == 0 ? "it holds nothing" : NULL;
}

static json_t *tlsa_json(struct ctl_domain *domain, const struct host *host)
{
    json_t *out = json_array();
    for (size_t i = 0; i < host->tlsa->count; i++) {
        const struct ctl_record *tlsa = &host->tlsa->record[i];
        const char *fault = ctl_domain_tlsa_fault(tlsa);
        json_array_append_new(out, json_pack("{s:i, s:i, s:i, s:s}", "usage", tlsa->usage,
                                             "selector", tlsa->selector, "matching", tlsa->matching,
                                             "data", tlsa->text));
        if (fault != NULL)
            ctl_domain_fault(domain, PART, "%s: TLSA %d %d %d: %s", host->name, tlsa->usage,
                             tlsa->selector, tlsa->matching, fault);
    }
    if (host->tlsa->status == DNS_TEMPFAIL)
        ctl_domain_fault(domain, PART,
                         "%s: its TLSA cannot be asked for (%s); senders that use "
                         "DANE defer mail then",
                         host->name, host->tlsa->why);
    return out;
}

static json_t *address_json(struct ctl_domain *domain, const char *host, const struct addr *address,
                            const struct ctl_reverse *reverse)
{
    char text[ADDR_TEXT_MAX];
    json_t *name = ctl_dns_text(reverse->name, strlen(reverse->name));
    addr_ip_text(address, text);
    if (addr_is_private(address))
        ctl_domain_fault(domain, PART, "%s: %s is no address of the public Internet", host, text);
    else if (reverse->temperror)
        ctl_domain_fault(domain, PART, "%s: what %s is called cannot be asked for", host, text);
    else if (reverse->name[0] == '\0')
        ctl_domain_fault(domain, PART, "%s: %s has no reverse name (PTR)", host, text);
    else if (!reverse->confirmed)
        ctl_domain_fault(domain, PART,
                         "%s: %s is called %s, but that name does not lead back to it", host, text,
                         json_string_value(name));
    return json_pack("{s:s, s:o, s:b}", "address", text, "name", name, "confirmed",
                     reverse->confirmed);
}

static void add_addresses(struct host *host, const struct ctl_found *found)
{
    for (size_t i = 0; i < found->count && host->addresses < ADDRESSES_MOST; i++)
        host->address[host->addresses++] = found->record[i].addr;
}

/* All hosts' addresses, at once. */
static void ask_names(struct ctl_domain *domain, struct host *host, size_t hosts)
{
    struct addr *address = mem_alloc(hosts * ADDRESSES_MOST * sizeof *address + 1);
    struct ctl_reverse *reverse = mem_alloc(hosts * ADDRESSES_MOST * sizeof *reverse + 1);
    size_t count = 0;
    for (size_t i = 0; i < hosts; i++) {
        add_addresses(&host[i], host[i].a);
        add_addresses(&host[i], host[i].aaaa);
        memcpy(address + count, host[i].address, host[i].addresses * sizeof *address);
        count += host[i].addresses;
    }
    ctl_dns_reverse(domain->dns, address, reverse, count);
    count = 0;
    for (size_t i = 0; i < hosts; i++) {
        memcpy(host[i].reverse, reverse + count, host[i].addresses * sizeof *reverse);
        count += host[i].addresses;
    }
    free(address);
    free(reverse);
}

/* The host's own part, once its addresses, their names and TLSA have come. */
static void tell(struct ctl_domain *domain, struct host *host)
{
    json_t *addresses = json_array();
    for (size_t i = 0; i < host->addresses; i++)
        json_array_append_new(
            addresses, address_json(domain, host->name, &host->address[i], &host->reverse[i]));
    bool unknown = host->a->status == DNS_TEMPFAIL || host->aaaa->status == DNS_TEMPFAIL;
    if (unknown)
        ctl_domain_fault(domain, PART, "%s: its addresses cannot be asked for (%s)", host->name,
                         host->a->why != NULL ? host->a->why : host->aaaa->why);
    else if (json_array_size(addresses) == 0)
        ctl_domain_fault(domain, PART, "%s has no address: no mail can come there", host->name);
    json_object_set_new(host->out, "addresses", addresses);
    json_object_set_new(host->out, "tlsa", tlsa_json(domain, host));
}

static void begin(struct ctl_domain *domain, struct host *host, const char *name, json_t *out)
{
    char *tlsa = mem_printf("_25._tcp.%s", name);
    host->addresses = 0;
    host->out = out;
    host->name = name;
    host->a = ctl_dns_ask(domain->dns, DNS_A, name);
    host->aaaa = ctl_dns_ask(domain->dns, DNS_AAAA, name);
    host->tlsa = ctl_dns_ask(domain->dns, DNS_TLSA, tlsa);
    free(tlsa);
}

static void say_dane(struct ctl_domain *domain, const struct host *host, size_t count)
{
    size_t with = 0;
    for (size_t i = 0; i < count; i++)
        with += host[i].tlsa->count > 0;
    if (with > 0)
        ctl_domain_note(domain, PART,
                        "TLSA counts only where DNSSEC signs it and the MX, which is "
                        "not looked at here");
    if (with > 0 && with < count)
        ctl_domain_note(domain, PART,
                        "only %zu of %zu mail servers have TLSA: mail can be led to "
                        "the others without DANE",
                        with, count);
}

/* A mail exchanger by its record: false where it is none that can be asked about. */
static bool is_host(struct ctl_domain *domain, const struct ctl_found *mx, size_t i)
{
    struct addr address;
    const struct ctl_record *record = &mx->record[i];
    if (record->len == 0 && mx->count > 1)
        ctl_domain_fault(domain, PART, "\".\" (no mail is taken, RFC 7505) stands beside other MX");
    if (record->len == 0)
        return false;
    if (!addr_parse_ip(record->text, &address))
        return true;
    ctl_domain_fault(domain, PART, "%s is an address; an MX names a host", record->text);
    return false;
}

static void hosts(struct ctl_domain *domain, const struct ctl_found *mx, json_t *out)
{
    struct host host[MX_MOST];
    size_t count = 0;
    for (size_t i = 0; i < mx->count && count < MX_MOST; i++) {
        if (!is_host(domain, mx, i))
            continue;
        json_t *one = json_pack("{s:i, s:s}", "preference", mx->record[i].preference, "host",
                                mx->record[i].text);
        json_array_append_new(out, one);
        begin(domain, &host[count++], mx->record[i].text, one);
    }
    ctl_dns_wait(domain->dns);
    ask_names(domain, host, count);
    for (size_t i = 0; i < count; i++)
        tell(domain, &host[i]);
    say_dane(domain, host, count);
    if (mx->count > MX_MOST)
        ctl_domain_fault(domain, PART, "%zu MX; only %d are looked at", mx->count, MX_MOST);
}

/* Without MX mail goes to the domain's own addresses (RFC 5321 5.1). */
static void implicit(struct ctl_domain *domain, json_t *out)
{
    struct host host;
    json_t *one = json_pack("{s:n, s:s}", "preference", "host", domain->name);
    begin(domain, &host, domain->name, one);
    ctl_dns_wait(domain->dns);
    if (host.a->count + host.aaaa->count == 0 && host.a->status != DNS_TEMPFAIL &&
        host.aaaa->status != DNS_TEMPFAIL) {
        ctl_domain_note(domain, PART, "neither MX nor address: nobody can send mail to %s",
                        domain->name);
        json_decref(one);
        return;
    }
    ctl_domain_note(domain, PART, "no MX: mail goes to the addresses of %s itself", domain->name);
    json_array_append_new(out, one);
    ask_names(domain, &host, 1);
    tell(domain, &host);
}

void ctl_domain_mx(struct ctl_domain *domain)
{
    json_t *out = json_array();
    json_object_set_new(domain->out, "mx", out);
    const struct ctl_found *mx = ctl_domain_ask(domain, PART, DNS_MX, domain->name);
    switch (mx->status) {
    case DNS_FOUND:
        if (mx->count == 1 && mx->record[0].len == 0)
            ctl_domain_note(domain, PART, "null MX: %s takes no mail (RFC 7505)", domain->name);
        else
            hosts(domain, mx, out);
        break;
    case DNS_NODATA:
        implicit(domain, out);
        break;
    case DNS_NXDOMAIN:
        ctl_domain_fault(domain, PART, "there is no domain %s", domain->name);
        break;
    case DNS_TEMPFAIL:
        break;
    }
}
