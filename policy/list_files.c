/* SPDX-License-Identifier: ISC */
/*
 * list_files: the files of lists { ... } at a start and a reload.
 *
 * Each file's entries are kept by themselves, so that one that turns bad keeps what it had while
 * others change, and all are merged into one store for look-ups, whose price must not grow with the
 * number of files. Of one key in several the list decides: deny, over it tarpit; allow stands
 * beside them.
 *
 * Limits: what is said of one file is cut behind SAID_MOST lines. At a start and a reload files are
 * read on the main thread, like all that the configuration names; the watch (list_watch.c) does
 * not.
 */
#include "policy/list_files_int.h"

#include "lib/mem.h"
#include "lib/str.h"
#include "policy/list_format.h"
#include "policy/list_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SAID_MOST 10

/* ---- reading ------------------------------------------------------------------------------------
 */

struct reading {
    struct list_store *entries;
    struct list_read *out;
    unsigned said;
};

static void on_entry(const struct entry *entry, void *arg)
{
    struct reading *reading = arg;
    list_store_put(reading->entries, entry);
}

static void on_said(bool fault, const char *text, void *arg)
{
    struct reading *reading = arg;
    if (reading->said++ < SAID_MOST)
        buf_printf(&reading->out->said, "%c %s\n", fault ? '!' : '?', text);
}

void list_file_stamp(const char *path, struct list_stamp *out)
{
    struct stat st;
    *out = (struct list_stamp){.there = stat(path, &st) == 0};
    if (!out->there)
        return;
    out->device = st.st_dev;
    out->inode = st.st_ino;
    out->size = st.st_size;
    out->modified = st.st_mtim;
}

bool list_stamp_same(const struct list_stamp *a, const struct list_stamp *b)
{
    return a->there == b->there && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

void list_file_read(const struct list_file *file, struct list_read *out, atomic_bool *stop)
{
    struct hash_key seed;
    struct reading reading = {.out = out};
    char *why = NULL;
    const struct list_import how = {
        .name = file->path, .list = file->list, .action = file->action, .kind = -1, .stop = stop};
    *out = (struct list_read){0};
    list_file_stamp(file->path, &out->stamp); /* first: what comes later is a change */
    hash_key_new(&seed);
    reading.entries = list_store_new(&seed);
    if (!list_read_file(&how, on_entry, on_said, &reading, &out->faults, &why)) {
        char shown[1024];
        buf_free(&out->said);
        str_printable(shown, sizeof shown, why, strlen(why));
        buf_printf(&out->said, "! %s\n", shown);
        out->faults = 1;
    }
    if (out->faults == 0)
        out->entries = reading.entries;
    else
        list_store_free(reading.entries);
    free(why);
}

/* Notes what was said of a file, at its line in the configuration. */
static void note_said(struct conf *conf, unsigned line, const struct list_read *read)
{
    const char *text = buf_data(&read->said);
    const char *end = text + buf_len(&read->said);
    unsigned long faults = 0;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        int len = (int)(stop - text) - 2;
        if (*text == '!' && ++faults > 0)
            conf_fault(conf, line, "%.*s", len, text + 2);
        else
            conf_warn(conf, line, "%.*s", len, text + 2);
        text = stop + 1;
    }
    if (read->faults > faults)
        conf_fault(conf, line, "and %lu faults more in this file", read->faults - faults);
}

static void add_files(struct list_files *files, struct conf *conf, const struct list_paths *paths,
                      const char *option, enum entry_list list, enum entry_action action)
{
    const struct conf_part *part = conf_part(conf, &list_section, 0);
    for (size_t i = 0; i < paths->count; i++) {
        struct list_read read;
        struct list_file *file = &files->file[files->count++];
        *file = (struct list_file){.path = paths->item[i], .list = list, .action = action};
        list_file_read(file, &read, NULL);
        note_said(conf, conf_line(part, option, i), &read);
        file->entries = read.entries;
        file->stamp = read.stamp;
        buf_free(&read.said);
    }
}

struct list_files *list_files_new(const struct policy_lists *lists, struct conf *conf)
{
    struct list_files *files = mem_alloc(sizeof *files);
    size_t count = lists->allow_files.count + lists->deny_files.count + lists->tarpit_files.count;
    files->lists = lists;
    files->file = mem_alloc((count + 1) * sizeof *files->file);
    add_files(files, conf, &lists->allow_files, "allow-files", ENTRY_ALLOW, ENTRY_REJECT);
    add_files(files, conf, &lists->deny_files, "deny-files", ENTRY_DENY, ENTRY_REJECT);
    add_files(files, conf, &lists->tarpit_files, "tarpit-files", ENTRY_DENY, ENTRY_TARPIT);
    return files;
}

void list_files_free(struct list_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++)
        list_store_free(files->file[i].entries);
    free(files->file);
    free(files);
}

/* ---- all together -------------------------------------------------------------------------------
 */

static void add_set(struct list_store *out, const struct cidr_set *set, enum entry_list list,
                    enum entry_action action)
{
    char key[ENTRY_KEY_MOST];
    const struct entry entry = {.list = list,
                                .kind = ENTRY_CLIENT,
                                .action = action,
                                .origin = ENTRY_FILE,
                                .key = key,
                                .reason = "",
                                .author = ""};
    for (size_t i = 0; i < set->count; i++) {
        if (set->item[i].net.family == AF_UNSPEC)
            continue;
        entry_network_key(&set->item[i], key);
        list_store_put(out, &entry);
    }
}

void list_files_merge(const struct list_files *files, struct list_store *const *changed,
                      struct list_store *out)
{
    const struct policy_lists *lists = files->lists;
    add_set(out, &lists->allow, ENTRY_ALLOW, ENTRY_REJECT);
    add_set(out, &lists->deny, ENTRY_DENY, ENTRY_REJECT);
    for (size_t i = 0; i < files->count; i++) { /* in this order: allow, deny, tarpit */
        const struct list_store *own = files->file[i].entries;
        if (changed != NULL && changed[i] != NULL)
            own = changed[i];
        if (own != NULL)
            list_store_merge(out, own);
    }
    add_set(out, &lists->tarpit, ENTRY_DENY, ENTRY_TARPIT);
}

void list_files_use(const struct list_files *files, struct list_table *table)
{
    struct list_store *all = list_table_aside(table);
    list_files_merge(files, NULL, all);
    list_table_use_files(table, all);
}
