/* SPDX-License-Identifier: ISC */
/* replay_test: recorded facts and another configuration, as a table: from what was found then to
 * what it would come to. */
#include "policy/replay.h"

#include "lib/buf.h"
#include "policy/list_table.h"
#include "policy/policy.h"
#include "policy/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NO_SPF "spf { mode = off }\n"
#define QUIET                                                                                      \
    NO_SPF "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
#define ZONE(name, rest)  "dnsbl \"" name "\" { listed = off clean = off " rest " }\n"
#define NAMES(name, rest) "rhsbl \"" name "\" { listed = off clean = off " rest " }\n"

struct replay_case {
    const char *name;
    const char *config; /* the other one */
    const char *client; /* NULL: 192.0.2.1 */
    const char *reverse;
    bool confirmed, unproven_helo, observe, proven, trusted, exempt;
    enum record_stage stage; /* other than RECORD_MESSAGE: RECORD_RCPT, unless `early` */
    bool early;
    struct record_finding finding[4];
    struct record_clean clean[4];
    struct record_list list;
    struct record_greylist greylist;
    const char *comes_to; /* verdict by cause score, and what is in doubt */
};

#define SAID(of, block, what, text, at, points)                                                    \
    {                                                                                              \
        .check = (of), .zone = (block), .label = (what), .answer = (text), .code = "",             \
        .stage = (at), .mode = CHECK_SCORE, .score = (points)                                      \
    }
#define REFUSED(of, what, at, points)                                                              \
    {                                                                                              \
        .check = (of), .zone = "", .label = (what), .answer = "a.test -all", .code = "5.7.23",     \
        .stage = (at), .mode = CHECK_REJECT, .refuses = true, .score = (points)                    \
    }
#define ZEN(text, points)     SAID("dnsbl", "zen.example", "Zen", text, CHECK_AT_CONNECT, points)
#define DBL(text, at, points) SAID("rhsbl", "dbl.example", "dbl.example", text, at, points)
#define CLEAN(of, block, at)                                                                       \
    {                                                                                              \
        .check = (of), .zone = (block), .stage = (at)                                              \
    }

