/* SPDX-License-Identifier: ISC */
/*
 * ctl_import: allow, deny and trap import.
 *
 * The whole file is read before the first entry is sent, so that one with faults changes nothing.
 * Then entries go out some hundred at a time; each such request is done whole or not at all. Where
 * one fails what went before it stays, and is counted.
 *
 * Some formats say of a line to which list it belongs; the entries of each list go in requests of
 * their own.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_entry.h"
#include "admin/ctl_show.h"
#include "lib/mem.h"
#include "policy/entry_text.h"
#include "policy/list_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK      1000
#define CHUNK_TEXT 100000 /* octets in it: a request is at most 1 MiB, with all that is escaped */
#define READ_ROOM  65536
#define FAULTS_SAY 50 /* of many faults the rest are counted */

struct import {
    struct ctl *ctl;
    struct ctl_entries entries;
    json_t *faults; /* texts */
    size_t fault_count;
    size_t imported;
    int64_t now;
};

static void on_read(const struct entry *entry, void *arg)
{
    struct import *import = arg;
    ctl_entries_add(&import->entries, entry);
}

static void on_said(bool fault, const char *text, void *arg)
{
    struct import *import = arg;
    import->fault_count += fault;
    if (import->ctl->json) {
        if (fault)
            json_array_append_new(import->faults, json_string(text));
    } else if (!fault || import->fault_count <= FAULTS_SAY) {
        fprintf(stderr, "%s\n", text);
    }
}

/* What the options say of how to read; false: wrong usage, which was said. */
static bool how_to_read(struct ctl *ctl, const char *name, struct list_import *how)
{
    const char *const *option = ctl->args.option;
    *how = (struct list_import){.name = name, .format = LIST_FORMAT_AUTO, .kind = -1};
    enum entry_kind kind;
    (void)entry_list_parse(ctl->args.word[0], &how->list);
    if (option[CTL_KIND] != NULL && entry_kind_parse(option[CTL_KIND], &kind))
        how->kind = (int)kind;
    if (option[CTL_ACTION] != NULL)
        (void)entry_action_parse(option[CTL_ACTION], &how->action);
    if (option[CTL_FORMAT] == NULL || list_format_parse(option[CTL_FORMAT], &how->format))
        return true;
    return ctl_fail(2, "there is no format \"%s\"; gatepostctl(1) lists them",
                    option[CTL_FORMAT]) == 0;
}

static bool read_all(struct import *import, FILE *in, const struct list_import *how)
{
    char *room = mem_alloc(READ_ROOM);
    struct list_reader *reader = list_reader_new(how, on_read, on_said, import);
    size_t got;
    while ((got = fread(room, 1, READ_ROOM, in)) > 0)
        list_reader_feed(reader, room, got);
    bool good = ferror(in) == 0;
    if (good)
        (void)list_reader_end(reader);
    list_reader_free(reader);
    free(room);
    return good;
}

/* Opened before there is a link: run as root we may be somebody else after that. */
static int read_file(struct import *import)
{
    struct ctl *ctl = import->ctl;
    const char *path = ctl->args.operands > 0 ? ctl->args.operand[0] : "-";
    bool standard = strcmp(path, "-") == 0;
    struct list_import how;
    if (!how_to_read(ctl, standard ? "standard input" : path, &how))
        return 2;
    FILE *in = standard ? stdin : fopen(path, "re");
    bool good = in != NULL && read_all(import, in, &how);
    int error = errno;
    if (in != NULL && !standard)
        fclose(in);
    return good ? 0 : ctl_fail(1, "%s: %s", path, strerror(error));
}

