/* SPDX-License-Identifier: ISC */
/* check_spf_test: what each result of HELO and MAIL FROM leads to, and what DMARC and ARC have to
 * say of a fail, at MAIL and at the end of data. */
#include "policy/auth_config.h"

#include "tests/unit/support/check_rig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define HELO    .stage = CHECK_AT_HELO, .helo = "mx.d.example"
#define SENDER  .stage = CHECK_AT_SENDER, .helo = "mx.d.example", .sender = "u@d.example"
#define MESSAGE .stage = CHECK_AT_MESSAGE

#define FAIL    "TXT d.example v=spf1 -all\n"
#define POLICY  "TXT _dmarc.d.example v=DMARC1; p=none\n"
#define REASON  "SPF of d.example does not let your address send for it"
#define NOTED   "seen spf.fail [d.example -all]\n"
#define COUNTED "found 4 spf.fail [d.example -all] " REASON " (5.7.23)\n"
#define REFUSED "refused 4 spf.fail [d.example -all] " REASON " (5.7.23)\n"
#define LATER                                                                                      \
    "refused 0 spf.open [timeout] SPF does not let your address send, and DNS does not say now "   \
    "whether a signature does (4.7.24)\n"
#define KNOWN_FAIL "spf mailfrom fail d.example\n"
#define KNOWN_OPEN "spf mailfrom fail d.example open\n"

static void what_is_no_fail_refuses_nothing(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "pass",
         SENDER,
         .dns = "TXT d.example v=spf1 ip4:192.0.2.17 -all",
         .said = "spf mailfrom pass d.example\n",
         .asked = 1},
        {.name = "none", SENDER, .said = "spf mailfrom none d.example\n", .asked = 1},
        {.name = "neutral",
         SENDER,
         .dns = "TXT d.example v=spf1 ?all",
         .said = "spf mailfrom neutral d.example\n"},
        {.name = "softfail",
         SENDER,
         .dns = "TXT d.example v=spf1 ~all",
         .said = "found 1.5 spf.softfail [d.example ~all] your sender's domain does not list your "
                 "address (5.7.23)\nspf mailfrom softfail d.example\n",
         .asked = 1},
        {.name = "softfail, another score",
         .config = "softfail = 0.25",
         SENDER,
         .dns = "TXT d.example v=spf1 ~all",
         .said = "found 0.25 spf.softfail [d.example ~all] your sender's domain does not list your "
                 "address (5.7.23)\nspf mailfrom softfail d.example\n"},
        {.name = "temperror",
         SENDER,
         .dns = "TXT d.example !TEMPFAIL SERVFAIL",
         .said = "abstain spf [TXT d.example: SERVFAIL]\nspf mailfrom temperror d.example\n"},
        {.name = "permerror, even where all is refused",
         .config = "mode = reject\nfail = reject",
         SENDER,
         .dns = "TXT d.example v=spf1 moo -all",
         .said = "abstain spf [d.example has no such mechanism: \"moo\"]\nspf mailfrom permerror "
                 "d.example\n"},
        {.name = "a sender whose domain is none",
         .stage = CHECK_AT_SENDER,
         .helo = "mx.d.example",
         .sender = "u@[192.0.2.1]",
         .said = "spf mailfrom none [192.0.2.1]\n"},
        {.name = "nobody to be looked up", SENDER, .no_lookup = true, .dns = FAIL, .said = ""},
    };
    rig_cases(&check_spf, cases, COUNT(cases));
}

static void helo_is_evaluated_and_only_counts(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "pass",
         HELO,
         .dns = "TXT mx.d.example v=spf1 ip4:192.0.2.17 -all",
         .said = "spf helo pass mx.d.example\n",
         .asked = 1},
        {.name = "fail",
         .config = "fail = reject",
         HELO,
         .dns = "TXT mx.d.example v=spf1 -all",
         .said = "spf helo fail mx.d.example\nfound 2 spf.helo [mx.d.example -all] your HELO name "
                 "does not list your address (5.7.23)\n",
         .asked = 1},
        {.name = "fail, another score",
         .config = "helo = 3.5",
         HELO,
         .dns = "TXT mx.d.example v=spf1 -all",
         .said = "spf helo fail mx.d.example\nfound 3.5 spf.helo [mx.d.example -all] your HELO "
                 "name does not list your address (5.7.23)\n"},
        {.name = "a literal",
         .stage = CHECK_AT_HELO,
         .helo = "[192.0.2.17]",
         .said = "spf helo none [192.0.2.17]\n"},
        {.name = "a temporary fault",
         HELO,
         .dns = "TXT mx.d.example !TEMPFAIL timeout",
         .said = "spf helo temperror mx.d.example\n"},
    };
    rig_cases(&check_spf, cases, COUNT(cases));
}

