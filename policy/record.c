/* SPDX-License-Identifier: ISC */
/*
 * record: a decision record read from its JSON, told to the store, and its words.
 *
 * Promises: what is read is bounded and whole: no field has another type than it should, no word is
 * one we do not know, arrays are no longer than the struct's. Fields that are not known are passed
 * over, so that records of a later release can be read as far as they are the same.
 */
#include "policy/record.h"

#include "lib/buf.h"
#include "lib/mem.h"
#include "policy/entry_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SCORE_MOST   1000000 /* points; what a record may say */
#define WORDS_MOST   32
#define DEFAULT_TEXT ""

struct owned {
    struct record record; /* first */
    json_t *root;
};

struct reader {
    const char *why; /* the first thing that is wrong */
};

/* ---- words --------------------------------------------------------------------------------------
 */

const char *record_stage_name(enum record_stage stage)
{
    switch (stage) {
    case RECORD_CONNECT:
        return "connect";
    case RECORD_HELO:
        return "helo";
    case RECORD_RCPT:
        return "rcpt";
    case RECORD_MESSAGE:
        return "message";
    }
    return "unknown";
}

const char *record_at_name(enum check_stage stage)
{
    switch (stage) {
    case CHECK_AT_CONNECT:
        return "connect";
    case CHECK_AT_REVERSE:
        return "reverse";
    case CHECK_AT_HELO:
        return "helo";
    case CHECK_AT_SENDER:
        return "sender";
    case CHECK_AT_MESSAGE:
        return "message";
    case CHECK_STAGES:
        return "wire";
    }
    return "unknown";
}

static const char *grey_state_name(enum grey_state state)
{
    switch (state) {
    case GREY_NEW:
        return "new";
    case GREY_EARLY:
        return "early";
    case GREY_PASSED:
        return "passed";
    case GREY_WHITE:
        return "white";
    }
    return "unknown";
}

const char *record_grey_name(const struct record_greylist *greylist)
{
    switch (greylist->asked) {
    case RECORD_GREY_NONE:
        return "none";
    case RECORD_GREY_DOWN:
        return "down";
    case RECORD_GREY_PROVEN:
        return "proven";
    case RECORD_GREY_ASKED:
        return grey_state_name(greylist->state);
    }
    return "unknown";
}

/* Enums as numbers, so that one function finds any word. */
static const char *stage_word(unsigned i)
{
    return record_stage_name((enum record_stage)i);
}
static const char *at_word(unsigned i)
{
    return record_at_name((enum check_stage)i);
}
static const char *mode_word(unsigned i)
{
    return i <= CHECK_REJECT ? check_mode_words[i] : "unknown";
}
static const char *grey_word(unsigned i)
{
    return i < 4 ? grey_state_name((enum grey_state)i) : "unknown";
}
static const char *kind_word(unsigned i)
{
    return i < ENTRY_KINDS ? entry_kind_name((enum entry_kind)i) : "unknown";
}
static const char *origin_word(unsigned i)
{
    return i <= ENTRY_FILE ? entry_origin_name((enum entry_origin)i) : "unknown";
}
static const char *action_word(unsigned i)
{
    return i <= ENTRY_DEFER ? entry_action_name((enum entry_action)i) : "unknown";
}
static const char *verdict_word(unsigned i)
{
    return verdict_action_name((enum verdict_action)i);
}
static const char *cause_word(unsigned i)
{
    return verdict_cause_name((enum verdict_cause)i);
}

static const char *spf_word(unsigned i)
{
    return i <= SPF_PERMERROR ? spf_result_name((enum spf_result)i) : "unknown";
}
static const char *dkim_word(unsigned i)
{
    return i <= DKIM_PERMERROR ? dkim_result_name((enum dkim_result)i) : "unknown";
}
static const char *arc_word(unsigned i)
{
    return i <= ARC_TEMPERROR ? arc_result_name((enum arc_result)i) : "unknown";
}
static const char *dmarc_word(unsigned i)
{
    return i <= DMARC_PERMERROR ? dmarc_result_name((enum dmarc_result)i) : "unknown";
}
static const char *policy_word(unsigned i)
{
    return i <= DMARC_POLICY_REJECT ? dmarc_policy_name((enum dmarc_policy)i) : "unknown";
}

/* ---- values -------------------------------------------------------------------------------------
 */

static void wrong(struct reader *in, const char *why)
{
    if (in->why == NULL)
        in->why = why;
}

static const char *maybe_text(struct reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_string(value))
        wrong(in, "a field is no string that should be one");
    return json_string_value(value);
}

