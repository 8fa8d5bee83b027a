/* SPDX-License-Identifier: ISC */
/*
 * ctl_dns: DNS for commands that work in gatepostctl itself.
 *
 * The servers are those the daemon would ask, so that people see what it sees. A configuration that
 * was named and cannot be read ends the command: other servers might say something else. Where
 * none was named, and the usual one cannot be read, those of /etc/resolv.conf are asked.
 *
 * Answers are copied and kept to the end: a command asks a few hundred questions at most.
 */
#include "admin/ctl_dns.h"

#include "admin/ctl_run.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "lib/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define CACHE_OCTETS ((size_t)4 << 20)
#define TEXT_MOST    8192
#define NAMES_MOST   10 /* of one address that are asked back */

struct asked {
    struct ctl_found found;
    struct ctl_dns *dns;
    SLIST_ENTRY(asked) link;
};

struct ctl_dns {
    struct loop *loop;
    struct resolver *resolver;
    SLIST_HEAD(, asked) asked;
    size_t open;
};

static int settings(struct ctl *ctl)
{
    ctl_config_read(&ctl->config);
    if (ctl->config.why == NULL)
        return 0;
    if (ctl->args.option[CTL_CONFIG] != NULL)
        return ctl_fail(1, "%s", ctl->config.why);
    ctl_note(ctl, "no configuration (%s): asking the servers of /etc/resolv.conf", ctl->config.why);
    return 0;
}

struct ctl_dns *ctl_dns_new(struct ctl *ctl)
{
    char *why = NULL;
    if (settings(ctl) != 0)
        return NULL;
    const struct ctl_settings *wanted = &ctl->config.settings;
    const struct resolver_config config = {.server = wanted->server,
                                           .servers = wanted->servers,
                                           .query_ms = wanted->query_ms,
                                           .total_ms = wanted->total_ms,
                                           .cache_octets = CACHE_OCTETS};
    struct ctl_dns *dns = mem_alloc(sizeof *dns);
    SLIST_INIT(&dns->asked);
    resolver_init();
    dns->loop = loop_new();
    dns->resolver = resolver_new(dns->loop, &config, &why);
    if (dns->resolver == NULL) {
        ctl_fail(1, "DNS cannot be asked: %s", why);
        ctl_dns_free(dns);
        dns = NULL;
    }
    free(why);
    return dns;
}

static void found_clear(struct ctl_found *found)
{
    for (size_t i = 0; i < found->count; i++)
        free(found->record[i].text);
    free(found->record);
    free(found->name);
    free(found->why);
}

void ctl_dns_free(struct ctl_dns *dns)
{
    struct asked *asked;
    if (dns == NULL)
        return;
    while ((asked = SLIST_FIRST(&dns->asked)) != NULL) {
        SLIST_REMOVE_HEAD(&dns->asked, link);
        found_clear(&asked->found);
        free(asked);
    }
    resolver_free(dns->resolver);
    loop_free(dns->loop);
    resolver_shutdown();
    free(dns);
}

struct loop *ctl_dns_loop(const struct ctl_dns *dns)
{
    return dns->loop;
}

struct dns *ctl_dns_asker(const struct ctl_dns *dns)
{
    return resolver_dns(dns->resolver);
}

void ctl_dns_run(struct ctl_dns *dns)
{
    loop_run(dns->loop);
}

void ctl_dns_stop(void *dns)
{
    loop_stop(((struct ctl_dns *)dns)->loop);
}

static void keep_text(struct ctl_record *out, const char *text, size_t len)
{
    out->text = mem_strndup(text, len);
    out->len = len;
}

static void keep_tlsa(struct ctl_record *out, const struct dns_tlsa *tlsa)
{
    out->usage = tlsa->usage;
    out->selector = tlsa->selector;
    out->matching = tlsa->matching;
    out->octets = tlsa->len;
    out->len = 2 * tlsa->len;
    out->text = mem_alloc(out->len + 1);
    for (size_t i = 0; i < tlsa->len; i++)
        snprintf(out->text + 2 * i, 3, "%02x", tlsa->data[i]);
}

