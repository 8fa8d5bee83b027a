/* SPDX-License-Identifier: ISC */
#ifndef POLICY_REPLAY_H
#define POLICY_REPLAY_H
/*
 * Recorded decisions judged again under another configuration. Only what was recorded is judged:
 * a zone or check that was not asked then cannot be known now, and is counted as that. One thread
 * (the list table is used).
 */

#include "policy/record.h"

struct buf;
struct list_table;
struct policy;

struct replay_rules {
    const struct policy *policy; /* the other one; need not be bound */
    bool observe;                /* its mode */
    /* The other one's own list entries (ENTRY_FILE: policy_bind() and its list files put them into
     * a policy_state's table) and nothing else; an entry of another origin that decided then is put
     * in and out while judging. NULL: list entries speak as they did. */
    struct list_table *lists;
    /* The thresholds of the listener of that name; false: there is none. NULL: the policy's. */
    bool (*thresholds)(void *arg, const char *listener, struct trial_thresholds *out);
    void *arg;
};

struct replay_verdict {
    enum verdict_action action, would;
    enum verdict_cause cause;
    score_t score;
    unsigned unknown; /* blocks of the other configuration that were not asked then */
    unsigned gone;    /* findings whose block it has not, or has switched off */
    bool blind;       /* some checks had not run then: a list entry spoke, or it was too early */
    bool greylist;    /* it would be asked about the triplet, and was not then; taken for a pass */
};

void record_rejudge(const struct replay_rules *rules, const struct record *record,
                    struct replay_verdict *out);

/* ---- many of them -------------------------------------------------------------------------------
 */

struct replay;

/* A verdict that would change: passes where it was refused, or the other way round, or another
 * refusal. */
struct replay_change {
    const struct record *record;
    struct replay_verdict now;
    enum verdict_action before;
};

struct replay_group {
    uint64_t records;
    uint64_t refused; /* passed then, would be refused */
    uint64_t passed;  /* refused then, would pass */
    uint64_t other;   /* another refusal, or suspicious where it was not, and the reverse */
    uint64_t unsure;  /* of all records: those of which something is not known */
};
struct replay_summary {
    struct replay_group proven, unproven; /* senders */
    uint64_t skipped; /* no verdict was asked, or something else refused (record.refused) */
};

/* `rules` outlives it. */
struct replay *replay_new(const struct replay_rules *rules) __attribute__((warn_unused_result));
void replay_free(struct replay *replay); /* NULL is fine */
/* True: it changes, *out says how. A transaction that is stored once for each recipient, one after
 * the other, counts once. */
bool replay_add(struct replay *replay, const struct record *record, struct replay_change *out);
const struct replay_summary *replay_summary(const struct replay *replay);

/* A line for people, with its line end; and the objects for programs:
 * {"id","time","client","sender","recipients","proven","before","after","score_before",
 * "score_after","by","unknown","gone","blind","greylist"}. */
void replay_change_text(const struct replay_change *change, struct buf *out);
json_t *replay_change_json(const struct replay_change *change) __attribute__((warn_unused_result));
/* {"proven": {"records","refused","passed","other","unsure"}, "unproven": {...}, "skipped"}. */
void replay_summary_text(const struct replay_summary *summary, struct buf *out);
json_t *replay_summary_json(const struct replay_summary *summary)
    __attribute__((warn_unused_result));

#endif
