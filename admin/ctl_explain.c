/* SPDX-License-Identifier: ISC */
/*
 * ctl_explain: explain, test and lookup: why it was decided so, or would be.
 *
 * The store has a row for each recipient of a decision; a record that comes again for the next one
 * is shown once.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_record.h"
#include "admin/ctl_show.h"
#include "lib/addr.h"

#include <stdio.h>
#include <string.h>

#define MOST_OF_ID   100
#define MOST_OF_REST 1

struct explain {
    struct ctl *ctl;
    json_t *last; /* the record shown last */
    size_t count;
    struct ctl_rows *rows; /* --json */
};

static bool show(json_t *item, void *arg)
{
    struct explain *explain = arg;
    json_t *record = json_object_get(item, "record");
    if (explain->last != NULL && json_equal(explain->last, record))
        return true;
    json_decref(explain->last);
    explain->last = json_incref(record);
    explain->count++;
    if (explain->rows != NULL) {
        json_t *explained = ctl_record_json(record);
        bool more = ctl_rows_item(explained, explain->rows);
        json_decref(explained);
        return more;
    }
    if (explain->count > 1)
        putchar('\n');
    ctl_record_show(explain->ctl, record);
    return ferror(stdout) == 0;
}

/* What decisions is asked; NULL with the exit status. */
static json_t *question(struct ctl *ctl, int *status)
{
    struct addr address;
    const char *whom = ctl->args.operands > 0 ? ctl->args.operand[0] : NULL;
    json_t *args = ctl_args_request(&ctl->args);
    if (whom == NULL && ctl->args.option[CTL_FROM] == NULL && ctl->args.option[CTL_TO] == NULL)
        *status = ctl_fail(2, "explain needs an ID, an IP address, --from or --to");
    else if (whom != NULL && strchr(whom, '@') != NULL)
        *status = ctl_fail(2, "%s is no ID; a sender stands behind --from, a recipient behind --to",
                           whom);
    bool client = whom != NULL && addr_parse_ip(whom, &address);
    if (whom != NULL)
        json_object_set_new(args, client ? "client" : "id", json_string(whom));
    if (json_object_get(args, "most") == NULL)
        json_object_set_new(args, "most",
                            json_integer(whom != NULL && !client ? MOST_OF_ID : MOST_OF_REST));
    if (*status == 0)
        return args;
    json_decref(args);
    return NULL;
}

int ctl_explain(struct ctl *ctl)
{
    struct explain explain = {.ctl = ctl};
    int status = 0;
    json_t *args = question(ctl, &status);
    if (args == NULL)
        return status;
    if (ctl->json)
        explain.rows = ctl_rows_new(ctl, NULL, false);
    status = ctl_ask(ctl, "decisions", args, show, &explain, NULL);
    if (explain.rows != NULL)
        ctl_rows_end(explain.rows, status == 0);
    json_decref(explain.last);
    if (status == 0 && explain.count == 0) {
        ctl_note(ctl, "no such decision is recorded; records are kept for a time and up to a "
                      "number (gatepost.conf(5), decisions)");
        return 1;
    }
    return status;
}

int ctl_test(struct ctl *ctl)
{
    json_t *result = NULL;
    if (ctl->args.option[CTL_CLIENT] == NULL)
        return ctl_fail(2, "test needs --client IP");
    int status = ctl_ask(ctl, "test", ctl_args_request(&ctl->args), NULL, NULL, &result);
    if (status == 0 && ctl->json)
        ctl_show_json(result, true);
    else if (status == 0)
        ctl_record_show(ctl, json_object_get(result, "record"));
    json_decref(result);
    return status;
}