static const char *text(struct reader *in, const json_t *object, const char *key)
{
    const char *value = maybe_text(in, object, key);
    if (value == NULL)
        wrong(in, "a string is missing");
    return value != NULL ? value : DEFAULT_TEXT;
}

static const char *text_or_none(struct reader *in, const json_t *object, const char *key)
{
    const char *value = maybe_text(in, object, key);
    return value != NULL ? value : DEFAULT_TEXT;
}

static bool flag(struct reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_boolean(value))
        wrong(in, "a field is neither true nor false that should be");
    return json_is_true(value);
}

static uint32_t number(struct reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    json_int_t i = json_integer_value(value);
    if (value != NULL && (!json_is_integer(value) || i < 0 || i > UINT32_MAX)) {
        wrong(in, "a field is no whole number that should be one");
        return 0;
    }
    return (uint32_t)i;
}

static score_t points(struct reader *in, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    double score = json_number_value(value);
    if (!json_is_number(value) || !(score >= -SCORE_MOST && score <= SCORE_MOST)) {
        wrong(in, "a score is missing, or no number, or out of range");
        return 0;
    }
    return (score_t)(score * 100 + (score < 0 ? -0.5 : 0.5));
}

/* The index of the word that `key` has. */
static unsigned word(struct reader *in, const json_t *object, const char *key,
                     const char *(*name)(unsigned i))
{
    const char *said = text(in, object, key);
    for (unsigned i = 0; i < WORDS_MOST && strcmp(said, "unknown") != 0; i++) {
        if (strcmp(name(i), said) == 0)
            return i;
    }
    wrong(in, "a word is not known");
    return 0;
}

/* An array or nothing, of at most `most`; *count is how many. */
static const json_t *array(struct reader *in, const json_t *object, const char *key, size_t most,
                           size_t *count)
{
    const json_t *value = json_object_get(object, key);
    *count = json_array_size(value);
    if ((value != NULL && !json_is_array(value)) || *count > most) {
        wrong(in, "a list is none, or too long");
        *count = 0;
    }
    return value;
}

static void texts(struct reader *in, const json_t *object, const char *key, size_t most,
                  const char **out, size_t *count)
{
    const json_t *list = array(in, object, key, most, count);
    for (size_t i = 0; i < *count; i++) {
        out[i] = json_string_value(json_array_get(list, i));
        if (out[i] == NULL) {
            wrong(in, "a list has something else than strings");
            out[i] = DEFAULT_TEXT;
        }
    }
}

/* Digits at `at`, as many as `count`. */
static int digits(struct reader *in, const char *at, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') {
            wrong(in, "the time is not of the form 2026-11-22T17:00:00.123Z");
            return 0;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

static int64_t moment(struct reader *in, const char *said)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    for (size_t i = 0; i < sizeof form; i++) {
        if (form[i] != '0' && form[i] != said[i]) {
            wrong(in, "the time is not of the form 2026-11-22T17:00:00.123Z");
            return 0;
        }
        if (said[i] == '\0')
            break;
    }
    if (in->why != NULL || strlen(said) + 1 != sizeof form)
        return 0;
    struct tm tm = {.tm_year = digits(in, said, 4) - 1900,
                    .tm_mon = digits(in, said + 5, 2) - 1,
                    .tm_mday = digits(in, said + 8, 2),
                    .tm_hour = digits(in, said + 11, 2),
                    .tm_min = digits(in, said + 14, 2),
                    .tm_sec = digits(in, said + 17, 2)};
    int ms = digits(in, said + 20, 3);
    int64_t seconds = timegm(&tm);
    return seconds < 0 ? 0 : seconds * 1000 + ms;
}

/* ---- parts --------------------------------------------------------------------------------------
 */

static void read_facts(struct reader *in, const json_t *root, struct record *r)
{
    r->id = text(in, root, "id");
    r->time_ms = moment(in, text(in, root, "time"));
    r->stage = (enum record_stage)word(in, root, "stage", stage_word);
    if (!addr_parse_ip(text(in, root, "client"), &r->client) &&
        strcmp(text(in, root, "client"), "unknown") != 0)
        wrong(in, "the client is no address");
    r->helo = maybe_text(in, root, "helo");
    r->reverse = maybe_text(in, root, "reverse");
    r->sender = maybe_text(in, root, "sender");
    r->confirmed = flag(in, root, "confirmed");
    texts(in, root, "recipients", RECORD_RECIPIENTS, r->recipient, &r->recipients);
    r->others = number(in, root, "others");
    r->listener = text_or_none(in, root, "listener");
    const char *mode = text(in, root, "mode");
    r->observe = strcmp(mode, "observe") == 0;
    if (!r->observe && strcmp(mode, "enforce") != 0)
        wrong(in, "the mode is neither enforce nor observe");
    r->authenticated = flag(in, root, "authenticated");
    r->trusted = flag(in, root, "trusted");
    r->proven = flag(in, root, "proven");
    r->exempt = flag(in, root, "exempt");
    const json_t *thresholds = json_object_get(root, "thresholds");
    r->thresholds = (struct trial_thresholds){.greylist = points(in, thresholds, "greylist"),
                                              .reject = points(in, thresholds, "reject"),
                                              .tarpit = points(in, thresholds, "tarpit")};
}

