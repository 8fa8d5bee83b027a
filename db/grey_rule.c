/* SPDX-License-Identifier: ISC */
/*
 * grey_rule: the transitions of a triplet.
 *
 *   none     seen                              -> waiting   NEW
 *   waiting  before first + delay              -> waiting   EARLY
 *   waiting  before first + retry_window       -> white     PASSED
 *   waiting  later                             -> waiting   NEW, a new round
 *   white    before last + white_lifetime      -> white     WHITE, the lifetime begins anew
 *   white    later                             -> waiting   NEW, a new round
 *
 * Promises: the second that a window names is outside of it. A clock that went back starts the wait
 * of a triplet seen "later" anew, and a white one stays white.
 */
#include "db/grey_rule.h"

#define SETTLED_MOST  3600 /* seconds */
#define SETTLED_SHARE 100  /* of the lifetime */

enum standing { STANDING_ENDED, STANDING_WAITING, STANDING_WHITE };

static enum standing standing(const struct grey_record *record, const struct grey_rule *rule,
                              int64_t now)
{
    if (record->count == 0)
        return STANDING_ENDED;
    if (record->white)
        return now - record->last < rule->white_lifetime ? STANDING_WHITE : STANDING_ENDED;
    return now - record->first < rule->retry_window ? STANDING_WAITING : STANDING_ENDED;
}

bool grey_ended(const struct grey_record *record, const struct grey_rule *rule, int64_t now)
{
    return standing(record, rule, now) == STANDING_ENDED;
}

const struct grey_record *grey_better(const struct grey_record *a, const struct grey_record *b,
                                      const struct grey_rule *rule, int64_t now)
{
    enum standing of_a = standing(a, rule, now);
    enum standing of_b = standing(b, rule, now);
    if (of_a != of_b)
        return of_a > of_b ? a : b;
    if (of_a == STANDING_WAITING)
        return a->first <= b->first ? a : b;
    return a->last >= b->last ? a : b;
}

static enum grey_state begin(struct grey_record *record, const struct grey_rule *rule, int64_t now,
                             uint32_t *wait)
{
    *record = (struct grey_record){.first = now, .last = now, .count = 1};
    *wait = rule->delay;
    return GREY_NEW;
}

static enum grey_state retried(struct grey_record *record, const struct grey_rule *rule,
                               int64_t now, uint32_t *wait)
{
    int64_t age = now - record->first;
    if (age < rule->delay) {
        *wait = (uint32_t)(rule->delay - age);
        return GREY_EARLY;
    }
    record->white = true;
    return GREY_PASSED;
}

enum grey_state grey_see(struct grey_record *record, const struct grey_rule *rule, int64_t now,
                         uint32_t *wait)
{
    *wait = 0;
    enum standing is = standing(record, rule, now);
    if (is == STANDING_ENDED)
        return begin(record, rule, now, wait);
    record->last = now;
    if (record->first > now)
        record->first = now;
    if (record->count < UINT32_MAX)
        record->count++;
    return is == STANDING_WHITE ? GREY_WHITE : retried(record, rule, now, wait);
}

int64_t grey_until(const struct grey_record *record, const struct grey_rule *rule)
{
    return record->white ? record->last + rule->white_lifetime : record->first + rule->delay;
}

bool grey_settled(const struct grey_record *stored, const struct grey_record *seen,
                  const struct grey_rule *rule)
{
    if (stored->count == 0 || !stored->white || !seen->white)
        return false;
    int64_t most = rule->white_lifetime / SETTLED_SHARE;
    if (most > SETTLED_MOST)
        most = SETTLED_MOST;
    int64_t apart = seen->last - stored->last;
    return (apart < 0 ? -apart : apart) < most;
}
