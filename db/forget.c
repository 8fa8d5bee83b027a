/* SPDX-License-Identifier: ISC */
/*
 * forget: all that is stored of one address goes: the identity of that text, triplets in which it
 * is sender, recipient or identity, decisions in whose columns or record it occurs. List entries
 * stay; they are the administrator's.
 *
 * The cursor: below 2^63 it is one of the triplets, above it is the number of a decision.
 */
#include "db/table_int.h"

#define DECISIONS ((uint64_t)1 << 63)

static bool forget_triplets(struct db *db, const char *address, unsigned most,
                            struct store_answer *answer)
{
    if (answer->next == 0 && !identity_forget(db, address, &answer->count))
        return false;
    if (!grey_forget(db, address, most, &answer->next, &answer->count))
        return false;
    if (answer->next == 0)
        answer->next = DECISIONS;
    return true;
}

static bool forget_decisions(struct db *db, const char *address, unsigned most,
                             struct store_answer *answer)
{
    uint64_t number = answer->next & ~DECISIONS;
    if (!decision_forget(db, address, most, &number, &answer->count))
        return false;
    answer->next = number > 0 ? DECISIONS | number : 0;
    return true;
}

bool forget_run(struct db *db, const struct store_question *question, struct db_answer *out)
{
    const char *address = question->text;
    struct store_answer *answer = &out->answer;
    if (address == NULL || address[0] == '\0')
        return true;
    answer->next = question->page.cursor;
    if (answer->next < DECISIONS)
        return forget_triplets(db, address, table_most(question), answer);
    return forget_decisions(db, address, table_most(question), answer);
}