static void read_finding(struct reader *in, const json_t *object, struct record_finding *f)
{
    f->check = text(in, object, "check");
    f->zone = text_or_none(in, object, "zone");
    f->label = text(in, object, "label");
    f->stage = (enum check_stage)word(in, object, "at", at_word);
    f->answer = text_or_none(in, object, "answer");
    f->score = points(in, object, "score");
    f->mode = (enum check_mode)word(in, object, "mode", mode_word);
    f->ms = number(in, object, "ms");
    f->code = text_or_none(in, object, "code");
    f->abstained = flag(in, object, "abstained");
    f->once = flag(in, object, "once");
    f->quiet = flag(in, object, "quiet");
    f->refuses = flag(in, object, "refuses");
    if (flag(in, object, "counted") != record_counts(f))
        wrong(in, "a finding says that it counts where it does not, or that it does not");
}

static void read_findings(struct reader *in, const json_t *root, struct record *r)
{
    const json_t *list = array(in, root, "findings", RECORD_FINDINGS, &r->findings);
    for (size_t i = 0; i < r->findings; i++)
        read_finding(in, json_array_get(list, i), &r->finding[i]);
    list = array(in, root, "clean", RECORD_CLEAN, &r->cleans);
    for (size_t i = 0; i < r->cleans; i++) {
        const json_t *object = json_array_get(list, i);
        r->clean[i] = (struct record_clean){
            .check = text(in, object, "check"),
            .zone = text_or_none(in, object, "zone"),
            .stage = (enum check_stage)word(in, object, "at", at_word),
            .ms = number(in, object, "ms"),
        };
    }
    r->dropped = number(in, root, "dropped");
}

static void read_spf(struct reader *in, const json_t *root, const char *key, struct record_spf *spf)
{
    const json_t *object = json_object_get(root, key);
    spf->checked = object != NULL;
    if (spf->checked)
        spf->result = (enum spf_result)word(in, object, "result", spf_word);
    spf->domain = text_or_none(in, object, "domain");
    spf->mechanism = text_or_none(in, object, "mechanism");
    spf->why = text_or_none(in, object, "why");
    spf->open = flag(in, object, "open");
}

static void read_signatures(struct reader *in, const json_t *root, struct record *r)
{
    const json_t *list = array(in, root, "dkim", RECORD_SIGNATURES, &r->signatures);
    for (size_t i = 0; i < r->signatures; i++) {
        const json_t *object = json_array_get(list, i);
        r->signature[i] = (struct record_signature){
            .result = (enum dkim_result)word(in, object, "result", dkim_word),
            .domain = text_or_none(in, object, "domain"),
            .selector = text_or_none(in, object, "selector"),
            .why = text_or_none(in, object, "why")};
    }
    r->other_signatures = number(in, root, "dkim-others");
}

static void read_arc(struct reader *in, const json_t *root, struct record_arc *arc)
{
    const json_t *object = json_object_get(root, "arc");
    if (object != NULL)
        arc->result = (enum arc_result)word(in, object, "result", arc_word);
    arc->sets = number(in, object, "sets");
    arc->sealer = text_or_none(in, object, "sealer");
    arc->why = text_or_none(in, object, "why");
}

static void read_dmarc(struct reader *in, const json_t *root, struct record_dmarc *dmarc)
{
    const json_t *object = json_object_get(root, "dmarc");
    dmarc->checked = object != NULL;
    if (dmarc->checked)
        dmarc->result = (enum dmarc_result)word(in, object, "result", dmarc_word);
    dmarc->domain = text_or_none(in, object, "domain");
    dmarc->at = text_or_none(in, object, "at");
    dmarc->why = text_or_none(in, object, "why");
    dmarc->mark = text_or_none(in, object, "mark");
    dmarc->override = text_or_none(in, object, "override");
    if (dmarc->at[0] == '\0')
        return;
    dmarc->published = (enum dmarc_policy)word(in, object, "published", policy_word);
    dmarc->policy = (enum dmarc_policy)word(in, object, "policy", policy_word);
}