static const struct replay_case cases[] = {
    {.name = "the same block, the same score",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "reject by score 6"},
    {.name = "another score",
     .config = QUIET ZONE("zen.example", "score = 1.5"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 1.5"},
    {.name = "a block is found by its zone whatever its name, case or key",
     .config = QUIET ZONE("0123456789abcdefghijklm.ZEN.example", "score = 5 name = \"Other\""),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "suspicious by score 5 greylist"},
    {.name = "the zone is gone",
     .config = QUIET,
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 0 gone 1"},
    {.name = "off",
     .config = QUIET ZONE("zen.example", "mode = off"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 0 gone 1"},
    {.name = "observed only",
     .config = QUIET ZONE("zen.example", "mode = observe score = 6"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 0"},
    {.name = "refuses alone",
     .config = QUIET ZONE("zen.example", "mode = reject score = 1 codes = {\"127.0.0.4\"}"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "reject by rule 1"},
    {.name = "a code that now counts otherwise, the strongest of two",
     .config = QUIET ZONE("zen.example", "codes = {\"127.0.0.10=1\", \"127.0.0.4=2.5\"}"),
     .finding = {ZEN("127.0.0.10 127.0.0.4", 600)},
     .comes_to = "suspicious by score 2.5 greylist"},
    {.name = "a code that counts no more",
     .config = QUIET ZONE("zen.example", "codes = {\"127.0.0.10=1\"}"),
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 0"},
    {.name = "a code that counted nothing, and does now",
     .config = QUIET ZONE("zen.example", "score = 7"),
     .finding = {{.check = "dnsbl",
                  .zone = "zen.example",
                  .label = "Zen",
                  .answer = "127.0.0.10",
                  .code = "",
                  .mode = CHECK_SCORE,
                  .quiet = true}},
     .comes_to = "reject by score 7"},
    {.name = "an allow zone's answer that is an error there",
     .config = QUIET ZONE("zen.example", "score = -6"),
     .finding = {ZEN("127.0.10.3", 600)},
     .comes_to = "pass by score 0"},
    {.name = "IPv6 counts half",
     .config = QUIET ZONE("zen.example", "score = 8 ipv6-factor = 0.5"),
     .client = "2001:db8::1",
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "suspicious by score 4 greylist"},
    {.name = "IPv6 is not asked for",
     .config = QUIET ZONE("zen.example", "score = 8 ipv6-factor = 0"),
     .client = "2001:db8::1",
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 0"},
    {.name = "a new zone cannot be known",
     .config = QUIET ZONE("zen.example", "score = 1") ZONE("new.example", "score = 6"),
     .finding = {ZEN("127.0.0.4", 100)},
     .comes_to = "pass by score 1 unknown 1"},
    {.name = "one that only observes changes nothing",
     .config =
         QUIET ZONE("zen.example", "score = 1") ZONE("new.example", "mode = observe score = 6"),
     .finding = {ZEN("127.0.0.4", 100)},
     .comes_to = "pass by score 1"},
    {.name = "a zone that was asked and had nothing is known",
     .config = QUIET ZONE("new.example", "score = 6"),
     .clean = {CLEAN("dnsbl", "new.example", CHECK_AT_CONNECT)},
     .comes_to = "pass by score 0"},
    {.name = "one that abstained still does",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .finding = {{.check = "dnsbl",
                  .zone = "zen.example",
                  .label = "Zen",
                  .answer = "127.0.0.4",
                  .code = "",
                  .mode = CHECK_SCORE,
                  .abstained = true}},
     .comes_to = "pass by score 0"},
    {.name = "a list of names counts once, the strongest",
     .config = QUIET NAMES("dbl.example", "codes = {\"127.0.1.2=3\", \"127.0.1.4=5\"}"),
     .finding = {DBL("127.0.1.2 for a.test", CHECK_AT_HELO, 100),
                 DBL("127.0.1.4 for b.test", CHECK_AT_SENDER, 100)},
     .comes_to = "suspicious by score 5 greylist"},
    {.name = "a list of names that is asked of senders only",
     .config = QUIET NAMES("dbl.example", "score = 6 of = {\"sender\"}"),
     .finding = {DBL("127.0.1.2 for a.test", CHECK_AT_HELO, 600)},
     .clean = {CLEAN("rhsbl", "dbl.example", CHECK_AT_SENDER)},
     .comes_to = "pass by score 0"},
    {.name = "a list of names that was not asked of HELO",
     .config = QUIET NAMES("dbl.example", "score = 6"),
     .clean = {CLEAN("rhsbl", "dbl.example", CHECK_AT_SENDER)},
     .comes_to = "pass by score 0 unknown 1"},
    {.name = "a list of names that speaks for a name now believes confirmed ones only",
     .config = QUIET NAMES("dbl.example", "score = -3"),
     .reverse = "mx.a.test",
     .finding = {DBL("127.0.1.2 for mx.a.test", CHECK_AT_REVERSE, 600)},
     .comes_to = "pass by score 0"},
    {.name = "the scores of HELO",
     .config = NO_SPF "reverse-dns { mode = off }\nsender-domain { mode = off }\n"
                      "helo { score = 1 not-fqdn = 2 own-name = 3 literal = 4 unresolved = 5 }\n",
     .finding = {SAID("helo", "", "helo.syntax", "x", CHECK_AT_HELO, 0),
                 SAID("helo", "", "helo.not-fqdn", "x", CHECK_AT_HELO, 0),
                 SAID("helo", "", "helo.own-name", "x", CHECK_AT_HELO, 0)},
     .comes_to = "reject by score 6"},
    {.name = "the other scores of HELO, and what it does not know",
     .config = NO_SPF "reverse-dns { mode = off }\nsender-domain { mode = off }\n"
                      "helo { score = 1 not-fqdn = 2 own-name = 3 literal = 4 unresolved = 5 }\n",
     .finding = {SAID("helo", "", "helo.literal", "x", CHECK_AT_HELO, 0),
                 SAID("helo", "", "helo.unresolved", "x", CHECK_AT_HELO, 0),
                 SAID("helo", "", "helo.later", "x", CHECK_AT_HELO, 900)},
     .comes_to = "reject by score 9"},
    {.name = "the scores of the sender's domain",
     .config = NO_SPF "reverse-dns { mode = off }\nhelo { mode = off }\n"
                      "sender-domain { score = 1 null-mx = 2 private = 1.5 }\n",
     .finding = {SAID("sender-domain", "", "sender-domain.null-mx", "MX 0 .", CHECK_AT_SENDER, 0),
                 SAID("sender-domain", "", "sender-domain.unresolved", "x", CHECK_AT_SENDER, 0),
                 SAID("sender-domain", "", "sender-domain.private", "x", CHECK_AT_SENDER, 0)},
     .comes_to = "suspicious by score 4.5 greylist"},
    {.name = "the scores of the reverse name",
     .config = NO_SPF "helo { mode = off }\nsender-domain { mode = off }\n"
                      "reverse-dns { score = 4 unconfirmed = 3 }\n",
     .finding = {SAID("reverse-dns", "", "reverse-dns.none", "NXDOMAIN", CHECK_AT_CONNECT, 0)},
     .comes_to = "suspicious by score 4 greylist"},
    {.name = "a sign by other patterns: gone",
     .config = NO_SPF "helo { mode = off }\nsender-domain { mode = off }\n"
                      "reverse-dns { dynamic = 6 patterns = {\"^foo\"} }\n",
     .reverse = "dyn1.isp.test",
     .confirmed = true,
     .finding = {SAID("reverse-dns", "", "reverse-dns.dynamic", "dyn1.isp.test", CHECK_AT_CONNECT,
                      150)},
     .comes_to = "pass by score 0"},
    {.name = "a sign by other patterns: new",
     .config = NO_SPF "helo { mode = off }\nsender-domain { mode = off }\n"
                      "reverse-dns { dynamic = 6 patterns = {\"^foo\"} }\n",
     .reverse = "foo.isp.test",
     .confirmed = true,
     .clean = {CLEAN("reverse-dns", "", CHECK_AT_CONNECT)},
     .comes_to = "reject by score 6"},
    {.name = "so many hang-ups count no more",
     .config = QUIET "hangup { score = 6 least = 5 }\n",
     .finding = {SAID("hangup", "", "hangup", "4 times", CHECK_STAGES, 100)},
     .comes_to = "pass by score 0"},
    {.name = "so many hang-ups count more",
     .config = QUIET "hangup { score = 6 least = 4 }\n",
     .finding = {SAID("hangup", "", "hangup", "4 times", CHECK_STAGES, 100)},
     .comes_to = "reject by score 6"},
    {.name = "what was seen on the wire",
     .config = QUIET "pregreet { score = 3 }\n",
     .finding = {SAID("pregreet", "", "pregreet", "EHLO", CHECK_STAGES, 600)},
     .comes_to = "suspicious by score 3 greylist"},
    {.name = "a limit that refuses alone defers",
     .config = QUIET "client-limits { mode = reject score = 2 }\n",
     .finding = {{.check = "client-limits",
                  .zone = "",
                  .label = "client-limits",
                  .answer = "too many",
                  .code = "4.7.1",
                  .stage = CHECK_STAGES,
                  .mode = CHECK_OBSERVE,
                  .score = 200}},
     .comes_to = "defer by rule 2"},
    {.name = "other thresholds",
     .config = QUIET ZONE("zen.example", "score = 6") "thresholds { greylist = 7 reject = 8 }\n",
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by score 6"},
    {.name = "mode = observe",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .observe = true,
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass (reject) by score 6"},
    {.name = "the other one allows it",
     .config = QUIET ZONE("zen.example", "score = 6") "lists { allow = \"192.0.2.0/24\" }\n",
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by allow 6"},
    {.name = "the other one denies it",
     .config = QUIET "lists { tarpit = \"192.0.2.0/24\" }\n",
     .comes_to = "tarpit by deny 0"},
    {.name = "an entry of the old file speaks no more, and checks had not run",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .list = {.ruling = RECORD_LIST_ALLOW,
              .kind = ENTRY_CLIENT,
              .origin = ENTRY_FILE,
              .key = "192.0.2.1"},
     .comes_to = "pass by score 0 unknown 1 blind"},
    {.name = "an entry by command speaks as it did",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .finding = {ZEN("127.0.0.4", 600)},
     .list = {.ruling = RECORD_LIST_ALLOW,
              .kind = ENTRY_SENDER,
              .origin = ENTRY_MANUAL,
              .key = "u@a.test"},
     .comes_to = "pass by allow 6"},
    {.name = "an entry by command against a new one: the more specific",
     .config = QUIET "lists { allow = \"192.0.2.0/24\" }\n",
     .list = {.ruling = RECORD_LIST_DENY,
              .kind = ENTRY_CLIENT,
              .origin = ENTRY_MANUAL,
              .action = ENTRY_DEFER,
              .key = "192.0.2.1"},
     .comes_to = "defer by deny 0"},
    {.name = "a ban against a new allow entry",
     .config = QUIET "lists { allow = \"192.0.2.0/24\" }\n",
     .list = {.ruling = RECORD_LIST_DENY,
              .kind = ENTRY_CLIENT,
              .origin = ENTRY_AUTOMATIC,
              .key = "192.0.2.1"},
     .comes_to = "pass by allow 0"},
    {.name = "what refused alone refuses alone",
     .config = "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
               "spf { score = 3 }\n" ZONE("zen.example", ""),
     .finding = {REFUSED("spf", "spf.fail", CHECK_AT_SENDER, 400)},
     .clean = {CLEAN("spf", "", CHECK_AT_HELO), CLEAN("dnsbl", "zen.example", CHECK_AT_CONNECT)},
     .comes_to = "reject by rule 3"},
    {.name = "what refused alone only counts",
     .config = "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
               "spf { score = 1 fail = score }\n" ZONE("zen.example", ""),
     .finding = {REFUSED("spf", "spf.fail", CHECK_AT_SENDER, 400)},
     .clean = {CLEAN("spf", "", CHECK_AT_HELO), CLEAN("dnsbl", "zen.example", CHECK_AT_CONNECT)},
     .comes_to = "pass by score 1"},
    {.name = "what refused alone is observed",
     .config = "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
               "spf { mode = observe }\n" ZONE("zen.example", ""),
     .finding = {REFUSED("spf", "spf.fail", CHECK_AT_SENDER, 400)},
     .clean = {CLEAN("spf", "", CHECK_AT_HELO), CLEAN("dnsbl", "zen.example", CHECK_AT_CONNECT)},
     .comes_to = "pass by score 0"},
    {.name = "what only counted refuses alone",
     .config = "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
               "spf { fail = reject }\n" ZONE("zen.example", ""),
     .finding = {SAID("spf", "", "spf.fail", "a.test -all", CHECK_AT_SENDER, 400)},
     .clean = {CLEAN("spf", "", CHECK_AT_HELO), CLEAN("dnsbl", "zen.example", CHECK_AT_CONNECT)},
     .comes_to = "reject by rule 4"},
    {.name = "a message before there were checks of it",
     .config = NO_SPF
     "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n" ZONE(
         "zen.example", "score = 6"),
     .stage = RECORD_MESSAGE,
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "reject by score 6 unknown 4"},
    {.name = "a message of a private client is not looked up",
     .config = QUIET,
     .client = "10.0.0.1",
     .stage = RECORD_MESSAGE,
     .finding = {SAID("pipelining", "", "pipelining", "DATA", CHECK_STAGES, 300)},
     .comes_to = "suspicious by score 3 greylist"},
    {.name = "what always runs does not tell what the others had said",
     .config = NO_SPF
     "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n" ZONE(
         "zen.example", "score = 6"),
     .clean = {CLEAN("spf", "", CHECK_AT_HELO), CLEAN("spf", "", CHECK_AT_SENDER)},
     .list = {.ruling = RECORD_LIST_ALLOW,
              .kind = ENTRY_CLIENT,
              .origin = ENTRY_FILE,
              .key = "192.0.2.1"},
     .comes_to = "pass by score 0 unknown 1 blind"},
    {.name = "trusted stays trusted",
     .config = QUIET ZONE("new.example", "score = 6"),
     .trusted = true,
     .comes_to = "pass by trust 0"},
    {.name = "the postmaster stays the postmaster",
     .config = QUIET ZONE("zen.example", "score = 6"),
     .exempt = true,
     .finding = {ZEN("127.0.0.4", 600)},
     .comes_to = "pass by exempt 6"},
    {.name = "greylisted then, suspicious still",
     .config = QUIET ZONE("zen.example", "score = 3"),
     .finding = {ZEN("127.0.0.4", 200)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_NEW, .wait = 300},
     .comes_to = "greylist by greylist 3"},
    {.name = "greylisted then, suspicious no more",
     .config = QUIET ZONE("zen.example", "score = 1"),
     .finding = {ZEN("127.0.0.4", 200)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_NEW, .wait = 300},
     .comes_to = "pass by score 1"},
    {.name = "greylisting is off",
     .config = QUIET ZONE("zen.example", "score = 3") "greylist { mode = off }\n",
     .finding = {ZEN("127.0.0.4", 200)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_NEW, .wait = 300},
     .comes_to = "suspicious by score 3"},
    {.name = "white then, white still",
     .config = QUIET ZONE("zen.example", "score = 3"),
     .finding = {ZEN("127.0.0.4", 200)},
     .greylist = {.asked = RECORD_GREY_ASKED, .state = GREY_WHITE},
     .comes_to = "suspicious by score 3"},
    {.name = "not asked then, suspicious now",
     .config = QUIET ZONE("zen.example", "score = 3"),
     .finding = {ZEN("127.0.0.4", 100)},
     .comes_to = "suspicious by score 3 greylist"},
    {.name = "not asked then, but proven",
     .config = QUIET ZONE("zen.example", "score = 3"),
     .proven = true,
     .finding = {ZEN("127.0.0.4", 100)},
     .comes_to = "suspicious by score 3"},
    {.name = "everybody is greylisted now",
     .config = QUIET ZONE("zen.example", "score = 1") "greylist { mode = all }\n",
     .finding = {ZEN("127.0.0.4", 100)},
     .comes_to = "pass by score 1 greylist"},
    {.name = "one that went to the tarpit before it said all",
     .config = QUIET ZONE("zen.example", "score = 3"),
     .early = true,
     .proven = true,
     .finding = {ZEN("127.0.0.4", 1000)},
     .comes_to = "suspicious by score 3 blind"},
};

static struct policy *make_policy(const char *text)
{
    static const struct conf_section top;
    const struct conf_section *sections[64] = {&top};
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    struct conf *conf = conf_new("new.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    char *faults = conf_faults(conf);
    if (faults != NULL)
        fail_msg("%s", faults);
    conf_free(conf);
    return policy;
}

static void make_record(const struct replay_case *c, struct record *r)
{
    enum record_stage later = c->stage == RECORD_MESSAGE ? RECORD_MESSAGE : RECORD_RCPT;
    *r = (struct record){.id = "7Q2M",
                         .stage = c->early ? RECORD_HELO : later,
                         .helo = "mail.a.test",
                         .reverse = c->reverse,
                         .confirmed = c->confirmed,
                         .sender = c->early ? NULL : "u@a.test",
                         .recipients = 1,
                         .recipient = {"r@example.org"},
                         .listener = "mx",
                         .proven = c->proven,
                         .trusted = c->trusted,
                         .exempt = c->exempt,
                         .thresholds = {100, 100, 100},
                         .list = c->list,
                         .greylist = c->greylist,
                         .judged = true,
                         .action = VERDICT_REJECT,
                         .would = VERDICT_REJECT,
                         .cause = VERDICT_BY_SCORE,
                         .reply = ""};
    assert_true(addr_parse_ip(c->client != NULL ? c->client : "192.0.2.1", &r->client));
    for (size_t i = 0; i < COUNT(c->finding) && c->finding[i].check != NULL; i++)
        r->finding[r->findings++] = c->finding[i];
    for (size_t i = 0; i < COUNT(c->clean) && c->clean[i].check != NULL; i++)
        r->clean[r->cleans++] = c->clean[i];
}

static void describe(const struct replay_verdict *v, struct buf *out)
{
    buf_add_str(out, verdict_action_name(v->action));
    if (v->would != v->action)
        buf_printf(out, " (%s)", verdict_action_name(v->would));
    buf_printf(out, " by %s %g", verdict_cause_name(v->cause), v->score / 100.0);
    if (v->unknown > 0)
        buf_printf(out, " unknown %u", v->unknown);
    if (v->gone > 0)
        buf_printf(out, " gone %u", v->gone);
    buf_add_str(out, v->blind ? " blind" : "");
    buf_add_str(out, v->greylist ? " greylist" : "");
    buf_add(out, "", 1);
}

static void facts_are_judged_by_another_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record record;
        struct replay_verdict verdict;
        struct buf out = {0};
        struct policy_state *own = policy_state_new();
        struct policy *policy = make_policy(cases[i].config);
        policy_bind(policy, own);
        const struct replay_rules rules = {
            .policy = policy, .observe = cases[i].observe, .lists = own->lists};
        make_record(&cases[i], &record);
        record_rejudge(&rules, &record, &verdict);
        describe(&verdict, &out);
        if (strcmp(buf_data(&out), cases[i].comes_to) != 0)
            fail_msg("%s: %s", cases[i].name, buf_data(&out));
        buf_free(&out);
        policy_unref(policy);
        policy_state_free(own);
    }
}

static bool of_listener(void *arg, const char *listener, struct trial_thresholds *out)
{
    (void)arg;
    *out = (struct trial_thresholds){TRIAL_DEFAULT, 300, TRIAL_DEFAULT};
    return strcmp(listener, "mx") == 0;
}

static void a_listener_has_thresholds_of_its_own(void **state)
{
    (void)state;
    struct record record;
    struct replay_verdict verdict;
    struct policy *policy = make_policy(QUIET ZONE("zen.example", "score = 3"));
    const struct replay_rules rules = {.policy = policy, .thresholds = of_listener};
    make_record(&cases[0], &record);
    record_rejudge(&rules, &record, &verdict);
    assert_int_equal(verdict.action, VERDICT_REJECT);
    record.listener = "submission";
    record_rejudge(&rules, &record, &verdict);
    assert_int_equal(verdict.action, VERDICT_SUSPICIOUS);
    policy_unref(policy);
}

static void changes_are_counted_by_who_sent(void **state)
{
    (void)state;
    struct record record;
    struct replay_change change;
    struct buf out = {0};
    struct policy *policy = make_policy(QUIET ZONE("zen.example", "score = 1"));
    const struct replay_rules rules = {.policy = policy};
    struct replay *replay = replay_new(&rules);
    make_record(&cases[0], &record);
    record.score = 600;
    assert_true(replay_add(replay, &record, &change));
    assert_false(replay_add(replay, &record, &change)); /* its other recipient */
    replay_change_text(&change, &out);
    buf_add(&out, "", 1);
    assert_string_equal(buf_data(&out), "1970-01-01T00:00:00.000Z  7Q2M  192.0.2.1  <u@a.test> to "
                                        "r@example.org  reject (6) -> pass by score (1)\n");
    json_t *object = replay_change_json(&change);
    assert_string_equal(json_string_value(json_object_get(object, "after")), "pass");
    json_decref(object);
    record.time_ms = 1;
    record.proven = true;
    record.action = VERDICT_PASS;
    assert_false(replay_add(replay, &record, &change));
    record.time_ms = 2;
    record.action = VERDICT_SUSPICIOUS;
    assert_true(replay_add(replay, &record, &change));
    record.time_ms = 3;
    record.refused = "relay";
    assert_false(replay_add(replay, &record, &change));
    const struct replay_summary *summary = replay_summary(replay);
    assert_int_equal(summary->unproven.records, 1);
    assert_int_equal(summary->unproven.passed, 1);
    assert_int_equal(summary->proven.records, 2);
    assert_int_equal(summary->proven.other, 1);
    assert_int_equal(summary->skipped, 1);
    object = replay_summary_json(summary);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(object, "proven"), "records")), 2);
    json_decref(object);
    buf_consume(&out, buf_len(&out));
    replay_summary_text(summary, &out);
    assert_true(buf_len(&out) > 0);
    buf_free(&out);
    replay_free(replay);
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_judged_by_another_configuration),
        cmocka_unit_test(a_listener_has_thresholds_of_its_own),
        cmocka_unit_test(changes_are_counted_by_who_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
