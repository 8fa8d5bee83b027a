/* SPDX-License-Identifier: ISC */
#ifndef POLICY_PSEUDONYM_KEYS_H
#define POLICY_PSEUDONYM_KEYS_H
/*
 * The keys of pseudonyms (policy/pseudonym.h) and where they are used: `privacy { pseudonyms }`.
 *
 * One key is drawn every `rotate`, and serves decision records and the log while it is the newest.
 * It lives on, to find what it made, for as long as a record made with it may; then it is
 * destroyed, and nobody can link what is left. One standing key serves what must be recognised for
 * as long as it lives: triplets and proven addresses; what it makes has nothing in common with what
 * others make.
 *
 * They are in a file of their own (STATE-DIR/pseudonym.keys, mode 0600), so that neither the
 * database nor a copy of it holds them. Any thread, but where it says main's.
 */

#include "policy/pseudonym.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pseudonym_mode {
    PSEUDONYMS_OFF,
    PSEUDONYMS_STORED, /* in what the store gets and in decision records */
    PSEUDONYMS_ALL,    /* in a session's log lines, too */
};

#define PSEUDONYM_KEYS_MOST 64 /* that live; more make the oldest end sooner */

struct pseudonym_rule {
    enum pseudonym_mode mode;
    int64_t rotate; /* seconds, > 0 */
    int64_t keep;   /* seconds that a record lives */
};

struct pseudonym_keys;

/* Off, with no file: keys are in memory only. */
struct pseudonym_keys *pseudonym_keys_new(void) __attribute__((warn_unused_result));
void pseudonym_keys_free(struct pseudonym_keys *keys); /* NULL is fine */
/* Reads `directory`'s file, and writes there from now on. False: *why (caller frees) says what is
 * wrong with a file that is there, and it is left alone: keys are in memory only. Main's. */
bool pseudonym_keys_open(struct pseudonym_keys *keys, const char *directory, char **why);
/* A mode that needs a key has one from then on; pseudonym_keys_turn() saves it. Also puts itself
 * before the log, where all is disguised. Main's, at start and reload. */
void pseudonym_keys_configure(struct pseudonym_keys *keys, const struct pseudonym_rule *rule,
                              int64_t now);
/* Now and then: draws a new key when it is time, destroys those that have ended. False: they could
 * not be written; *why (caller frees) says so once until it is well again, else it is NULL. Main's.
 */
bool pseudonym_keys_turn(struct pseudonym_keys *keys, int64_t now, char **why);

/* Of NULL: off, and there are no keys. */
enum pseudonym_mode pseudonym_keys_mode(struct pseudonym_keys *keys);
/* The newest. False: there is none. */
bool pseudonym_keys_newest(struct pseudonym_keys *keys, struct mac_key *out);
/* The standing one. False: there is none. */
bool pseudonym_keys_standing(struct pseudonym_keys *keys, struct mac_key *out);
/* All that live but the standing one, the newest first, to find what was made with them, whatever
 * the mode is now; returns how many. */
size_t pseudonym_keys_living(struct pseudonym_keys *keys,
                             struct mac_key out[static PSEUDONYM_KEYS_MOST]);

/* For what is kept and looked for again: the standing pseudonym, or the address itself where
 * pseudonyms are off. Returns `out`. */
const char *pseudonym_kept_mailbox(struct pseudonym_keys *keys, const char *address,
                                   char out[static PSEUDONYM_MAILBOX_SIZE]);
const char *pseudonym_kept_client(struct pseudonym_keys *keys, const struct addr *client,
                                  char out[static ADDR_TEXT_MAX]);

#endif
