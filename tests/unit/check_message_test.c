/* SPDX-License-Identifier: ISC */
/* check_message_test: what the checks dkim, arc and header say of a message that was evaluated. */
#include "policy/auth_config.h"

#include "policy/name_set.h"
#include "tests/unit/support/check_rig.h"

#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define SIGNATURE(how, because, of)                                                                \
    {                                                                                              \
        .result = (how), .why = (because), .domain = (of), .selector = "s", .identity = "@" of,    \
        .algorithm = "rsa-sha256"                                                                  \
    }

static const struct dkim_signature pass = SIGNATURE(DKIM_PASS, "", "a.example");
static const struct dkim_signature broken =
    SIGNATURE(DKIM_FAIL, "the body has changed", "b.example");
static const struct dkim_signature open_key = SIGNATURE(DKIM_TEMPERROR, "timeout", "c.example");

static void dkim_case(const char *name, const char *config, const char *said, size_t count,
                      const struct dkim_signature *const *signature)
{
    const struct message_auth_results message = {.signatures = count, .signature = signature};
    rig_case(&check_dkim, &(struct rig_case){.name = name,
                                             .config = config,
                                             .stage = CHECK_AT_MESSAGE,
                                             .message = &message,
                                             .seen = true,
                                             .said = said});
}

static void broken_signatures_count_only_where_that_is_wanted(void **state)
{
    (void)state;
    const struct dkim_signature *const both[] = {&broken, &pass};
    const struct dkim_signature *const unknown[] = {&broken, &open_key};
    const struct dkim_signature *const known[] = {&pass, &open_key};
    dkim_case("none", "score = 2", "", 0, both);
    dkim_case("one that passes", "score = 2",
              "seen dkim.b.example [fail: the body has changed]\nseen dkim.a.example [pass]\n", 2,
              both);
    dkim_case("a broken one", NULL,
              "seen dkim.b.example [fail: the body has changed]\n"
              "seen dkim [b.example: the body has changed]\n",
              1, both);
    dkim_case("a broken one that counts", "score = 2",
              "seen dkim.b.example [fail: the body has changed]\n"
              "found 2 dkim [b.example: the body has changed] "
              "no DKIM signature of your message verifies (5.7.20)\n",
              1, both);
    dkim_case("a key that could not be asked for", "score = 2",
              "seen dkim.b.example [fail: the body has changed]\n"
              "seen dkim.c.example [temperror: timeout]\n"
              "abstain dkim [timeout]\n",
              2, unknown);
    dkim_case("one that passes beside it", "score = 2",
              "seen dkim.a.example [pass]\nseen dkim.c.example [temperror: timeout]\n", 2, known);
}

static void of_many_signatures_few_are_recorded(void **state)
{
    (void)state;
    const struct dkim_signature *many[64];
    char said[2048] = "";
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = i + 1 < COUNT(many) ? &broken : &pass;
    for (size_t i = 0; i < 8; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said),
                 "seen dkim.b.example [fail: the body has changed]\n");
    dkim_case("the last of 64 passes", "score = 2", said, COUNT(many), many);
}

static void arc_case(const char *name, const char *config, const char *said,
                     const struct arc_answer *arc)
{
    const struct message_auth_results message = {.arc = arc};
    rig_case(&check_arc, &(struct rig_case){.name = name,
                                            .config = config,
                                            .stage = CHECK_AT_MESSAGE,
                                            .message = &message,
                                            .seen = true,
                                            .said = said});
}

static void a_chain_is_recorded_and_counts_only_where_that_is_wanted(void **state)
{
    (void)state;
    struct arc_answer arc = {.result = ARC_NONE, .why = "", .sealer = "", .oldest_pass = ""};
    arc_case("none", "score = 1", "", &arc);
    arc.sets = 1;
    arc.sealer = "l.example";
    arc.result = ARC_PASS;
    arc_case("pass", "score = 1", "seen arc.l.example [pass]\n", &arc);
    arc.result = ARC_FAIL;
    arc.why = "cv=fail";
    arc_case("fail", NULL, "seen arc.l.example [fail]\nseen arc [cv=fail]\n", &arc);
    arc_case("fail that counts", "score = 1",
             "seen arc.l.example [fail]\n"
             "found 1 arc [cv=fail] the ARC chain of your message is broken (5.7.29)\n",
             &arc);
    arc.result = ARC_TEMPERROR;
    arc.why = "timeout";
    arc_case("temperror", "score = 1", "seen arc.l.example [temperror]\nabstain arc [timeout]\n",
             &arc);
}

static void trusted_sealers_are_names(void **state)
{
    (void)state;
    struct rig_config *c = rig_config_new(&check_arc, "trusted = {\"l.example\", \".g.example\"}");
    const struct name_set *trusted = ((struct arc_config *)c->config)->trusted;
    assert_int_equal(conf_fault_count(c->conf), 0);
    assert_true(auth_names_have(trusted, "l.example"));
    assert_true(auth_names_have(trusted, "a.g.example"));
    assert_false(auth_names_have(trusted, "g.example"));
    rig_config_free(c);
    c = rig_config_new(&check_arc, "trusted = {\"@l.example\"}");
    assert_int_equal(conf_fault_count(c->conf), 1);
    rig_config_free(c);
}

/* ---- header ------------------------------------------------------------------------------------
 */

