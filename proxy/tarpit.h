/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TARPIT_H
#define PROXY_TARPIT_H
/*
 * The tarpit of one worker: hostile clients, each a socket and a few octets, that get a byte every
 * second or so and in the end a 450 or 550. A session that gives its socket here is over; what it
 * wants logged it has logged before.
 */

#include "lib/addr.h"
#include "lib/random.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;
struct loop;
struct tarpit;

enum tarpit_last_word { TARPIT_REJECT, TARPIT_DEFER }; /* 550 or 450 */

struct tarpit_config {               /* tarpit { ... } */
    size_t connections;              /* at most, of all workers; budget.most is set from it */
    uint64_t time;                   /* ms a client is held at most, 12 h or less */
    uint64_t interval;               /* ms between two bytes at least */
    enum tarpit_last_word last_word; /* to RCPT and DATA */
};

/* Shared by the tarpits of all workers. */
struct tarpit_budget {          /* all zero: nobody is taken */
    _Atomic size_t taken;       /* sockets now */
    _Atomic size_t most;        /* tarpit { connections } */
    _Atomic size_t descriptors; /* what tarpit and sessions (two each) may hold together */
    _Atomic size_t *sessions;   /* the server's count */
};

/* Where the dialogue stands when a client is taken. */
enum tarpit_stage { TARPIT_BANNER, TARPIT_EHLO, TARPIT_MAIL, TARPIT_RCPT };

struct tarpit *tarpit_new(struct loop *loop, struct tarpit_budget *budget)
    __attribute__((warn_unused_result));
/* Closes all. */
void tarpit_free(struct tarpit *tarpit);
/* For clients taken from now on, and the time and interval of all. */
void tarpit_configure(struct tarpit *tarpit, const struct tarpit_config *config,
                      const char *hostname);
/* Takes the plain connection over (`io` is freed) and goes on with its reply at `stage`; what is
 * still to be written goes out first, what is unread is what the client says next. `id`: of the
 * session, whose descriptors are still counted in budget.sessions; said and logged in the end.
 * False: no room (where this tarpit's own oldest would be enough, they leave), or the client does
 * not take what is still to be written; `io` stays the caller's. */
bool tarpit_take(struct tarpit *tarpit, struct io *io, enum tarpit_stage stage,
                 const struct addr *client, const char id[static RANDOM_ID_LEN + 1]);
/* A session needs descriptors: the oldest leave until there is room. Cheap where there is. */
void tarpit_make_room(struct tarpit *tarpit);
/* Descriptors have run out although the budget had some left, so all else needs more than was kept
 * for it: some of the oldest leave, and no others take their place until budget.descriptors is set
 * anew. */
void tarpit_yield(struct tarpit *tarpit);
/* Lets the client of that session go, for `reason` in the log. False: it is not here. */
bool tarpit_dismiss(struct tarpit *tarpit, const char id[static RANDOM_ID_LEN + 1],
                    const char *reason);
size_t tarpit_count(const struct tarpit *tarpit);

#endif
