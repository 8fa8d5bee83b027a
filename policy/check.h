/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H
/*
 * What a check is, for those who write one: a file that exports one `const struct check`, and one
 * line in the table of check.c. A check sees facts, asks DNS, and says findings; it knows neither
 * sockets nor SMTP nor what its findings lead to.
 *
 * A trial (policy/trial.h) starts a run of each check wherever one of its stages is reached. A run
 * says any number of findings (check_found), or that it cannot tell (check_abstain), and then
 * check_done, from inside start() or later from a callback. What it leaves open when time is up is
 * stopped, and the trial notes "no answer in time" as its abstention.
 */

#include "dns/dns.h"
#include "lib/addr.h"
#include "lib/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct message_auth_results; /* policy/auth/message_auth.h */
struct policy_state;
struct spf_known; /* likewise */
struct trial;

/* Scores are hundredths everywhere: 650 is 6.5. */
typedef int32_t score_t;

enum check_mode {
    CHECK_OFF,
    CHECK_OBSERVE, /* findings are logged and do not count */
    CHECK_SCORE,   /* they count */
    CHECK_REJECT,  /* one with a score above 0 rejects, whatever the sum */
};

/* When a check has something to look at. */
enum check_stage {
    CHECK_AT_CONNECT, /* the client's address is known */
    CHECK_AT_REVERSE, /* its reverse name is (only where there is one) */
    CHECK_AT_HELO,    /* again at each EHLO with another name */
    CHECK_AT_SENDER,  /* again at each MAIL */
    CHECK_AT_MESSAGE, /* the message is whole, and its authentication has been answered */
    CHECK_STAGES,
};
#define CHECK_BIT(stage) (1u << (stage))

/* What is common to the configuration of all checks, the first member of each; the rows for it are
 * CHECK_ROWS. */
struct check_config {
    const struct check *check;
    char *title; /* of dnsbl and rhsbl: the zone; else NULL */
    enum check_mode mode;
    score_t score;
    /* What names it in logs: the check's name, unless prepare() sets another that lives as long. A
     * title may hold a query key, so it is never shown. */
    const char *label;
    /* It may say scores below 0, so the tarpit waits for its answer: set where `score` is below 0;
     * prepare() sets it where else it may be. */
    bool allows;
    /* Of several blocks of one check: which this is, in records that are judged again under another
     * configuration; set by prepare(), without a query key. NULL: there is one block only. */
    const char *block;
};

/* The rows of `mode` and `score` for a config struct whose first member is `common`. */
extern const char *const check_mode_words[]; /* off observe score reject */
#define CHECK_ROWS(config_type, initial_mode, initial_score)                                       \
    {.name = "mode",                                                                               \
     .type = CONF_ENUM,                                                                            \
     .offset = offsetof(config_type, common.mode),                                                 \
     .initial = (initial_mode),                                                                    \
     .words = check_mode_words,                                                                    \
     .help = "off, or log what it finds, or count it, or refuse for it alone"},                    \
    {                                                                                              \
        .name = "score", .type = CONF_DECIMAL, .offset = offsetof(config_type, common.score),      \
        .initial = (initial_score), .help = "what a finding counts"                                \
    }

struct check_run {
    struct trial *trial;
    const struct check_config *config;
    enum check_stage stage;
    void *memory; /* state_size zeroed octets of the check's own */
};

/* A finding of an earlier time, to be scored again (policy/replay.h). */
struct check_past {
    const char *label, *answer; /* as it was said; label "": nothing was, and `answer` is the name
                                 * that reverse-dns told */
    enum check_stage stage;     /* CHECK_STAGES: of the wire */
    const struct addr *client;
    bool confirmed; /* the reverse name was */
    bool refused;   /* it refused alone, by its check's word (check_refused) */
};

struct check {
    const char *name;                   /* of its block in the file */
    const struct conf_section *section; /* rows offset into its config struct; `many` with title */
    size_t config_size;                 /* of a struct that begins with struct check_config */
    /* After conf_fill: looks at what the values mean (conf_fault at the right line) and compiles
     * them. NULL: nothing to do. Main thread. */
    void (*prepare)(struct check_config *config, struct conf *conf, const struct conf_part *part);
    /* Frees what prepare made (not what conf_clear frees). NULL: nothing. */
    void (*release)(struct check_config *config);
    /* Finds its place in what outlives reloads, e.g. the zone's health. NULL: none. */
    void (*bind)(struct check_config *config, struct policy_state *state);
    unsigned stages; /* CHECK_BIT of each; 0: only trial_behaved() and limits say its findings */
    bool allows; /* some of its configs may say scores below 0 (check_config.allows says which) */
    bool once;   /* of several findings of one block only the strongest counts */
    bool always; /* it runs for a client that an entry allows, too (with mode = observe one that is
                    denied), since what it learns is written into the message; never for an own
                    network or after AUTH */
    size_t state_size;
    void (*start)(struct check_run *run);
    /* Cancels whatever is open; no more may be said. Called only before check_done. */
    void (*stop)(struct check_run *run);
    /* What such a finding counts under this config; false: there is none under it. Pure; `past` is
     * hostile. NULL: the block's score. */
    bool (*rescore)(const struct check_config *config, const struct check_past *past, score_t *out);
    /* Would such a finding be said by check_refused() under this config? Pure; `past` is hostile.
     * NULL: where it was. */
    bool (*refuses)(const struct check_config *config, const struct check_past *past);
    /* Does it look at that stage for such a client? NULL: wherever `stages` says. */
    bool (*looks)(const struct check_config *config, enum check_stage stage,
                  const struct addr *client);
};

