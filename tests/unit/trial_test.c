/* SPDX-License-Identifier: ISC */
/*
 * trial_test: the life of a trial, and what many findings come to. Its verdicts are in policy_test.
 */
#include "policy/trial_int.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "policy/auth/message_auth.h"
#include "policy/auth_config.h"
#include "policy/policy.h"
#include "policy/state.h"
#define FAKE_CHECK_REAL &check_dmarc,
#include "tests/unit/support/fake_check.h"
#include "tests/unit/support/fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define QUIET "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"

struct rig {
    struct trial_env env;
    struct policy *policy;
    struct trial *trial;
    unsigned changed;
    bool free_it; /* within `changed` */
};

static void on_changed(void *arg)
{
    struct rig *rig = arg;
    rig->changed++;
    if (rig->free_it) {
        trial_free(rig->trial);
        rig->trial = NULL;
    }
}

static struct policy *make_policy(const char *text, struct policy_state *state)
{
    static const struct conf_section top;
    const struct conf_section *sections[64] = {&top};
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    struct conf *conf = conf_new("trial.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    assert_int_equal(conf_fault_count(conf), 0);
    conf_free(conf);
    policy_bind(policy, state);
    return policy;
}

static void rig_open(struct rig *rig, const char *text)
{
    struct trial_client client = {.thresholds = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT}};
    addr_parse_ip("203.0.113.1", &client.address);
    *rig = (struct rig){.env = {.state = policy_state_new(),
                                .dns = fake_dns_new(),
                                .loop = loop_new(),
                                .hostname = "mx.example.org"}};
    rig->policy = make_policy(text, rig->env.state);
    rig->env.policy = rig->policy;
    rig->trial = trial_new(&rig->env, &client, on_changed, rig);
}

static void rig_close(struct rig *rig)
{
    trial_free(rig->trial);
    loop_poll(rig->env.loop);
    policy_unref(rig->policy);
    policy_state_free(rig->env.state);
    fake_dns_free(rig->env.dns);
    loop_free(rig->env.loop);
}

static void changed_is_never_called_from_inside_a_call(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET "at-connect \"a.test\" { score = 12 at-once = yes }\n");
    assert_true(trial_hostile(rig.trial));
    trial_helo(rig.trial, "a.example");
    trial_behaved(rig.trial, TRIAL_COMMAND, "GET");
    assert_int_equal(rig.changed, 0);
    loop_poll(rig.env.loop);
    assert_int_equal(rig.changed, 1);
    rig_close(&rig);
}

static void changed_does_not_come_to_a_dead_trial(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET "at-connect \"a.test\" { score = 12 at-once = yes }\n");
    trial_free(rig.trial);
    rig.trial = NULL;
    loop_poll(rig.env.loop);
    assert_int_equal(rig.changed, 0);
    rig_close(&rig);
}

static void a_trial_may_be_freed_when_it_says_changed(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET "at-connect \"a.test\" { score = 12 }\n");
    rig.free_it = true;
    fake_dns_set(rig.env.dns, DNS_A, "a.test", "127.0.0.2");
    assert_int_equal(fake_dns_run(rig.env.dns), 1);
    loop_poll(rig.env.loop);
    assert_int_equal(rig.changed, 1);
    assert_null(rig.trial);
    rig_close(&rig);
}

static void a_trial_freed_while_it_asks_takes_its_questions_along(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET "at-connect \"a.test\" { }\nat-connect \"b.test\" { }\n");
    assert_int_equal(fake_dns_open(rig.env.dns), 2);
    trial_free(rig.trial);
    rig.trial = NULL;
    assert_int_equal(fake_dns_open(rig.env.dns), 0);
    rig_close(&rig);
}

