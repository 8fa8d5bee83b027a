/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of records: the input is a record as the store might give it back, and the text of
 * one that is written. Asserts: what is read can be written, is read again, and comes to the same
 * verdict; whatever a text holds, what is written is a record, no longer than it may be.
 */
#include "policy/explain.h"
#include "policy/record.h"

#include "lib/buf.h"
#include "lib/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what))                                                                               \
            __builtin_trap();                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Written, it is no longer than it may be, and is read again. */
static struct record *again(const struct record *record)
{
    const char *why = NULL;
    struct buf out = {0};
    record_write(record, &out);
    CHECK(buf_len(&out) <= STORE_RECORD_MOST);
    struct record *read = record_parse(buf_data(&out), buf_len(&out), &why);
    CHECK(read != NULL);
    buf_free(&out);
    return read;
}

/* Words for a terminal, and JSON that can be written. */
static void explain(const struct record *record)
{
    struct buf out = {0};
    explain_text(record, &out);
    for (size_t i = 0; i < buf_len(&out); i++)
        CHECK(buf_data(&out)[i] == '\n' || (unsigned char)buf_data(&out)[i] >= ' ');
    buf_free(&out);
    json_t *object = explain_json(record);
    CHECK(json_is_object(json_object_get(object, "record")));
    json_decref(object);
}

static void read_it(const char *text, size_t size)
{
    const char *why = NULL;
    struct record *record = record_parse(text, size, &why);
    if (record == NULL) {
        CHECK(why != NULL);
        return;
    }
    struct record_outcome first;
    struct record_outcome second;
    struct record *read = again(record);
    record_judge(record, &first);
    record_judge(read, &second);
    CHECK(read->dropped > record->dropped ||
          (first.action == second.action && first.score == second.score));
    explain(read);
    record_mark_once(read);
    record_free(read);
    record_free(record);
}

static void write_it(const char *text)
{
    struct record record = {.id = text,
                            .helo = text,
                            .reverse = text,
                            .sender = text,
                            .listener = text,
                            .refused = text,
                            .reply = text,
                            .recipients = 1,
                            .recipient = {text},
                            .findings = strlen(text) % 16 == 0 ? RECORD_FINDINGS : 2};
    for (size_t i = 0; i < record.findings; i++)
        record.finding[i] = (struct record_finding){
            .check = "helo", .zone = text, .label = text, .answer = text, .code = text};
    record_free(again(&record));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    read_it(text, size);
    write_it(text);
    free(text);
    return 0;
}