/* Every check, NULL last. */
extern const struct check *const checks[];

/* The facts. Strings live as long as the run. */
struct check_facts {
    const struct addr *client;
    bool lookup;               /* a public address that is not trusted: may be looked up anywhere,
                                  where an entry allows it, too: only checks that run `always` do */
    bool proven;               /* a known good client (policy/known.h) */
    const char *reverse_name;  /* at CHECK_AT_REVERSE; "" before or where there is none */
    bool reverse_confirmed;    /* its addresses hold the client's */
    bool reverse_unknown;      /* at CHECK_AT_MESSAGE: it was not asked for, or DNS failed */
    bool reverse_dynamic;      /* it looks dynamic or holds the address */
    const char *helo;          /* as said; "" before */
    const char *sender;        /* the address as said; "" for <> */
    const char *sender_domain; /* lower case A-labels; "" for <> or where there is none */
    const char *hostname;      /* our own */
    const struct addr *server; /* where the client dialled; may be AF_UNSPEC */
    bool forwarder;            /* its confirmed name is a listed forwarder's; known with that */
    const struct spf_known *spf, *spf_helo; /* what SPF said of MAIL FROM and HELO; never NULL */
    /* At CHECK_AT_MESSAGE; NULL before. */
    const struct message_auth_results *message;
    bool
        arc_trusted; /* likewise: its ARC chain passes, and arc { trusted } lists the last sealer */
    bool arc_unsure; /* likewise, but for a temporary fault of DNS */
    score_t score;   /* at CHECK_AT_MESSAGE: the sum of what was found before it */
    bool listed;     /* likewise: a DNS list was among that, and counted */
};
const struct check_facts *check_facts(const struct check_run *run);
/* Where to ask; never NULL while `lookup`. */
struct dns *check_dns(const struct check_run *run);
/* Where to keep time; never NULL. */
struct loop *check_loop(const struct check_run *run);
/* Monotonic milliseconds. */
uint64_t check_now(const struct check_run *run);

/* A finding. `label`: what found it, for the log: the zone or "name.what" ("reverse-dns.dynamic");
 * `answer`: the raw answer; `reason`: what the client is told, a clause such as "listed by
 * zen.example"; all copied and cut. */
void check_found(struct check_run *run, score_t score, const char *label, const char *answer,
                 const char *reason);
/* The same, and the run's own reply code where it refuses alone: "5.7.27" etc. (RFC 3463); with one
 * of class 4 it defers. */
void check_found_code(struct check_run *run, score_t score, const char *label, const char *answer,
                      const char *reason, const char *enhanced);
/* The same, and it refuses alone whatever the block's mode, but for `observe` and for a listed
 * forwarder, whose finding only counts: the verdict waits until it is known whether it is one. */
void check_refused(struct check_run *run, score_t score, const char *label, const char *answer,
                   const char *reason, const char *enhanced);
/* A raw answer that counts nothing, for the decision record only: under other codes it might. */
void check_seen(struct check_run *run, const char *label, const char *answer);
/* Its configuration says not to look: what is not said by this run is not "found nothing". */
void check_skipped(struct check_run *run);
/* It cannot tell; counts 0. */
void check_abstain(struct check_run *run, const char *label, const char *why);
/* Nothing more will be said; `run` is gone after the call. */
void check_done(struct check_run *run);
/* Of reverse-dns only: the name, whether it was confirmed, and whether it looks dynamic or holds
 * the address, so that it is nobody's own; starts the runs of CHECK_AT_REVERSE, which must be done
 * by the time this run must. NULL: there is none. */
void check_reverse_known(struct check_run *run, const char *name, bool confirmed, bool dynamic);
/* Of spf only: what was learned of MAIL FROM, or of HELO; copied. It lasts as long as its stage's
 * findings. */
void check_spf_known(struct check_run *run, bool helo, const struct spf_known *known);
/* Of dmarc only: a failing message passes. `mark`: it is to be marked ("quarantine"), or "";
 * `override`: why the domain's policy was not followed ("trusted ARC chain", "forwarder"), or "".
 * Static strings. */
void check_disposition(struct check_run *run, const char *mark, const char *override);

#endif
