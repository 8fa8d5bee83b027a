/* SPDX-License-Identifier: ISC */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H
/*
 * The one door from the proxy to the policy: facts in, an answer out. Session code tells a client's
 * trial (policy/trial.h) what happens, and asks here what to say.
 */

#include "lib/addr.h"
#include "policy/trial.h"
#include "proxy/path.h"
#include "proxy/reply.h"
#include "proxy/setup.h"

#include <stdbool.h>

struct counters;
struct worker;

#define GATE_TEXT_MAX                                                                              \
    480 /* with the code and CRLF a line of at most 512 octets (RFC 5321 4.5.3.1.5) */

/* A refusal in words: `reply` with `text` as its argument. */
struct gate_refusal {
    enum reply reply;
    char text[GATE_TEXT_MAX];
};

enum gate_ruling {
    GATE_PASS,
    GATE_WAIT,   /* checks are open: the trial's callback says when to ask again */
    GATE_REFUSE, /* say the refusal */
    GATE_TARPIT, /* take it to the tarpit; where that cannot be, say the refusal */
};

struct gate_client {
    struct worker *worker;
    const struct setup *setup; /* outlives the trial */
    const struct listen_config *listen;
    struct addr client;
    struct addr server; /* where it dialled; AF_UNSPEC: not known */
    bool trusted;
    void (*changed)(void *arg);
    void *arg;
};

/* May the client send to foreign domains because of its address? Any thread. */
bool gate_client_trusted(const struct config *config, const struct addr *client);
/* Opens the client's trial; trial_free() ends it. */
struct trial *gate_open(const struct gate_client *who) __attribute__((warn_unused_result));
/* The sender in the form that checks want. */
void gate_sender(struct trial *trial, const struct path *sender);

/* The relay rule. May this recipient pass? `trusted`: by address or by AUTH. False: *reply says it.
 * `domain` gets the recipient's domain in normal form, for the route ("" for <postmaster>). Any
 * thread. */
bool gate_recipient(const struct config *config, const struct path *path, bool trusted,
                    char domain[static PATH_DOMAIN_MAX + 1], enum reply *reply);
/* postmaster@ and abuse@ hear from everybody (RFC 5321 4.5.1, RFC 2142 2, 4). */
bool gate_exempt(const struct path *path);
/* The verdict, for a recipient or for a message, which is counted. `id`: the session's. */
enum gate_ruling gate_judge(struct trial *trial, const struct setup *setup, const char *id,
                            bool exempt, struct gate_refusal *refusal);
/* Counts what the greylist said of the recipient there is a verdict on. */
void gate_count_greylist(const struct trial *trial, struct counters *counters);
/* The words for a limit: `reply` is REPLY_DEFERRED or REPLY_LIMITED. */
void gate_limited(const struct config *config, const char *id, enum reply reply, const char *why,
                  struct gate_refusal *refusal);

#endif
