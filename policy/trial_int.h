/* SPDX-License-Identifier: ISC */
#ifndef POLICY_TRIAL_INT_H
#define POLICY_TRIAL_INT_H
/* What the files of trial share. */

#include "policy/identity.h"
#include "policy/list_table.h"
#include "policy/policy.h"
#include "policy/trial.h"

#include <sys/queue.h>

#define TRIAL_DEADLINE  5000 /* ms from a fact to the last answer about it */
#define TRIAL_FINDINGS  64   /* of one trial; what comes then is counted as lost */
#define TRIAL_LABEL_MAX 128  /* octets of a finding's texts; what is longer is cut */
#define TRIAL_TEXT_MAX  256
#define TRIAL_CODE_SIZE 12 /* "5.7.123" and its NUL */

struct finding {
    STAILQ_ENTRY(finding) link;
    score_t score;
    enum check_stage stage; /* CHECK_STAGES: of the wire, kept to the end */
    bool abstained;
    bool quiet;                        /* counts nothing and is not logged: for the record only */
    uint16_t ms;                       /* from the fact to this */
    bool refuses;                      /* alone, whatever the mode; not a listed forwarder */
    char enhanced[TRIAL_CODE_SIZE];    /* "": the usual one */
    const struct check_config *config; /* whose it is; the policy's */
    const char *label, *answer, *reason;
    char text[]; /* the three of them */
};

struct run { /* one check at one stage, from its start to check_done() */
    LIST_ENTRY(run) link;
    struct check_run run;
    uint64_t began; /* when its fact came */
    uint64_t until; /* when it must be done */
    bool said;      /* something, or not to have looked */
    max_align_t memory[];
};

/* What the lists and networks say of the client, by what is known of it now. A client that is
 * denied (trial.list) and may yet be allowed by a later fact is not STANDING_DENIED but what it
 * were without the entry, until a recipient is asked about. */
enum standing {
    STANDING_NONE,
    STANDING_ALLOWED,
    STANDING_TARPIT,  /* a deny entry with that action */
    STANDING_DENIED,  /* one that rejects or defers */
    STANDING_TRUSTED, /* an own network, or AUTH */
};

enum trial_grey_step {
    TRIAL_GREY_WAITS,    /* for the store */
    TRIAL_GREY_ANSWERED, /* `state` and `wait` */
    TRIAL_GREY_DOWN,     /* the store cannot tell: it passes */
    TRIAL_GREY_PROVEN,   /* an identity is proven, so it was not asked: it passes */
};

/* What the greylist says of the triplet; there is one once it was wanted. */
struct trial_grey {
    enum trial_grey_step step;
    enum grey_state state;
    uint32_t wait; /* seconds left */
    struct identities identities;
    struct store_request *request; /* while it waits */
    struct timer *timer;
};

struct trial_clean { /* a run that found nothing */
    const struct check_config *config;
    enum check_stage stage;
    uint16_t ms;
};
#define TRIAL_CLEAN_MOST 64

enum trial_message_step {
    TRIAL_MESSAGE_TEXT,    /* it comes */
    TRIAL_MESSAGE_RUNS,    /* it is whole; checks that were begun before are still open */
    TRIAL_MESSAGE_ANSWERS, /* its authentication is */
    TRIAL_MESSAGE_DONE,    /* its checks were started */
};

/* One message, from DATA to the next transaction. */
struct trial_message {
    enum trial_message_step step;
    struct message_auth *auth; /* NULL: it is not authenticated */
    struct field_cuts *cuts;
    struct timer *timer;         /* from its end until its authentication is answered */
    const char *mark, *override; /* of dmarc; static */
};

struct trial_notice {    /* a call of `changed` on its way */
    struct trial *trial; /* NULL: it has gone meanwhile */
};

