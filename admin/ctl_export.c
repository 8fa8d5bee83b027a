/* SPDX-License-Identifier: ISC */
/*
 * ctl_export: allow, deny and trap export.
 *
 * Entries are held until all are there and written in the one order in which every format is right:
 * a postscreen map is read from its top.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_entry.h"
#include "admin/ctl_show.h"
#include "lib/mem.h"
#include "policy/entry_text.h"
#include "policy/list_format.h"

#include <stdio.h>
#include <stdlib.h>

static bool on_item(json_t *item, void *arg)
{
    struct entry entry;
    char key[ENTRY_KEY_MOST];
    if (ctl_entry_read(item, &entry, key))
        ctl_entries_add(arg, &entry);
    return true;
}

/* In order; what the format cannot say is counted. */
static size_t write_all(const struct ctl_entries *entries, enum list_format format)
{
    struct entry *sorted = mem_grow(NULL, entries->count + 1, sizeof *sorted);
    struct buf out = {0};
    size_t count = 0, left_out = 0;
    for (size_t at = 0; ctl_entries_next(entries, &at, &sorted[count]);)
        count++;
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, list_export_order);
    list_export_head(format, &out);
    for (size_t i = 0; i < count && ferror(stdout) == 0; i++) {
        left_out += !list_export(format, &sorted[i], &out);
        fwrite(buf_data(&out), 1, buf_len(&out), stdout);
        buf_consume(&out, buf_len(&out));
    }
    fwrite(buf_data(&out), 1, buf_len(&out), stdout);
    buf_free(&out);
    free(sorted);
    return left_out;
}

int ctl_list_export(struct ctl *ctl)
{
    enum list_format format = LIST_FORMAT_NATIVE;
    const char *name = ctl->args.option[CTL_FORMAT];
    struct buf head = {0};
    if (name != NULL && (!list_format_parse(name, &format) || !list_export_head(format, &head))) {
        buf_free(&head);
        return ctl_fail(2, "\"%s\" is no format that is written; gatepostctl(1) lists them", name);
    }
    buf_free(&head);
    if (ctl->json)
        return ctl_list_list(ctl);
    struct ctl_entries entries = {0};
    json_t *args = json_pack("{s:s}", "list", ctl->args.word[0]);
    int status = ctl_ask(ctl, "entry-list", args, on_item, &entries, NULL);
    size_t left_out = status == 0 ? write_all(&entries, format) : 0;
    if (left_out > 0)
        ctl_note(ctl, "%zu entries cannot be said in that format and were left out", left_out);
    ctl_entries_free(&entries);
    return status;
}
