/* SPDX-License-Identifier: ISC */
/*
 * record_write: a decision record as JSON, written by hand, since it is done for every message.
 *
 * Promises: what comes out is one valid JSON object in UTF-8 on one line, whatever the strings
 * hold, and at most STORE_RECORD_MOST octets: each text is cut where its output is too long, and of
 * the findings those that say least are left out. Nothing is allocated but the buffer.
 */
#include "policy/record.h"

#include "lib/buf.h"
#include "lib/str.h"
#include "policy/entry_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Octets of a text's output. All of them together leave room for some findings. */
#define TEXT_MOST  360
#define REPLY_MOST 700
#define WORD_MOST  128
#define ID_MOST    64
#define NAME_MOST  80 /* of SPF, DKIM, ARC and DMARC: a domain, */
#define WHY_MOST   64 /* and what else there is */
#define END_MOST   48 /* of what follows the findings' count when it is known at last */

struct choice { /* what is left out, and how long each was */
    bool no_finding[RECORD_FINDINGS], no_clean[RECORD_CLEAN];
    size_t finding[RECORD_FINDINGS], clean[RECORD_CLEAN];
    size_t dropped;
};

/* ---- values -------------------------------------------------------------------------------------
 */

/* What stands in a JSON string as it is: printing ASCII but '"' and '\\'. */
static const bool is_plain[256] = {
    [' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

static uint32_t code_point(const unsigned char *s, size_t len)
{
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = s[0] & mask[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3fu);
    return code;
}

/* One character that cannot stand as it is, as JSON has it; returns the octets of `text` it took.
 */
static size_t escape(const char *text, size_t len, char out[static 16])
{
    size_t octets = str_utf8(text, len);
    if (octets == 0) { /* no UTF-8: as a log would show it */
        snprintf(out, 16, "\\\\x%02x", (unsigned char)text[0]);
        return 1;
    }
    uint32_t code = code_point((const unsigned char *)text, octets);
    if (code == '"' || code == '\\')
        snprintf(out, 16, "\\%c", (char)code);
    else if (code < 0x10000)
        snprintf(out, 16, "\\u%04x", (unsigned)code);
    else
        snprintf(out, 16, "\\u%04x\\u%04x", 0xd800u + ((unsigned)(code - 0x10000) >> 10),
                 0xdc00u + ((unsigned)(code - 0x10000) & 0x3ffu));
    return octets;
}

/* How many octets at `text` can stand as they are, `most` at most. */
static size_t plain_run(const char *text, size_t most)
{
    size_t run = 0;
    while (run < most && is_plain[(unsigned char)text[run]])
        run++;
    return run;
}

/* One character that is not plain; returns how many octets it has. */
static size_t put_other(struct buf *out, const char *text, size_t len)
{
    char escaped[16];
    size_t octets = (unsigned char)text[0] < 0x80 ? 0 : str_utf8_shown(text, len);
    if (octets > 0) {
        buf_add(out, text, octets);
        return octets;
    }
    octets = escape(text, len, escaped);
    buf_add_str(out, escaped);
    return octets;
}

/* `most`: of the output; one character more may stand there, and the mark that it was cut. */
static void put_text(struct buf *out, const char *text, size_t most)
{
    size_t len = strlen(text);
    size_t start = buf_len(out);
    size_t at = 0;
    buf_add(out, "\"", 1);
    while (at < len && buf_len(out) - start <= most) {
        size_t room = most - (buf_len(out) - start) + 1;
        size_t run = plain_run(text + at, len - at < room ? len - at : room);
        buf_add(out, text + at, run);
        at += run;
        if (run == 0)
            at += put_other(out, text + at, len - at);
    }
    buf_add_str(out, at < len ? "...\"" : "\"");
}

static void put_number(struct buf *out, unsigned long long number)
{
    char text[STR_NUMBER_MAX];
    buf_add(out, text, str_number(text, number));
}

static void put_score(struct buf *out, score_t score)
{
    unsigned value = score < 0 ? 0u - (unsigned)score : (unsigned)score;
    if (score < 0)
        buf_add_str(out, "-");
    put_number(out, value / 100);
    if (value % 100 == 0)
        return;
    char rest[4] = {'.', (char)('0' + value % 100 / 10), (char)('0' + value % 10), '\0'};
    buf_add(out, rest, rest[2] == '0' ? 2 : 3);
}

/* `key` is ",\"name\":". */
static void put_member(struct buf *out, const char *key, const char *text, size_t most)
{
    buf_add_str(out, key);
    put_text(out, text, most);
}

/* A word of our own, in which nothing is to be escaped. */
static void put_word(struct buf *out, const char *key, const char *word)
{
    buf_add_str(out, key);
    buf_add(out, "\"", 1);
    buf_add_str(out, word);
    buf_add(out, "\"", 1);
}

static void put_some(struct buf *out, const char *key, const char *text, size_t most)
{
    if (text != NULL && text[0] != '\0')
        put_member(out, key, text, most);
}

static void put_flag(struct buf *out, const char *member, bool flag)
{
    if (flag)
        buf_add_str(out, member);
}

const char *record_time_text(int64_t time_ms, char out[static RECORD_TIME_SIZE])
{
    static const char epoch[] = "1970-01-01T00:00:00.000Z";
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    if (time_ms < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 9999 - 1900) {
        memcpy(out, epoch, sizeof epoch);
        return out;
    }
    const struct {
        int value, at, digits;
    } part[] = {{tm.tm_year + 1900, 0, 4},     {tm.tm_mon + 1, 5, 2}, {tm.tm_mday, 8, 2},
                {tm.tm_hour, 11, 2},           {tm.tm_min, 14, 2},    {tm.tm_sec, 17, 2},
                {(int)(time_ms % 1000), 20, 3}};
    memcpy(out, epoch, sizeof epoch);
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
        int value = part[i].value; /* strftime() takes ten times as long */
        for (int digit = part[i].digits; digit-- > 0; value /= 10)
            out[part[i].at + digit] = (char)('0' + value % 10);
    }
    return out;
}

/* ---- parts --------------------------------------------------------------------------------------
 */

static void put_facts(struct buf *out, const struct record *r)
{
    char text[ADDR_TEXT_MAX > RECORD_TIME_SIZE ? ADDR_TEXT_MAX : RECORD_TIME_SIZE];
    put_member(out, "{\"id\":", r->id, ID_MOST);
    put_word(out, ",\"time\":", record_time_text(r->time_ms, text));
    put_word(out, ",\"stage\":", record_stage_name(r->stage));
    put_word(out, ",\"client\":", addr_ip_text(&r->client, text));
    put_some(out, ",\"helo\":", r->helo, TEXT_MOST);
    put_some(out, ",\"reverse\":", r->reverse, TEXT_MOST);
    put_flag(out, ",\"confirmed\":true", r->confirmed);
    if (r->sender != NULL)
        put_member(out, ",\"sender\":", r->sender, TEXT_MOST);
    for (size_t i = 0; i < r->recipients; i++)
        put_member(out, i == 0 ? ",\"recipients\":[" : ",", r->recipient[i], TEXT_MOST);
    put_flag(out, "]", r->recipients > 0);
    if (r->others > 0) {
        buf_add_str(out, ",\"others\":");
        put_number(out, r->others);
    }
    put_some(out, ",\"listener\":", r->listener, WORD_MOST);
    buf_add_str(out, r->observe ? ",\"mode\":\"observe\"" : ",\"mode\":\"enforce\"");
    put_flag(out, ",\"authenticated\":true", r->authenticated);
    put_flag(out, ",\"trusted\":true", r->trusted);
    put_flag(out, ",\"proven\":true", r->proven);
    put_flag(out, ",\"exempt\":true", r->exempt);
    buf_add_str(out, ",\"thresholds\":{\"greylist\":");
    put_score(out, r->thresholds.greylist);
    buf_add_str(out, ",\"reject\":");
    put_score(out, r->thresholds.reject);
    buf_add_str(out, ",\"tarpit\":");
    put_score(out, r->thresholds.tarpit);
    buf_add_str(out, "}");
}

static void put_finding(struct buf *out, const struct record_finding *f)
{
    put_member(out, "{\"check\":", f->check, WORD_MOST);
    put_some(out, ",\"zone\":", f->zone, TEXT_MOST);
    put_member(out, ",\"label\":", f->label, WORD_MOST);
    put_word(out, ",\"at\":", record_at_name(f->stage));
    put_some(out, ",\"answer\":", f->answer, TEXT_MOST);
    buf_add_str(out, ",\"score\":");
    put_score(out, f->score);
    put_word(out, ",\"mode\":", check_mode_words[f->mode]);
    buf_add_str(out, ",\"ms\":");
    put_number(out, f->ms);
    put_flag(out, ",\"refuses\":true", f->refuses);
    put_some(out, ",\"code\":", f->code, WORD_MOST);
    buf_add_str(out, record_counts(f) ? ",\"counted\":true" : ",\"counted\":false");
    put_flag(out, ",\"abstained\":true", f->abstained);
    put_flag(out, ",\"once\":true", f->once);
    put_flag(out, ",\"quiet\":true", f->quiet);
    buf_add_str(out, "}");
}

static void put_clean(struct buf *out, const struct record_clean *clean)
{
    put_member(out, "{\"check\":", clean->check, WORD_MOST);
    put_some(out, ",\"zone\":", clean->zone, TEXT_MOST);
    put_word(out, ",\"at\":", record_at_name(clean->stage));
    buf_add_str(out, ",\"ms\":");
    put_number(out, clean->ms);
    buf_add_str(out, "}");
}

static void put_findings(struct buf *out, const struct record *r, struct choice *choice)
{
    bool first = true;
    buf_add_str(out, ",\"findings\":[");
    for (size_t i = 0; i < r->findings; i++) {
        size_t start = buf_len(out);
        if (choice->no_finding[i])
            continue;
        buf_add_str(out, first ? "" : ",");
        put_finding(out, &r->finding[i]);
        choice->finding[i] = buf_len(out) - start;
        first = false;
    }
    buf_add_str(out, "]");
    first = true;
    for (size_t i = 0; i < r->cleans; i++) {
        size_t start = buf_len(out);
        if (choice->no_clean[i])
            continue;
        buf_add_str(out, first ? ",\"clean\":[" : ",");
        put_clean(out, &r->clean[i]);
        choice->clean[i] = buf_len(out) - start;
        first = false;
    }
    buf_add_str(out, first ? "" : "]");
    if (r->dropped + choice->dropped > 0) {
        buf_add_str(out, ",\"dropped\":");
        put_number(out, r->dropped + choice->dropped);
    }
}

static void put_spf(struct buf *out, const char *key, const struct record_spf *spf)
{
    if (!spf->checked)
        return;
    put_word(out, key, spf_result_name(spf->result));
    put_some(out, ",\"domain\":", spf->domain, NAME_MOST);
    put_some(out, ",\"mechanism\":", spf->mechanism, WHY_MOST);
    put_some(out, ",\"why\":", spf->why, WHY_MOST);
    put_flag(out, ",\"open\":true", spf->open);
    buf_add_str(out, "}");
}

static void put_signatures(struct buf *out, const struct record *r)
{
    for (size_t i = 0; i < r->signatures; i++) {
        const struct record_signature *signature = &r->signature[i];
        buf_add_str(out, i == 0 ? ",\"dkim\":[" : ",");
        put_word(out, "{\"result\":", dkim_result_name(signature->result));
        put_some(out, ",\"domain\":", signature->domain, NAME_MOST);
        put_some(out, ",\"selector\":", signature->selector, WHY_MOST);
        put_some(out, ",\"why\":", signature->why, WHY_MOST);
        buf_add_str(out, "}");
    }
    put_flag(out, "]", r->signatures > 0);
    if (r->other_signatures > 0) {
        buf_add_str(out, ",\"dkim-others\":");
        put_number(out, r->other_signatures);
    }
}

static void put_arc(struct buf *out, const struct record_arc *arc)
{
    if (arc->result == ARC_NONE)
        return;
    put_word(out, ",\"arc\":{\"result\":", arc_result_name(arc->result));
    if (arc->sets > 0) {
        buf_add_str(out, ",\"sets\":");
        put_number(out, arc->sets);
    }
    put_some(out, ",\"sealer\":", arc->sealer, NAME_MOST);
    put_some(out, ",\"why\":", arc->why, WHY_MOST);
    buf_add_str(out, "}");
}

static void put_dmarc(struct buf *out, const struct record_dmarc *dmarc)
{
    if (!dmarc->checked)
        return;
    put_word(out, ",\"dmarc\":{\"result\":", dmarc_result_name(dmarc->result));
    put_some(out, ",\"domain\":", dmarc->domain, NAME_MOST);
    put_some(out, ",\"at\":", dmarc->at, NAME_MOST);
    if (dmarc->at[0] != '\0') {
        put_word(out, ",\"published\":", dmarc_policy_name(dmarc->published));
        put_word(out, ",\"policy\":", dmarc_policy_name(dmarc->policy));
    }
    put_some(out, ",\"why\":", dmarc->why, WHY_MOST);
    put_some(out, ",\"mark\":", dmarc->mark, WHY_MOST);
    put_some(out, ",\"override\":", dmarc->override, WHY_MOST);
    buf_add_str(out, "}");
}

static void put_list(struct buf *out, const struct record_list *list)
{
    if (list->ruling == RECORD_LIST_NONE)
        return;
    buf_add_str(out, ",\"list\":{\"ruling\":");
    buf_add_str(out, list->ruling == RECORD_LIST_ALLOW ? "\"allow\"" : "\"deny\"");
    put_word(out, ",\"kind\":", entry_kind_name(list->kind));
    put_member(out, ",\"key\":", list->key, TEXT_MOST);
    put_word(out, ",\"origin\":", entry_origin_name(list->origin));
    if (list->ruling == RECORD_LIST_DENY)
        put_word(out, ",\"action\":", entry_action_name(list->action));
    buf_add_str(out, "}");
}

static void put_greylist(struct buf *out, const struct record_greylist *greylist)
{
    if (greylist->asked == RECORD_GREY_NONE)
        return;
    put_word(out, ",\"greylist\":{\"state\":", record_grey_name(greylist));
    if (greylist->wait > 0) {
        buf_add_str(out, ",\"wait\":");
        put_number(out, greylist->wait);
    }
    put_flag(out, ",\"all\":true", greylist->all);
    for (size_t i = 0; i < greylist->identities; i++)
        put_member(out, i == 0 ? ",\"identity\":[" : ",", greylist->identity[i], TEXT_MOST);
    buf_add_str(out, greylist->identities > 0 ? "]}" : "}");
}

static void put_outcome(struct buf *out, const struct record *r)
{
    put_some(out, ",\"trap\":", r->trap, TEXT_MOST);
    put_flag(out, ",\"banned\":true", r->banned);
    buf_add_str(out, ",\"score\":");
    put_score(out, r->score);
    put_word(out, ",\"verdict\":", verdict_action_name(r->judged ? r->action : VERDICT_PASS));
    put_word(out, ",\"would\":", verdict_action_name(r->judged ? r->would : VERDICT_PASS));
    put_word(out, ",\"by\":", r->judged ? verdict_cause_name(r->cause) : "none");
    put_some(out, ",\"refused\":", r->refused, WORD_MOST);
    put_some(out, ",\"reply\":", r->reply, REPLY_MOST);
    buf_add_str(out, "}");
}

/* ---- a record that is too long -----------------------------------------------------------------
 */

/* What a finding says of the verdict: those that say least go first. */
static unsigned weight(const struct record_finding *f)
{
    if (record_counts(f))
        return 5 + (unsigned)abs(f->score);
    if (f->quiet)
        return 1;
    if (f->abstained)
        return 2;
    return f->once ? 4 : 3;
}

/* Leaves out the least of those that are still in; returns its octets, 0: none is left. */
static size_t drop_least(const struct record *r, struct choice *choice)
{
    size_t least = r->findings;
    for (size_t i = r->cleans; i-- > 0;) {
        if (choice->no_clean[i])
            continue;
        choice->no_clean[i] = true;
        return choice->clean[i];
    }
    for (size_t i = 0; i < r->findings; i++) {
        if (!choice->no_finding[i] &&
            (least == r->findings || weight(&r->finding[i]) <= weight(&r->finding[least])))
            least = i;
    }
    if (least == r->findings)
        return 0;
    choice->no_finding[least] = true;
    return choice->finding[least];
}

static void drop(const struct record *r, struct choice *choice, size_t excess)
{
    size_t gone = 0;
    while (gone < excess + END_MOST) {
        size_t octets = drop_least(r, choice);
        if (octets == 0)
            return;
        gone += octets;
        choice->dropped++;
    }
}

static void write_all(struct buf *out, const struct record *r, struct choice *choice)
{
    put_facts(out, r);
    put_findings(out, r, choice);
    put_spf(out, ",\"spf\":{\"result\":", &r->spf);
    put_spf(out, ",\"spf-helo\":{\"result\":", &r->spf_helo);
    put_signatures(out, r);
    put_arc(out, &r->arc);
    put_dmarc(out, &r->dmarc);
    put_list(out, &r->list);
    put_greylist(out, &r->greylist);
    put_outcome(out, r);
}

void record_write(const struct record *record, struct buf *out)
{
    struct choice choice = {.dropped = 0};
    size_t start = buf_len(out);
    write_all(out, record, &choice);
    if (buf_len(out) - start <= STORE_RECORD_MOST)
        return;
    drop(record, &choice, buf_len(out) - start - STORE_RECORD_MOST);
    out->end = out->start + start;
    write_all(out, record, &choice);
}
