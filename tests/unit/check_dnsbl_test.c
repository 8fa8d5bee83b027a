/* SPDX-License-Identifier: ISC */
/*
 * check_dnsbl_test: the checks dnsbl and rhsbl in a real trial, with DNS from a table and a clock
 * that stands still: what is asked, what each answer leads to, what the list's health learns, and
 * what is said about a wrong configuration.
 */
#include "policy/check_dnsbl.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/dnsbl_config.h"
#include "policy/dnsbl_lookup.h"
#include "policy/known.h"
#include "policy/list_health.h"
#include "policy/policy.h"
#include "policy/state.h"
#include "policy/trial_int.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- a table of checks: the two, and one that knows the client's reverse name ---- */

static struct {
    const char *name;
    bool confirmed;
} reverse;

struct reverse_config {
    struct check_config common;
};
static const struct conf_row reverse_rows[] = {CHECK_ROWS(struct reverse_config, "score", "0")};
static const struct conf_section reverse_section = {
    .name = "reverse", .row = reverse_rows, .rows = COUNT(reverse_rows), .help = "test"};

static void reverse_start(struct check_run *run)
{
    check_reverse_known(run, reverse.name, reverse.confirmed, false);
    check_done(run);
}

static const struct check check_reverse = {.name = "reverse",
                                           .section = &reverse_section,
                                           .config_size = sizeof(struct reverse_config),
                                           .stages = CHECK_BIT(CHECK_AT_CONNECT),
                                           .start = reverse_start};

const struct check *const checks[] = {&check_dnsbl, &check_rhsbl, &check_reverse, NULL};

/* ---- the rig ---- */

static const struct conf_section top = {.name = NULL, .help = "test"};

static struct {
    struct loop *loop;
    struct dns *dns;
    struct policy_state *state;
    struct policy *policy;
    struct trial *trial;
    char log[LOG_LINE_MAX];
} rig;

static void hear(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)session;
    if (strcmp(event, "test") == 0)
        snprintf(rig.log, sizeof rig.log, "%s", message);
}

static struct policy *policy_of(const char *text, char **faults)
{
    const struct conf_section *sections[16] = {&top};
    const struct conf_section *const *more = policy_sections();
    for (size_t i = 0; more[i] != NULL; i++)
        sections[i + 1] = more[i];
    struct conf *conf = conf_new("test.conf", sections);
    struct policy *policy = NULL;
    if (conf_read_text(conf, text, strlen(text)))
        policy = policy_new(conf);
    *faults = conf_faults(conf);
    conf_free(conf);
    return policy;
}

static const struct dnsbl_config *config_at(size_t index)
{
    return (const struct dnsbl_config *)(const void *)policy_checks(rig.policy)[index];
}

/* The zones are well. */
static void begin(const char *text)
{
    char *faults = NULL;
    clock_ms = 1000000;
    reverse.name = NULL;
    reverse.confirmed = true;
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, hear);
    rig.loop = loop_new();
    rig.dns = fake_dns_new();
    rig.state = policy_state_new();
    rig.policy = policy_of(text, &faults);
    if (faults != NULL)
        fail_msg("%s", faults);
    policy_bind(rig.policy, rig.state);
    for (size_t i = 0; policy_checks(rig.policy)[i] != NULL; i++)
        if (policy_checks(rig.policy)[i]->check != &check_reverse)
            list_zone_probed(config_at(i)->health, NULL, clock_ms);
}

static void end(void)
{
    trial_free(rig.trial);
    rig.trial = NULL;
    policy_unref(rig.policy);
    policy_state_free(rig.state);
    fake_dns_free(rig.dns);
    loop_poll(rig.loop);
    loop_free(rig.loop);
}

static void on_changed(void *arg)
{
    (void)arg;
}

static void connect_from(const char *address, bool trusted)
{
    struct trial_env env = {.policy = rig.policy,
                            .state = rig.state,
                            .dns = rig.dns,
                            .loop = rig.loop,
                            .hostname = "mx.example"};
    struct trial_client client = {.trusted = trusted,
                                  .thresholds = {TRIAL_DEFAULT, TRIAL_DEFAULT, TRIAL_DEFAULT}};
    assert_true(addr_parse_ip(address, &client.address));
    trial_free(rig.trial);
    rig.trial = trial_new(&env, &client, on_changed, NULL);
}

