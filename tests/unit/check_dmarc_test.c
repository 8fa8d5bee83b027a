/* SPDX-License-Identifier: ISC */
/*
 * check_dmarc_test: what becomes of a message that fails under each policy and each option, what
 * counts as evidence and what as a forwarder, and that a record says enough to be judged again.
 */
#include "policy/auth_config.h"

#include "tests/unit/support/check_rig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define CONFIRMED .reverse_name = "mx.client.example", .reverse_confirmed = true

static const struct dkim_signature signature_pass = {.result = DKIM_PASS,
                                                     .domain = "client.example"};
static const struct dkim_signature signature_other = {.result = DKIM_PASS,
                                                      .domain = "list.example"};
static const struct dkim_signature signature_fail = {.result = DKIM_FAIL,
                                                     .domain = "client.example"};
static const struct dkim_signature *const by_client[] = {&signature_other, &signature_pass};
static const struct dkim_signature *const not_by_client[] = {&signature_other, &signature_fail};

static const struct spf_known spf_fail = {
    .result = SPF_FAIL, .checked = true, .domain = "example.com"};
static const struct spf_known spf_of_client = {
    .result = SPF_PASS, .checked = true, .domain = "bounce.client.example"};
static const struct spf_known spf_of_other = {
    .result = SPF_PASS, .checked = true, .domain = "other.example"};

#define ANSWER(verdict, wanted)                                                                    \
    {                                                                                              \
        .result = (verdict), .why = "timeout", .domain = "example.com", .at = "example.com",       \
        .org = "example.com", .published = (wanted), .policy = (wanted)                            \
    }
static const struct dmarc_answer fail_none = ANSWER(DMARC_FAIL, DMARC_POLICY_NONE);
static const struct dmarc_answer fail_quarantine = ANSWER(DMARC_FAIL, DMARC_POLICY_QUARANTINE);
static const struct dmarc_answer fail_reject = ANSWER(DMARC_FAIL, DMARC_POLICY_REJECT);
static const struct dmarc_answer passes = ANSWER(DMARC_PASS, DMARC_POLICY_REJECT);
static const struct dmarc_answer no_policy = ANSWER(DMARC_NONE, DMARC_POLICY_NONE);
static const struct dmarc_answer fault = ANSWER(DMARC_TEMPERROR, DMARC_POLICY_REJECT);
static const struct dmarc_answer blind = ANSWER(DMARC_TEMPERROR, DMARC_POLICY_NONE);
static const struct dmarc_answer testing = {.result = DMARC_FAIL,
                                            .why = "",
                                            .domain = "example.com",
                                            .at = "example.com",
                                            .org = "example.com",
                                            .published = DMARC_POLICY_QUARANTINE,
                                            .policy = DMARC_POLICY_NONE,
                                            .testing = true};

#define MESSAGE(wanted)                                                                            \
    {                                                                                              \
        .author = {.status = AUTHOR_ONE, .domain = "example.com"}, .dmarc = &(wanted)              \
    }
static const struct message_auth_results none = MESSAGE(fail_none);
static const struct message_auth_results quarantine = MESSAGE(fail_quarantine);
static const struct message_auth_results reject = MESSAGE(fail_reject);
static const struct message_auth_results pass = MESSAGE(passes);
static const struct message_auth_results without = MESSAGE(no_policy);
static const struct message_auth_results temperror = MESSAGE(fault);
static const struct message_auth_results no_policy_known = MESSAGE(blind);
static const struct message_auth_results test_mode = MESSAGE(testing);
static const struct message_auth_results reject_by_client = {
    .author = {.status = AUTHOR_ONE, .domain = "example.com"},
    .dmarc = &fail_reject,
    .signature = by_client,
    .signatures = COUNT(by_client)};
static const struct message_auth_results reject_not_by_client = {
    .author = {.status = AUTHOR_ONE, .domain = "example.com"},
    .dmarc = &fail_reject,
    .signature = not_by_client,
    .signatures = COUNT(not_by_client)};

#define REFUSED " rejected per DMARC policy for example.com (5.7.1)\n"
#define COUNTED " your message does not pass DMARC of example.com (5.7.1)\n"
#define MARKED  "mark quarantine override -\n"

static struct header *header_of(size_t octets)
{
    static const char text[] = "From: a@example.com\r\n\r\n";
    struct header *header = header_new(octets, 10);
    (void)header_add(header, text, sizeof text - 1);
    return header;
}

