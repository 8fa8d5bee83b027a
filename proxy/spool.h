/* SPDX-License-Identifier: ISC */
#ifndef PROXY_SPOOL_H
#define PROXY_SPOOL_H
/* One message while it waits for its end: in memory first, then in an unlinked file; both bounded
 * over all messages of the process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bounds that all messages share (atomics inside; any thread). */
struct spool_budget;
/* `directory`: for the files, must exist when the first is made. Nothing fits before
 * spool_budget_set(). */
struct spool_budget *spool_budget_new(const char *directory) __attribute__((warn_unused_result));
void spool_budget_free(struct spool_budget *budget);
/* Octets a message may hold in memory, all may hold in memory, all may hold in files. Any thread;
 * at start and reload. */
void spool_budget_set(struct spool_budget *budget, uint64_t per_message, uint64_t memory,
                      uint64_t files);
/* Takes octets of the memory of all messages for what is kept beside a spool; false: there is no
 * room. And gives them back. Any thread. */
bool spool_budget_take(struct spool_budget *budget, uint64_t octets);
void spool_budget_give(struct spool_budget *budget, uint64_t octets);
/* What is in use now. */
void spool_budget_used(const struct spool_budget *budget, uint64_t *memory, uint64_t *files);

struct spool;
/* `budget` outlives it. A spool is used by one thread at a time. */
struct spool *spool_new(struct spool_budget *budget) __attribute__((warn_unused_result));
void spool_free(struct spool *spool); /* NULL is fine; gives the budget back */
/* Appends; false once the budget or the disk is full (spool_error says which) and from then on:
 * what the spool holds is then of no use. */
bool spool_add(struct spool *spool, const void *data, size_t len);
/* Why it failed, for the log; NULL: it did not. Lives as long as the spool. */
const char *spool_error(const struct spool *spool);
uint64_t spool_size(const struct spool *spool);
/* Octets that are to be left out when it is read: they lie within what was added, behind all that
 * was cut before (what does not is no cut). Nothing is added after it. spool_size() and the offsets
 * of spool_read() count without them from then on. A cut that touches the one before costs nothing,
 * another 16 octets. */
void spool_cut(struct spool *spool, uint64_t offset, uint64_t len);
/* Is the end of what was added cut? What is left then ends where the cut begins. */
bool spool_end_cut(const struct spool *spool);
/* The bytes from `offset` on: points *data at up to 64 KiB of them (in memory: where they lie; in a
 * file: in `room`), returns how many, 0 at the end, -1 on a read error. */
long spool_read(struct spool *spool, uint64_t offset, char room[static 65536], const char **data);

#endif
