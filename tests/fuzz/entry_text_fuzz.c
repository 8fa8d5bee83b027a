/* SPDX-License-Identifier: ISC */
/*
 * Fuzzes policy/entry_text: keys of list entries and durations as administrators, list files and
 * rows of the store have them. The first octet chooses the list; the rest is the text.
 *
 * What must hold: a key in normal form is its own normal form, is bounded, and goes into a table,
 * where it is found and out of which it can be taken again.
 */
#include "policy/entry_text.h"

#include "lib/mem.h"
#include "policy/list_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void count(const struct entry *entry, void *arg)
{
    (void)entry;
    ++*(unsigned *)arg;
}

static void try_table(enum entry_list list, enum entry_kind kind, const char *key)
{
    const struct entry entry = {.list = list, .kind = kind, .key = key};
    struct list_table *table = list_table_new();
    unsigned found = 0;
    list_table_put(table, &entry);
    list_table_covering(table, kind, key, count, &found);
    must(found == 1);
    must(list_table_remove(table, list, kind, key) == 1);
    list_table_free(table);
}

static void try_key(enum entry_list list, const char *text)
{
    char key[ENTRY_KEY_MOST], again[ENTRY_KEY_MOST], shown[ENTRY_KEY_MOST + 16];
    enum entry_kind kind, same;
    const char *why = NULL;
    if (!entry_key_parse(list, text, &kind, key, &why)) {
        must(why != NULL);
        return;
    }
    must(strlen(key) < sizeof key && key[0] != '\0');
    must(entry_key_parse(list, entry_key_text(kind, key, shown), &same, again, &why));
    must(same == kind && strcmp(key, again) == 0);
    try_table(list, kind, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t seconds;
    if (size == 0)
        return 0;
    char *text = mem_strndup((const char *)data + 1, size - 1);
    try_key((enum entry_list)(data[0] % 3), text);
    if (entry_duration_parse(text, &seconds))
        must(seconds > 0 && seconds <= (int64_t)3660 * 24 * 3600);
    free(text);
    return 0;
}