/* Each case with what all of them have, and with a header of which so many octets were kept. */
static void run_with(const struct rig_case *cases, size_t count, size_t octets)
{
    struct header *header = header_of(octets);
    struct rig_case *whole = mem_alloc(count * sizeof *whole);
    struct message_auth_results *results = mem_alloc(count * sizeof *results);
    memcpy(whole, cases, count * sizeof *cases);
    for (size_t i = 0; i < count; i++) {
        whole[i].stage = CHECK_AT_MESSAGE;
        whole[i].seen = true;
        if (cases[i].message == NULL)
            continue;
        results[i] = *cases[i].message;
        results[i].header = header;
        whole[i].message = &results[i];
    }
    rig_cases(&check_dmarc, whole, count);
    free(results);
    free(whole);
    header_free(header);
}

static void run_all(const struct rig_case *cases, size_t count)
{
    run_with(cases, count, 1000);
}

static void what_passes_or_has_no_policy_is_left_alone(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "nothing was evaluated", .said = ""},
        {.name = "pass", .message = &pass, .spf = &spf_fail, .score = 500, .said = ""},
        {.name = "no policy", .message = &without, .spf = &spf_fail, .said = ""},
        {.name = "p=none", .message = &none, .said = "seen dmarc.fail [none example.com]\n"},
        {.name = "p=none and honour",
         .config = "reject = honour",
         .message = &none,
         .spf = &spf_fail,
         .said = "seen dmarc.fail [none example.com]\n"},
        {.name = "t=y", .message = &test_mode, .said = "seen dmarc.fail [none example.com]\n"},
    };
    run_all(cases, COUNT(cases));
}

static void quarantine_marks(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "whatever speaks against it",
         .config = "reject = honour",
         .message = &quarantine,
         .spf = &spf_fail,
         .listed = true,
         .said = "found 1 dmarc.fail [quarantine example.com]" COUNTED MARKED},
        {.name = "with another score",
         .config = "score = 2.5",
         .message = &quarantine,
         CONFIRMED,
         .said = "found 2.5 dmarc.fail [quarantine example.com]" COUNTED MARKED},
        {.name = "without one",
         .config = "score = 0",
         .message = &quarantine,
         CONFIRMED,
         .said = "seen dmarc.fail [quarantine example.com]\n" MARKED},
    };
    run_all(cases, COUNT(cases));
}

static void reject_refuses_where_more_speaks_against_the_message(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "nothing more",
         .message = &reject,
         CONFIRMED,
         .said = "found 1 dmarc.fail [reject example.com]" COUNTED MARKED},
        {.name = "SPF",
         .message = &reject,
         CONFIRMED,
         .spf = &spf_fail,
         .said = "refused 1 dmarc.fail [reject (against it: SPF) example.com]" REFUSED},
        {.name = "no confirmed name",
         .message = &reject,
         .reverse_name = "mx.client.example",
         .said =
             "refused 1 dmarc.fail [reject (against it: no confirmed name) example.com]" REFUSED},
        {.name = "a listing",
         .message = &reject,
         CONFIRMED,
         .listed = true,
         .said = "refused 1 dmarc.fail [reject (against it: a listing) example.com]" REFUSED},
        {.name = "a score",
         .message = &reject,
         CONFIRMED,
         .score = 1,
         .said = "refused 1 dmarc.fail [reject (against it: a score) example.com]" REFUSED},
        {.name = "a score below 0",
         .message = &reject,
         CONFIRMED,
         .score = -100,
         .said = "found 1 dmarc.fail [reject example.com]" COUNTED MARKED},
        {.name = "everything",
         .message = &reject,
         .spf = &spf_fail,
         .listed = true,
         .score = 400,
         .said = "refused 1 dmarc.fail [reject (against it: SPF, no confirmed name, a listing, a "
                 "score) example.com]" REFUSED},
        {.name = "SPF of somebody else passes",
         .message = &reject,
         CONFIRMED,
         .spf = &spf_of_other,
         .score = 100,
         .said = "refused 1 dmarc.fail [reject (against it: a score) example.com]" REFUSED},
        {.name = "a signature of somebody else passes",
         .message = &reject_not_by_client,
         CONFIRMED,
         .score = 100,
         .said = "refused 1 dmarc.fail [reject (against it: a score) example.com]" REFUSED},
    };
    run_all(cases, COUNT(cases));
}

