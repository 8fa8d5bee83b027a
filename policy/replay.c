/* SPDX-License-Identifier: ISC */
/*
 * replay: recorded facts before another configuration.
 *
 * A finding belongs to the block of the same check and zone. Where the other configuration has it
 * off, or has it not, the finding is dropped; else it has that block's mode, and the score that the
 * check itself says for such an answer: DNS answers are judged by the new codes, names by the new
 * patterns. Thresholds and list entries are the new ones; entries by command and bans, which are in
 * no file, speak as they did.
 *
 * Limits: what was not asked is not known: a new zone, a check that was off, a name that was not
 * looked up; nor is what was counted (client-limits), nor whether greylisting had let pass a client
 * that it was not asked about. Such records count as unsure. Of addresses in trusted networks and
 * AUTH it is presumed that they stay.
 */
#include "policy/replay.h"

#include "lib/mem.h"
#include "policy/greylist.h"
#include "policy/list_table.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct replay {
    const struct replay_rules *rules;
    struct replay_summary summary;
    char *last_id;
    int64_t last_time;
    enum record_stage last_stage;
};

static bool passes(enum verdict_action action)
{
    return action == VERDICT_PASS || action == VERDICT_SUSPICIOUS;
}

static const char *block_of(const struct check_config *config)
{
    return config->block != NULL ? config->block : "";
}

static bool is_block(const struct check_config *config, const char *check, const char *zone)
{
    return strcmp(config->check->name, check) == 0 && strcasecmp(block_of(config), zone) == 0;
}

/* The block that is on, or NULL. */
static const struct check_config *find_block(const struct policy *policy, const char *check,
                                             const char *zone)
{
    const struct check_config *const *config = policy_checks(policy);
    while (*config != NULL && !is_block(*config, check, zone))
        config++;
    return *config;
}

/* ---- findings -----------------------------------------------------------------------------------
 */

static struct check_past past_of(const struct record *record, const struct record_finding *finding)
{
    return (struct check_past){.label = finding->label,
                               .answer = finding->answer,
                               .stage = finding->stage,
                               .client = &record->client,
                               .confirmed = record->confirmed,
                               .refused = finding->refuses};
}

/* False: under this configuration nothing is found. */
static bool rescore(const struct check_config *config, const struct record *record,
                    struct record_finding *finding)
{
    const struct check_past past = past_of(record, finding);
    bool looks = config->check->looks == NULL || finding->stage == CHECK_STAGES ||
                 config->check->looks(config, finding->stage, &record->client);
    finding->mode = config->mode;
    if (finding->abstained)
        return looks;
    finding->score = config->score;
    if (!looks ||
        (config->check->rescore != NULL && !config->check->rescore(config, &past, &finding->score)))
        return false;
    finding->quiet = false;
    if (config->check->refuses != NULL)
        finding->refuses = config->check->refuses(config, &past);
    return true;
}

/* The greylist's own, which say that the store was down, belong to no block. */
static bool is_foreign(const struct record_finding *finding)
{
    return strcmp(finding->check, "greylist") == 0;
}

static void rescore_all(const struct replay_rules *rules, const struct record *record,
                        struct record *now, struct replay_verdict *out)
{
    now->findings = 0;
    for (size_t i = 0; i < record->findings; i++) {
        struct record_finding finding = record->finding[i];
        const struct check_config *config = find_block(rules->policy, finding.check, finding.zone);
        if (config == NULL && !is_foreign(&finding))
            out->gone++;
        if (config != NULL && rescore(config, record, &finding))
            now->finding[now->findings++] = finding;
    }
}

static bool has_sign(const struct record *record)
{
    for (size_t i = 0; i < record->findings; i++) {
        const char *label = record->finding[i].label;
        if (strcmp(label, "reverse-dns.dynamic") == 0 ||
            strcmp(label, "reverse-dns.holds-address") == 0)
            return true;
    }
    return false;
}

/* Other patterns may find in the reverse name what these did not. */
static void find_sign(const struct replay_rules *rules, const struct record *record,
                      struct record *now)
{
    const struct check_config *config = find_block(rules->policy, "reverse-dns", "");
    struct record_finding finding = {.check = "reverse-dns",
                                     .zone = "",
                                     .label = "",
                                     .answer = record->reverse,
                                     .code = "",
                                     .stage = CHECK_AT_CONNECT};
    if (config == NULL || record->reverse == NULL || has_sign(record) ||
        now->findings == RECORD_FINDINGS || !rescore(config, record, &finding))
        return;
    finding.label = "reverse-dns.dynamic";
    now->finding[now->findings++] = finding;
}

