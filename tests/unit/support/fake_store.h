/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_FAKE_STORE_H
#define TESTS_UNIT_SUPPORT_FAKE_STORE_H
/*
 * A `struct store` in memory:
 *
 *     struct store *store = fake_store_new();
 *     ...the code under test asks...
 *     loop_poll(loop);                      answers come through the asker's loop
 *     fake_store_free(store);
 *
 * It does all of db/store.h, simply and slowly. Questions take effect when they are asked. Any
 * thread may ask; the functions here belong to the test's own. A mistake in a test (a question open
 * at the end, one that no store need understand) prints what is wrong and aborts.
 */

#include "db/store.h"

struct store *fake_store_new(void) __attribute__((warn_unused_result));
/* No question may be open: who asked has to have cancelled, or to have been answered. NULL is
 * fine. */
void fake_store_free(struct store *store);

/* From now on every answer is STORE_DOWN and `why` (a literal), and what is told is lost. NULL: it
 * is up again, with all it had. */
void fake_store_down(struct store *store, const char *why);
/* Answers wait until they are no longer held; what they say was settled when they were asked. */
void fake_store_hold(struct store *store, bool held);
/* It is empty again. */
void fake_store_forget(struct store *store);

/* Questions asked and told since the start, of one kind; those open. */
size_t fake_store_asked(const struct store *store, enum store_op op);
size_t fake_store_open(const struct store *store);
/* What it has now, for a test to look at; valid until the store is touched again. */
size_t fake_store_entries(const struct store *store, const struct entry **out);
size_t fake_store_identities(const struct store *store, const struct identity_item **out);
size_t fake_store_decisions(const struct store *store, const struct decision_item **out);

#endif
