/* SPDX-License-Identifier: ISC */
/*
 * ctl_domain_sts: does a domain say that it has an MTA-STS policy (RFC 8461 3.1), and can its host
 * be found? The policy itself is fetched by HTTPS, which gatepostctl does not speak.
 */
#include "admin/ctl_domain.h"

#include "lib/mem.h"
#include "policy/auth/tag_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PART   "mta-sts"
#define ID_MAX 32

const char *ctl_domain_sts_fault(const char *text, size_t len)
{
    struct tag_list list;
    const char *why = NULL;
    if (!tag_list_parse(text, len, &list, &why))
        return why;
    const struct tag *id = tag_list_find(&list, "id");
    if (id == NULL)
        return "it has no id=, by which a new policy is noticed";
    if (id->value_len == 0 || id->value_len > ID_MAX)
        return "its id= must have 1 to 32 letters and digits";
    for (size_t i = 0; i < id->value_len; i++)
        if (!isalnum((unsigned char)id->value[i]))
            return "its id= may have letters and digits only";
    return NULL;
}

static void look_for_host(struct ctl_domain *domain)
{
    char *host = mem_printf("mta-sts.%s", domain->name);
    const struct ctl_found *a = ctl_dns_ask(domain->dns, DNS_A, host);
    const struct ctl_found *aaaa = ctl_dns_ask(domain->dns, DNS_AAAA, host);
    ctl_dns_wait(domain->dns);
    if (a->count + aaaa->count == 0)
        ctl_domain_fault(domain, PART, "%s has no address, so nobody can fetch the policy", host);
    else
        ctl_domain_note(
            domain, PART,
            "the policy itself, https://%s/.well-known/mta-sts.txt, is not fetched here", host);
    free(host);
}

void ctl_domain_sts(struct ctl_domain *domain)
{
    char *name = mem_printf("_mta-sts.%s", domain->name);
    const struct ctl_record *record = ctl_domain_text(domain, PART, name, "v=STSv1", "; \t");
    free(name);
    if (record == NULL) {
        json_object_set_new(domain->out, PART, json_null());
        return;
    }
    const char *fault = ctl_domain_sts_fault(record->text, record->len);
    if (fault != NULL)
        ctl_domain_fault(domain, PART, "%s", fault);
    json_object_set_new(domain->out, PART, ctl_dns_text(record->text, record->len));
    look_for_host(domain);
}