#define ID "Message-ID: <a@b.example>\r\n"

/* "Date: ...", that many days from now. */
static const char *date(char out[static 64], int days)
{
    time_t when = time(NULL) + (time_t)days * 86400;
    struct tm tm;
    gmtime_r(&when, &tm);
    strftime(out, 64, "Date: %d %b %Y %H:%M:%S +0000\r\n", &tm);
    return out;
}

static void header_case(const char *name, const char *config, const char *fields, const char *said)
{
    struct header *header = header_new(1000, 20);
    const struct message_auth_results message = {.header = header};
    header_add(header, fields, strlen(fields));
    header_end(header);
    rig_case(&check_header, &(struct rig_case){.name = name,
                                               .config = config,
                                               .stage = CHECK_AT_MESSAGE,
                                               .message = &message,
                                               .seen = true,
                                               .said = said});
    header_free(header);
}

static void fields_that_every_message_has_are_there_once(void **state)
{
    (void)state;
    char now[64];
    char text[512];
    char long_text[2048];
    date(now, 0);
    snprintf(text, sizeof text, "%s" ID, now);
    header_case("both", NULL, text, "");
    header_case("none", NULL, "Subject: x\r\n",
                "found 0.5 header.date-missing [] your message has no Date\n"
                "found 0.5 header.message-id-missing [] your message has no Message-ID\n");
    snprintf(text, sizeof text, "%s%s" ID ID ID, now, now);
    header_case("doubled", "score = 1", text,
                "found 1 header.date-twice [2] your message has more than one Date\n"
                "found 1 header.message-id-twice [3] your message has more than one Message-ID\n");
    memset(long_text, 'x', sizeof long_text - 1);
    memcpy(long_text, "Subject: ", 9);
    long_text[sizeof long_text - 1] = '\0';
    header_case("longer than what is read", NULL, long_text,
                "found 0.5 header.long [] your message's header section is too long\n");
}

static void a_date_is_one_of_these_days(void **state)
{
    (void)state;
    static const struct {
        const char *name, *config;
        int days;
        const char *more, *found;
    } cases[] = {
        {"yesterday", NULL, -1, "", NULL},
        {"tomorrow", NULL, 1, "", NULL},
        {"long ago", NULL, -31, "", "past"},
        {"too far ahead", NULL, 3, "", "future"},
        {"sent again", NULL, -31, "Resent-Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n", NULL},
        {"past is off", "date-past = 0s", -31, "", NULL},
        {"future is off", "date-future = 0s", 3, "", NULL},
        {"another limit", "date-past = 12h", -1, "", "past"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char when[64];
        char text[512];
        char said[512] = "";
        date(when, cases[i].days);
        snprintf(text, sizeof text, "%s" ID "%s", when, cases[i].more);
        when[strlen(when) - 2] = '\0';
        if (cases[i].found != NULL)
            snprintf(said, sizeof said,
                     "found 0.5 header.date-%s [%s] the Date of your message is far in the %s\n",
                     cases[i].found, when + 6, cases[i].found);
        header_case(cases[i].name, cases[i].config, text, said);
    }
    header_case("no date", NULL, "Date: soon\001\r\n" ID,
                "found 0.5 header.date-unreadable [soon\\x01] the Date of your message is no "
                "date\n");
    header_case("an empty one", NULL, "Date:\r\n" ID,
                "found 0.5 header.date-unreadable [] the Date of your message is no date\n");
}

static void what_was_not_evaluated_says_nothing(void **state)
{
    (void)state;
    static const struct rig_case cases[] = {
        {.name = "no results", .stage = CHECK_AT_MESSAGE, .seen = true, .said = ""},
    };
    rig_cases(&check_dkim, cases, COUNT(cases));
    rig_cases(&check_arc, cases, COUNT(cases));
    rig_cases(&check_header, cases, COUNT(cases));
}

static void only_what_was_a_finding_is_scored_again(void **state)
{
    (void)state;
    static const struct {
        const struct check *check;
        const char *config, *label;
        score_t score; /* 0: none */
    } cases[] = {
        {&check_dkim, "score = 2", "dkim", 200},
        {&check_dkim, NULL, "dkim", 0},
        {&check_dkim, "score = 2", "dkim.b.example", 0},
        {&check_arc, "score = 1", "arc", 100},
        {&check_arc, NULL, "arc", 0},
        {&check_arc, "score = 1", "arc.l.example", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rig_config *c = rig_config_new(cases[i].check, cases[i].config);
        const struct check_past past = {.label = cases[i].label, .answer = "x"};
        score_t score = 0;
        bool is = cases[i].check->rescore(c->config, &past, &score);
        assert_int_equal(is, cases[i].score != 0);
        if (is)
            assert_int_equal(score, cases[i].score);
        rig_config_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_signatures_count_only_where_that_is_wanted),
        cmocka_unit_test(of_many_signatures_few_are_recorded),
        cmocka_unit_test(a_chain_is_recorded_and_counts_only_where_that_is_wanted),
        cmocka_unit_test(trusted_sealers_are_names),
        cmocka_unit_test(fields_that_every_message_has_are_there_once),
        cmocka_unit_test(a_date_is_one_of_these_days),
        cmocka_unit_test(what_was_not_evaluated_says_nothing),
        cmocka_unit_test(only_what_was_a_finding_is_scored_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
