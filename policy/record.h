/* SPDX-License-Identifier: ISC */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H
/*
 * A decision record: what was known of a client and what it led to, as plain data. It is written
 * when a decision is made, kept in the store as one JSON object, and read again to be explained
 * (policy/explain.h) and to be judged under another configuration (policy/replay.h). Pure, any
 * thread.
 */

#include "db/store.h"
#include "lib/addr.h"
#include "policy/auth/arc.h"
#include "policy/auth/dkim.h"
#include "policy/auth/dmarc.h"
#include "policy/auth/spf.h"
#include "policy/check.h"
#include "policy/trial.h"

#include <jansson.h>

struct buf;

/*
 * The JSON object. Stable: fields may be added, none changes its meaning. A field whose value is
 * not known, or is false or none, is left out, but for those marked with '*', which always stand.
 * Times are RFC 3339 in UTC, scores numbers with at most two decimals, ms milliseconds.
 *
 *   id *           the session's, as in the reply and the log
 *   time *         "2026-11-22T17:00:00.123Z"
 *   stage *        when it was made: connect, helo, rcpt or message
 *   client *       the address
 *   helo           as said          sender    as said; "" is <>; absent before MAIL
 *   reverse        the reverse name      confirmed    true: its addresses hold the client's
 *   recipients     up to 20         others    how many there were beyond those
 *   listener       its name         mode *    enforce or observe
 *   authenticated  trusted  proven  exempt    true where it is (exempt: postmaster@, abuse@)
 *   thresholds *   {greylist *, reject *, tarpit *}, those of the listener
 *   findings *     what checks said, in the order in which it came; each
 *       check *      the name of the block         zone    which of several blocks (no query key)
 *       label *      what found it: "zen.example", "helo.syntax"
 *       at *         connect, reverse, helo, sender, message, or wire
 *       answer       the raw answer; of one that abstained: why
 *       score *      mode *   observe, score, reject     ms *   since the fact it is about
 *       refuses      true: the check had it refuse alone, whatever its block's mode; mode is then
 *                    reject
 *       code         its own reply code, "5.7.25"
 *       counted *    whether it was added to the score, and where not, one of these is true:
 *       abstained    it could not tell
 *       once         a stronger finding of the same block counts in its place
 *       quiet        an answer that counts nothing (and else it is only observed: mode)
 *   clean          runs that found nothing; each {check *, zone, at *, ms *}
 *   dropped        findings and clean runs that were left out, since the record was too long
 *   spf            what SPF said of the sender: {result * pass, fail..., domain, mechanism: what
 *                  decided, why: of none and the errors, open true: a failure that the end of
 *                  data decides}              spf-helo    the same of the HELO name
 *   dkim           up to 5 signatures of the message, those that pass first: {result *, domain,
 *                  selector, why}             dkim-others how many there were beyond those
 *   arc            {result *, sets: of the chain, sealer, why}; absent where there is no chain
 *   dmarc          {result *, domain: the author's, at: whose record applies, published and policy:
 *                  none, quarantine or reject, as published and after t=y, why, mark: what it was
 *                  let in with, override: why its policy was not followed}; absent where the
 *                  message was not authenticated
 *   list           the list entry that decided: {ruling * allow or deny, kind *, key * ("" where
 *                  several did, one for each recipient), origin *, action}
 *   greylist       {state * new, early, passed or white, or proven: it was not asked, or down: the
 *                  store did not answer; wait seconds left; all true: who is not suspicious is
 *                  greylisted, too; identity names the client is known by}
 *   trap           the last spamtrap it wrote to      banned  true: that put it on the deny list
 *   score *        the sum
 *   verdict *      pass, suspicious, greylist, defer, reject, tarpit: what was done
 *   would *        the same with mode = enforce
 *   by *           allow, deny, trust, exempt, rule, greylist, score; or none: no verdict was asked
 *   refused        what else refused it: relay, limit, backend...
 *   reply          what the client was told
 */

#define RECORD_RECIPIENTS 20
#define RECORD_FINDINGS   64
#define RECORD_CLEAN      64
#define RECORD_SIGNATURES 5

enum record_stage { RECORD_CONNECT, RECORD_HELO, RECORD_RCPT, RECORD_MESSAGE };
#define RECORD_STAGES 4

struct record_finding {
    const char *check, *zone; /* zone: "" where there is one block only */
    const char *label, *answer;
    const char *code; /* "": none */
    enum check_stage stage;
    enum check_mode mode;
    score_t score;
    uint32_t ms;
    bool abstained, once, quiet;
    bool refuses; /* alone, whatever its block's mode */
};

struct record_clean {
    const char *check, *zone;
    enum check_stage stage;
    uint32_t ms;
};

struct record_list {
    enum { RECORD_LIST_NONE, RECORD_LIST_ALLOW, RECORD_LIST_DENY } ruling;
    enum entry_kind kind;
    enum entry_origin origin;
    enum entry_action action; /* of RECORD_LIST_DENY */
    const char *key;
};

enum record_grey { RECORD_GREY_NONE, RECORD_GREY_DOWN, RECORD_GREY_PROVEN, RECORD_GREY_ASKED };

