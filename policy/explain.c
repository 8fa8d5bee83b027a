/* SPDX-License-Identifier: ISC */
/*
 * explain: one decision record as people read it, and as programs do.
 *
 *   7Q2M  2026-11-22T17:00:00.123Z  at rcpt: reject by score
 *   client      192.0.2.1, reverse name mx.example.net (confirmed)
 *   ...
 *   CHECK                 SCORE      MS  ANSWER
 *   zen.example              +6      12  127.0.0.4
 *   helo                      ?    5000  no answer in time
 *   other.example             -       7  nothing found
 *   score       7.5 (greylist 2, reject 6, tarpit 10)
 *   reply       550 5.7.1 ...
 *   otherwise   without zen.example (+6) the score were 1.5: pass
 *
 * Promises: whatever peers said is made fit for a terminal; of the changes the smallest are shown,
 * in JSON all.
 */
#include "policy/explain.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "lib/str.h"
#include "policy/trial_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MOST  1024
#define FLIPS_SHOWN 5

/* ---- text ---------------------------------------------------------------------------------------
 */

static void put_shown(struct buf *out, const char *text)
{
    char shown[SHOWN_MOST];
    buf_add(out, shown, str_printable(shown, sizeof shown, text, strlen(text)));
}

static void put_head(struct buf *out, const char *name)
{
    buf_printf(out, "%-12s", name);
}

static void put_line(struct buf *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    put_head(out, name);
    put_shown(out, text);
    buf_add_str(out, "\n");
}

static void put_title(struct buf *out, const struct record *r)
{
    char time[RECORD_TIME_SIZE];
    put_shown(out, r->id);
    buf_printf(out, "  %s  at %s: ", record_time_text(r->time_ms, time),
               record_stage_name(r->stage));
    if (!r->judged) {
        buf_add_str(out, "no verdict was asked\n");
        return;
    }
    buf_printf(out, "%s by %s", verdict_action_name(r->action), verdict_cause_name(r->cause));
    if (r->would != r->action)
        buf_printf(out, " (mode = observe; it would be %s)", verdict_action_name(r->would));
    buf_add_str(out, "\n");
}

static void put_client(struct buf *out, const struct record *r)
{
    char address[ADDR_TEXT_MAX];
    put_head(out, "client");
    buf_add_str(out, addr_ip_text(&r->client, address));
    if (r->reverse != NULL) {
        buf_add_str(out, ", reverse name ");
        put_shown(out, r->reverse);
        buf_add_str(out, r->confirmed ? " (confirmed)" : " (not confirmed)");
    }
    if (r->proven)
        buf_add_str(out, ", proven");
    if (r->trusted)
        buf_add_str(out, ", an own network");
    if (r->authenticated)
        buf_add_str(out, ", authenticated");
    buf_add_str(out, "\n");
}

static void put_envelope(struct buf *out, const struct record *r)
{
    put_line(out, "helo", r->helo);
    if (r->sender != NULL)
        put_line(out, "sender", r->sender[0] != '\0' ? r->sender : "<>");
    for (size_t i = 0; i < r->recipients; i++)
        put_line(out, i == 0 ? "recipient" : "", r->recipient[i]);
    if (r->others > 0)
        buf_printf(out, "%-12s%zu more\n", "", r->others);
    if (r->exempt)
        put_line(out, "", "postmaster or abuse of an own domain");
    put_line(out, "listener", r->listener);
}

static const char *remark(const struct record_finding *f)
{
    if (f->once)
        return "  (counted once)";
    if (f->quiet)
        return "  (counts nothing)";
    if (f->mode == CHECK_OBSERVE && !f->abstained)
        return "  (observed)";
    return record_refuses(f) ? "  (refuses alone)" : "";
}

static void put_row(struct buf *out, const char *label, const char *score, uint32_t ms,
                    const char *answer)
{
    char shown[SHOWN_MOST];
    str_printable(shown, sizeof shown, label, strlen(label));
    buf_printf(out, "  %-30s %7s %7lu  ", shown, score, (unsigned long)ms);
    put_shown(out, answer);
}

static void put_checks(struct buf *out, const struct record *r)
{
    char score[TRIAL_SCORE_SIZE];
    if (r->findings + r->cleans > 0)
        buf_printf(out, "  %-30s %7s %7s  %s\n", "CHECK", "SCORE", "MS", "ANSWER");
    for (size_t i = 0; i < r->findings; i++) {
        const struct record_finding *f = &r->finding[i];
        put_row(out, f->label, f->abstained ? "?" : trial_score_text(f->score, true, score), f->ms,
                f->answer);
        buf_printf(out, "%s\n", remark(f));
    }
    for (size_t i = 0; i < r->cleans; i++) {
        const struct record_clean *c = &r->clean[i];
        put_row(out, c->zone[0] != '\0' ? c->zone : c->check, "-", c->ms, "nothing found");
        buf_add_str(out, "\n");
    }
    if (r->dropped > 0)
        buf_printf(out, "  and %zu more, which were not kept\n", r->dropped);
}

static void put_list(struct buf *out, const struct record_list *list)
{
    char key[ENTRY_KEY_MOST + 16];
    if (list->ruling == RECORD_LIST_NONE)
        return;
    put_head(out, "list");
    buf_add_str(out, list->ruling == RECORD_LIST_ALLOW ? "allow " : "deny ");
    if (list->key[0] == '\0') {
        buf_add_str(out, "of its recipients\n");
        return;
    }
    if (strlen(list->key) < ENTRY_KEY_MOST)
        put_shown(out, entry_key_text(list->kind, list->key, key));
    buf_printf(out, " (%s)\n", entry_origin_name(list->origin));
}

