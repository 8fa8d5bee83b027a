/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of list_format and entry_text: the first octets choose the format, the list, the kind
 * of names and how many octets come at a time; the rest is a file. Asserts: an entry's key is in
 * normal form and within its bounds, its reason prints; what is written in our own format comes in
 * again as the same; each fault is counted and prints; pieces do not matter.
 */
#include "policy/list_format.h"

#include "lib/str.h"
#include "policy/entry_text.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf out; /* the entries in our own format */
    unsigned long faults;
    bool again; /* `out` is being read */
};

static bool prints(const char *text)
{
    size_t len = strlen(text);
    for (size_t step; len > 0; text += step, len -= step) {
        step = str_utf8_shown(text, len);
        if (step == 0)
            return false;
    }
    return true;
}

static void on_entry(const struct entry *entry, void *arg)
{
    struct seen *seen = arg;
    char text[ENTRY_KEY_MOST + 16];
    char key[ENTRY_KEY_MOST];
    enum entry_kind kind;
    const char *why;
    CHECK(entry_key_parse(entry->list, entry_key_text(entry->kind, entry->key, text), &kind, key,
                          &why));
    CHECK(kind == entry->kind && strcmp(key, entry->key) == 0);
    CHECK(prints(entry->reason) && strlen(entry->reason) < LIST_REASON_MOST);
    CHECK(entry->origin == ENTRY_FILE && entry->expires >= 0);
    CHECK(list_export(LIST_FORMAT_NATIVE, entry, &seen->out));
    for (unsigned f = 0; f < LIST_FORMATS; f++) {
        struct buf other = {0};
        CHECK(list_export((enum list_format)f, entry, &other) == (buf_len(&other) > 0));
        buf_free(&other);
    }
}

static void on_said(bool fault, const char *text, void *arg)
{
    struct seen *seen = arg;
    CHECK(prints(text));
    CHECK(!seen->again);
    seen->faults += fault;
}

static void read_in(const struct list_import *how, const char *data, size_t size, size_t step,
                    struct seen *seen)
{
    struct list_reader *reader = list_reader_new(how, on_entry, on_said, seen);
    for (size_t at = 0; at < size; at += step)
        list_reader_feed(reader, data + at, size - at < step ? size - at : step);
    CHECK(list_reader_end(reader) == seen->faults);
    list_reader_free(reader);
}

static bool same(const struct buf *a, const struct buf *b)
{
    return buf_len(a) == buf_len(b) && memcmp(buf_data(a), buf_data(b), buf_len(a)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    struct list_import how = {
        .name = "f",
        .format = (enum list_format)(data[0] % LIST_FORMATS),
        .list = (enum entry_list)(data[1] % 3),
        .action = (enum entry_action)(data[1] / 3 % 3),
        .kind = data[2] % (ENTRY_KINDS + 1) - 1,
    };
    struct seen whole = {0};
    struct seen pieces = {0};
    struct seen again = {.again = true};
    read_in(&how, (const char *)data + 4, size - 4, size, &whole);
    read_in(&how, (const char *)data + 4, size - 4, 1 + data[3], &pieces);
    CHECK(same(&whole.out, &pieces.out) && whole.faults == pieces.faults);
    how.format = LIST_FORMAT_NATIVE;
    if (buf_len(&whole.out) > 0)
        read_in(&how, buf_data(&whole.out), buf_len(&whole.out), 1000, &again);
    CHECK(again.faults == 0 && same(&again.out, &whole.out));
    buf_free(&whole.out);
    buf_free(&pieces.out);
    buf_free(&again.out);
    return 0;
}
