/* SPDX-License-Identifier: ISC */
/*
 * expire: what has ended is swept, a little at each step, round and round for ever.
 *
 * Promises: a step looks at some `most` rows (STORE_PAGE_MOST of them at most) of triplets or of
 * identities, which it walks by key as they have no index by time, and deletes as many entries and
 * decisions at most, whose oldest an index finds.
 */
#include "db/table_int.h"

enum walk { WALK_TRIPLETS, WALK_IDENTITIES };

bool expire_step(struct db *db, struct expiry *expiry, int64_t now, unsigned most)
{
    if (most > STORE_PAGE_MOST)
        most = STORE_PAGE_MOST;
    if (!entry_expire(db, now, most) || !decision_expire(db, expiry, now, most))
        return false;
    bool ok = expiry->table == WALK_TRIPLETS
                  ? grey_expire(db, expiry, now, most, &expiry->integer)
                  : identity_expire(db, expiry, now, most, &expiry->integer);
    if (expiry->integer == 0)
        expiry->table = expiry->table == WALK_TRIPLETS ? WALK_IDENTITIES : WALK_TRIPLETS;
    return ok;
}