static void put_greylist(struct buf *out, const struct record_greylist *greylist)
{
    if (greylist->asked == RECORD_GREY_NONE)
        return;
    put_head(out, "greylist");
    buf_add_str(out, record_grey_name(greylist));
    if (greylist->wait > 0)
        buf_printf(out, ", %lu seconds left", (unsigned long)greylist->wait);
    for (size_t i = 0; i < greylist->identities; i++) {
        buf_add_str(out, i == 0 ? "; known as " : ", ");
        put_shown(out, greylist->identity[i]);
    }
    buf_add_str(out, "\n");
}

/* What had to be different where no verdict had helped. */
static const char *remedy(const char *refused)
{
    static const struct {
        const char *refused, *text;
    } remedies[] = {
        {"relay", "only relay { domains, networks } or a login lets it through, no score or entry"},
        {"unknown", "nobody of that name is in the list of recipients, or it is a trap"},
        {"limit", "with a higher limit (client-limits, limits), or later"},
        {"backend", "the server behind refused it; its log says why"},
        {"fault", "the server behind could not be reached or asked; it may pass later"},
        {"form", "the message itself was refused: a bare CR or LF, its size, or a mail loop"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strcmp(remedies[i].refused, refused) == 0)
            return remedies[i].text;
    }
    return "what refused it is not up to the policy";
}

static void put_flips(struct buf *out, const struct record *r)
{
    struct flip *flips = mem_alloc(FLIPS_MOST * sizeof *flips);
    size_t count = explain_flips(r, flips);
    for (size_t i = 0; i < count && i < FLIPS_SHOWN; i++) {
        put_head(out, i == 0 ? "otherwise" : "");
        explain_flip_text(&flips[i], out);
        buf_add_str(out, "\n");
    }
    if (count == 0)
        put_line(out, "otherwise",
                 r->refused != NULL ? remedy(r->refused)
                                    : "no single change had come to something else");
    free(flips);
}

void explain_text(const struct record *r, struct buf *out)
{
    char score[4][TRIAL_SCORE_SIZE];
    const struct trial_thresholds *t = &r->thresholds;
    put_title(out, r);
    put_client(out, r);
    put_envelope(out, r);
    put_checks(out, r);
    explain_auth(r, out);
    put_list(out, &r->list);
    put_greylist(out, &r->greylist);
    put_head(out, "score");
    buf_printf(
        out, "%s (greylist %s, reject %s, tarpit %s)\n",
        trial_score_text(r->score, false, score[0]), trial_score_text(t->greylist, false, score[1]),
        trial_score_text(t->reject, false, score[2]), trial_score_text(t->tarpit, false, score[3]));
    put_line(out, "spamtrap", r->trap);
    if (r->banned)
        put_line(out, "banned", "yes, for that");
    put_line(out, "refused by", r->refused);
    put_line(out, "reply", r->reply);
    put_flips(out, r);
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

static const char *kind_name(enum flip_kind kind)
{
    switch (kind) {
    case FLIP_WAIT:
        return "wait";
    case FLIP_FINDING:
        return "finding";
    case FLIP_MODE:
        return "mode";
    case FLIP_THRESHOLD:
        return "threshold";
    case FLIP_MORE:
        return "more";
    case FLIP_UNLIST:
        return "unlist";
    case FLIP_LIST:
        return "list";
    }
    return "unknown";
}

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *points(score_t score)
{
    return score % 100 == 0 ? json_integer(score / 100) : json_real(score / 100.0);
}

static void set_detail(json_t *object, const struct flip *flip)
{
    char key[ENTRY_KEY_MOST + 16];
    switch (flip->kind) {
    case FLIP_WAIT:
        set(object, "seconds", json_integer(flip->wait));
        return;
    case FLIP_MODE:
        set(object, "mode", json_string(check_mode_words[flip->mode]));
        set(object, "finding", json_string(flip->finding->label));
        return;
    case FLIP_FINDING:
        set(object, "finding", json_string(flip->finding->label));
        return;
    case FLIP_THRESHOLD:
        set(object, "threshold", json_string(flip->threshold));
        set(object, "from", points(flip->from));
        set(object, "to", points(flip->to));
        return;
    case FLIP_MORE:
        set(object, "points", points(flip->to));
        return;
    case FLIP_UNLIST:
    case FLIP_LIST:
        set(object, "list", json_string(flip->allow ? "allow" : "deny"));
        set(object, "key", json_string(entry_key_text(flip->key_kind, flip->key, key)));
        return;
    }
}

static json_t *flip_json(const struct flip *flip)
{
    json_t *object = json_object();
    struct buf text = {0};
    explain_flip_text(flip, &text);
    set(object, "kind", json_string(kind_name(flip->kind)));
    set(object, "text", json_stringn(buf_data(&text), buf_len(&text)));
    set(object, "verdict",
        flip->blind ? json_null() : json_string(verdict_action_name(flip->action)));
    set(object, "score", points(flip->score));
    set_detail(object, flip);
    buf_free(&text);
    return object;
}

json_t *explain_json(const struct record *record)
{
    json_t *object = json_object();
    json_t *list = json_array();
    struct flip *flips = mem_alloc(FLIPS_MOST * sizeof *flips);
    size_t count = explain_flips(record, flips);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, flip_json(&flips[i]));
    set(object, "record", record_json(record));
    set(object, "flips", list);
    free(flips);
    return object;
}