struct record_greylist {
    enum record_grey asked;
    enum grey_state state; /* of RECORD_GREY_ASKED */
    uint32_t wait;         /* seconds */
    bool all;              /* who passes is asked about, not only who is suspicious */
    size_t identities;
    const char *identity[STORE_IDENTITIES_MOST];
};

struct record_spf { /* strings of these: "" where there is nothing */
    bool checked;
    enum spf_result result;
    const char *domain, *mechanism, *why;
    bool open;
};

struct record_signature {
    enum dkim_result result;
    const char *domain, *selector, *why;
};

struct record_arc {
    enum arc_result result; /* ARC_NONE: there is none */
    uint32_t sets;
    const char *sealer, *why;
};

struct record_dmarc {
    bool checked;
    enum dmarc_result result;
    enum dmarc_policy published, policy;
    const char *domain, *at, *why, *mark, *override;
};

/* Strings are whoever's who filled it; never NULL but where it says so. */
struct record {
    const char *id;
    int64_t time_ms; /* since the epoch */
    enum record_stage stage;
    struct addr client;
    const char *helo, *reverse, *sender; /* NULL: not known (sender: before MAIL) */
    bool confirmed;
    size_t recipients;
    const char *recipient[RECORD_RECIPIENTS];
    size_t others;
    const char *listener; /* "": not known */
    bool observe;
    bool authenticated, trusted, proven, exempt;
    struct trial_thresholds thresholds;
    size_t findings;
    struct record_finding finding[RECORD_FINDINGS];
    size_t cleans;
    struct record_clean clean[RECORD_CLEAN];
    size_t dropped;
    struct record_spf spf, spf_helo;
    size_t signatures, other_signatures;
    struct record_signature signature[RECORD_SIGNATURES];
    struct record_arc arc;
    struct record_dmarc dmarc;
    struct record_list list;
    struct record_greylist greylist;
    const char *trap; /* NULL: none */
    bool banned;
    bool judged; /* a verdict was asked for; else action, would and cause mean nothing */
    score_t score;
    enum verdict_action action, would;
    enum verdict_cause cause;
    const char *refused; /* NULL: nothing else did */
    const char *reply;   /* "": none yet */
};

/* Appends it to `out` as one JSON object without line ends, valid whatever the strings hold: what
 * is not UTF-8 becomes "\xHH" as text, what should not be shown is escaped, long texts are cut. At
 * most STORE_RECORD_MOST octets: of one that is longer the findings that say least are left out,
 * and counted as `dropped`. */
void record_write(const struct record *record, struct buf *out);
/* Reads one; the result's strings are its own. NULL: *why is a clause (static); nothing that it
 * does not understand is passed over but fields that are new. */
struct record *record_parse(const char *text, size_t len, const char **why)
    __attribute__((warn_unused_result));
void record_free(struct record *record); /* of record_parse; NULL is fine */
/* The object that record_write() writes. */
json_t *record_json(const struct record *record) __attribute__((warn_unused_result));

/* What its own facts, thresholds and findings come to, by the precedence of trial_verdict.c: pure,
 * of plain data, with mode = enforce. What was counted of the client (client-limits) is not in it.
 */
struct record_outcome {
    enum verdict_action action;
    enum verdict_cause cause;
    score_t score;
    uint32_t wait; /* seconds left, where greylisting defers */
    bool limits;   /* it was deferred by what is counted of the client, which is taken over */
    const struct record_finding *rule; /* VERDICT_BY_RULE */
};
void record_judge(const struct record *record, struct record_outcome *out);
/* Nobody knows what its checks had said: only those had run that always do (check.always). */
bool record_blind(const struct record *record);
/* Does it refuse alone, by its check's word or its block's mode? */
bool record_refuses(const struct record_finding *finding);
/* Does the finding count in the sum? And by itself, before what a stronger one takes over? */
bool record_counts(const struct record_finding *finding);
/* Sets `once` of all findings: which checks count once is known by the table of checks. */
void record_mark_once(struct record *record);

/* Tells the store, a row for each recipient named (one where there is none): `text` is what
 * trial_record() or record_write() gave. Nothing where `store` is NULL. Any thread. */
void decision_tell(struct store *store, const struct record *record, const char *text);

/* Words of the JSON. */
const char *record_stage_name(enum record_stage stage);
const char *record_at_name(enum check_stage stage);
const char *record_grey_name(const struct record_greylist *greylist);
#define RECORD_TIME_SIZE 32
/* "2026-11-22T17:00:00.123Z"; years 1970 to 9999. Returns `out`. */
const char *record_time_text(int64_t time_ms, char out[static RECORD_TIME_SIZE]);

/* ---- of a trial (policy/trial_record.c) ---------------------------------------------------------
 */

struct record_context { /* what a trial does not know */
    const char *id;
    int64_t time_ms; /* since the epoch */
    enum record_stage stage;
    const char *listener; /* NULL: not known */
    bool exempt;
    size_t recipients;
    const char *const *recipient; /* any number; those beyond RECORD_RECIPIENTS are counted */
    const char *refused;          /* see struct record; NULL */
    const char *reply;            /* NULL: none yet */
};
/* trial_record() in two steps, for who wants the record itself: strings stay the trial's and the
 * context's, so it is valid until either is touched. */
void trial_record_fill(const struct trial *trial, const struct record_context *context,
                       struct record *out);

#endif
