/* SPDX-License-Identifier: ISC */
/* ctl_domain_auth: a domain's DMARC policy, found as the daemon finds it (RFC 9989 4.10), and the
 * DKIM keys of those selectors that were named (RFC 6376 3.6.1, RFC 8301). */
#include "admin/ctl_domain.h"

#include "admin/ctl_block.h"
#include "admin/ctl_run.h"
#include "lib/mem.h"
#include "lib/pubkey.h"
#include "policy/auth/dkim_key.h"
#include "policy/auth/dmarc.h"

#include <stdlib.h>
#include <string.h>

#define BITS_LEAST 1024
#define BITS_GOOD  2048

static const char *strict_name(bool strict)
{
    return strict ? "strict" : "relaxed";
}

static json_t *policy_json(const struct dmarc_found *found)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:b, s:i}", "at", found->at,
                     "organisation", found->org, "policy", dmarc_policy_name(found->policy),
                     "inherited", found->inherited, "testing", found->record.testing, "adkim",
                     strict_name(found->record.strict_dkim), "aspf",
                     strict_name(found->record.strict_spf), "reports", found->record.has_rua,
                     "queries", (int)found->queries);
}

static void say_policy(struct ctl_domain *domain, const struct dmarc_found *found)
{
    if (found->policy == DMARC_POLICY_NONE)
        ctl_domain_note(domain, "dmarc",
                        "policy none: forged mail is reported at most, not kept "
                        "out");
    if (found->record.testing)
        ctl_domain_note(domain, "dmarc", "t=y: receivers apply the policy one level lower");
    if (!found->record.has_rua)
        ctl_domain_note(domain, "dmarc", "no rua=: nobody reports what fails");
    if (found->inherited)
        ctl_domain_note(domain, "dmarc", "the record is that of %s", found->at);
}

static void on_found(const struct dmarc_found *found, void *arg)
{
    struct ctl_domain *domain = arg;
    json_t *out = json_null();
    if (found->status == DNS_FOUND) {
        out = policy_json(found);
        say_policy(domain, found);
    } else if (found->status == DNS_TEMPFAIL) {
        ctl_domain_fault(domain, "dmarc", "the policy cannot be asked for: %s", found->why);
    } else if (found->why[0] != '\0') {
        ctl_domain_fault(domain, "dmarc", "no record that counts: %s", found->why);
    } else {
        ctl_domain_fault(domain, "dmarc",
                         "no DMARC record: receivers are not told what to do with "
                         "mail that is forged in its name");
    }
    domain->answered = domain->answered || found->status != DNS_TEMPFAIL;
    json_object_set_new(domain->out, "dmarc", out);
    ctl_dns_stop(domain->dns);
}

void ctl_domain_dmarc(struct ctl_domain *domain)
{
    struct dmarc_walk *walk =
        dmarc_walk_ask(ctl_dns_asker(domain->dns), domain->name, ctl_block_discovery(domain->ctl),
                       true, on_found, domain);
    (void)walk;
    ctl_dns_run(domain->dns);
    json_t *dmarc = json_object_get(domain->out, "dmarc");
    const char *at = json_string_value(json_object_get(dmarc, "at"));
    if (at == NULL)
        return;
    char *name = mem_printf("_dmarc.%s", at);
    const struct ctl_record *record = ctl_domain_text(domain, "dmarc", name, "v=DMARC1", "; \t");
    if (record != NULL)
        json_object_set_new(dmarc, "record", ctl_dns_text(record->text, record->len));
    free(name);
}

static void say_key(struct ctl_domain *domain, const char *selector, const struct dkim_key *key)
{
    unsigned bits = key->key != NULL ? pubkey_bits(key->key) : 0;
    if (key->revoked)
        ctl_domain_fault(domain, "dkim", "%s: p= is empty: the key is revoked", selector);
    else if (key->kind == PUBKEY_RSA && bits < BITS_LEAST)
        ctl_domain_fault(domain, "dkim",
                         "%s: an RSA key of %u bits is never believed; %d at least, %d is right "
                         "(RFC 8301 3.2)",
                         selector, bits, BITS_LEAST, BITS_GOOD);
    else if (key->kind == PUBKEY_RSA && bits < BITS_GOOD)
        ctl_domain_note(domain, "dkim", "%s: an RSA key should have %d bits, not %u", selector,
                        BITS_GOOD, bits);
    if (!key->sha256)
        ctl_domain_fault(domain, "dkim", "%s: h= does not allow sha256, the one hash that counts",
                         selector);
    if (!key->email)
        ctl_domain_fault(domain, "dkim", "%s: s= does not allow email", selector);
    if (key->testing)
        ctl_domain_note(domain, "dkim", "%s: t=y: the domain only tests", selector);
}

static void read_key(struct ctl_domain *domain, const char *selector,
                     const struct ctl_record *record, json_t *out)
{
    struct dkim_key key = {0};
    const char *why = NULL;
    if (dkim_key_parse(record->text, record->len, &key, &why)) {
        say_key(domain, selector, &key);
        json_object_set_new(out, "key", json_string(key.kind == PUBKEY_RSA ? "rsa" : "ed25519"));
        json_object_set_new(out, "bits",
                            json_integer(key.key != NULL ? (json_int_t)pubkey_bits(key.key) : 0));
    } else {
        ctl_domain_fault(domain, "dkim", "%s: %s", selector, why);
    }
    dkim_key_free(&key);
    json_object_set_new(out, "record", ctl_dns_text(record->text, record->len));
}

void ctl_domain_dkim(struct ctl_domain *domain, const char *selector)
{
    char *name = mem_printf("%s._domainkey.%s", selector, domain->name);
    json_t *out = json_pack("{s:s, s:s}", "selector", selector, "name", name);
    json_array_append_new(json_object_get(domain->out, "dkim"), out);
    const struct ctl_found *found = ctl_domain_ask(domain, "dkim", DNS_TXT, name);
    if (found->status == DNS_NODATA || found->status == DNS_NXDOMAIN)
        ctl_domain_fault(domain, "dkim", "%s: there is no key at %s", selector, name);
    if (found->count > 1)
        ctl_domain_fault(domain, "dkim",
                         "%s: %zu TXT records at %s; which one counts is not "
                         "defined (RFC 6376 3.6.2.2)",
                         selector, found->count, name);
    if (found->count > 0)
        read_key(domain, selector, &found->record[0], out);
    free(name);
}
