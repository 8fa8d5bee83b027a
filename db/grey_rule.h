/* SPDX-License-Identifier: ISC */
#ifndef DB_GREY_RULE_H
#define DB_GREY_RULE_H
/* What becomes of a triplet when it is seen: the transitions alone, without a database, so that
 * every store has the same and a test may walk all of them. Pure, any thread. */

#include "db/store.h"

struct grey_record { /* `count` 0: there is none */
    int64_t first;   /* of this round of waiting */
    int64_t last;
    uint32_t count;
    bool white;
};

/* The better of two records of one triplet at `now`: white before waiting before ended, then the
 * one that waits longest, or was seen last. */
const struct grey_record *grey_better(const struct grey_record *a, const struct grey_record *b,
                                      const struct grey_rule *rule, int64_t now);
/* Sees it: changes *record to what is to be stored, says the state and the seconds to wait. A clock
 * that went back makes nobody wait longer than `delay`. */
enum grey_state grey_see(struct grey_record *record, const struct grey_rule *rule, int64_t now,
                         uint32_t *wait);
/* When it may pass (waiting) or ends (white). */
int64_t grey_until(const struct grey_record *record, const struct grey_rule *rule);

#endif
