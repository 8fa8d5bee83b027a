/* SPDX-License-Identifier: ISC */
#ifndef DB_STORE_QUESTION_H
#define DB_STORE_QUESTION_H
/* A question that outlives its asker's call. Pure, any thread. */

#include "db/store.h"

/* A copy with all it points to in one piece of memory; the caller frees it. *octets: how much that
 * is. */
struct store_question *store_question_copy(const struct store_question *question, size_t *octets)
    __attribute__((warn_unused_result));

#endif
