/* SPDX-License-Identifier: ISC */
/*
 * ctl_spf: SPF step by step, as the daemon would evaluate it: what the records say, what was asked,
 * which term decided and what all of it cost. With a HELO name its identity is evaluated, too; of
 * the null sender that is the same.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_dns.h"
#include "admin/ctl_identity.h"
#include "admin/ctl_show.h"

#include <stdio.h>
#include <string.h>

static json_t *evaluate(struct ctl *ctl, struct ctl_dns *dns, struct ctl_identity *identity)
{
    json_t *lines = ctl->json ? json_array() : json_null();
    identity->trace = lines;
    if (!ctl->json)
        printf("%s%s%s\n", ctl_show_bold(ctl), identity->of_helo ? "HELO name" : "MAIL FROM",
               ctl_show_plain(ctl, ctl_show_bold(ctl)));
    ctl_identity_ask(ctl, dns, identity);
    json_t *out = ctl_identity_json(identity);
    if (ctl->json)
        json_object_set(out, "trace", lines);
    else
        ctl_show_object(ctl, out, 2);
    json_decref(lines);
    return out;
}

static void both(struct ctl *ctl, struct ctl_dns *dns, const struct ctl_identity *first, bool null)
{
    struct ctl_identity identity = *first;
    json_t *all = json_array();
    json_array_append_new(all, evaluate(ctl, dns, &identity));
    if (first->helo[0] != '\0' && !null) {
        if (!ctl->json)
            putchar('\n');
        identity = *first;
        identity.of_helo = true;
        json_array_append_new(all, evaluate(ctl, dns, &identity));
    }
    if (ctl->json)
        ctl_show_json(all, true);
    json_decref(all);
}

int ctl_spf(struct ctl *ctl)
{
    const struct ctl_args *args = &ctl->args;
    struct ctl_identity identity = {.helo = args->operands > 2 ? args->operand[2] : "",
                                    .sender = args->operand[1]};
    bool null = args->operand[1][0] == '\0' || strcmp(args->operand[1], "<>") == 0;
    if (!addr_parse_ip(args->operand[0], &identity.client))
        return ctl_fail(2, "\"%s\" is no IP address", args->operand[0]);
    if (null && identity.helo[0] == '\0')
        return ctl_fail(2,
                        "the null sender stands for postmaster at the HELO name: name that, too");
    struct ctl_dns *dns = ctl_dns_new(ctl);
    if (dns == NULL)
        return 1;
    both(ctl, dns, &identity, null);
    ctl_dns_free(dns);
    return 0;
}