static void the_null_sender_is_postmaster_of_the_helo_name(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "pass",
         .stage = CHECK_AT_SENDER,
         .helo = "mx.d.example",
         .sender = "",
         .dns = "TXT mx.d.example v=spf1 exists:%{l}.%{o}\nA postmaster.mx.d.example 127.0.0.2",
         .said = "spf mailfrom pass mx.d.example\n"},
        {.name = "fail",
         .config = "fail = reject",
         .stage = CHECK_AT_SENDER,
         .helo = "mx.d.example",
         .sender = "",
         .dns = "TXT mx.d.example v=spf1 -all",
         .said = "refused 4 spf.fail [mx.d.example -all] SPF of mx.d.example does not let your "
                 "address send for it (5.7.23)\nspf mailfrom fail mx.d.example\n"},
    };
    rig_cases(&check_spf, cases, COUNT(cases));
}

static void a_fail_is_refused_unless_dmarc_may_speak(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "auto, no policy",
         SENDER,
         .dns = FAIL,
         .said = KNOWN_OPEN KNOWN_FAIL REFUSED,
         .asked = 3},
        {.name = "auto, a policy",
         SENDER,
         .dns = FAIL POLICY,
         .seen = true,
         .said = KNOWN_OPEN NOTED},
        {.name = "auto, a policy above",
         .stage = CHECK_AT_SENDER,
         .sender = "u@a.d.example",
         .dns = "TXT a.d.example v=spf1 -all\n" POLICY,
         .seen = true,
         .said = "spf mailfrom fail a.d.example open\nseen spf.fail [a.d.example -all]\n"},
        {.name = "auto, the search fails",
         SENDER,
         .dns = FAIL "TXT _dmarc.d.example !TEMPFAIL timeout\n",
         .seen = true,
         .said = KNOWN_OPEN NOTED},
        {.name = "reject",
         .config = "fail = reject",
         SENDER,
         .dns = FAIL POLICY,
         .said = REFUSED KNOWN_FAIL,
         .asked = 1},
        {.name = "score",
         .config = "fail = score\nscore = 2.5",
         SENDER,
         .dns = FAIL,
         .said = "found 2.5 spf.fail [d.example -all] " REASON " (5.7.23)\n" KNOWN_FAIL,
         .asked = 1},
        {.name = "with the domain's own words",
         .config = "fail = reject",
         SENDER,
         .dns = "TXT d.example v=spf1 -all exp=why.d.example\nTXT why.d.example %{i} is not %{o}'s",
         .said = "refused 4 spf.fail [d.example -all] " REASON
                 ": 192.0.2.17 is not d.example's (5.7.23)\n" KNOWN_FAIL,
         .asked = 2},
    };
    rig_cases(&check_spf, cases, COUNT(cases));
}

static const struct spf_known fail_open = {
    .result = SPF_FAIL, .checked = true, .open = true, .domain = "d.example", .mechanism = "-all"};
static const struct spf_known fail_shut = {
    .result = SPF_FAIL, .checked = true, .domain = "d.example", .mechanism = "-all"};
static const struct spf_known soft = {
    .result = SPF_SOFTFAIL, .checked = true, .domain = "d.example", .mechanism = "~all"};

static const struct dmarc_answer dmarc_pass = {.result = DMARC_PASS};
static const struct dmarc_answer dmarc_fail = {.result = DMARC_FAIL};
static const struct dmarc_answer dmarc_temperror = {.result = DMARC_TEMPERROR, .why = "timeout"};
static const struct message_auth_results passes = {.dmarc = &dmarc_pass};
static const struct message_auth_results fails = {.dmarc = &dmarc_fail};
static const struct message_auth_results undecided = {.dmarc = &dmarc_temperror};
static const struct dkim_signature good = {.result = DKIM_PASS}, bad = {.result = DKIM_FAIL},
                                   late = {.result = DKIM_TEMPERROR};
static const struct dkim_signature *const one_good[] = {&bad, &good}, *const one_late[] = {&late},
                                          *const all_bad[] = {&bad};
