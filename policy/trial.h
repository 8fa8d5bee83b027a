/* SPDX-License-Identifier: ISC */
#ifndef POLICY_TRIAL_H
#define POLICY_TRIAL_H
/*
 * A trial: one client before the policy, from its connection to its end. Facts go in as they come,
 * checks run while the client talks, findings gather; asked at RCPT and at the end of data it gives
 * a verdict. It knows neither sockets nor SMTP.
 *
 * One thread, that of its loop. Nothing here calls back from inside a call: `changed` comes from
 * the loop only.
 */

#include "lib/addr.h"
#include "policy/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct log_line;
struct loop;
struct policy;
struct record_context;
struct trial;

struct trial_env {
    const struct policy *policy; /* outlives the trial */
    struct policy_state *state;
    struct dns *dns;
    struct loop *loop;
    const char *hostname;
    bool observe; /* mode = observe: every verdict passes */
    bool dry;     /* only a question: it is counted nowhere, and nothing of it is remembered */
    bool record;  /* trial_record() is to say, too, what was asked and found nothing */
};

/* Thresholds of the listener; a value that is TRIAL_DEFAULT is the policy's own. */
#define TRIAL_DEFAULT INT32_MIN
struct trial_thresholds {
    score_t greylist, reject, tarpit;
};

struct trial_client {
    struct addr address;
    struct addr server; /* where it dialled; AF_UNSPEC: not known */
    bool trusted;       /* an own network */
    struct trial_thresholds thresholds;
};

/* What a client does on the wire: the blocks of the same names. */
enum trial_behaviour {
    TRIAL_PREGREET,   /* talked before the banner */
    TRIAL_PIPELINING, /* sent on without waiting where it must wait */
    TRIAL_COMMAND,    /* said what is not SMTP */
    TRIAL_NEWLINE,    /* ended a line with a bare LF, or sent a bare CR */
    TRIAL_HANGUP,     /* left without QUIT: remembered for its next connection */
};

/* What is counted per client and network (client-limits). */
enum trial_count {
    TRIAL_CONNECTION, /* by trial_new */
    TRIAL_MESSAGE,
    TRIAL_RECIPIENT,
    TRIAL_FAILED_RECIPIENT,
    TRIAL_FAILED_LOGIN,
};

enum verdict_action {
    VERDICT_PASS,
    VERDICT_SUSPICIOUS, /* at or above `greylist`: passes, with delays and tighter limits */
    VERDICT_GREYLIST,   /* 451 4.7.1, come again in `wait` seconds */
    VERDICT_DEFER,      /* 450 4.7.1 */
    VERDICT_REJECT,     /* 550 */
    VERDICT_TARPIT,     /* the tarpit; where it cannot take the client any more: reject */
};

/* What decided, in the order of precedence. */
enum verdict_cause {
    VERDICT_BY_ALLOW, /* an entry */
    VERDICT_BY_DENY,
    VERDICT_BY_TRUST,  /* own network or AUTH */
    VERDICT_BY_EXEMPT, /* postmaster@, abuse@ */
    VERDICT_BY_RULE,   /* a check with mode = reject */
    VERDICT_BY_SCORE,
    VERDICT_BY_GREYLIST, /* it would have passed by its score */
};

struct verdict {
    enum verdict_action action; /* what to do */
    enum verdict_action would;  /* what it were with mode = enforce */
    enum verdict_cause cause;
    score_t score;
    const char *reason;   /* for the reply, a clause; valid until the trial is touched again */
    const char *enhanced; /* "5.7.1" and the like, where action is none that passes */
    uint32_t wait;        /* seconds, where `would` is VERDICT_GREYLIST */
};

/* Starts the checks of CHECK_AT_CONNECT, and counts the connection against its limits.
 * `changed(arg)`: what was open is answered or out of time, or the client has turned out hostile;
 * ask again. */
struct trial *trial_new(const struct trial_env *env, const struct trial_client *client,
                        void (*changed)(void *arg), void *arg) __attribute__((warn_unused_result));
/* Stops what runs, gives the connection's count back. NULL is fine. */
void trial_free(struct trial *trial);

/* New facts; what an earlier value led to is forgotten. Strings are copied. */
void trial_helo(struct trial *trial, const char *helo);
void trial_sender(struct trial *trial, const char *address, const char *domain);
/* The recipient that the next verdict is about; until the next one, a new sender or the message. */
void trial_recipient(struct trial *trial, const char *address);
/* The next verdict is about the message. `allowed`: every recipient that was accepted was let in by
 * an allow entry (trial_allowed). */
void trial_message(struct trial *trial, bool allowed);
/* ---- the message, from DATA on: its octets as the client sent them, dot-stuffing undone. They are
 * authenticated while they come (policy/auth/message_auth.h), unless the client is trusted, has
 * authenticated or is not public. */
void trial_text_begin(struct trial *trial);
void trial_text(struct trial *trial, const char *data, size_t len);
/* Octets of memory that the message's header section holds by now, up to some times its length;
 * they are held until the transaction is over. */
