/* SPDX-License-Identifier: ISC */
/*
 * explain_flip: what single change had let a refused mail pass, or had refused one that passed.
 *
 * Promises: each change is tried: the record is judged again with it and nothing else changed
 * (record_judge), so what is said here is so. The smallest first, by the hundredths that a score or
 * a threshold moves; waiting before all, list entries, which have no such measure, last.
 * Limits: a change that the configuration would not take (thresholds out of order) is none.
 */
#include "policy/explain.h"

#include "lib/buf.h"
#include "lib/str.h"
#include "policy/trial_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNLIST_DISTANCE (INT32_MAX - 1)
#define LIST_DISTANCE   INT32_MAX

struct search {
    const struct record *record;
    struct record_outcome is;
    struct flip *out;
    size_t count;
};

static bool passes(enum verdict_action action)
{
    return action == VERDICT_PASS || action == VERDICT_SUSPICIOUS;
}

/* ---- trying -------------------------------------------------------------------------------------
 */

/* Keeps the order; of equal ones the earlier stays in front. */
static void insert(struct search *search, const struct flip *flip)
{
    size_t at = search->count;
    if (search->count == FLIPS_MOST)
        return;
    for (; at > 0 && search->out[at - 1].distance > flip->distance; at--)
        search->out[at] = search->out[at - 1];
    search->out[at] = *flip;
    search->count++;
}

static void try(struct search *search, const struct record *changed, const struct flip *flip)
{
    struct record_outcome outcome;
    struct flip found = *flip;
    record_judge(changed, &outcome);
    if (passes(outcome.action) == passes(search->is.action) && !flip->blind)
        return;
    found.action = outcome.action;
    found.score = outcome.score;
    insert(search, &found);
}

static bool same_block(const struct record_finding *a, const struct record_finding *b)
{
    return strcmp(a->check, b->check) == 0 && strcmp(a->zone, b->zone) == 0;
}

/* Without it; of a list that speaks of several names, without the list. */
static void try_without(struct search *search, const struct record_finding *finding)
{
    struct record changed = *search->record;
    const struct flip flip = {
        .kind = FLIP_FINDING, .finding = finding, .distance = abs(finding->score)};
    if (!record_counts(finding))
        return;
    for (size_t i = 0; i < changed.findings; i++) {
        const struct record_finding *one = &search->record->finding[i];
        if (one == finding || (finding->zone[0] != '\0' && same_block(one, finding)))
            changed.finding[i].abstained = true;
    }
    try(search, &changed, &flip);
}

static void try_mode(struct search *search, const struct record_finding *finding,
                     enum check_mode mode, score_t distance)
{
    struct record changed = *search->record;
    const struct flip flip = {
        .kind = FLIP_MODE, .finding = finding, .mode = mode, .distance = distance};
    for (size_t i = 0; i < changed.findings; i++) {
        if (same_block(&search->record->finding[i], finding))
            changed.finding[i].mode = mode;
    }
    try(search, &changed, &flip);
}

/* Points that are missing to a refusal. */
static score_t margin(const struct search *search)
{
    return search->record->thresholds.reject - search->is.score;
}

static void try_modes(struct search *search, const struct record_finding *finding)
{
    if (finding->abstained || finding->quiet || finding->once)
        return;
    if (finding->refuses) {
        try_mode(search, finding, CHECK_OBSERVE, abs(finding->score));
        return;
    }
    switch (finding->mode) {
    case CHECK_OFF:
        return;
    case CHECK_OBSERVE:
        try_mode(search, finding, CHECK_SCORE, abs(finding->score));
        return;
    case CHECK_SCORE:
        if (finding->score > 0 && margin(search) > 0)
            try_mode(search, finding, CHECK_REJECT, margin(search));
        return;
    case CHECK_REJECT:
        try_mode(search, finding, CHECK_SCORE, abs(finding->score));
        return;
    }
}

static void try_threshold(struct search *search, const char *name, score_t to)
{
    struct record changed = *search->record;
    struct trial_thresholds *thresholds = &changed.thresholds;
    score_t *moved = strcmp(name, "reject") == 0 ? &thresholds->reject : &thresholds->greylist;
    const struct flip flip = {.kind = FLIP_THRESHOLD,
                              .threshold = name,
                              .from = *moved,
                              .to = to,
                              .distance = abs(to - *moved)};
    *moved = to;
    if (thresholds->greylist > 0 && thresholds->greylist <= thresholds->reject &&
        thresholds->reject <= thresholds->tarpit)
        try(search, &changed, &flip);
}

static void try_thresholds(struct search *search)
{
    if (search->is.cause != VERDICT_BY_SCORE && search->is.cause != VERDICT_BY_GREYLIST)
        return;
    if (passes(search->is.action)) {
        try_threshold(search, "reject", search->is.score);
        return;
    }
    try_threshold(search, "reject", search->is.score + 1);
    try_threshold(search, "greylist", search->is.score + 1);
}

static void try_wait(struct search *search)
{
    struct record changed = *search->record;
    const struct flip flip = {.kind = FLIP_WAIT, .wait = search->is.wait};
    if (search->is.wait == 0)
        return;
    changed.greylist.state = GREY_PASSED;
    try(search, &changed, &flip);
}