/* ---- what is not known --------------------------------------------------------------------------
 */

static bool reached(const struct record *record, enum check_stage stage)
{
    switch (stage) {
    case CHECK_AT_CONNECT:
        return true;
    case CHECK_AT_REVERSE:
        return record->reverse != NULL;
    case CHECK_AT_HELO:
        return record->helo != NULL;
    case CHECK_AT_SENDER:
        return record->sender != NULL;
    case CHECK_AT_MESSAGE:
        return record->stage == RECORD_MESSAGE && !addr_is_private(&record->client);
    case CHECK_STAGES:
        break;
    }
    return false;
}

/* One that abstained may have done so of several stages, and is kept once. */
static bool was_asked(const struct record *record, const struct check_config *config,
                      enum check_stage stage)
{
    for (size_t i = 0; i < record->findings; i++) {
        const struct record_finding *f = &record->finding[i];
        if (is_block(config, f->check, f->zone) && (f->stage == stage || f->abstained))
            return true;
    }
    for (size_t i = 0; i < record->cleans; i++) {
        const struct record_clean *c = &record->clean[i];
        if (is_block(config, c->check, c->zone) && c->stage == stage)
            return true;
    }
    return false;
}

static bool is_known(const struct record *record, const struct check_config *config)
{
    for (enum check_stage stage = CHECK_AT_CONNECT; stage < CHECK_STAGES; stage++) {
        bool looks =
            (config->check->stages & CHECK_BIT(stage)) != 0 &&
            (config->check->looks == NULL || config->check->looks(config, stage, &record->client));
        if (looks && reached(record, stage) && !was_asked(record, config, stage))
            return false;
    }
    return true;
}

static void count_unknown(const struct replay_rules *rules, const struct record *record,
                          struct replay_verdict *out)
{
    const struct check_config *const *config = policy_checks(rules->policy);
    for (; *config != NULL; config++) {
        if ((*config)->mode != CHECK_OBSERVE && !is_known(record, *config))
            out->unknown++;
    }
}

/* ---- thresholds, lists, the greylist ------------------------------------------------------------
 */

static void set_thresholds(const struct replay_rules *rules, const struct record *record,
                           struct record *now)
{
    const struct policy_thresholds *usual = policy_thresholds(rules->policy);
    struct trial_thresholds own = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT};
    if (rules->thresholds != NULL && !rules->thresholds(rules->arg, record->listener, &own))
        own = (struct trial_thresholds){TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT};
    now->thresholds = (struct trial_thresholds){
        .greylist = own.greylist != TRIAL_DEFAULT ? own.greylist : usual->greylist,
        .reject = own.reject != TRIAL_DEFAULT ? own.reject : usual->reject,
        .tarpit = own.tarpit != TRIAL_DEFAULT ? own.tarpit : usual->tarpit,
    };
}

/* The entry that decided, unless it was one of a file. */
static bool recorded_entry(const struct record *record, struct entry *out)
{
    const struct record_list *list = &record->list;
    *out = (struct entry){.list = list->ruling == RECORD_LIST_ALLOW ? ENTRY_ALLOW : ENTRY_DENY,
                          .kind = list->kind,
                          .action = list->action,
                          .origin = list->origin,
                          .unproven = true, /* it did count */
                          .key = list->key,
                          .reason = "",
                          .author = ""};
    return list->ruling != RECORD_LIST_NONE && list->origin != ENTRY_FILE && list->key[0] != '\0';
}

/* What the entries of the other configuration say, beside the one that decided then. */
static void judge_lists(const struct replay_rules *rules, const struct record *record,
                        struct record *now, struct list_verdict *verdict)
{
    struct entry entry;
    bool by_recipients = record->list.ruling == RECORD_LIST_ALLOW && record->list.key[0] == '\0';
    if (rules->lists == NULL || by_recipients)
        return;
    bool kept = recorded_entry(record, &entry);
    const struct list_facts facts = {
        .client = &record->client,
        .helo = record->helo,
        .reverse = record->confirmed ? record->reverse : NULL,
        .sender = record->sender,
        .recipient = record->recipients > 0 ? record->recipient[0] : NULL,
    };
    if (kept)
        list_table_put(rules->lists, &entry);
    list_judge(rules->lists, &facts, record->time_ms / 1000, verdict);
    if (kept)
        list_table_remove(rules->lists, entry.list, entry.kind, entry.key);
    now->list = (struct record_list){.ruling = RECORD_LIST_NONE, .key = verdict->key};
    if (verdict->ruling == LIST_SILENT)
        return;
    now->list.ruling = verdict->ruling == LIST_ALLOWED ? RECORD_LIST_ALLOW : RECORD_LIST_DENY;
    now->list.kind = verdict->kind;
    now->list.origin = verdict->origin;
    now->list.action = verdict->action;
}

