/* SPDX-License-Identifier: ISC */
/*
 * ctl_record: a decision record, explained by policy/explain.
 *
 * A daemon of a later version may write records of which this program does not understand all; they
 * are shown as they are.
 */
#include "admin/ctl_record.h"

#include "admin/ctl_show.h"
#include "lib/buf.h"
#include "policy/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record *ctl_record_read(const json_t *object)
{
    const char *why = NULL;
    char *text = json_dumps(object, JSON_COMPACT);
    struct record *record = text != NULL ? record_parse(text, strlen(text), &why) : NULL;
    free(text);
    return record;
}

void ctl_record_show(struct ctl *ctl, const json_t *object)
{
    struct buf text = {0};
    struct record *record = ctl_record_read(object);
    if (record != NULL) {
        explain_text(record, &text);
        fwrite(buf_data(&text), 1, buf_len(&text), stdout);
    } else {
        ctl_show_object(ctl, object, 0);
    }
    buf_free(&text);
    record_free(record);
}

json_t *ctl_record_json(const json_t *object)
{
    struct record *record = ctl_record_read(object);
    json_t *out =
        record != NULL ? explain_json(record) : json_pack("{s:O, s:[]}", "record", object, "flips");
    record_free(record);
    return out;
}