static void but_not_a_forwarder(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "a known client",
         .message = &reject,
         .proven = true,
         .spf = &spf_fail,
         .score = 300,
         .said = "found 1 dmarc.fail [reject (for it: a known client) example.com]" COUNTED MARKED},
        {.name = "its own SPF",
         .message = &reject,
         CONFIRMED,
         .spf = &spf_of_client,
         .score = 300,
         .said = "found 1 dmarc.fail [reject (for it: the client's own SPF) example.com]" COUNTED
             MARKED},
        {.name = "a trusted sealer whose key could not be had",
         .message = &reject,
         .arc_unsure = true,
         .spf = &spf_fail,
         .said = "found 1 dmarc.fail [reject (for it: a trusted sealer's ARC chain, if DNS were "
                 "there) example.com]" COUNTED MARKED},
        {.name = "and reject = honour",
         .config = "reject = honour",
         .message = &reject,
         .arc_unsure = true,
         .said = "found 1 dmarc.fail [reject (for it: a trusted sealer's ARC chain, if DNS were "
                 "there) example.com]" COUNTED MARKED},
        {.name = "a name that DNS does not tell is no evidence",
         .message = &reject,
         .reverse_unknown = true,
         .said = "found 1 dmarc.fail [reject example.com]" COUNTED MARKED},
        {.name = "its own SPF, but the name is not confirmed",
         .message = &reject,
         .reverse_name = "mx.client.example",
         .spf = &spf_of_client,
         .said =
             "refused 1 dmarc.fail [reject (against it: no confirmed name) example.com]" REFUSED},
        {.name = "its own signature",
         .message = &reject_by_client,
         CONFIRMED,
         .listed = true,
         .said =
             "found 1 dmarc.fail [reject (for it: the client's own signature) example.com]" COUNTED
                 MARKED},
        {.name = "all of it",
         .message = &reject_by_client,
         CONFIRMED,
         .proven = true,
         .spf = &spf_of_client,
         .said = "found 1 dmarc.fail [reject (for it: a known client, the client's own SPF, the "
                 "client's own signature) example.com]" COUNTED MARKED},
    };
    run_all(cases, COUNT(cases));
}

static void the_site_may_honour_or_only_mark(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "honour",
         .config = "reject = honour",
         .message = &reject,
         CONFIRMED,
         .said = "refused 1 dmarc.fail [reject example.com]" REFUSED},
        {.name = "honour, a known client, too",
         .config = "reject = honour",
         .message = &reject,
         .proven = true,
         .said = "refused 1 dmarc.fail [reject (for it: a known client) example.com]" REFUSED},
        {.name = "mark",
         .config = "reject = mark",
         .message = &reject,
         .spf = &spf_fail,
         CONFIRMED,
         .said = "found 1 dmarc.fail [reject (against it: SPF) example.com]" COUNTED MARKED},
    };
    run_all(cases, COUNT(cases));
}

static void forwarders_and_trusted_sealers_override_the_policy(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "a listed forwarder",
         .config = "reject = honour",
         .message = &reject,
         .forwarder = true,
         .spf = &spf_fail,
         .said = "seen dmarc.fail [reject (forwarder) example.com]\nmark - override forwarder\n"},
        {.name = "a trusted sealer",
         .message = &reject,
         .arc_trusted = true,
         .score = 100,
         .said = "seen dmarc.fail [reject (trusted ARC chain) example.com]\n"
                 "mark - override trusted ARC chain\n"},
        {.name = "of quarantine, too",
         .message = &quarantine,
         .arc_trusted = true,
         .forwarder = true,
         .said = "seen dmarc.fail [quarantine (trusted ARC chain) example.com]\n"
                 "mark - override trusted ARC chain\n"},
        {.name = "with p=none there is nothing to override",
         .message = &none,
         .forwarder = true,
         .said = "seen dmarc.fail [none (forwarder) example.com]\n"},
        {.name = "nor where it passes", .message = &pass, .forwarder = true, .said = ""},
    };
    run_all(cases, COUNT(cases));
}

static void a_fault_of_dns_defers_only_if_the_site_says_so(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "pass, with a mark where the policy is known",
         .message = &temperror,
         .said = "abstain dmarc [timeout]\n" MARKED},
        {.name = "pass, the policy itself is not known",
         .message = &no_policy_known,
         .said = "abstain dmarc [timeout]\n"},
        {.name = "pass, of a listed forwarder",
         .message = &temperror,
         .forwarder = true,
         .said = "abstain dmarc [timeout]\n"},
        {.name = "defer",
         .config = "temperror = defer",
         .message = &temperror,
         .said = "refused 0 dmarc.temperror [timeout] DMARC of example.com cannot be evaluated now "
                 "(4.7.1)\n"},
    };
    run_all(cases, COUNT(cases));
}

#define MANY                                                                                       \
    " dmarc.authors [several] your message has authors of several domains, or more than one From " \
    "(5.7.1)\n"
#define INVALID " dmarc.authors [unreadable] the From of your message cannot be read (5.7.1)\n"

