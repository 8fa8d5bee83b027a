/* SPDX-License-Identifier: ISC */
#ifndef DB_GREY_ROW_H
#define DB_GREY_ROW_H
/*
 * A row of the table `triplet`: one identity of one triplet. The upper 31 bits of its key are a
 * hash of sender and recipient, the lower 32 of identity, sender and recipient, so that the rows of
 * a triplet lie in one page. The first identity's row has the texts and the other rows' lower
 * halves (its links); they have none of both. Pure, any thread.
 */

#include "db/grey_rule.h"
#include "lib/hash.h"

#include <sqlite3.h>

#define GREY_LINKS_MOST  7
#define GREY_DETAIL_MOST (16 + 4 * GREY_LINKS_MOST + 3 * (STORE_TEXT_MOST + 1))

struct grey_texts { /* cut to STORE_TEXT_MOST */
    const char *identity, *sender, *recipient;
    size_t identity_len, sender_len, recipient_len;
};

struct grey_row {
    sqlite3_int64 key;
    struct grey_record record; /* without detail only what the rule needs: first of those that wait,
                                  last of the white; count 1 */
    bool detail;
    size_t links;
    uint32_t link[GREY_LINKS_MOST];
    struct grey_texts texts; /* where detail */
};

void grey_texts_set(struct grey_texts *texts, const char *identity, const char *sender,
                    const char *recipient);
/* Positive, never 0. */
sqlite3_int64 grey_row_key(const struct hash_key *hash, const struct grey_texts *texts);
/* The key of another row of the same sender and recipient. */
sqlite3_int64 grey_row_linked(sqlite3_int64 key, uint32_t link);
bool grey_row_has_link(const struct grey_row *row, uint32_t link);
/* Adds it where it is not there yet; false: no room. */
bool grey_row_add_link(struct grey_row *row, uint32_t link);

/* The columns `at` and `detail`; NULL is none. Texts point into `detail`. False: not of our making;
 * then the row is as one without detail. */
bool grey_row_decode(struct grey_row *row, sqlite3_int64 at, const void *detail, size_t len);
sqlite3_int64 grey_row_at(const struct grey_row *row);
/* Returns the length. */
size_t grey_row_detail(const struct grey_row *row, unsigned char out[static GREY_DETAIL_MOST]);

#endif