size_t trial_text_memory(const struct trial *trial);
/* trial_message() follows, and trial_ask() until it answers: what is open has 5 s, then it counts
 * as a temporary fault. After the verdict: appends the fields that go in front of the message,
 * below Received: Authentication-Results and what else is configured. */
void trial_stamp(const struct trial *trial, struct buf *out);
/* After trial_message(): says which octets of the message are to be left out, in order: fields that
 * claim to be ours. Offsets are those of trial_text(), as if nothing were left out. */
void trial_cuts(const struct trial *trial, void (*fn)(uint64_t offset, uint64_t len, void *arg),
                void *arg);

/* Recipients of one transaction are of one class, since its message has one verdict. With mode =
 * observe, where nobody may be refused for that, all are of the class of the first. */
enum trial_class { TRIAL_CLASS_PLAIN, TRIAL_CLASS_EXEMPT, TRIAL_CLASS_ALLOWED };
/* Of the recipient there is a verdict on. `exempt`: it is postmaster@ or abuse@. Of who is trusted
 * or has authenticated all are plain, unless without what speaks of this one it were denied. */
enum trial_class trial_class(struct trial *trial, bool exempt);

/* The transaction is over: its sender and recipients speak neither for nor against the client. */
void trial_reset(struct trial *trial);
void trial_authenticated(struct trial *trial);
/* Is the recipient a spamtrap, to be answered like one that is not there? It is noted, and bans the
 * client unless it is known to be good, is trusted or allowed, or sends bounces. Never in observe
 * mode. */
bool trial_trapped(struct trial *trial);
/* The client's reverse name where its addresses hold the client's, else NULL; until the trial is
 * touched again. */
const char *trial_confirmed_name(const struct trial *trial);
/* Does an allow entry speak for the client, by what is known now? */
bool trial_allowed(const struct trial *trial);
/* `detail`: what was seen, for the log ("EHLO sent early"). Each behaviour is one finding, however
 * often. TRIAL_HANGUP is the last thing said of a trial. False: it is not to be held against the
 * client (the block is off or only observes, the client is allowed or trusted). */
bool trial_behaved(struct trial *trial, enum trial_behaviour behaviour, const char *detail);
/* The backend took a message of this client: two distinct hours of that make it proven, unless the
 * sender was <>, which anybody may be, or the last verdict an entry's or that of postmaster@. */
void trial_delivered(struct trial *trial);
/* Counts one; false: over the limit, say 421 or 450 with *why (valid until the next call). Where
 * the block only scores or observes, or with mode = observe (failed logins excepted), it is a
 * finding and true. A connection is counted by trial_new: the answer for it stays the same. */
bool trial_count(struct trial *trial, enum trial_count what, const char **why);
/* The same without counting: would one more be too many? */
bool trial_within(struct trial *trial, enum trial_count what, const char **why);

/* How long the banner is to be held back for a client that might talk first; 0: not at all (known
 * good, allowed, trusted, local, or pregreet is off). Milliseconds. */
uint64_t trial_greet_wait(const struct trial *trial);
bool trial_teaser(const struct trial *trial);
/* Milliseconds to hold a reply back for a client that has erred or hurried `faults` times; more for
 * one that is suspicious or comes often, 5000 at most; 0 for trusted and allowed ones. */
uint64_t trial_delay(const struct trial *trial, unsigned faults);
/* Does what is known by now reach the `greylist` threshold? Never of trusted and allowed ones. */
bool trial_suspicious(const struct trial *trial);
/* To be taken to the tarpit now: the score is there and every allow zone has answered or run out of
 * time, or a deny entry says so. Never in observe mode. */
bool trial_hostile(const struct trial *trial);

/* The verdict on the recipient (`exempt`: postmaster@ or abuse@ of an own domain) or, at the end of
 * data, on the message. True: *out is the verdict; false: checks or the greylist are still open,
 * `changed` will be called (5 s from the last fact or, of the greylist, from now at the latest). */
bool trial_ask(struct trial *trial, bool exempt, struct verdict *out);
/* What the greylist said of the last recipient, once there is a verdict on it. */
enum trial_greylisting {
    TRIAL_NOT_GREYLISTED, /* it was not to be asked */
    TRIAL_GREYLIST_NEW,
    TRIAL_GREYLIST_EARLY,
    TRIAL_GREYLIST_PASSED,
    TRIAL_GREYLIST_WHITE,
    TRIAL_GREYLIST_PROVEN, /* so it was not asked */
    TRIAL_GREYLIST_DOWN,   /* the store could not tell */
};
enum trial_greylisting trial_greylisting(const struct trial *trial);
/* Adds verdict, score and findings to a log line: every finding with its score and raw answer. */
void trial_log(const struct trial *trial, struct log_line *line);

/* What is known and found by now, as a decision record (policy/record.h) appended to `out`. Some
 * microseconds. */
void trial_record(const struct trial *trial, const struct record_context *context, struct buf *out);

const char *verdict_action_name(enum verdict_action action); /* "pass", "suspicious"... */
const char *verdict_cause_name(enum verdict_cause cause);

#endif
