/* SPDX-License-Identifier: ISC */
/*
 * ctl_mta_sts: an MTA-STS policy (RFC 8461 3.2) for each own domain, with the MX that DNS has now.
 *
 * One policy is printed bare, so that it can be written to where the web server has it; of several
 * each has lines before it that begin with '#' and say whose it is. Mode testing, unless told: a
 * policy that is wrong then costs reports and no mail.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_dns.h"
#include "admin/ctl_show.h"
#include "dns/name.h"
#include "lib/buf.h"
#include "lib/mem.h"
#include "policy/relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_AGE 604800 /* a week: RFC 8461 3.2 wants weeks */

struct run {
    struct ctl *ctl;
    struct ctl_dns *dns;
    const char *mode;
    char id[16];   /* of the record in DNS: when the policy was made */
    json_t *items; /* --json */
    bool bare;
    int status;
};

/* "mx: NAME" a line; false: there is none to name, which was said. */
static bool add_mx(struct run *run, const char *domain, struct buf *policy, json_t *list)
{
    const struct ctl_found *mx = ctl_dns_ask(run->dns, DNS_MX, domain);
    ctl_dns_wait(run->dns);
    for (size_t i = 0; i < mx->count; i++) {
        if (mx->record[i].len == 0)
            continue;
        buf_printf(policy, "mx: %s\n", mx->record[i].text);
        json_array_append_new(list, json_string(mx->record[i].text));
    }
    if (json_array_size(list) > 0 || strcmp(run->mode, "none") == 0)
        return true;
    if (mx->status == DNS_TEMPFAIL)
        ctl_fail(1, "the MX of %s cannot be asked for: %s", domain, mx->why);
    else
        ctl_fail(1, "%s has no MX that a policy could name", domain);
    return false;
}

static void show(struct run *run, const char *domain, const struct buf *policy, json_t *mx)
{
    char *url = mem_printf("https://mta-sts.%s/.well-known/mta-sts.txt", domain);
    char *record = mem_printf("_mta-sts.%s. IN TXT \"v=STSv1; id=%s\"", domain, run->id);
    if (run->items != NULL) {
        json_array_append_new(run->items,
                              json_pack("{s:s, s:s, s:O, s:i, s:s#, s:s, s:s}", "domain", domain,
                                        "mode", run->mode, "mx", mx, "max_age", MAX_AGE, "policy",
                                        buf_data(policy), (int)buf_len(policy), "url", url,
                                        "record", record));
    } else {
        if (!run->bare)
            printf("# %s\n# %s\n", url, record);
        fwrite(buf_data(policy), 1, buf_len(policy), stdout);
        if (run->bare)
            ctl_note(run->ctl, "for %s, with %s", url, record);
    }
    free(url);
    free(record);
}

static void one_domain(struct run *run, const char *domain)
{
    struct buf policy = {0};
    json_t *mx = json_array();
    buf_printf(&policy, "version: STSv1\nmode: %s\n", run->mode);
    if (add_mx(run, domain, &policy, mx)) {
        buf_printf(&policy, "max_age: %d\n", MAX_AGE);
        show(run, domain, &policy, mx);
    } else {
        run->status = 1;
    }
    json_decref(mx);
    buf_free(&policy);
}

/* An own domain as the configuration has it: literals and ".example.org" are none by themselves. */
static bool is_domain(const char *text, char out[static DNS_NAME_MAX + 1])
{
    char normal[256];
    return text[0] != '.' && strncmp(text, "file:", 5) != 0 &&
           relay_domain_normal(text, normal, sizeof normal) && normal[0] != '[' &&
           dns_name_normal(normal, out);
}

static int own_domains(struct run *run)
{
    char name[DNS_NAME_MAX + 1];
    const struct ctl_settings *settings = &run->ctl->config.settings;
    size_t count = 0;
    if (run->ctl->config.why != NULL)
        return ctl_fail(1, "name a domain: without a configuration nobody knows the own ones");
    for (size_t i = 0; i < settings->domains; i++)
        count += is_domain(settings->domain[i], name);
    if (count == 0)
        return ctl_fail(1, "name a domain: relay { domains } names none by itself");
    run->bare = count == 1;
    for (size_t i = 0; i < settings->domains; i++)
        if (is_domain(settings->domain[i], name))
            one_domain(run, name);
        else
            ctl_note(run->ctl, "%s is no domain by itself: name those that are meant",
                     settings->domain[i]);
    return run->status;
}

static int all(struct run *run)
{
    char name[DNS_NAME_MAX + 1];
    const struct ctl_args *args = &run->ctl->args;
    if (args->operands == 0)
        return own_domains(run);
    if (!is_domain(args->operand[0], name))
        return ctl_fail(2, "\"%s\" is no domain; a name such as example.org is right",
                        args->operand[0]);
    run->bare = true;
    one_domain(run, name);
    return run->status;
}

int ctl_mta_sts(struct ctl *ctl)
{
    struct run run = {.ctl = ctl, .mode = ctl->args.option[CTL_MODE], .dns = ctl_dns_new(ctl)};
    time_t now = time(NULL);
    struct tm tm;
    if (run.dns == NULL)
        return 1;
    if (run.mode == NULL)
        run.mode = "testing";
    strftime(run.id, sizeof run.id, "%Y%m%d%H%M%S", gmtime_r(&now, &tm));
    run.items = ctl->json ? json_array() : NULL;
    int status = all(&run);
    if (run.items != NULL)
        ctl_show_json(run.items, true);
    json_decref(run.items);
    ctl_dns_free(run.dns);
    return status;
}
