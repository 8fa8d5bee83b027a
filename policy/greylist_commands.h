/* SPDX-License-Identifier: ISC */
#ifndef POLICY_GREYLIST_COMMANDS_H
#define POLICY_GREYLIST_COMMANDS_H
/* Administrators' commands about greylisted triplets. The thread of `loop`. */

#include "db/store.h"
#include "lib/command.h"

#include <stdint.h>

struct loop;
struct policy;
struct pseudonym_keys;

struct greylist_desk {   /* plain data of who offers them; outlives every call */
    struct store *store; /* NULL: every command fails, and says why */
    struct loop *loop;
    int64_t (*wall)(void);             /* seconds since the epoch */
    struct pseudonym_keys *pseudonyms; /* NULL: off */
    /* The policy of now, whose rule says what has ended, a reference that the command gives back
     * (policy_unref). NULL: nothing has ended. */
    struct policy *(*policy)(void *arg);
    void *arg;
};

/* The set's arg is a struct greylist_desk. `client` is an address (it stands for its network), a
 * network, or a name (for its organisational domain); `sender` and `recipient` are addresses, or
 * domains: all of it.
 *
 *   greylist-list    READ   [client] [sender] [recipient] [state]   items: {identity, sender,
 *                           recipient, state: waiting or white, first, last, count, left: seconds
 *                           until it may pass, or until it is no longer white}
 *   greylist-pass    ADMIN  at least one of the same    -> {"changed": n}; they are white from now
 *   greylist-delete  ADMIN  at least one of the same    -> {"changed": n}
 *
 * A triplet is listed under the strongest identity of its client: that of one with a confirmed name
 * is its domain; it is found by any. Those that have ended are not there any more. */
extern const struct command greylist_command_rows[];

#endif