static void keep(struct ctl_record *out, const struct dns_answer *answer, size_t i)
{
    char text[ADDR_TEXT_MAX];
    switch (answer->type) {
    case DNS_A:
    case DNS_AAAA:
        out->addr = answer->addr[i];
        addr_ip_text(&out->addr, text);
        keep_text(out, text, strlen(text));
        break;
    case DNS_PTR:
        keep_text(out, answer->name[i], strlen(answer->name[i]));
        break;
    case DNS_MX:
        out->preference = answer->mx[i].preference;
        keep_text(out, answer->mx[i].host, strlen(answer->mx[i].host));
        break;
    case DNS_TXT:
        keep_text(out, answer->txt[i].text, answer->txt[i].len);
        break;
    case DNS_TLSA:
        keep_tlsa(out, &answer->tlsa[i]);
        break;
    }
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct asked *asked = arg;
    struct ctl_found *found = &asked->found;
    found->status = answer->status;
    found->why = mem_strdup(answer->why);
    found->count = answer->status == DNS_FOUND ? answer->count : 0;
    found->record = mem_alloc((found->count + 1) * sizeof *found->record);
    for (size_t i = 0; i < found->count; i++)
        keep(&found->record[i], answer, i);
    if (--asked->dns->open == 0)
        loop_stop(asked->dns->loop);
}

const struct ctl_found *ctl_dns_ask(struct ctl_dns *dns, enum dns_type type, const char *name)
{
    struct asked *asked = mem_alloc(sizeof *asked);
    asked->dns = dns;
    asked->found.type = type;
    asked->found.status = DNS_TEMPFAIL;
    asked->found.name = mem_strdup(name);
    SLIST_INSERT_HEAD(&dns->asked, asked, link);
    dns->open++;
    dns_ask(ctl_dns_asker(dns), type, name, on_answer, asked);
    return &asked->found;
}

void ctl_dns_wait(struct ctl_dns *dns)
{
    while (dns->open > 0)
        loop_run(dns->loop);
}

static bool holds(const struct ctl_found *found, const struct addr *address)
{
    for (size_t i = 0; i < found->count; i++)
        if (addr_same_ip(&found->record[i].addr, address))
            return true;
    return false;
}

/* An address's names on their way. */
struct reverse {
    const struct ctl_found *names;
    const struct ctl_found *back[NAMES_MOST];
    size_t count;
};

static void ask_back(struct ctl_dns *dns, const struct addr *address, struct reverse *reverse)
{
    const struct ctl_found *names = reverse->names;
    enum dns_type type = address->family == AF_INET ? DNS_A : DNS_AAAA;
    reverse->count = names->count < NAMES_MOST ? names->count : NAMES_MOST;
    for (size_t i = 0; i < reverse->count; i++)
        reverse->back[i] = ctl_dns_ask(dns, type, names->record[i].text);
}

static void conclude(const struct reverse *reverse, const struct addr *address,
                     struct ctl_reverse *out)
{
    *out = (struct ctl_reverse){.name = "", .temperror = reverse->names->status == DNS_TEMPFAIL};
    for (size_t i = reverse->count; i-- > 0;) {
        bool leads_back = holds(reverse->back[i], address);
        if (!out->confirmed || leads_back)
            out->name = reverse->names->record[i].text;
        out->confirmed = out->confirmed || leads_back;
        out->temperror = out->temperror || reverse->back[i]->status == DNS_TEMPFAIL;
    }
    out->temperror = out->temperror && !out->confirmed;
}

void ctl_dns_reverse(struct ctl_dns *dns, const struct addr *address, struct ctl_reverse *out,
                     size_t count)
{
    char arpa[DNS_NAME_MAX + 1];
    struct reverse *reverse = mem_alloc((count + 1) * sizeof *reverse);
    for (size_t i = 0; i < count; i++) {
        dns_name_arpa(&address[i], arpa);
        reverse[i].names = ctl_dns_ask(dns, DNS_PTR, arpa);
    }
    ctl_dns_wait(dns);
    for (size_t i = 0; i < count; i++)
        ask_back(dns, &address[i], &reverse[i]);
    ctl_dns_wait(dns);
    for (size_t i = 0; i < count; i++)
        conclude(&reverse[i], &address[i], &out[i]);
    free(reverse);
}

json_t *ctl_dns_text(const char *text, size_t len)
{
    char shown[TEXT_MOST];
    json_t *plain = json_stringn(text, len);
    if (plain != NULL)
        return plain;
    str_printable(shown, sizeof shown, text, len);
    return json_string(shown);
}
