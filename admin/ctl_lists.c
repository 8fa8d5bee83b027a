/* SPDX-License-Identifier: ISC */
/*
 * ctl_lists: allow, deny and trap: add, del, list, show. Import and export are in ctl_import.c and
 * ctl_export.c.
 *
 * All keys of a command are looked at before the first request is made, so that a slip in the last
 * one is wrong usage and not half a change.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_show.h"
#include "policy/entry_text.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS "key action expires origin author created reason"

static int check_keys(const struct ctl *ctl)
{
    enum entry_list list;
    if (!entry_list_parse(ctl->args.word[0], &list))
        return 2;
    for (size_t i = 0; i < ctl->args.operands; i++) {
        enum entry_kind kind;
        char key[ENTRY_KEY_MOST];
        const char *why = NULL;
        if (!entry_key_parse(list, ctl->args.operand[i], &kind, key, &why))
            return ctl_fail(2, "\"%s\": %s", ctl->args.operand[i], why);
    }
    return 0;
}

static json_t *request_for(const struct ctl *ctl, size_t index)
{
    json_t *request = ctl_args_request(&ctl->args);
    json_object_set_new(request, "list", json_string(ctl->args.word[0]));
    if (index < ctl->args.operands)
        json_object_set_new(request, "key", json_string(ctl->args.operand[index]));
    return request;
}

/* People see the kind before the key, as they write it. */
static bool show_entry(json_t *item, void *rows)
{
    char text[ENTRY_KEY_MOST + 16];
    enum entry_kind kind;
    const char *name = json_string_value(json_object_get(item, "kind"));
    const char *key = json_string_value(json_object_get(item, "key"));
    if (name == NULL || key == NULL || strlen(key) >= ENTRY_KEY_MOST ||
        !entry_kind_parse(name, &kind))
        return ctl_rows_item(item, rows);
    json_t *shown = json_copy(item);
    json_object_set_new(shown, "key", json_string(entry_key_text(kind, key, text)));
    bool more = ctl_rows_item(shown, rows);
    json_decref(shown);
    return more;
}

static ctl_item_fn entry_shown(const struct ctl *ctl)
{
    return ctl->json ? ctl_rows_item : show_entry;
}

/* What anybody may claim allows only where it is proven; who has not said that it is to allow all
 * the same may wonder later. */
static void note_proof(const struct ctl *ctl, const json_t *entry)
{
    enum entry_kind kind;
    const char *name = json_string_value(json_object_get(entry, "kind"));
    if (strcmp(ctl->args.word[0], "allow") != 0 || ctl->args.option[CTL_UNPROVEN] != NULL ||
        name == NULL || !entry_kind_parse(name, &kind) ||
        (kind != ENTRY_HELO && kind != ENTRY_SENDER))
        return;
    ctl_note(ctl,
             "%s:%s allows only where the client's confirmed reverse name proves it; with "
             "--unproven it allows whoever says so",
             name, json_string_value(json_object_get(entry, "key")));
}

int ctl_list_add(struct ctl *ctl)
{
    int status = check_keys(ctl);
    if (status == 0 && ctl->args.option[CTL_ACTION] != NULL &&
        strcmp(ctl->args.word[0], "deny") != 0)
        status = ctl_fail(2, "only deny entries have an action");
    if (status != 0)
        return status;
    struct ctl_rows *rows = ctl_rows_new(ctl, COLUMNS, false);
    for (size_t i = 0; status == 0 && i < ctl->args.operands; i++) {
        json_t *entry = NULL;
        status = ctl_ask(ctl, "entry-add", request_for(ctl, i), NULL, NULL, &entry);
        if (status == 0) {
            entry_shown(ctl)(entry, rows);
            note_proof(ctl, entry);
        }
        json_decref(entry);
    }
    ctl_rows_end(rows, status == 0);
    return status;
}

int ctl_list_del(struct ctl *ctl)
{
    int status = check_keys(ctl);
    json_int_t deleted = 0;
    for (size_t i = 0; status == 0 && i < ctl->args.operands; i++) {
        json_t *result = NULL;
        status = ctl_ask(ctl, "entry-delete", request_for(ctl, i), NULL, NULL, &result);
        json_int_t here = json_integer_value(json_object_get(result, "deleted"));
        if (status == 0 && here == 0)
            ctl_note(ctl, "there is no %s entry %s", ctl->args.word[0], ctl->args.operand[i]);
        deleted += here;
        json_decref(result);
    }
    if (status != 0)
        return status;
    if (ctl->json)
        printf("{\"deleted\":%" JSON_INTEGER_FORMAT "}\n", deleted);
    else if (deleted > 0)
        printf("deleted: %" JSON_INTEGER_FORMAT "\n", deleted);
    return deleted > 0 ? 0 : 1;
}

int ctl_list_list(struct ctl *ctl)
{
    struct ctl_rows *rows = ctl_rows_new(ctl, COLUMNS, false);
    int status = ctl_ask(ctl, "entry-list", request_for(ctl, 0), entry_shown(ctl), rows, NULL);
    ctl_rows_end(rows, status == 0);
    return status;
}

int ctl_list_show(struct ctl *ctl)
{
    int status = check_keys(ctl);
    if (status != 0)
        return status;
    struct ctl_rows *rows = ctl_rows_new(ctl, "list " COLUMNS, false);
    status = ctl_ask(ctl, "entry-show", request_for(ctl, 0), entry_shown(ctl), rows, NULL);
    size_t count = ctl_rows_end(rows, status == 0);
    if (status == 0 && count == 0) {
        ctl_note(ctl, "no %s entry has or covers %s", ctl->args.word[0], ctl->args.operand[0]);
        return 1;
    }
    return status;
}