struct trial {
    struct trial_env env;
    struct addr client, server;
    struct trial_thresholds thresholds;
    struct check_facts facts; /* its strings are ours */
    void (*changed)(void *arg);
    void *arg;
    LIST_HEAD(, run) runs;
    STAILQ_HEAD(, finding) findings;
    struct timer *timer; /* only while a run is open */
    struct trial_notice *notice;
    const char *over; /* why the connection is one too many, or NULL */
    enum standing standing;
    struct list_verdict *list;         /* the entry that speaks of it, or NULL */
    const char *recipient;             /* ours; "": none is asked about */
    struct trial_grey *grey;           /* of the last recipient; NULL: it was not wanted */
    char *trap;                        /* the last spamtrap it wrote to, or NULL */
    char *helo_spf;                    /* of HELO, packed (trial_spf.c), or NULL */
    struct trial_message *message;     /* of trial_auth.c, from DATA on; or NULL */
    enum verdict_action action, would; /* of the last answer, where `asked` */
    enum verdict_cause cause;
    enum trial_class class;    /* where `classed`: of the first recipient */
    struct trial_clean *clean; /* only where env.record */
    uint8_t clean_count;
    uint8_t finding_count;
    uint8_t behaved;    /* bit per trial_behaviour */
    uint8_t limited;    /* bit per trial_count */
    uint8_t due;        /* bit per stage: its fact is there, and its checks have not been started */
    uint8_t due_always; /* the same of the checks that run for who is allowed, too */
    bool private;
    bool trusted; /* an own network */
    bool authenticated;
    bool may_allow; /* facts that are still unknown may bring an allow entry */
    bool complete;  /* a recipient or the message is asked about: all facts are there */
    bool banned;    /* by what it did here */
    bool classed;   /* a recipient of this transaction was asked about */
    bool let_in;    /* the message is asked about, and an entry allowed all its recipients */
    bool sent;      /* a sender was named, <> too */
    bool opened;    /* the connection is counted */
    bool open;      /* runs were, when it was last looked at */
    bool inside;    /* a call of trial.h is starting runs */
    bool waiting;   /* somebody was told that it is not settled */
    bool hostile;   /* when it was last looked at */
    bool asked;
};

/* ---- trial.c: findings and notices */
/* `config` says how it counts and `stage` how long it is kept. */
struct finding *trial_note(struct trial *trial, const struct check_config *config,
                           enum check_stage stage, score_t score, const char *label,
                           const char *answer, const char *reason);
/* Findings of `stage` are forgotten. */
void trial_forget(struct trial *trial, enum check_stage stage);
/* Something has changed: says so where somebody must know. */
void trial_consider(struct trial *trial);
void trial_reverse_known(struct trial *trial, const char *name, bool confirmed, bool dynamic,
                         uint64_t until);
void trial_identities(const struct trial *trial, struct identities *out);

/* ---- trial_lists.c */
/* Looks the client up again, after each new fact. */
void trial_lists_look(struct trial *trial);
/* Its messages are authenticated, since they may be let in: it is neither an own network nor has it
 * logged in, nor is it refused whatever it sends. */
bool trial_stamped(const struct trial *trial);
/* Without what speaks of the last recipient, is it denied? */
bool trial_denied_without(const struct trial *trial);
/* A deny entry speaks of it, but a fact that is to come may allow it. */
bool trial_deny_pending(const struct trial *trial);
/* A deny entry decides: no fact is to come that may allow it. */
bool trial_denied(const struct trial *trial);
/* The entry that speaks of it; NULL: none, or those of the recipients, which let the message in. */
const struct list_verdict *trial_entry(const struct trial *trial);
/* "client:192.0.2.0/24". Returns `out`. */
#define TRIAL_ENTRY_SIZE (ENTRY_KEY_MOST + 16)
const char *trial_entry_text(const struct list_verdict *list, char out[static TRIAL_ENTRY_SIZE]);
/* TRIAL_FAILED_RECIPIENT, for the ban of those who try many. */
void trial_failed_recipient(struct trial *trial);

