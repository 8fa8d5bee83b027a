/* SPDX-License-Identifier: ISC */
/*
 * ctl_privacy: all that is stored of an address: shown, or deleted.
 *
 * Export is put together here from what shows decisions, triplets and entries; it is always JSON,
 * since it is handed to the person it is about.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"
#include "lib/addr.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool collect(json_t *item, void *arg)
{
    json_array_append(arg, item);
    return true;
}

/* The items of command(name = address) go into `into`. */
static int gather(struct ctl *ctl, const char *command, const char *name, json_t *into)
{
    json_t *args = json_pack("{s:s}", name, ctl->args.operand[0]);
    return ctl_ask(ctl, command, args, collect, into, NULL);
}

static int gather_all(struct ctl *ctl, json_t *out)
{
    static const struct {
        const char *member, *command, *argument;
        bool client; /* asked of an IP address; else of a mailbox */
    } parts[] = {
        {"decisions", "decisions", "client", true},
        {"decisions", "decisions", "sender", false},
        {"decisions", "decisions", "recipient", false},
        {"greylist", "greylist-list", "client", true},
        {"greylist", "greylist-list", "sender", false},
        {"greylist", "greylist-list", "recipient", false},
        {"entries", "entry-show", "key", true},
        {"entries", "entry-show", "key", false},
    };
    struct addr address;
    bool client = addr_parse_ip(ctl->args.operand[0], &address);
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].client == client)
            status = gather(ctl, parts[i].command, parts[i].argument,
                            json_object_get(out, parts[i].member));
    return status;
}

int ctl_privacy_export(struct ctl *ctl)
{
    json_t *out = json_pack("{s:s, s:[], s:[], s:[]}", "address", ctl->args.operand[0], "decisions",
                            "greylist", "entries");
    int status = gather_all(ctl, out);
    if (status == 0)
        ctl_show_json(out, true);
    json_decref(out);
    return status;
}

int ctl_privacy_forget(struct ctl *ctl)
{
    char *question = mem_printf("Delete all that is stored of %s, for good?", ctl->args.operand[0]);
    bool sure = ctl_confirm(ctl, question);
    json_t *result = NULL;
    free(question);
    if (!sure)
        return ctl_fail(1, "nothing was deleted");
    json_t *args = json_pack("{s:s}", "address", ctl->args.operand[0]);
    int status = ctl_ask(ctl, "forget", args, NULL, NULL, &result);
    if (status == 0 && ctl->json)
        ctl_show_json(result, true);
    else if (status == 0)
        printf("deleted: %" JSON_INTEGER_FORMAT "\n",
               json_integer_value(json_object_get(result, "deleted")));
    json_decref(result);
    return status;
}
