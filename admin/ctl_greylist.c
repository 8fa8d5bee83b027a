/* SPDX-License-Identifier: ISC */
/*
 * ctl_greylist: greylist list, show, pass, del.
 *
 * Whom a bare argument means is guessed from its form and said; --client, --sender and --recipient
 * are exact. What deletes or passes never does so for everybody: one of the three must be there.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS "identity sender recipient state left count first last"

/* The filter, or NULL with what to return. `needed`: there must be one. */
static json_t *filter_of(struct ctl *ctl, bool needed, int *status)
{
    static const enum ctl_option whom[] = {CTL_CLIENT, CTL_SENDER, CTL_RECIPIENT};
    json_t *filter = ctl_args_request(&ctl->args);
    size_t given = 0;
    for (size_t i = 0; i < sizeof whom / sizeof whom[0]; i++)
        given += ctl->args.option[whom[i]] != NULL;
    if (ctl->args.operands > 0) {
        const char *text = ctl->args.operand[0];
        const char *guess = strchr(text, '@') != NULL ? "recipient" : "client";
        if (json_object_get(filter, guess) != NULL) {
            *status = ctl_fail(2,
                               "\"%s\" would be a %s, and there is a --%s; say which option "
                               "it belongs to",
                               text, guess, guess);
            json_decref(filter);
            return NULL;
        }
        ctl_note(ctl, "taking %s for a %s; --client, --sender and --recipient are exact", text,
                 guess);
        json_object_set_new(filter, guess, json_string(text));
        given++;
    }
    if (!needed || given > 0)
        return filter;
    *status = ctl_fail(2, "greylist %s needs somebody: --client, --sender or --recipient",
                       ctl->args.word[1]);
    json_decref(filter);
    return NULL;
}

static int show(struct ctl *ctl, bool needed)
{
    int status = 0;
    json_t *filter = filter_of(ctl, needed, &status);
    if (filter == NULL)
        return status;
    struct ctl_rows *rows = ctl_rows_new(ctl, COLUMNS, false);
    status = ctl_ask(ctl, "greylist-list", filter, ctl_rows_item, rows, NULL);
    size_t count = ctl_rows_end(rows, status == 0);
    if (status == 0 && needed && count == 0) {
        ctl_note(ctl, "no such triplet is known");
        return 1;
    }
    return status;
}

int ctl_grey_list(struct ctl *ctl)
{
    return show(ctl, false);
}

int ctl_grey_show(struct ctl *ctl)
{
    return show(ctl, true);
}

/* A triplet that is named whole needs no question. */
static bool is_whole(const json_t *filter)
{
    return json_object_get(filter, "client") != NULL && json_object_get(filter, "sender") != NULL &&
           json_object_get(filter, "recipient") != NULL;
}

static int change(struct ctl *ctl, const char *command, const char *question)
{
    int status = 0;
    json_t *result = NULL;
    json_t *filter = filter_of(ctl, true, &status);
    if (filter == NULL)
        return status;
    if (question != NULL && !is_whole(filter) && !ctl_confirm(ctl, question)) {
        json_decref(filter);
        return ctl_fail(1, "nothing was changed");
    }
    status = ctl_ask(ctl, command, filter, NULL, NULL, &result);
    if (status != 0)
        return status;
    json_int_t changed = json_integer_value(json_object_get(result, "changed"));
    if (ctl->json)
        ctl_show_json(result, true);
    else
        printf("%s: %" JSON_INTEGER_FORMAT "\n", question != NULL ? "deleted" : "passed", changed);
    json_decref(result);
    return changed > 0 ? 0 : 1;
}

int ctl_grey_pass(struct ctl *ctl)
{
    return change(ctl, "greylist-pass", NULL);
}

int ctl_grey_del(struct ctl *ctl)
{
    return change(ctl, "greylist-delete", "Forget every triplet that matches?");
}
