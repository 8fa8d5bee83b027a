/* SPDX-License-Identifier: ISC */
/*
 * list_config: the section lists { ... }, and what is hardly meant in it. Of one network in two
 * options allow counts, then tarpit, then deny; a smaller network counts before a wider one
 * (policy/list_judge.c), so only the same one twice is in vain.
 */
#include "policy/list_config.h"

#include <string.h>
#include <sys/socket.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct conf_row rows[] = {
    {.name = "allow",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, allow),
     .help = "clients that pass every check"},
    {.name = "allow-files",
     .type = CONF_PATHS,
     .offset = offsetof(struct policy_lists, allow_files.item),
     .count_offset = offsetof(struct policy_lists, allow_files.count),
     .help = "files of such clients; read again when they change"},
    {.name = "deny",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, deny),
     .help = "clients that are refused"},
    {.name = "deny-files",
     .type = CONF_PATHS,
     .offset = offsetof(struct policy_lists, deny_files.item),
     .count_offset = offsetof(struct policy_lists, deny_files.count),
     .help = "files of such clients; read again when they change"},
    {.name = "tarpit",
     .type = CONF_NETWORKS,
     .offset = offsetof(struct policy_lists, tarpit),
     .help = "clients that are taken to the tarpit at once"},
    {.name = "tarpit-files",
     .type = CONF_PATHS,
     .offset = offsetof(struct policy_lists, tarpit_files.item),
     .count_offset = offsetof(struct policy_lists, tarpit_files.count),
     .help = "files of such clients; read again when they change"},
};

const struct conf_section list_section = {
    .name = "lists", .row = rows, .rows = COUNT(rows), .help = "clients judged by hand"};

static bool same(const struct cidr *a, const struct cidr *b)
{
    return a->net.family != AF_UNSPEC && a->bits == b->bits && addr_same_ip(&a->net, &b->net);
}

/* Warns of what stands in `set` in vain, because the stronger list has it, too. */
static void check_shadowed(struct conf *conf, const struct cidr_set *stronger,
                           const char *stronger_name, const struct cidr_set *set, const char *name)
{
    const struct conf_part *part = conf_part(conf, &list_section, 0);
    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = 0; j < stronger->count; j++) {
            if (!same(&stronger->item[j], &set->item[i]))
                continue;
            conf_warn(conf, conf_line(part, name, i),
                      "an entry of %s is in %s too, which goes first; remove one of them", name,
                      stronger_name);
            break;
        }
    }
}

static void check_all(struct conf *conf, const struct cidr_set *set, const char *name,
                      const char *what)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->item[i].bits == 0 && set->item[i].net.family != AF_UNSPEC)
            conf_warn(conf, conf_line(conf_part(conf, &list_section, 0), name, i),
                      "%s covers all addresses: %s", name, what);
    }
}

void list_config_read(struct policy_lists *lists, struct conf *conf)
{
    conf_fill(conf, conf_part(conf, &list_section, 0), lists);
    check_all(conf, &lists->allow, "allow",
              "nobody is judged; list those you trust, or use mode = observe to only watch");
    check_all(conf, &lists->deny, "deny", "no mail comes in; list those you do not want");
    check_all(conf, &lists->tarpit, "tarpit", "no mail comes in; list those you do not want");
    check_shadowed(conf, &lists->allow, "allow", &lists->deny, "deny");
    check_shadowed(conf, &lists->allow, "allow", &lists->tarpit, "tarpit");
    check_shadowed(conf, &lists->tarpit, "tarpit", &lists->deny, "deny");
}