static void client_is(const char *address)
{
    connect_from(address, false);
}

static void answer(void)
{
    while (fake_dns_run(rig.dns) > 0)
        loop_poll(rig.loop);
}

static score_t score(void)
{
    return trial_score(rig.trial);
}

/* The findings as the log has them. */
static const char *findings(void)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, NULL, "test");
    trial_log(rig.trial, &line);
    log_end(&line);
    const char *at = strstr(rig.log, "findings=");
    return at != NULL ? at + strlen("findings=") : "";
}

static void assert_said(const char *part)
{
    if (strstr(findings(), part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, rig.log);
}

static const char *reason(void)
{
    static struct verdict verdict;
    assert_true(trial_ask(rig.trial, false, &verdict));
    return verdict.reason;
}

/* ---- dnsbl ---- */

static void addresses_are_asked_for_reversed(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { score = 5 }");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.zen.example", "127.0.0.4");
    client_is("192.0.2.7");
    assert_int_equal(fake_dns_asked_for(rig.dns, DNS_A, "7.2.0.192.zen.example"), 1);
    answer();
    assert_int_equal(score(), 500);
    assert_said("zen.example 127.0.0.4 +5");
    trial_helo(rig.trial, "client.example");
    trial_sender(rig.trial, "a@client.example", "client.example");
    assert_int_equal(fake_dns_asked(rig.dns), 1);
    end();
}

static void who_is_not_listed_gets_no_finding(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    client_is("192.0.2.7");
    answer();
    assert_string_equal(findings(), "");
    fake_dns_status(rig.dns, DNS_A, "8.2.0.192.zen.example", DNS_NODATA, NULL);
    client_is("192.0.2.8");
    answer();
    assert_string_equal(findings(), "");
    end();
}

#define V6_FRONT "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"

static void ipv6_counts_by_its_factor(void **state)
{
    (void)state;
    begin("dnsbl \"a.example\" { score = 4 }\n"
          "dnsbl \"b.example\" { score = 4 ipv6-factor = 0.5 }\n"
          "dnsbl \"c.example\" { score = 4 ipv6-factor = 0 }\n"
          "dnsbl \"d.example\" { codes = \"127.0.0.2=3\" ipv6-factor = 0.33 }\n");
    const char *zones[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < COUNT(zones); i++) {
        char name[128];
        snprintf(name, sizeof name, V6_FRONT ".%s.example", zones[i]);
        fake_dns_set(rig.dns, DNS_A, name, "127.0.0.2");
        snprintf(name, sizeof name, "7.2.0.192.%s.example", zones[i]);
        fake_dns_set(rig.dns, DNS_A, name, "127.0.0.2");
    }
    client_is("2001:db8::7");
    assert_int_equal(fake_dns_asked(rig.dns), 3);
    answer();
    assert_int_equal(score(), 400 + 200 + 99);
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), 400 + 400 + 400 + 300);
    end();
}

static void private_and_trusted_clients_are_never_looked_up(void **state)
{
    (void)state;
    static const char *const addresses[] = {"10.1.2.3",    "127.0.0.1", "192.168.0.1", "172.16.9.9",
                                            "169.254.1.1", "::1",       "fe80::1",     "fd00::1"};
    begin("dnsbl \"zen.example\" { }\n rhsbl \"dbl.example\" { }");
    reverse.name = "host.bad.example";
    for (size_t i = 0; i < COUNT(addresses); i++) {
        client_is(addresses[i]);
        trial_helo(rig.trial, "host.bad.example");
        trial_sender(rig.trial, "a@bad.example", "bad.example");
    }
    connect_from("192.0.2.7", true);
    trial_helo(rig.trial, "host.bad.example");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    end();
}

static void all_zones_are_asked_at_once_and_their_scores_added(void **state)
{
    (void)state;
    begin("dnsbl \"a.example\" { score = 2 }\n"
          "dnsbl \"b.example\" { score = 3.5 }\n"
          "dnsbl \"w.example\" { score = -1 }\n"
          "dnsbl \"c.example\" { score = 8 mode = observe }\n"
          "dnsbl \"d.example\" { score = 8 mode = off }\n");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.a.example", "127.0.0.2");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.b.example", "127.0.0.9 127.0.0.3");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.c.example", "127.0.0.2");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.w.example", "127.0.2.1");
    client_is("192.0.2.7");
    assert_int_equal(fake_dns_open(rig.dns), 4);
    answer();
    assert_int_equal(score(), 200 + 350 - 100);
    assert_said("b.example 127.0.0.9 127.0.0.3 +3.5");
    assert_said("w.example 127.0.2.1 -1");
    assert_string_equal(reason(), "listed by b.example");
    end();
}

