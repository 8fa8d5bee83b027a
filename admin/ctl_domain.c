/* SPDX-License-Identifier: ISC */
/*
 * ctl_domain: what the world sees of a domain that sends and takes mail, each fault in plain words.
 *
 * Nothing but DNS is asked, with the evaluators of the daemon, so what is said here of SPF and
 * DMARC is what the daemon would find.
 */
#include "admin/ctl_domain.h"

#include "admin/ctl_run.h"
#include "admin/ctl_show.h"
#include "dns/name.h"
#include "lib/addr.h"
#include "lib/str.h"
#include "policy/relay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_MOST 1024

__attribute__((format(printf, 4, 0))) static void
add(json_t *list, const char *part, const char *member, const char *format, va_list more)
{
    char text[SENTENCE_MOST];
    vsnprintf(text, sizeof text, format, more);
    json_array_append_new(
        list, json_pack("{s:s, s:o}", "part", part, member, ctl_dns_text(text, strlen(text))));
}

void ctl_domain_fault(struct ctl_domain *domain, const char *part, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    add(domain->faults, part, "fault", format, more);
    va_end(more);
}

void ctl_domain_note(struct ctl_domain *domain, const char *part, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    add(domain->notes, part, "note", format, more);
    va_end(more);
}

const struct ctl_found *ctl_domain_ask(struct ctl_domain *domain, const char *part,
                                       enum dns_type type, const char *name)
{
    const struct ctl_found *found = ctl_dns_ask(domain->dns, type, name);
    ctl_dns_wait(domain->dns);
    if (found->status == DNS_TEMPFAIL)
        ctl_domain_fault(domain, part, "%s cannot be asked for: %s", name, found->why);
    else
        domain->answered = true;
    return found;
}

static bool begins(const struct ctl_record *record, const char *version, const char *behind)
{
    size_t len = strlen(version);
    return record->len >= len && str_case_starts(record->text, record->len, version) &&
           (record->len == len || strchr(behind, record->text[len]) != NULL);
}

const struct ctl_record *ctl_domain_text(struct ctl_domain *domain, const char *part,
                                         const char *name, const char *version, const char *behind)
{
    const struct ctl_record *record = NULL;
    size_t count = 0;
    const struct ctl_found *found = ctl_domain_ask(domain, part, DNS_TXT, name);
    for (size_t i = 0; i < found->count; i++)
        if (begins(&found->record[i], version, behind)) {
            record = &found->record[i];
            count++;
        }
    if (count < 2)
        return record;
    ctl_domain_fault(domain, part, "%s has %zu records that begin with %s; of several none counts",
                     name, count, version);
    return NULL;
}

/* False: it is no domain. */
static bool read_name(const char *text, char out[static DNS_NAME_MAX + 1])
{
    char normal[256];
    struct addr address;
    return relay_domain_normal(text, normal, sizeof normal) && normal[0] != '[' &&
           !addr_parse_ip(normal, &address) && dns_name_normal(normal, out);
}

static void look(struct ctl_domain *domain)
{
    const struct ctl_args *args = &domain->ctl->args;
    ctl_domain_mx(domain);
    ctl_domain_spf(domain);
    ctl_domain_dmarc(domain);
    json_object_set_new(domain->out, "dkim", json_array());
    for (size_t i = 0; i < args->many_count; i++)
        ctl_domain_dkim(domain, args->many[i]);
    if (args->many_count == 0)
        ctl_domain_note(domain, "dkim",
                        "DNS does not say which selectors a domain has; name those "
                        "you know with --selector");
    ctl_domain_sts(domain);
}

int ctl_domain(struct ctl *ctl)
{
    char name[DNS_NAME_MAX + 1];
    if (!read_name(ctl->args.operand[0], name))
        return ctl_fail(2, "\"%s\" is no domain; a name such as example.org is right",
                        ctl->args.operand[0]);
    struct ctl_domain domain = {.ctl = ctl, .name = name, .dns = ctl_dns_new(ctl)};
    if (domain.dns == NULL)
        return 1;
    domain.faults = json_array();
    domain.notes = json_array();
    domain.out = json_pack("{s:s}", "domain", name);
    look(&domain);
    json_object_set(domain.out, "faults", domain.faults);
    json_object_set(domain.out, "notes", domain.notes);
    if (ctl->json)
        ctl_show_json(domain.out, true);
    else
        ctl_domain_show(&domain);
    json_decref(domain.faults);
    json_decref(domain.notes);
    json_decref(domain.out);
    ctl_dns_free(domain.dns);
    return domain.answered ? 0 : ctl_fail(1, "DNS said nothing");
}