static json_t *entry_json(const struct import *import, const struct entry *entry)
{
    char key[ENTRY_KEY_MOST + 16];
    json_t *one = json_object();
    json_object_set_new(one, "key", json_string(entry_key_text(entry->kind, entry->key, key)));
    if (entry->list == ENTRY_DENY && entry->action != ENTRY_REJECT)
        json_object_set_new(one, "action", json_string(entry_action_name(entry->action)));
    if (entry->reason[0] != '\0')
        json_object_set_new(one, "reason", json_string(entry->reason));
    if (entry->expires > import->now)
        json_object_set_new(one, "for", json_integer(entry->expires - import->now));
    if (entry->unproven)
        json_object_set_new(one, "unproven", json_true());
    return one;
}

/* Sends the chunk; it is empty afterwards. */
static int send_chunk(struct import *import, enum entry_list list, json_t *chunk)
{
    const char *const *option = import->ctl->args.option;
    json_t *result = NULL;
    json_t *args = json_pack("{s:s, s:O}", "list", entry_list_name(list), "entries", chunk);
    if (option[CTL_REASON] != NULL)
        json_object_set_new(args, "reason", json_string(option[CTL_REASON]));
    int64_t seconds;
    if (option[CTL_FOR] != NULL && entry_duration_parse(option[CTL_FOR], &seconds))
        json_object_set_new(args, "for", json_integer(seconds));
    int status = ctl_ask(import->ctl, "entry-import", args, NULL, NULL, &result);
    json_int_t done = json_integer_value(json_object_get(result, "imported"));
    import->imported += done > 0 ? (size_t)done : 0;
    json_t *faults = json_object_get(result, "faults");
    if (status == 0 && json_array_size(faults) > 0) {
        const char *why = json_string_value(json_object_get(json_array_get(faults, 0), "why"));
        status = ctl_fail(1, "the daemon takes an entry that we do not: %s", why);
    }
    json_decref(result);
    json_array_clear(chunk);
    return status;
}

static int send_list(struct import *import, enum entry_list list)
{
    struct entry entry;
    int status = 0;
    size_t text = 0;
    json_t *chunk = json_array();
    for (size_t at = 0; status == 0 && ctl_entries_next(&import->entries, &at, &entry);) {
        if (entry.list != list || (entry.expires != 0 && entry.expires <= import->now))
            continue;
        entry.unproven = entry.unproven || import->ctl->args.option[CTL_UNPROVEN] != NULL;
        json_array_append_new(chunk, entry_json(import, &entry));
        text += strlen(entry.key) + strlen(entry.reason);
        if (json_array_size(chunk) < CHUNK && text < CHUNK_TEXT)
            continue;
        status = send_chunk(import, list, chunk);
        text = 0;
    }
    if (status == 0 && json_array_size(chunk) > 0)
        status = send_chunk(import, list, chunk);
    json_decref(chunk);
    return status;
}

static int send_all(struct import *import)
{
    if (import->fault_count > FAULTS_SAY && !import->ctl->json)
        fprintf(stderr, "... and %zu faults more\n", import->fault_count - FAULTS_SAY);
    if (import->fault_count > 0 && import->ctl->args.option[CTL_SKIP_FAULTS] == NULL)
        return ctl_fail(1,
                        "nothing was imported; --skip-faults imports the %zu entries that are "
                        "right",
                        import->entries.count);
    int status = send_list(import, ENTRY_ALLOW);
    if (status == 0)
        status = send_list(import, ENTRY_DENY);
    if (status == 0)
        status = send_list(import, ENTRY_TRAP);
    return status;
}

int ctl_list_import(struct ctl *ctl)
{
    struct import import = {.ctl = ctl, .faults = json_array(), .now = (int64_t)time(NULL)};
    int status = read_file(&import);
    if (status == 0)
        status = send_all(&import);
    if (ctl->json && status != 2) {
        json_t *out = json_pack("{s:I, s:O}", "imported", (json_int_t)import.imported, "faults",
                                import.faults);
        ctl_show_json(out, true);
        json_decref(out);
    } else if (status != 2) {
        printf("imported: %zu\n", import.imported);
    }
    json_decref(import.faults);
    ctl_entries_free(&import.entries);
    return status;
}