static void the_highest_of_several_codes_counts(void **state)
{
    (void)state;
    begin(
        "dnsbl \"zen.example\" { codes = {\"127.0.0.2-127.0.0.3=4\", \"127.0.0.4-127.0.0.7=6\"} }");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.zen.example", "127.0.0.2 127.0.0.5 127.0.0.10");
    fake_dns_set(rig.dns, DNS_A, "8.2.0.192.zen.example", "127.0.0.10");
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), 600);
    client_is("192.0.2.8");
    answer();
    assert_string_equal(findings(), "");
    end();
}

static void errors_abstain_and_say_so(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *says;
    } cases[] = {
        {"127.255.255.254", "zen.example ? its answer 127.255.255.254 is an error"},
        {"127.0.0.2 127.255.255.255", "zen.example ? its answer 127.255.255.255 is an error"},
        {"127.0.0.1", "zen.example ? its answer 127.0.0.1 is an error"},
        {"192.0.2.99", "zen.example ? its answer 192.0.2.99 is an error"},
    };
    begin("dnsbl \"zen.example\" { mode = reject }\n"
          "dnsbl \"wl.example\" { score = -5 }");
    for (size_t i = 0; i < COUNT(cases); i++) {
        fake_dns_set(rig.dns, DNS_A, "7.2.0.192.zen.example", cases[i].answer);
        client_is("192.0.2.7");
        answer();
        assert_int_equal(score(), 0);
        assert_said(cases[i].says);
        assert_string_equal(reason(), "");
    }
    fake_dns_forget(rig.dns);
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.wl.example", "127.0.10.3");
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), 0);
    assert_said("wl.example ? its answer 127.0.10.3 is an error");
    end();
}

static void no_answer_abstains(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { mode = reject }");
    fake_dns_status(rig.dns, DNS_A, "7.2.0.192.zen.example", DNS_TEMPFAIL, "SERVFAIL");
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), 0);
    assert_said("zen.example ? SERVFAIL");
    end();
}

static void unprobed_and_sick_zones_are_not_asked(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    list_zone_probed(config_at(0)->health, "canary 127.0.0.1: it is listed", clock_ms);
    client_is("192.0.2.7");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    assert_said("zen.example ? canary 127.0.0.1: it is listed");
    end();

    begin("dnsbl \"zen.example\" { }");
    list_health_free(rig.state->health);
    rig.state->health = list_health_new();
    policy_bind(rig.policy, rig.state);
    client_is("192.0.2.7");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    assert_said("zen.example ? its canaries have not been answered yet");
    end();
}

static void a_zone_that_turned_sick_meanwhile_is_not_believed(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.zen.example", "127.0.0.2");
    client_is("192.0.2.7");
    list_zone_probed(config_at(0)->health, "it lists the world", clock_ms);
    answer();
    assert_int_equal(score(), 0);
    assert_said("zen.example ? it lists the world");
    end();
}

static void prove(const char *address)
{
    for (int64_t hour = 0; hour < 2; hour++)
        known_delivered(rig.state->known, &address, 1, KNOWN_LIFETIME,
                        rig.state->wall() + (hour - 2) * 3600, NULL);
}

static void listed_good_clients_trip_a_list_and_strangers_do_not(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { trip-least = 1 }\n"
          "dnsbl \"wl.example\" { score = -1 trip-least = 1 }");
    const char *names[] = {"7.2.0.192.zen.example", "8.2.0.192.zen.example",
                           "7.2.0.192.wl.example"};
    for (size_t i = 0; i < COUNT(names); i++)
        fake_dns_set(rig.dns, DNS_A, names[i], "127.0.0.2");
    client_is("192.0.2.8");
    answer();
    assert_int_equal(score(), 400);
    prove("192.0.2.7");
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), -100); /* its own listing is not believed any more */
    assert_said("zen.example ? it lists 1 of 1 clients known to be good");
    assert_int_equal(list_zone_verdict(config_at(1)->health), LIST_WELL);
    end();
}