static void read_list(struct reader *in, const json_t *root, struct record_list *list)
{
    const json_t *object = json_object_get(root, "list");
    if (object == NULL)
        return;
    const char *ruling = text(in, object, "ruling");
    bool deny = strcmp(ruling, "deny") == 0;
    if (!deny && strcmp(ruling, "allow") != 0)
        wrong(in, "a list's ruling is neither allow nor deny");
    list->ruling = deny ? RECORD_LIST_DENY : RECORD_LIST_ALLOW;
    list->kind = (enum entry_kind)word(in, object, "kind", kind_word);
    list->key = text(in, object, "key");
    list->origin = (enum entry_origin)word(in, object, "origin", origin_word);
    if (deny)
        list->action = (enum entry_action)word(in, object, "action", action_word);
}

static void read_greylist(struct reader *in, const json_t *root, struct record_greylist *greylist)
{
    const json_t *object = json_object_get(root, "greylist");
    if (object == NULL)
        return;
    const char *state = text(in, object, "state");
    if (strcmp(state, "down") == 0) {
        greylist->asked = RECORD_GREY_DOWN;
    } else if (strcmp(state, "proven") == 0) {
        greylist->asked = RECORD_GREY_PROVEN;
    } else {
        greylist->asked = RECORD_GREY_ASKED;
        greylist->state = (enum grey_state)word(in, object, "state", grey_word);
    }
    greylist->all = flag(in, object, "all");
    greylist->wait = number(in, object, "wait");
    texts(in, object, "identity", STORE_IDENTITIES_MOST, greylist->identity, &greylist->identities);
}

static void read_outcome(struct reader *in, const json_t *root, struct record *r)
{
    r->trap = maybe_text(in, root, "trap");
    r->banned = flag(in, root, "banned");
    r->score = points(in, root, "score");
    r->action = (enum verdict_action)word(in, root, "verdict", verdict_word);
    r->would = (enum verdict_action)word(in, root, "would", verdict_word);
    r->judged = strcmp(text(in, root, "by"), "none") != 0;
    if (r->judged)
        r->cause = (enum verdict_cause)word(in, root, "by", cause_word);
    r->refused = maybe_text(in, root, "refused");
    r->reply = text_or_none(in, root, "reply");
}

/* ---- the record ---------------------------------------------------------------------------------
 */

struct record *record_parse(const char *json, size_t len, const char **why)
{
    json_error_t error;
    struct reader in = {.why = NULL};
    *why = "it is no JSON object";
    if (len > STORE_RECORD_MOST)
        return NULL;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    struct owned *owned = mem_alloc(sizeof *owned);
    owned->root = root;
    read_facts(&in, root, &owned->record);
    read_findings(&in, root, &owned->record);
    read_spf(&in, root, "spf", &owned->record.spf);
    read_spf(&in, root, "spf-helo", &owned->record.spf_helo);
    read_signatures(&in, root, &owned->record);
    read_arc(&in, root, &owned->record.arc);
    read_dmarc(&in, root, &owned->record.dmarc);
    read_list(&in, root, &owned->record.list);
    read_greylist(&in, root, &owned->record.greylist);
    read_outcome(&in, root, &owned->record);
    *why = in.why;
    if (in.why == NULL)
        return &owned->record;
    record_free(&owned->record);
    return NULL;
}

void record_free(struct record *record)
{
    if (record == NULL)
        return;
    struct owned *owned = (struct owned *)record;
    json_decref(owned->root);
    free(owned);
}

json_t *record_json(const struct record *record)
{
    struct buf out = {0};
    record_write(record, &out);
    json_t *json = json_loadb(buf_data(&out), buf_len(&out), 0, NULL);
    buf_free(&out);
    return json;
}

void decision_tell(struct store *store, const struct record *record, const char *json)
{
    char client[ADDR_TEXT_MAX];
    struct decision_item item[RECORD_RECIPIENTS];
    size_t count = record->recipients > 0 ? record->recipients : 1;
    if (store == NULL)
        return;
    addr_ip_text(&record->client, client);
    for (size_t i = 0; i < count; i++) {
        item[i] = (struct decision_item){
            .time_ms = record->time_ms,
            .id = record->id,
            .client = client,
            .sender = record->sender != NULL ? record->sender : "",
            .recipient = record->recipients > 0 ? record->recipient[i] : "",
            .verdict = verdict_action_name(record->judged ? record->action : VERDICT_PASS),
            .proven = record->proven,
            .record = json,
        };
    }
    const struct store_question question = {.op = STORE_DECISION_PUT,
                                            .now = record->time_ms / 1000,
                                            .put = {.count = count, .decision = item}};
    store_tell(store, &question);
}
