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

static const struct part {
    const char *member, *command, *argument;
    bool client; /* asked of an IP address; else of a mailbox */
    int most;    /* what the command would cut otherwise; 0: nothing */
} parts[] = {
    {"decisions", "decisions", "client", true, 1000000},
    {"decisions", "decisions", "sender", false, 1000000},
    {"decisions", "decisions", "recipient", false, 1000000},
    {"greylist", "greylist-list", "client", true, 0},
    {"greylist", "greylist-list", "sender", false, 0},
    {"greylist", "greylist-list", "recipient", false, 0},
    {"entries", "entry-show", "key", true, 0},
    {"entries", "entry-show", "key", false, 0},
};

static int gather(struct ctl *ctl, const struct part *part, json_t *out)
{
    json_t *args = json_pack("{s:s}", part->argument, ctl->args.operand[0]);
    if (part->most > 0)
        json_object_set_new(args, "most", json_integer(part->most));
    return ctl_ask(ctl, part->command, args, collect, json_object_get(out, part->member), NULL);
}

static int gather_all(struct ctl *ctl, json_t *out)
{
    struct addr address;
    bool client = addr_parse_ip(ctl->args.operand[0], &address);
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].client == client)
            status = gather(ctl, &parts[i], out);
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