static void look_ups_that_fail_and_those_stopped_late_are_noted(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    fake_dns_hold(rig.dns, DNS_A, "7.2.0.192.zen.example");
    for (int i = 0; i < 19; i++) {
        client_is("192.0.2.7");
        struct run *run = LIST_FIRST(&rig.trial->runs);
        ((struct dnsbl_lookup *)run->run.memory)->asked -= DNSBL_LATE_MS;
    }
    client_is("192.0.2.7"); /* stops the last of the 19 */
    client_is("192.0.2.7"); /* stops one that was not late */
    assert_int_equal(list_zone_verdict(config_at(0)->health), LIST_WELL);
    fake_dns_status(rig.dns, DNS_A, "7.2.0.192.zen.example", DNS_TEMPFAIL, "timeout");
    answer();
    assert_int_equal(list_zone_verdict(config_at(0)->health), LIST_SICK);
    end();
}

static void a_query_key_shows_nowhere(void **state)
{
    (void)state;
    begin("dnsbl \"abcdefghij0123456789klmnop.zen.dq.example\" { }\n"
          "dnsbl \"zyxwvutsrqponmlkjihg.list.example\" { name = \"My List\" }\n");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.abcdefghij0123456789klmnop.zen.dq.example",
                 "127.0.0.2");
    fake_dns_set(rig.dns, DNS_A, "7.2.0.192.zyxwvutsrqponmlkjihg.list.example", "127.0.0.2");
    client_is("192.0.2.7");
    answer();
    assert_said("zen.dq.example 127.0.0.2 +4");
    assert_said("My List 127.0.0.2 +4");
    assert_null(strstr(rig.log, "abcdefghij"));
    assert_null(strstr(rig.log, "zyxw"));
    assert_string_equal(reason(), "listed by zen.dq.example");
    end();
}

static void what_looks_like_a_key_is_masked(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *shown;
    } cases[] = {
        {"zen.example", "zen.example"},
        {"zen.example.", "zen.example"},
        {"abcdefghijklmno.zen.example", "abcdefghijklmno.zen.example"},
        {"abcdefghijklmnop.zen.example", "zen.example"},
        {"ABCDEF0123456789abcdef.combined.mail.example", "combined.mail.example"},
        {"dnsbl-with-a-long-name.example", "dnsbl-with-a-long-name.example"},
        {"b.averylongdomainindeed.example", "b.averylongdomainindeed.example"},
        {"abcdefghijklmnop", "a DNS list"},
        {"abcdefghijklmnop.", "a DNS list"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[DNS_NAME_MAX + 1];
        dnsbl_mask_key(cases[i].zone, out);
        assert_string_equal(out, cases[i].shown);
    }
}

/* ---- rhsbl ---- */

static void names_of_all_kinds_are_asked_for(void **state)
{
    (void)state;
    begin("rhsbl \"dbl.example\" { score = 3 }");
    reverse.name = "ptr.bad.test";
    fake_dns_set(rig.dns, DNS_A, "mail.bad.test.dbl.example", "127.0.1.2");
    fake_dns_set(rig.dns, DNS_A, "bad.test.dbl.example", "127.0.1.4");
    fake_dns_set(rig.dns, DNS_A, "ptr.bad.test.dbl.example", "127.0.1.5");
    client_is("2001:db8::7"); /* no factor for names */
    trial_helo(rig.trial, "Mail.Bad.Test.");
    trial_sender(rig.trial, "a@bad.test", "bad.test");
    answer();
    assert_int_equal(score(), 300); /* one list counts once */
    assert_said("dbl.example 127.0.1.2 for Mail.Bad.Test. +3");
    assert_said("dbl.example 127.0.1.4 for bad.test +3");
    assert_said("dbl.example 127.0.1.5 for ptr.bad.test +3");
    trial_helo(rig.trial, "other.test"); /* takes its findings back */
    answer();
    assert_int_equal(score(), 300);
    end();
}

static void only_the_chosen_names_are_asked_for(void **state)
{
    (void)state;
    begin("rhsbl \"dbl.example\" { of = {\"sender\"} }");
    reverse.name = "ptr.bad.test";
    client_is("192.0.2.7");
    trial_helo(rig.trial, "mail.bad.test");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    trial_sender(rig.trial, "", "");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    trial_sender(rig.trial, "a@bad.test", "bad.test");
    assert_int_equal(fake_dns_asked_for(rig.dns, DNS_A, "bad.test.dbl.example"), 1);
    end();
}

