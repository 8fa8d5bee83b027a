/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_CONFIG_H
#define POLICY_AUTH_CONFIG_H
/* The section `authentication`, and those of the checks spf, dkim, arc, dmarc and header: plain
 * data. Each check's rows and prepare() live with the check. */

#include "lib/conf.h"
#include "policy/auth/dmarc.h"
#include "policy/check.h"

#include <stdbool.h>
#include <stddef.h>

struct arc_rules;
struct dkim_rules;
struct name_set;

struct auth_config {   /* authentication { ... } */
    char *authserv_id; /* NULL: the hostname */
    char **forwarder_text;
    size_t forwarder_count;
    struct name_set *forwarders; /* names and ".example.org" for all below; NULL: none */
    bool received_spf;
    char *score_header; /* "X-Gatepost-Score"; NULL: none is written */
    char *mark_name;    /* "X-Gatepost-Verdict" */
    char *mark_value;   /* "quarantine" */
};
extern const struct conf_section auth_section;
/* Faults are noted in `conf`. Main thread. */
void auth_config_read(struct auth_config *config, struct conf *conf);
/* Frees what auth_config_read() made. */
void auth_config_free(struct auth_config *config);

/* The names of a list option of `part` as a set: "example.org" for itself, ".example.org" for all
 * below it; U-labels are taken as A-labels. What is no name is a fault at its line. NULL: no names
 * were given. Free with name_set_free(). */
struct name_set *auth_names_new(char *const *text, size_t count, struct conf *conf,
                                const struct conf_part *part, const char *option)
    __attribute__((warn_unused_result));
/* Is it one of them? `name`: lower-case A-labels, no trailing dot; "" and a NULL set: no. Any
 * thread. */
bool auth_names_have(const struct name_set *set, const char *name);

enum spf_on_fail { SPF_ON_FAIL_AUTO, SPF_ON_FAIL_REJECT, SPF_ON_FAIL_SCORE };
struct spf_config { /* spf { ... } */
    struct check_config common;
    enum spf_on_fail fail;
    score_t softfail;
    score_t helo;     /* what a HELO name that fails counts */
    uint64_t timeout; /* ms, of one evaluation */
};

struct dkim_config {            /* dkim { ... } */
    struct check_config common; /* score: of a message whose signatures all fail; 0 */
    size_t signatures;
    size_t least_bits;
    bool partial;
};

struct arc_config { /* arc { ... } */
    struct check_config common;
    char **trusted_text;
    size_t trusted_count;
    struct name_set *trusted; /* sealing domains */
    size_t sets;
};

enum dmarc_on_reject { DMARC_EVIDENCE, DMARC_HONOUR, DMARC_MARK };
enum dmarc_on_temperror { DMARC_TEMPERROR_PASS, DMARC_TEMPERROR_DEFER };
enum dmarc_on_authors { DMARC_AUTHORS_REJECT, DMARC_AUTHORS_SCORE };
struct dmarc_config {           /* dmarc { ... } */
    struct check_config common; /* score: of a message that fails, beside what else happens */
    enum dmarc_on_reject reject;
    enum dmarc_discovery discovery;
    enum dmarc_on_temperror temperror;
    enum dmarc_on_authors authors; /* two From fields or author domains */
    score_t no_author;             /* no From, or one that names nobody */
};

struct header_config {               /* header { ... }: of the whole message's mandatory fields */
    struct check_config common;      /* score: each finding's, unless it has its own */
    uint64_t date_past, date_future; /* ms that Date may be off; 0: not looked at */
    int64_t (*wall)(void);           /* the state's clock; NULL: the system's */
};

/* The evaluators' rules by these blocks; NULL: one that is off, whose defaults hold. `now`: seconds
 * since 1970. Pure. */
void auth_rules(const struct dkim_config *dkim, const struct arc_config *arc, int64_t now,
                struct dkim_rules *dkim_rules, struct arc_rules *arc_rules);

extern const struct check check_spf;
extern const struct check check_dkim;
extern const struct check check_arc;
extern const struct check check_dmarc;
extern const struct check check_header;

#endif
