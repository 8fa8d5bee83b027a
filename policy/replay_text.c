/* SPDX-License-Identifier: ISC */
/* replay_text: what a replay found, for people and for programs. */
#include "policy/replay.h"

#include "lib/buf.h"
#include "lib/str.h"
#include "policy/trial_int.h"

#include <string.h>

#define SHOWN_MOST 512

static void put_shown(struct buf *out, const char *text)
{
    char shown[SHOWN_MOST];
    buf_add(out, shown, str_printable(shown, sizeof shown, text, strlen(text)));
}

static void put_doubt(const struct replay_verdict *now, struct buf *out)
{
    if (now->blind)
        buf_add_str(out, ", checks had not run");
    if (now->unknown > 0)
        buf_printf(out, ", %u not asked then", now->unknown);
    if (now->greylist)
        buf_add_str(out, ", the greylist was not asked then");
}

void replay_change_text(const struct replay_change *change, struct buf *out)
{
    char time[RECORD_TIME_SIZE];
    char address[ADDR_TEXT_MAX];
    char before[TRIAL_SCORE_SIZE];
    char after[TRIAL_SCORE_SIZE];
    const struct record *r = change->record;
    buf_printf(out, "%s  ", record_time_text(r->time_ms, time));
    put_shown(out, r->id);
    buf_printf(out, "  %s  <", addr_ip_text(&r->client, address));
    put_shown(out, r->sender != NULL ? r->sender : "");
    buf_add_str(out, "> to ");
    put_shown(out, r->recipients > 0 ? r->recipient[0] : "-");
    if (r->recipients + r->others > 1)
        buf_printf(out, " and %zu more", r->recipients + r->others - 1);
    buf_printf(out, "  %s (%s) -> %s by %s (%s)%s", verdict_action_name(change->before),
               trial_score_text(r->score, false, before), verdict_action_name(change->now.action),
               verdict_cause_name(change->now.cause),
               trial_score_text(change->now.score, false, after), r->proven ? "  proven" : "");
    put_doubt(&change->now, out);
    buf_add_str(out, "\n");
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *points(score_t score)
{
    return score % 100 == 0 ? json_integer(score / 100) : json_real(score / 100.0);
}

json_t *replay_change_json(const struct replay_change *change)
{
    char time[RECORD_TIME_SIZE];
    char address[ADDR_TEXT_MAX];
    const struct record *r = change->record;
    json_t *object = json_object();
    json_t *recipients = json_array();
    for (size_t i = 0; i < r->recipients; i++)
        json_array_append_new(recipients, json_string(r->recipient[i]));
    set(object, "id", json_string(r->id));
    set(object, "time", json_string(record_time_text(r->time_ms, time)));
    set(object, "client", json_string(addr_ip_text(&r->client, address)));
    set(object, "sender", r->sender != NULL ? json_string(r->sender) : json_null());
    set(object, "recipients", recipients);
    set(object, "proven", json_boolean(r->proven));
    set(object, "before", json_string(verdict_action_name(change->before)));
    set(object, "after", json_string(verdict_action_name(change->now.action)));
    set(object, "score_before", points(r->score));
    set(object, "score_after", points(change->now.score));
    set(object, "by", json_string(verdict_cause_name(change->now.cause)));
    set(object, "unknown", json_integer(change->now.unknown));
    set(object, "gone", json_integer(change->now.gone));
    set(object, "blind", json_boolean(change->now.blind));
    set(object, "greylist", json_boolean(change->now.greylist));
    return object;
}

static void put_group(struct buf *out, const char *name, const struct replay_group *group)
{
    buf_printf(out, "%-10s %8llu %12llu %12llu %12llu %12llu\n", name,
               (unsigned long long)group->records, (unsigned long long)group->refused,
               (unsigned long long)group->passed, (unsigned long long)group->other,
               (unsigned long long)group->unsure);
}

void replay_summary_text(const struct replay_summary *summary, struct buf *out)
{
    buf_printf(out, "%-10s %8s %12s %12s %12s %12s\n", "SENDERS", "RECORDS", "NOW REFUSED",
               "NOW PASSED", "OTHERWISE", "UNSURE");
    put_group(out, "proven", &summary->proven);
    put_group(out, "unproven", &summary->unproven);
    if (summary->skipped > 0)
        buf_printf(out, "%llu records had no verdict, or were refused by something else\n",
                   (unsigned long long)summary->skipped);
}

static json_t *group_json(const struct replay_group *group)
{
    json_t *object = json_object();
    set(object, "records", json_integer((json_int_t)group->records));
    set(object, "refused", json_integer((json_int_t)group->refused));
    set(object, "passed", json_integer((json_int_t)group->passed));
    set(object, "other", json_integer((json_int_t)group->other));
    set(object, "unsure", json_integer((json_int_t)group->unsure));
    return object;
}

json_t *replay_summary_json(const struct replay_summary *summary)
{
    json_t *object = json_object();
    set(object, "proven", group_json(&summary->proven));
    set(object, "unproven", group_json(&summary->unproven));
    set(object, "skipped", json_integer((json_int_t)summary->skipped));
    return object;
}
