/* SPDX-License-Identifier: ISC */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H
/*
 * A decision record for people: what was known, what each check said, what it came to, and the
 * smallest change by which it had come out otherwise. Pure, any thread.
 */

#include "policy/entry_text.h"
#include "policy/record.h"

struct buf;

/* One change that turns a refusal into a pass, or a pass into a refusal; nothing else changes. */
enum flip_kind {
    FLIP_WAIT,      /* greylisting is over */
    FLIP_FINDING,   /* this finding is not there */
    FLIP_MODE,      /* its block has another mode */
    FLIP_THRESHOLD, /* another threshold */
    FLIP_MORE,      /* more points */
    FLIP_UNLIST,    /* without the list entry that decided */
    FLIP_LIST,      /* with one for this client */
};

struct flip {
    enum flip_kind kind;
    const struct record_finding *finding; /* FLIP_FINDING, FLIP_MODE; the record's */
    enum check_mode mode;                 /* FLIP_MODE: the other */
    const char *threshold;                /* FLIP_THRESHOLD: "reject", "greylist" */
    score_t from, to;                     /* of it; FLIP_MORE: to: points more */
    uint32_t wait;                        /* FLIP_WAIT: seconds */
    bool allow;               /* FLIP_LIST, FLIP_UNLIST: an allow entry, else a deny one */
    enum entry_kind key_kind; /* the same: of its key */
    char key[ENTRY_KEY_MOST];
    score_t distance; /* hundredths of what the score or threshold moves: smallest first */
    bool blind; /* FLIP_UNLIST: its checks were not asked, so nobody knows what it had come to */
    enum verdict_action action; /* what it had come to */
    score_t score;
};
#define FLIPS_MOST (2 * RECORD_FINDINGS + 8)

/* The changes, the smallest first; returns how many, 0 where no single one does it. Of a client
 * that was refused by something else than the verdict (record.refused) there is none. */
size_t explain_flips(const struct record *record, struct flip out[static FLIPS_MOST]);
/* "without zen.example (+6) the score were 1.5: pass". Appended; what peers said is made fit to be
 * shown. */
void explain_flip_text(const struct flip *flip, struct buf *out);

/* What SPF, DKIM, ARC and DMARC said, a line each; part of explain_text(). */
void explain_auth(const struct record *record, struct buf *out);
/* Lines for people, without colour. Whatever peers said is made fit to be shown. */
void explain_text(const struct record *record, struct buf *out);
/* {"record": {...}, "flips": [{"kind","text","verdict","score", and by kind "finding", "mode",
 * "threshold", "from", "to", "seconds", "list", "key"}...]}: the smallest first. */
json_t *explain_json(const struct record *record) __attribute__((warn_unused_result));

#endif