static const struct message_auth_results undecided_good = {
    .dmarc = &dmarc_temperror, .signatures = 2, .signature = one_good};
static const struct message_auth_results undecided_late = {
    .dmarc = &dmarc_temperror, .signatures = 1, .signature = one_late};
static const struct message_auth_results undecided_bad = {
    .dmarc = &dmarc_temperror, .signatures = 1, .signature = all_bad};
static const struct arc_answer arc_late = {.result = ARC_TEMPERROR, .why = "timeout"};
static const struct message_auth_results fails_sealed = {.dmarc = &dmarc_fail, .arc = &arc_late};
static const struct message_auth_results fails_good = {
    .dmarc = &dmarc_fail, .signatures = 2, .signature = one_good};

static void an_open_fail_is_decided_by_the_message(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "DMARC passes", MESSAGE, .spf = &fail_open, .message = &passes, .said = ""},
        {.name = "DMARC fails", MESSAGE, .spf = &fail_open, .message = &fails, .said = REFUSED},
        {.name = "DMARC could not tell",
         MESSAGE,
         .spf = &fail_open,
         .message = &undecided,
         .said = REFUSED},
        {.name = "the domain of a good signature could not be looked for",
         MESSAGE,
         .spf = &fail_open,
         .message = &undecided_good,
         .said = LATER},
        {.name = "a key could not be had",
         MESSAGE,
         .spf = &fail_open,
         .message = &undecided_late,
         .said = LATER},
        {.name = "no signature that a fault could hide",
         MESSAGE,
         .spf = &fail_open,
         .message = &undecided_bad,
         .said = REFUSED},
        {.name = "a good signature of somebody else",
         MESSAGE,
         .spf = &fail_open,
         .message = &fails_good,
         .said = REFUSED},
        {.name = "a trusted sealer",
         MESSAGE,
         .spf = &fail_open,
         .message = &fails,
         .arc_trusted = true,
         .said = ""},
        {.name = "a trusted sealer whose key could not be had",
         MESSAGE,
         .spf = &fail_open,
         .message = &fails_sealed,
         .arc_unsure = true,
         .said = LATER},
        {.name = "a listed forwarder",
         MESSAGE,
         .spf = &fail_open,
         .message = &fails,
         .forwarder = true,
         .said = COUNTED},
        {.name = "decided before", MESSAGE, .spf = &fail_shut, .message = &fails, .said = ""},
        {.name = "no fail", MESSAGE, .spf = &soft, .message = &fails, .said = ""},
        {.name = "nobody asked", MESSAGE, .message = &fails, .said = ""},
        {.name = "not to be looked up",
         MESSAGE,
         .no_lookup = true,
         .spf = &fail_open,
         .message = &fails,
         .said = ""},
    };
    rig_cases(&check_spf, cases, COUNT(cases));
}

static void a_finding_is_judged_again_under_another_configuration(void **state)
{
    (void)state;
    static const struct {
        const char *name, *config, *label;
        bool refused, known, refuses;
        score_t score;
    } cases[] = {
        {"fail", "score = 5", "spf.fail", true, true, true, 500},
        {"fail that counted", NULL, "spf.fail", false, true, false, 400},
        {"fail, score", "fail = score", "spf.fail", true, true, false, 400},
        {"fail, reject", "fail = reject", "spf.fail", false, true, true, 400},
        {"softfail", "softfail = 3", "spf.softfail", false, true, false, 300},
        {"helo", "helo = 1", "spf.helo", false, true, false, 100},
        {"another's", "fail = reject", "spf.moo", true, false, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig_config *config = rig_config_new(&check_spf, cases[i].config);
        struct check_past past = {
            .label = cases[i].label, .answer = "", .refused = cases[i].refused};
        score_t score = 0;
        bool known = check_spf.rescore(config->config, &past, &score);
        if (known != cases[i].known || (known && score != cases[i].score) ||
            check_spf.refuses(config->config, &past) != cases[i].refuses)
            fail_msg("%s: %d, score %d", cases[i].name, known, score);
        rig_config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_fail_refuses_nothing),
        cmocka_unit_test(helo_is_evaluated_and_only_counts),
        cmocka_unit_test(the_null_sender_is_postmaster_of_the_helo_name),
        cmocka_unit_test(a_fail_is_refused_unless_dmarc_may_speak),
        cmocka_unit_test(an_open_fail_is_decided_by_the_message),
        cmocka_unit_test(a_finding_is_judged_again_under_another_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