/* The configuration of `count` zones that are found at once, and as many that answer nothing. */
static char *many_zones(unsigned count)
{
    char *text = mem_strdup(QUIET);
    for (unsigned i = 0; i < count; i++) {
        char *more = mem_printf("%sat-connect \"zone%u.test\" { score = 0.1 at-once = yes }\n"
                                "at-connect \"none%u.test\" { score = 1 }\n",
                                text, i, i);
        free(text);
        text = more;
    }
    return text;
}

static char message[LOG_LINE_MAX];

static void to_journal(enum log_level level, const char *event, const char *session,
                       const char *text)
{
    (void)level;
    (void)event;
    (void)session;
    snprintf(message, sizeof message, "%s", text);
}

static void write_log(const struct rig *rig)
{
    struct log_line line;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, to_journal);
    log_begin(&line, LOG_LEVEL_INFO, NULL, "test");
    trial_log(rig->trial, &line);
    log_end(&line);
}

static unsigned occurrences(const char *text, const char *what)
{
    unsigned count = 0;
    for (const char *p = strstr(text, what); p != NULL; p = strstr(p + 1, what))
        count++;
    return count;
}

static void findings_are_bounded_and_go_before_abstentions(void **state)
{
    (void)state;
    struct rig rig;
    char *text = many_zones(100);
    rig_open(&rig, text);
    free(text);
    assert_int_equal(rig.trial->finding_count, TRIAL_FINDINGS);
    assert_int_equal(trial_score(rig.trial), 10 * TRIAL_FINDINGS);
    rig_close(&rig);

    text = many_zones(40);
    rig_open(&rig, text);
    free(text);
    for (unsigned i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "none%u.test", i);
        fake_dns_status(rig.env.dns, DNS_A, name, DNS_TEMPFAIL, "SERVFAIL");
    }
    assert_int_equal(fake_dns_run(rig.env.dns), 40);
    assert_int_equal(rig.trial->finding_count, TRIAL_FINDINGS);
    trial_behaved(rig.trial, TRIAL_COMMAND, "GET");
    assert_int_equal(rig.trial->finding_count, TRIAL_FINDINGS);
    assert_int_equal(trial_score(rig.trial), 40 * 10 + 600);
    rig_close(&rig);
}

static void a_line_tells_all_of_thirty_findings(void **state)
{
    (void)state;
    struct rig rig;
    char *text = many_zones(30);
    rig_open(&rig, text);
    free(text);
    fake_dns_run(rig.env.dns);
    write_log(&rig);
    assert_int_equal(occurrences(message, ".test at once +0.1"), 30);
    assert_null(strstr(message, "..."));
    rig_close(&rig);
}

static void texts_of_a_finding_are_cut_and_printable(void **state)
{
    (void)state;
    struct rig rig;
    char long_text[2000];
    rig_open(&rig, QUIET);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[0] = '\r';
    long_text[1] = '\n';
    long_text[2] = (char)0xc3;
    long_text[sizeof long_text - 1] = '\0';
    trial_behaved(rig.trial, TRIAL_COMMAND, long_text);
    const struct finding *finding = STAILQ_FIRST(&rig.trial->findings);
    assert_int_equal(strlen(finding->answer), TRIAL_TEXT_MAX);
    assert_memory_equal(finding->answer, "???xxx", 6);
    rig_close(&rig);
}

static void scores_print_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        score_t score;
        const char *plain, *sign;
    } cases[] = {
        {0, "0", "0"},
        {650, "6.5", "+6.5"},
        {-200, "-2", "-2"},
        {-50, "-0.5", "-0.5"},
        {1, "0.01", "+0.01"},
        {-101, "-1.01", "-1.01"},
        {100000, "1000", "+1000"},
        {-6400000, "-64000", "-64000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[TRIAL_SCORE_SIZE];
        assert_string_equal(trial_score_text(cases[i].score, false, out), cases[i].plain);
        assert_string_equal(trial_score_text(cases[i].score, true, out), cases[i].sign);
    }
}

