/* SPDX-License-Identifier: ISC */
/*
 * ctl_replay: recorded decisions under another configuration: which would come out otherwise.
 *
 * One request, newest first; each record is judged as it comes, so the number of them takes no
 * memory. Records of which we do not understand all are counted and left out.
 */
#include "admin/ctl_run.h"

#include "admin/ctl_record.h"
#include "admin/ctl_show.h"
#include "lib/buf.h"
#include "policy/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RECORDS_MOST 1000000
#define DAYS         7

struct run {
    struct ctl *ctl;
    struct replay *replay;
    json_t *changes; /* --json */
    uint64_t changed, strange;
};

static bool judge(json_t *item, void *arg)
{
    struct run *run = arg;
    struct replay_change change;
    struct buf line = {0};
    struct record *record = ctl_record_read(json_object_get(item, "record"));
    run->strange += record == NULL;
    if (record != NULL && replay_add(run->replay, record, &change)) {
        run->changed++;
        if (run->changes != NULL)
            json_array_append_new(run->changes, replay_change_json(&change));
        else
            replay_change_text(&change, &line);
        fwrite(buf_data(&line), 1, buf_len(&line), stdout);
    }
    buf_free(&line);
    record_free(record);
    return ferror(stdout) == 0;
}

static void show(struct run *run)
{
    const struct replay_summary *summary = replay_summary(run->replay);
    struct buf text = {0};
    if (run->changes != NULL) {
        json_t *out = json_pack("{s:O, s:o, s:I}", "changes", run->changes, "summary",
                                replay_summary_json(summary), "unread", (json_int_t)run->strange);
        ctl_show_json(out, true);
        json_decref(out);
        return;
    }
    if (run->changed > 0)
        putchar('\n');
    replay_summary_text(summary, &text);
    fwrite(buf_data(&text), 1, buf_len(&text), stdout);
    buf_free(&text);
    if (run->strange > 0)
        ctl_note(run->ctl, "%llu records are of another version and were left out",
                 (unsigned long long)run->strange);
}

static json_t *since(const struct ctl *ctl)
{
    const char *text = ctl->args.option[CTL_DAYS];
    json_int_t days = text != NULL ? strtol(text, NULL, 10) : DAYS;
    json_int_t now = (json_int_t)time(NULL);
    return json_pack("{s:I, s:i}", "since", (now - days * 86400) * 1000, "most", RECORDS_MOST);
}

int ctl_replay(struct ctl *ctl)
{
    struct replay_rules rules;
    char *why = NULL;
    struct ctl_rules *new = ctl_rules_read(ctl->args.operand[0], &rules, &why);
    if (new == NULL) {
        fputs(why, stderr);
        free(why);
        return ctl_fail(1, "%s is no good configuration; nothing was replayed",
                        ctl->args.operand[0]);
    }
    struct run run = {.ctl = ctl, .replay = replay_new(&rules)};
    if (ctl->json)
        run.changes = json_array();
    int status = ctl_ask(ctl, "decisions", since(ctl), judge, &run, NULL);
    if (status == 0)
        show(&run);
    json_decref(run.changes);
    replay_free(run.replay);
    ctl_rules_free(new);
    return status;
}