static void what_is_no_domain_is_never_asked_for(void **state)
{
    (void)state;
    static const char *const names[] = {
        "[192.0.2.7]", "[IPv6:2001:db8::7]",
        "192.0.2.7",   "2001:db8::7",
        "localhost",   "x",
        "a..b",        ".a.b",
        "a b.test",    "a\\b.test",
        "host.123",    "host.",
        "\xff.test",
    };
    begin("rhsbl \"dbl.example\" { }");
    client_is("192.0.2.7");
    for (size_t i = 0; i < COUNT(names); i++)
        trial_helo(rig.trial, names[i]);
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    char longest[256]; /* a name of its own, but not before the zone */
    memset(longest, 'a', sizeof longest);
    for (size_t i = 60; i < 240; i += 60)
        longest[i] = '.';
    longest[245] = '\0';
    trial_helo(rig.trial, longest);
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    assert_string_equal(findings(), "");
    end();
}

static void an_allow_zone_believes_only_confirmed_reverse_names(void **state)
{
    (void)state;
    begin("rhsbl \"good.example\" { score = -3 }");
    reverse.name = "mail.good.test";
    reverse.confirmed = false;
    fake_dns_set(rig.dns, DNS_A, "mail.good.test.good.example", "127.0.0.2");
    client_is("192.0.2.7");
    trial_helo(rig.trial, "mail.good.test");
    trial_sender(rig.trial, "a@mail.good.test", "mail.good.test");
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    reverse.confirmed = true;
    client_is("192.0.2.7");
    answer();
    assert_int_equal(score(), -300);
    end();
}

static void a_senders_listing_says_nothing_of_the_list(void **state)
{
    (void)state;
    begin("rhsbl \"dbl.example\" { trip-least = 1 }");
    fake_dns_set(rig.dns, DNS_A, "bad.test.dbl.example", "127.0.1.2");
    fake_dns_set(rig.dns, DNS_A, "mx.good.test.dbl.example", "127.0.1.2");
    prove("192.0.2.7");
    client_is("192.0.2.7");
    trial_sender(rig.trial, "a@bad.test", "bad.test");
    answer();
    assert_int_equal(score(), 200);
    assert_int_equal(list_zone_verdict(config_at(0)->health), LIST_WELL);
    trial_helo(rig.trial, "mx.good.test");
    answer();
    assert_int_equal(list_zone_verdict(config_at(0)->health), LIST_SICK);
    end();
}

static void a_zone_of_names_is_another_list_than_one_of_addresses(void **state)
{
    (void)state;
    begin("dnsbl \"both.example\" { }\n rhsbl \"both.example\" { }");
    assert_ptr_not_equal(config_at(0)->health, config_at(1)->health);
    end();
    begin("dnsbl \"Zen.Example.\" { }");
    assert_ptr_equal(list_health_find(rig.state->health, "zen.example", "zen.example"),
                     config_at(0)->health);
    end();
}

/* ---- configuration ---- */