/* Is it to be asked now, and was not then? Else `now` has what it said then. */
static bool greylist_unknown(const struct replay_rules *rules, const struct record *record,
                             struct record *now, const struct record_outcome *outcome)
{
    enum greylist_mode mode = policy_greylist(rules->policy)->mode;
    bool suspicious = outcome->action == VERDICT_SUSPICIOUS;
    bool wanted = (mode != GREYLIST_OFF && suspicious) ||
                  (mode == GREYLIST_ALL && outcome->action == VERDICT_PASS &&
                   outcome->cause == VERDICT_BY_SCORE);
    now->greylist.asked = wanted ? record->greylist.asked : RECORD_GREY_NONE;
    now->greylist.all = mode == GREYLIST_ALL;
    return wanted && record->greylist.asked == RECORD_GREY_NONE && !record->proven;
}

void record_rejudge(const struct replay_rules *rules, const struct record *record,
                    struct replay_verdict *out)
{
    struct record now = *record;
    struct list_verdict list = {.ruling = LIST_SILENT};
    struct record_outcome outcome;
    *out = (struct replay_verdict){.unknown = 0};
    rescore_all(rules, record, &now, out);
    find_sign(rules, record, &now);
    record_mark_once(&now);
    set_thresholds(rules, record, &now);
    judge_lists(rules, record, &now, &list);
    now.greylist.asked = RECORD_GREY_NONE;
    record_judge(&now, &outcome);
    out->greylist = greylist_unknown(rules, record, &now, &outcome);
    record_judge(&now, &outcome);
    out->would = outcome.action;
    out->action = rules->observe ? VERDICT_PASS : outcome.action;
    out->cause = outcome.cause;
    out->score = outcome.score;
    bool by_checks = outcome.cause == VERDICT_BY_SCORE || outcome.cause == VERDICT_BY_RULE ||
                     outcome.cause == VERDICT_BY_GREYLIST;
    if (!by_checks)
        return;
    bool early = record->stage == RECORD_CONNECT || record->stage == RECORD_HELO;
    out->blind = record_blind(record) || (early && passes(outcome.action));
    count_unknown(rules, record, out);
}

/* ---- many of them -------------------------------------------------------------------------------
 */

struct replay *replay_new(const struct replay_rules *rules)
{
    struct replay *replay = mem_alloc(sizeof *replay);
    replay->rules = rules;
    return replay;
}

void replay_free(struct replay *replay)
{
    if (replay == NULL)
        return;
    free(replay->last_id);
    free(replay);
}

/* One decision is stored once for each of its recipients. */
static bool is_again(struct replay *replay, const struct record *record)
{
    if (replay->last_id != NULL && strcmp(replay->last_id, record->id) == 0 &&
        replay->last_time == record->time_ms && replay->last_stage == record->stage)
        return true;
    free(replay->last_id);
    replay->last_id = mem_strdup(record->id);
    replay->last_time = record->time_ms;
    replay->last_stage = record->stage;
    return false;
}

bool replay_add(struct replay *replay, const struct record *record, struct replay_change *out)
{
    struct replay_summary *summary = &replay->summary;
    struct replay_group *group = record->proven ? &summary->proven : &summary->unproven;
    if (is_again(replay, record))
        return false;
    if (!record->judged || record->refused != NULL) {
        summary->skipped++;
        return false;
    }
    *out = (struct replay_change){.record = record, .before = record->action};
    record_rejudge(replay->rules, record, &out->now);
    group->records++;
    group->unsure += out->now.unknown > 0 || out->now.blind || out->now.greylist;
    if (out->now.action == out->before)
        return false;
    if (passes(out->before) == passes(out->now.action))
        group->other++;
    else if (passes(out->before))
        group->refused++;
    else
        group->passed++;
    return true;
}

const struct replay_summary *replay_summary(const struct replay *replay)
{
    return &replay->summary;
}
