/* SPDX-License-Identifier: ISC */
/*
 * ctl_domain_show: what was found of a domain, for people: part by part, what is there, then what
 * is wrong with it ("! ") and what else should be known ("- ").
 */
#include "admin/ctl_domain.h"

#include "admin/ctl_run.h"
#include "admin/ctl_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"mx", "spf", "dmarc", "dkim", "mta-sts"};

static void show_text(const char *before, const json_t *value)
{
    bool numeric;
    char *text = ctl_show_value("", value, &numeric);
    printf("%s%s\n", before, text);
    free(text);
}

static void show_address(const json_t *address)
{
    bool numeric;
    char *name = ctl_show_value("", json_object_get(address, "name"), &numeric);
    printf("      %s  %s%s\n", json_string_value(json_object_get(address, "address")),
           name[0] != '\0' ? name : "no name",
           json_is_true(json_object_get(address, "confirmed")) || name[0] == '\0'
               ? ""
               : " (not confirmed)");
    free(name);
}

static void show_mx(const json_t *mx)
{
    size_t i, k;
    const json_t *host, *one;
    json_array_foreach(mx, i, host)
    {
        show_text("  ", json_object_get(host, "host"));
        if (json_is_integer(json_object_get(host, "preference")))
            show_text("      preference ", json_object_get(host, "preference"));
        json_array_foreach(json_object_get(host, "addresses"), k, one)
        {
            show_address(one);
        }
        json_array_foreach(json_object_get(host, "tlsa"), k, one)
        {
            printf("      TLSA %d %d %d %s\n",
                   (int)json_integer_value(json_object_get(one, "usage")),
                   (int)json_integer_value(json_object_get(one, "selector")),
                   (int)json_integer_value(json_object_get(one, "matching")),
                   json_string_value(json_object_get(one, "data")));
        }
    }
}

static void show_objects(struct ctl *ctl, const json_t *array)
{
    size_t i;
    const json_t *one;
    json_array_foreach(array, i, one)
    {
        ctl_show_object(ctl, one, 2);
    }
}

static void show_found(struct ctl *ctl, const char *part, const json_t *value)
{
    if (strcmp(part, "mx") == 0)
        show_mx(value);
    else if (json_is_object(value))
        ctl_show_object(ctl, value, 2);
    else if (json_is_array(value))
        show_objects(ctl, value);
    else if (json_is_string(value))
        show_text("  ", value);
}

static void show_said(const char *part, const json_t *list, const char *member, const char *mark)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "part")), part) == 0)
            show_text(mark, json_object_get(one, member));
    }
}

void ctl_domain_show(const struct ctl_domain *domain)
{
    struct ctl *ctl = domain->ctl;
    size_t count = json_array_size(domain->faults);
    printf("%s\n", domain->name);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        printf("\n%s%s%s\n", ctl_show_bold(ctl), parts[i], ctl_show_plain(ctl, ctl_show_bold(ctl)));
        show_found(ctl, parts[i], json_object_get(domain->out, parts[i]));
        show_said(parts[i], domain->faults, "fault", "  ! ");
        show_said(parts[i], domain->notes, "note", "  - ");
    }
    printf("\n%zu fault%s\n", count, count == 1 ? "" : "s");
}