/* ---- trial_greylist.c */
/* A verdict that would pass: is it to wait? True: *out is final; false: the store was asked. */
bool trial_greylist(struct trial *trial, struct verdict *out);
bool trial_grey_waits(const struct trial *trial);
/* What was asked is of no use any more. */
void trial_grey_forget(struct trial *trial);

/* ---- trial_run.c */
/* Starts the checks of `stage`, and of earlier ones that were not wanted when their fact came: now,
 * or once nothing speaks for or against the client. */
void trial_start(struct trial *trial, enum check_stage stage, uint64_t until);
void trial_start_due(struct trial *trial, uint64_t until);
/* Stops the runs of `stage`, or of all where it is CHECK_STAGES; no findings come of it. */
void trial_stop(struct trial *trial, enum check_stage stage);

/* ---- trial_spf.c: what SPF has said; facts.spf and facts.spf_helo */
void trial_spf_learn(struct trial *trial, bool helo, const struct spf_known *known);
/* A transaction begins: HELO's is at hand from here on. */
void trial_spf_begin(struct trial *trial);
/* The transaction is over; with `helo` the name has changed, too. At the start, too. */
void trial_spf_forget(struct trial *trial, bool helo);

/* ---- trial_auth.c */
/* The message is to be judged: its checks run once it is authenticated. */
void trial_auth_end(struct trial *trial);
/* What had to be waited for may have come. */
void trial_auth_look(struct trial *trial);
/* It is whole, and its checks have not run yet. */
bool trial_auth_waits(const struct trial *trial);
/* dmarc's, once it is known. Static strings. */
void trial_auth_dispose(struct trial *trial, const char *mark, const char *override);
void trial_auth_forget(struct trial *trial);
/* What was found; NULL: nothing was looked for, or it is not known yet. */
const struct message_auth_results *trial_auth_results(const struct trial *trial);

/* Ours, in Authentication-Results. */
const char *trial_authserv_id(const struct trial *trial);

/* ---- trial_stamp.c: what became of dmarc's word on a message that is let in; static strings */
struct trial_disposition {
    const char *mark;     /* "quarantine", or "" */
    const char *override; /* why it was not followed, or "" */
};
struct trial_disposition trial_disposition(const struct trial *trial);
/* Why there is no reverse name: it was not asked for; or DNS did not say. */
bool trial_reverse_skipped(const struct trial *trial);
bool trial_reverse_failed(const struct trial *trial);

/* ---- trial_verdict.c */
/* It is no abstention, nor of a block that only observes. */
bool trial_counts(const struct finding *finding);
score_t trial_score(const struct trial *trial);
/* Of a block whose findings count once a stronger one counts in place of this. */
bool trial_outdone(const struct trial *trial, const struct finding *finding);
/* Does it refuse alone? No answer is final while it may be a listed forwarder. */
bool trial_refuses(const struct trial *trial, const struct finding *finding);
/* The enhanced code it refuses alone with, "": the usual one; one of a later try where a fault of
 * DNS hides whether the client is a listed forwarder. */
const char *trial_code(const struct trial *trial, const struct finding *finding);
/* The finding that refuses alone and decides, or NULL: there is none, or it is not known yet
 * whether the client is a listed forwarder. */
const struct finding *trial_rule(const struct trial *trial);

/* ---- trial_limits.c */
void trial_open(struct trial *trial);
void trial_close(struct trial *trial);
/* A client that has turned suspicious: are the connections it has too many for one such? */
bool trial_crowded(const struct trial *trial, const char **why);
/* TRIAL_HANGUP, for the next connection. */
void trial_hung_up(struct trial *trial);

/* "6.5", "-2"; with `sign` "+6.5". Returns `out`. */
#define TRIAL_SCORE_SIZE 16
const char *trial_score_text(score_t score, bool sign, char out[static TRIAL_SCORE_SIZE]);

#endif