/* What a session keeps of it while nothing is open. */
static void a_trial_at_rest_is_small(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET "at-connect \"a.test\" { }\n");
    fake_dns_run(rig.env.dns);
    assert_true(sizeof *rig.trial <= 512);
    assert_null(rig.trial->timer);
    assert_true(LIST_EMPTY(&rig.trial->runs));
    assert_true(STAILQ_EMPTY(&rig.trial->findings));
    rig_close(&rig);
}

static const struct spf_known helo_known = {.result = SPF_PASS,
                                            .checked = true,
                                            .domain = "mx.example.org",
                                            .mechanism = "a",
                                            .why = "",
                                            .explanation = ""};

/* Of what SPF said only the octets stay, until there is a transaction. */
static void what_spf_said_of_helo_is_small_between_transactions(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET);
    trial_helo(rig.trial, "mx.example.org");
    trial_spf_learn(rig.trial, true, &helo_known);
    const struct check_facts *facts = &rig.trial->facts;
    const struct spf_known *nothing = facts->spf_helo;
    assert_false(nothing->checked);
    assert_memory_equal(rig.trial->helo_spf + 1, "mx.example.org\0a\0\0", 19);
    for (int i = 0; i < 2; i++) {
        trial_sender(rig.trial, "a@b.test", "b.test");
        assert_true(facts->spf_helo->checked);
        assert_int_equal(facts->spf_helo->result, SPF_PASS);
        assert_string_equal(facts->spf_helo->domain, "mx.example.org");
        assert_string_equal(facts->spf_helo->mechanism, "a");
        assert_false(facts->spf->checked);
        trial_spf_learn(rig.trial, false, &helo_known);
        assert_true(facts->spf->checked);
        trial_reset(rig.trial);
        assert_ptr_equal(facts->spf_helo, nothing);
        assert_ptr_equal(facts->spf, nothing);
    }
    trial_helo(rig.trial, "other.example.org");
    assert_null(rig.trial->helo_spf);
    trial_sender(rig.trial, "a@b.test", "b.test");
    assert_false(facts->spf_helo->checked);
    rig_close(&rig);
}

static void of_a_message_nothing_stays_behind(void **state)
{
    (void)state;
    static const char text[] = "From: a@b.test\r\n\r\nhello\r\n";
    struct rig rig;
    rig_open(&rig, QUIET);
    fake_dns_hold(rig.env.dns, DNS_TXT, "_dmarc.b.test");
    assert_null(rig.trial->message);
    for (int i = 0; i < 3; i++) {
        trial_sender(rig.trial, "a@b.test", "b.test");
        assert_null(rig.trial->message);
        trial_text_begin(rig.trial);
        trial_text(rig.trial, text, sizeof text - 1);
        if (i > 0)
            trial_message(rig.trial, false); /* with its look-ups open */
        assert_non_null(rig.trial->message);
        assert_int_not_equal(fake_dns_open(rig.env.dns), 0);
        if (i == 2)
            break; /* or with the client */
        trial_reset(rig.trial);
        assert_null(rig.trial->message);
        assert_null(rig.trial->facts.message);
        assert_int_equal(fake_dns_open(rig.env.dns), 0);
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_is_never_called_from_inside_a_call),
        cmocka_unit_test(changed_does_not_come_to_a_dead_trial),
        cmocka_unit_test(a_trial_may_be_freed_when_it_says_changed),
        cmocka_unit_test(a_trial_freed_while_it_asks_takes_its_questions_along),
        cmocka_unit_test(findings_are_bounded_and_go_before_abstentions),
        cmocka_unit_test(a_line_tells_all_of_thirty_findings),
        cmocka_unit_test(texts_of_a_finding_are_cut_and_printable),
        cmocka_unit_test(scores_print_as_they_are_written),
        cmocka_unit_test(a_trial_at_rest_is_small),
        cmocka_unit_test(what_spf_said_of_helo_is_small_between_transactions),
        cmocka_unit_test(of_a_message_nothing_stays_behind),
    };
    return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
