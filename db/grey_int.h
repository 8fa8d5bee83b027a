/* SPDX-License-Identifier: ISC */
#ifndef DB_GREY_INT_H
#define DB_GREY_INT_H
/* The rows of the table `triplet`, for the files that see, list, edit and sweep them. */

#include "db/grey_row.h"
#include "db/table_int.h"

/* Reads the row of that key: 1, 0 there is none (then *row is empty), -1 a fault. The row's texts
 * lie in `detail` where that is given; without it there are none, though row->detail says truly. */
int grey_get(struct db *db, sqlite3_int64 key, struct grey_row *row,
             unsigned char detail[GREY_DETAIL_MOST]);
/* Writes it, new or not; its texts with it where row->detail. */
bool grey_put(struct db *db, const struct grey_row *row);

/* A walk by key over the rows that have texts; not too far at once (TABLE_LOOKED_MOST). */
struct grey_scan {
    sqlite3_stmt *rows;
    uint64_t cursor; /* behind what was looked at; 0: at the end of the table */
    unsigned looked;
    bool fault;
};
/* From the row behind `cursor`, 0 from the first. False: a fault. */
bool grey_scan_start(struct grey_scan *scan, struct db *db, uint64_t cursor);
/* The next one; its texts are good until the next call. False: no more, or enough for now, or a
 * fault. */
bool grey_scan_next(struct grey_scan *scan, struct db *db, struct grey_row *row);
/* Always; false: there was a fault. */
bool grey_scan_stop(struct grey_scan *scan);

/* What a question's filter wants. */
bool grey_wanted(struct db *db, const struct grey_row *row, const struct store_question *question);
/* The row is of that identity, or is linked to one of it. */
bool grey_is_of(struct db *db, const struct grey_row *row, const char *identity);

#endif