static void a_message_has_one_author(void **state)
{
    (void)state;
    static const struct message_auth_results many = {.author = {.status = AUTHOR_MANY},
                                                     .dmarc = &no_policy};
    static const struct message_auth_results invalid = {.author = {.status = AUTHOR_INVALID},
                                                        .dmarc = &no_policy};
    static const struct message_auth_results no_from = {.author = {.status = AUTHOR_NONE},
                                                        .dmarc = &no_policy};
    static const struct message_auth_results nobody = {.author = {.status = AUTHOR_EMPTY},
                                                       .dmarc = &no_policy};
    static const struct rig_case cases[] = {
        {.name = "many", .message = &many, .said = "refused 1" MANY},
        {.name = "invalid", .message = &invalid, .said = "refused 1" INVALID},
        {.name = "many, counted",
         .config = "authors = score\nscore = 3",
         .message = &many,
         .said = "found 3" MANY},
        {.name = "invalid, counted",
         .config = "authors = score",
         .message = &invalid,
         .said = "found 1" INVALID},
        {.name = "invalid, counted with nothing",
         .config = "authors = score\nscore = 0",
         .message = &invalid,
         .said = "seen dmarc.authors [unreadable]\n"},
        {.name = "no From",
         .message = &no_from,
         .said = "found 2 dmarc.no-author [no From] your message has no From (5.7.1)\n"},
        {.name = "nobody",
         .config = "no-author = 0.5",
         .message = &nobody,
         .said = "found 0.5 dmarc.no-author [nobody] the From of your message names nobody "
                 "(5.7.1)\n"},
        {.name = "nobody, which is fine here",
         .config = "no-author = 0",
         .message = &nobody,
         .said = "seen dmarc.no-author [nobody]\n"},
    };
    run_all(cases, COUNT(cases));
}

#define LONG " dmarc.authors [long] the header section of your message is too long (5.7.1)\n"

static void a_header_that_was_cut_may_hide_an_author(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "that passes", .message = &pass, .said = "refused 1" LONG},
        {.name = "that fails", .message = &quarantine, .said = "refused 1" LONG},
        {.name = "counted",
         .config = "authors = score",
         .message = &without,
         .said = "found 1" LONG},
    };
    run_with(cases, COUNT(cases), 10);
}

struct past_case {
    const char *config, *label, *answer;
    bool found, refuses;
    score_t score;
};

/* Under another configuration the same record says what that would have made of it. */
static void records_can_be_judged_again(void **state)
{
    (void)state;
    static const struct past_case cases[] = {
        {"score = 1", "dmarc.fail", "none example.com", false, false, 0},
        {"score = 1", "dmarc.fail", "quarantine example.com", true, false, 100},
        {"score = 1", "dmarc.fail", "quarantine (forwarder) example.com", false, false, 0},
        {"score = 2", "dmarc.fail", "reject example.com", true, false, 200},
        {"score = 2", "dmarc.fail", "reject (against it: SPF) example.com", true, true, 200},
        {"score = 2", "dmarc.fail", "reject (for it: a known client) example.com", true, false,
         200},
        {"reject = honour", "dmarc.fail", "reject example.com", true, true, 100},
        {"reject = honour", "dmarc.fail", "quarantine example.com", true, false, 100},
        {"reject = honour", "dmarc.fail", "reject (trusted ARC chain) example.com", false, false,
         0},
        {"reject = mark", "dmarc.fail", "reject (against it: SPF) example.com", true, false, 100},
        {"score = 1", "dmarc.fail", "", true, false, 100},
        {"authors = reject", "dmarc.authors", "several", true, true, 100},
        {"authors = score", "dmarc.authors", "several", true, false, 100},
        {"no-author = 7", "dmarc.no-author", "nobody", true, false, 700},
        {"temperror = defer", "dmarc.temperror", "timeout", true, true, 0},
        {"temperror = pass", "dmarc.temperror", "timeout", true, false, 0},
        {"score = 1", "dmarc.other", "", false, false, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct past_case *c = &cases[i];
        struct rig_config *config = rig_config_new(&check_dmarc, c->config);
        const struct check_past past = {
            .label = c->label, .answer = c->answer, .stage = CHECK_AT_MESSAGE};
        score_t score = 0;
        bool found = check_dmarc.rescore(config->config, &past, &score);
        bool refuses = check_dmarc.refuses(config->config, &past);
        if (found != c->found || (found && score != c->score) || refuses != c->refuses)
            fail_msg("%s, %s [%s]: %d %d %d", c->config, c->label, c->answer, found, (int)score,
                     refuses);
        rig_config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_passes_or_has_no_policy_is_left_alone),
        cmocka_unit_test(quarantine_marks),
        cmocka_unit_test(reject_refuses_where_more_speaks_against_the_message),
        cmocka_unit_test(but_not_a_forwarder),
        cmocka_unit_test(the_site_may_honour_or_only_mark),
        cmocka_unit_test(forwarders_and_trusted_sealers_override_the_policy),
        cmocka_unit_test(a_fault_of_dns_defers_only_if_the_site_says_so),
        cmocka_unit_test(a_message_has_one_author),
        cmocka_unit_test(a_header_that_was_cut_may_hide_an_author),
        cmocka_unit_test(records_can_be_judged_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
