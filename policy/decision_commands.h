/* SPDX-License-Identifier: ISC */
#ifndef POLICY_DECISION_COMMANDS_H
#define POLICY_DECISION_COMMANDS_H
/*
 * Administrators' commands about decisions: `decisions`, `test`, `lookup`, `forget`. The thread of
 * `loop`.
 */

#include "db/store.h"
#include "lib/addr.h"
#include "lib/command.h"

#include <stdbool.h>
#include <stdint.h>

struct dns;
struct loop;
struct policy;
struct policy_state;

/* What stands before the trial: the proxy's own rules. */
struct decision_gate {
    bool trusted;        /* an own network */
    bool observe;        /* mode = observe */
    const char *refused; /* "relay": the relay rule refuses the recipient; static; NULL: nothing */
};

struct decision_commands { /* plain data of who offers them; outlives every call */
    struct store *store;   /* NULL: decisions and forget fail, and say why */
    struct loop *loop;
    struct dns *dns; /* NULL: test and lookup fail, and say why */
    struct policy_state *state;
    const char *hostname;
    int64_t (*wall)(void); /* seconds since the epoch */
    /* The policy of now, a reference that the command gives back (policy_unref). */
    struct policy *(*policy)(void *arg);
    /* `recipient` "" where none was given. NULL: nobody is trusted, nothing is refused. */
    void (*gate)(void *arg, const struct addr *client, const char *recipient,
                 struct decision_gate *out);
    void *arg;
};

/* The set's arg is a struct decision_commands:
 *
 *   decisions  READ   [id] [client] [sender] [recipient] [since] [most]
 *       items {number, time, id, client, sender, recipient, verdict, proven, record}, newest first;
 *       since: milliseconds since the epoch; most: 20 where not given, 1000000 at most
 *   test       READ   client [helo] [sender] [recipient]
 *       {"record": {...}, "flips": [...]} as explain_json(): the policy on the spot, after all
 *       checks have answered or run out of time; it counts nowhere and nothing is remembered
 *   lookup     READ   client
 *       items {zone, answer, meaning, score, ms}: every dnsbl block that is not off; meaning:
 *       listed, "not listed", error, "over quota", "no answer"
 *   forget     ADMIN  address
 *       {"deleted": n}
 */
extern const struct command decision_command_rows[];

#endif