static void add_more(struct search *search)
{
    struct flip flip = {.kind = FLIP_MORE,
                        .to = margin(search),
                        .distance = margin(search),
                        .action = VERDICT_REJECT,
                        .score = search->record->thresholds.reject};
    if (search->is.cause == VERDICT_BY_SCORE && passes(search->is.action))
        insert(search, &flip);
}

/* ---- list entries -------------------------------------------------------------------------------
 */

static void try_unlist(struct search *search)
{
    const struct record_list *list = &search->record->list;
    struct record changed = *search->record;
    struct flip flip = {.kind = FLIP_UNLIST,
                        .allow = list->ruling == RECORD_LIST_ALLOW,
                        .key_kind = list->kind,
                        .distance = UNLIST_DISTANCE,
                        .blind = record_blind(&changed)};
    if (list->ruling == RECORD_LIST_NONE)
        return;
    snprintf(flip.key, sizeof flip.key, "%s", list->key);
    changed.list.ruling = RECORD_LIST_NONE;
    try(search, &changed, &flip);
}

static void try_list(struct search *search)
{
    char address[ADDR_TEXT_MAX];
    struct record changed = *search->record;
    bool allow = !passes(search->is.action);
    struct flip flip = {
        .kind = FLIP_LIST, .allow = allow, .key_kind = ENTRY_CLIENT, .distance = LIST_DISTANCE};
    if (changed.client.family == AF_UNSPEC ||
        (!allow && changed.list.ruling == RECORD_LIST_ALLOW)) /* it may be the stronger one */
        return;
    snprintf(flip.key, sizeof flip.key, "%s", addr_ip_text(&changed.client, address));
    changed.list = (struct record_list){.ruling = allow ? RECORD_LIST_ALLOW : RECORD_LIST_DENY,
                                        .key = flip.key};
    try(search, &changed, &flip);
}

size_t explain_flips(const struct record *record, struct flip out[static FLIPS_MOST])
{
    struct search search = {.record = record, .out = out};
    record_judge(record, &search.is);
    if (record->refused != NULL)
        return 0;
    try_wait(&search);
    for (size_t i = 0; i < record->findings; i++)
        try_without(&search, &record->finding[i]);
    try_thresholds(&search);
    for (size_t i = 0; i < record->findings; i++)
        try_modes(&search, &record->finding[i]);
    add_more(&search);
    try_unlist(&search);
    try_list(&search);
    return search.count;
}

/* ---- in words -----------------------------------------------------------------------------------
 */

static void put_shown(struct buf *out, const char *text)
{
    char shown[2 * ENTRY_KEY_MOST];
    buf_add(out, shown, str_printable(shown, sizeof shown, text, strlen(text)));
}

static void put_finding(struct buf *out, const struct record_finding *finding)
{
    char score[TRIAL_SCORE_SIZE];
    put_shown(out, finding->label);
    buf_printf(out, " (%s)", trial_score_text(finding->score, true, score));
}

static void put_entry(struct buf *out, const struct flip *flip)
{
    char key[ENTRY_KEY_MOST + 16];
    buf_printf(out, "the %s entry ", flip->allow ? "allow" : "deny");
    put_shown(out, flip->key[0] != '\0' ? entry_key_text(flip->key_kind, flip->key, key)
                                        : "of its recipients");
}

static void put_outcome(struct buf *out, const struct flip *flip)
{
    char score[TRIAL_SCORE_SIZE];
    buf_printf(out, " the score were %s: %s", trial_score_text(flip->score, false, score),
               verdict_action_name(flip->action));
}

static void put_threshold(struct buf *out, const struct flip *flip)
{
    char from[TRIAL_SCORE_SIZE];
    char to[TRIAL_SCORE_SIZE];
    buf_printf(out, "with %s = %s instead of %s: %s", flip->threshold,
               trial_score_text(flip->to, false, to), trial_score_text(flip->from, false, from),
               verdict_action_name(flip->action));
}

void explain_flip_text(const struct flip *flip, struct buf *out)
{
    char score[TRIAL_SCORE_SIZE];
    switch (flip->kind) {
    case FLIP_WAIT:
        buf_printf(out, "%lu seconds later: %s", (unsigned long)flip->wait,
                   verdict_action_name(flip->action));
        return;
    case FLIP_FINDING:
        buf_add_str(out, "without ");
        put_finding(out, flip->finding);
        put_outcome(out, flip);
        return;
    case FLIP_MODE:
        buf_printf(out, "with mode = %s for ", check_mode_words[flip->mode]);
        put_finding(out, flip->finding);
        put_outcome(out, flip);
        return;
    case FLIP_THRESHOLD:
        put_threshold(out, flip);
        return;
    case FLIP_MORE:
        buf_printf(out, "with %s points more: %s", trial_score_text(flip->to, false, score),
                   verdict_action_name(flip->action));
        return;
    case FLIP_UNLIST:
        buf_add_str(out, "without ");
        put_entry(out, flip);
        if (flip->blind)
            buf_add_str(out, " it had been judged by its checks, which were not asked");
        else
            put_outcome(out, flip);
        return;
    case FLIP_LIST:
        buf_add_str(out, "with ");
        put_entry(out, flip);
        buf_printf(out, ": %s", verdict_action_name(flip->action));
        return;
    }
}