static void wrong_configurations_are_faults_at_their_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault; /* NULL: none */
    } cases[] = {
        {"dnsbl \"zen.example\" { }", NULL},
        {"dnsbl \"zen.example\" { listed = off\n clean = off }", NULL},
        {"dnsbl \"zen.example\" { listed = \"2001:db8::2\" }", NULL},
        {"rhsbl \"dbl.example\" { listed = \"dbltest.com\"\n of = {helo, sender, reverse} }", NULL},
        {"rhsbl \"wl.example\" { score = -1\n of = reverse }", NULL},
        {"dnsbl \"a b\" { }", "test.conf:1: dnsbl has a zone that cannot be asked for"},
        {"dnsbl \"\" { }", "test.conf:1: dnsbl has a zone that cannot be asked for"},
        {"dnsbl \"zen..example\" { }", "test.conf:1: dnsbl has a zone that cannot be asked for"},
        {"rhsbl \"zen\\\\example\" { }", "test.conf:1: rhsbl has a zone that cannot be asked for"},
        {"dnsbl \"zen.example\" {\n listed = yes }", "test.conf:2: listed = yes is not an address"},
        {"dnsbl \"zen.example\" {\n clean = \"TEST\" }", "test.conf:2: clean = TEST is not an"},
        {"rhsbl \"dbl.example\" {\n listed = \"a..b\" }", "test.conf:2: listed is not a name"},
        {"dnsbl \"zen.example\" {\n codes = {\"127.0.0.2=1\",\n \"128.0.0.1\"} }",
         "test.conf:3: codes \"128.0.0.1\": write a code"},
        {"dnsbl \"zen.example\" {\n codes = {\"127.0.0.2=-1\"} }",
         "test.conf:2: codes \"127.0.0.2=-1\": an allow zone is"},
        {"dnsbl \"wl.example\" { score = -1\n codes = {\"127.0.0.2=1\"} }",
         "test.conf:2: codes \"127.0.0.2=1\": an allow zone is"},
        {"dnsbl \"zen.example\" {\n ipv6-factor = -1 }", "test.conf:2: ipv6-factor is out of"},
        {"dnsbl \"zen.example\" {\n ipv6-factor = 10.01 }", "test.conf:2: ipv6-factor is out of"},
        {"dnsbl \"zen.example\" {\n trip-share = 0 }", "test.conf:2: trip-share = 0 is out of"},
        {"dnsbl \"zen.example\" {\n trip-least = 129 }", "test.conf:2: trip-least = 129 is out of"},
        {"dnsbl \"zen.example\" {\n name = \"B\xc3\xb6se\" }", "test.conf:2: name stands in"},
        {"rhsbl \"dbl.example\" {\n of = {helo,\n ptr} }", "test.conf:3: of = ptr is not known"},
        {"rhsbl \"wl.example\" { score = -1\n of = sender }",
         "test.conf:2: of = sender earns no trust"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *faults = NULL;
        struct policy *policy = policy_of(cases[i].text, &faults);
        if ((faults == NULL) != (cases[i].fault == NULL) ||
            (faults != NULL && strncmp(faults, cases[i].fault, strlen(cases[i].fault)) != 0))
            fail_msg("%s\n%s", cases[i].text, faults != NULL ? faults : "-");
        free(faults);
        policy_unref(policy);
    }
}

static void a_zone_too_long_for_its_questions_is_a_fault(void **state)
{
    (void)state;
    char text[400];
    char zone[200];
    char *faults = NULL;
    memset(zone, 'a', sizeof zone);
    for (size_t i = 50; i < 200; i += 50)
        zone[i] = '.';
    for (size_t len = 189; len <= 190; len++) {
        snprintf(text, sizeof text, "dnsbl \"%.*s\" { }", (int)len, zone);
        struct policy *policy = policy_of(text, &faults);
        assert_int_equal(faults != NULL, len == 190);
        policy_unref(policy);
        free(faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_asked_for_reversed),
        cmocka_unit_test(who_is_not_listed_gets_no_finding),
        cmocka_unit_test(ipv6_counts_by_its_factor),
        cmocka_unit_test(private_and_trusted_clients_are_never_looked_up),
        cmocka_unit_test(all_zones_are_asked_at_once_and_their_scores_added),
        cmocka_unit_test(the_highest_of_several_codes_counts),
        cmocka_unit_test(errors_abstain_and_say_so),
        cmocka_unit_test(no_answer_abstains),
        cmocka_unit_test(unprobed_and_sick_zones_are_not_asked),
        cmocka_unit_test(a_zone_that_turned_sick_meanwhile_is_not_believed),
        cmocka_unit_test(listed_good_clients_trip_a_list_and_strangers_do_not),
        cmocka_unit_test(look_ups_that_fail_and_those_stopped_late_are_noted),
        cmocka_unit_test(a_query_key_shows_nowhere),
        cmocka_unit_test(what_looks_like_a_key_is_masked),
        cmocka_unit_test(names_of_all_kinds_are_asked_for),
        cmocka_unit_test(only_the_chosen_names_are_asked_for),
        cmocka_unit_test(what_is_no_domain_is_never_asked_for),
        cmocka_unit_test(an_allow_zone_believes_only_confirmed_reverse_names),
        cmocka_unit_test(a_senders_listing_says_nothing_of_the_list),
        cmocka_unit_test(a_zone_of_names_is_another_list_than_one_of_addresses),
        cmocka_unit_test(wrong_configurations_are_faults_at_their_lines),
        cmocka_unit_test(a_zone_too_long_for_its_questions_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
