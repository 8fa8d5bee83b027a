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
 * that went back makes nobody wait longer than `delay`. The first sight never passes, even where
 * `delay` is 0: then any second one does. */
enum grey_state grey_see(struct grey_record *record, const struct grey_rule *rule, int64_t now,
                         uint32_t *wait);
/* When it may pass (waiting) or ends (white). */
int64_t grey_until(const struct grey_record *record, const struct grey_rule *rule);
/* It is as if it had never been: none, or its retry window or lifetime is over. */
bool grey_ended(const struct grey_record *record, const struct grey_rule *rule, int64_t now);
/* Both are white and differ by so little (an hour, or a hundredth of the lifetime) that `stored`
 * need not be written again: so the mail of a white triplet is no write. */
bool grey_settled(const struct grey_record *stored, const struct grey_record *seen,
                  const struct grey_rule *rule);

#endif
