/* SPDX-License-Identifier: ISC */
/*
 * list_probe_test: which canaries are asked when, and what each answer makes of the list; DNS from
 * a table, on a clock that stands still until told.
 */
#include "policy/list_probe.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "policy/check_dnsbl.h"
#include "policy/list_health.h"
#include "policy/policy.h"
#include "policy/state.h"
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

const struct check *const checks[] = {&check_dnsbl, &check_rhsbl, NULL};

static const struct conf_section top = {.name = NULL, .help = "test"};

static struct {
    struct loop *loop;
    struct dns *dns;
    struct policy_state *state;
    struct policy *policy;
    struct list_probe *probe;
    char events[256];
    char last[1024];
} rig;

static void hear(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)session;
    size_t len = strlen(rig.events);
    snprintf(rig.events + len, sizeof rig.events - len, "%s ", event);
    snprintf(rig.last, sizeof rig.last, "%s", message);
}

static struct policy *policy_of(const char *text)
{
    const struct conf_section *sections[16] = {&top};
    const struct conf_section *const *more = policy_sections();
    for (size_t i = 0; more[i] != NULL; i++)
        sections[i + 1] = more[i];
    struct conf *conf = conf_new("test.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    char *faults = conf_faults(conf);
    if (faults != NULL)
        fail_msg("%s", faults);
    conf_free(conf);
    return policy;
}

/* Everything but the prober. */
static void begin(const char *text)
{
    clock_ms = 1000000;
    rig.events[0] = '\0';
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, hear);
    rig.loop = loop_new();
    rig.dns = fake_dns_new();
    rig.state = policy_state_new();
    rig.policy = policy_of(text);
    policy_bind(rig.policy, rig.state);
}

static void end(void)
{
    list_probe_free(rig.probe);
    rig.probe = NULL;
    policy_unref(rig.policy);
    policy_state_free(rig.state);
    fake_dns_free(rig.dns);
    loop_poll(rig.loop);
    loop_free(rig.loop);
}

static void probe(void)
{
    rig.probe = list_probe_new(rig.loop, rig.dns, rig.policy);
}

static void answer(void)
{
    while (fake_dns_run(rig.dns) > 0)
        loop_poll(rig.loop);
}

static void minutes(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        clock_ms += 60000;
        loop_poll(rig.loop);
    }
}

static struct list_zone *zone_at(size_t index)
{
    const struct check_config *config = policy_checks(rig.policy)[index];
    return ((const struct dnsbl_config *)(const void *)config)->health;
}

#define assert_zone(index, verdict) assert_int_equal(list_zone_verdict(zone_at(index)), (verdict))

static const char *why(void)
{
    static char text[256];
    list_zone_why(zone_at(0), text, sizeof text);
    return text;
}

/* ---- what is asked ---- */

static void each_zone_is_asked_for_both_canaries_at_once(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }\n"
          "dnsbl \"wl.example\" { score = -1 }\n"
          "dnsbl \"off.example\" { mode = off }\n"
          "dnsbl \"own.example\" { listed = \"192.0.2.99\" clean = \"2001:db8::1\" }\n"
          "rhsbl \"dbl.example\" { mode = observe }\n"
          "rhsbl \"dbl2.example\" { listed = \"dbltest.com\" clean = \"example.com\" }\n");
    static const char *const names[] = {
        "2.0.0.127.zen.example",
        "1.0.0.127.zen.example",
        "2.0.0.127.wl.example",
        "1.0.0.127.wl.example",
        "99.2.0.192.own.example",
        "TEST.dbl.example",
        "INVALID.dbl.example",
        "dbltest.com.dbl2.example",
        "example.com.dbl2.example",
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.own.example"};
    probe();
    for (size_t i = 0; i < COUNT(names); i++)
        if (fake_dns_asked_for(rig.dns, DNS_A, names[i]) != 1)
            fail_msg("%s was not asked for", names[i]);
    assert_int_equal(fake_dns_asked(rig.dns), COUNT(names));
    end();
}

static void canaries_that_are_off_are_not_asked(void **state)
{
    (void)state;
    begin("dnsbl \"a.example\" { listed = off }\n"
          "dnsbl \"b.example\" { clean = off }\n"
          "dnsbl \"c.example\" { listed = off clean = off }\n");
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.b.example", "127.0.0.2");
    probe();
    assert_int_equal(fake_dns_asked(rig.dns), 2);
    assert_zone(2, LIST_WELL);
    assert_zone(0, LIST_UNPROBED);
    answer();
    assert_zone(0, LIST_WELL);
    assert_zone(1, LIST_WELL);
    minutes(11);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    end();
}

static void without_lists_nothing_happens(void **state)
{
    (void)state;
    begin("dnsbl \"off.example\" { mode = off }");
    probe();
    minutes(20);
    assert_int_equal(fake_dns_asked(rig.dns), 0);
    end();
}

/* ---- what it comes to ---- */

static void a_zone_is_unprobed_until_both_have_answered(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.2 127.0.0.4 127.0.0.10");
    probe();
    assert_zone(0, LIST_UNPROBED);
    fake_dns_run_for(rig.dns, DNS_A, "2.0.0.127.zen.example");
    assert_zone(0, LIST_UNPROBED);
    answer();
    assert_zone(0, LIST_WELL);
    assert_string_equal(rig.events, "");
    end();
}

struct canary_case {
    const char *config;
    const char *listed; /* the answer; NULL: NXDOMAIN; "!": SERVFAIL; "0": no data */
    const char *clean;
    const char *why; /* a part; NULL: the zone is well */
};

static void set(const char *name, const char *answer_text)
{
    if (answer_text == NULL)
        return;
    if (strcmp(answer_text, "!") == 0)
        fake_dns_status(rig.dns, DNS_A, name, DNS_TEMPFAIL, "SERVFAIL");
    else if (strcmp(answer_text, "0") == 0)
        fake_dns_status(rig.dns, DNS_A, name, DNS_NODATA, NULL);
    else
        fake_dns_set(rig.dns, DNS_A, name, answer_text);
}

static void each_answer_makes_of_the_list_what_it_should(void **state)
{
    (void)state;
    static const char zen[] = "dnsbl \"zen.example\" { codes = \"127.0.0.4=1\" }";
    static const char wl[] = "dnsbl \"zen.example\" { score = -2 }";
    static const struct canary_case cases[] = {
        {zen, "127.0.0.2", NULL, NULL},
        {zen, "127.0.0.2", "0", NULL},
        {zen, "127.0.1.2", NULL, NULL},
        {wl, "127.0.0.2", NULL, NULL},
        {wl, "127.0.10.0", NULL, NULL}, /* what list.dnswl.org says of its test entry */
        /* dead */
        {zen, NULL, NULL, "canary 127.0.0.2: it must be listed, but it is not"},
        {zen, "0", NULL, "canary 127.0.0.2: it must be listed, but it is not"},
        {zen, "!", NULL, "canary 127.0.0.2: SERVFAIL"},
        {zen, "127.0.0.2", "!", "canary 127.0.0.1: SERVFAIL"},
        {zen, "!", "!", "canary 127.0.0.2: SERVFAIL"},
        /* lists the world */
        {zen, "127.0.0.2", "127.0.0.2", "canary 127.0.0.1: it must not be listed, but the answer"},
        {zen, "127.0.0.2", "127.0.0.1", "canary 127.0.0.1: it must not be listed, but the answer"},
        /* does not serve us */
        {zen, "127.255.255.254", "127.255.255.254", "canary 127.0.0.2: the answer 127.255.255.254"},
        {zen, "127.0.0.2 127.255.255.255", NULL, "canary 127.0.0.2: the answer 127.255.255.255"},
        {wl, "127.0.10.3", "127.0.10.3", "canary 127.0.0.2: the answer 127.0.10.3"},
        {wl, "127.0.10.0", "127.0.10.3", "canary 127.0.0.1: it must not be listed"},
        {wl, "127.0.0.255", "127.0.0.255", "canary 127.0.0.2: the answer 127.0.0.255"},
        /* the resolver makes it up */
        {zen, "192.0.2.80", "192.0.2.80", "canary 127.0.0.2: the answer 192.0.2.80"},
        {zen, "127.0.0.1", "127.0.0.1", "canary 127.0.0.2: the answer 127.0.0.1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct canary_case *c = &cases[i];
        begin(c->config);
        set("2.0.0.127.zen.example", c->listed);
        set("1.0.0.127.zen.example", c->clean);
        probe();
        answer();
        if (list_zone_verdict(zone_at(0)) != (c->why == NULL ? LIST_WELL : LIST_SICK) ||
            (c->why != NULL && strstr(why(), c->why) == NULL))
            fail_msg("case %zu: verdict %d, %s", i, (int)list_zone_verdict(zone_at(0)), why());
        assert_string_equal(rig.events, c->why == NULL ? "" : "list-sick ");
        end();
    }
}

static void a_query_key_is_not_logged(void **state)
{
    (void)state;
    begin("dnsbl \"abcdefghij0123456789klmnop.zen.dq.example\" { }");
    probe();
    answer();
    assert_string_equal(rig.events, "list-sick ");
    assert_non_null(strstr(rig.last, "zen.dq.example"));
    assert_null(strstr(rig.last, "abcdefghij"));
    end();
}

/* ---- when ---- */

static void well_zones_are_asked_every_ten_minutes(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.2");
    probe();
    answer();
    minutes(9);
    assert_int_equal(fake_dns_asked(rig.dns), 2);
    minutes(1);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    answer();
    minutes(10);
    assert_int_equal(fake_dns_asked(rig.dns), 6);
    end();
}

static void sick_zones_are_asked_every_minute_and_come_back(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    probe();
    answer();
    assert_zone(0, LIST_SICK);
    minutes(1);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    answer();
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.2");
    minutes(1);
    answer();
    assert_zone(0, LIST_WELL);
    assert_string_equal(rig.events, "list-sick list-well ");
    minutes(9);
    assert_int_equal(fake_dns_asked(rig.dns), 6);
    end();
}

static void a_failed_look_up_brings_the_next_probe_forward(void **state)
{
    (void)state;
    struct addr client = {.family = AF_INET, .ip = {192, 0, 2, 7}};
    begin("dnsbl \"zen.example\" { }");
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.2");
    probe();
    answer();
    list_zone_note(zone_at(0), &client, false, LIST_ERROR, 0, clock_ms);
    minutes(1);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    answer();
    minutes(1);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    end();
}

static void questions_are_bounded_while_no_answer_comes(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { }");
    fake_dns_hold(rig.dns, DNS_A, "1.0.0.127.zen.example");
    probe();
    answer();
    minutes(30);
    assert_int_equal(fake_dns_asked(rig.dns), 2);
    assert_zone(0, LIST_UNPROBED);
    end(); /* with the question open */
}

static void a_rest_ends_without_canaries_too(void **state)
{
    (void)state;
    begin("dnsbl \"zen.example\" { listed = off clean = off trip-least = 2 }");
    probe();
    for (uint8_t i = 0; i < 2; i++) {
        struct addr client = {.family = AF_INET, .ip = {192, 0, 2, i}};
        list_zone_note(zone_at(0), &client, true, LIST_LISTED, 0, clock_ms);
    }
    assert_zone(0, LIST_SICK);
    minutes(9);
    assert_zone(0, LIST_SICK);
    minutes(1);
    assert_zone(0, LIST_WELL);
    end();
}

static void a_reload_keeps_what_is_known_and_probes_anew(void **state)
{
    (void)state;
    static const char text[] = "dnsbl \"zen.example\" { }";
    begin(text);
    fake_dns_set(rig.dns, DNS_A, "2.0.0.127.zen.example", "127.0.0.2");
    probe();
    answer();
    struct list_zone *before = zone_at(0);
    struct policy *old = rig.policy;
    rig.policy = policy_of(text);
    policy_bind(rig.policy, rig.state);
    list_probe_free(rig.probe);
    policy_unref(old);
    assert_ptr_equal(zone_at(0), before);
    assert_zone(0, LIST_WELL);
    probe();
    assert_zone(0, LIST_WELL);
    assert_int_equal(fake_dns_asked(rig.dns), 4);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_zone_is_asked_for_both_canaries_at_once),
        cmocka_unit_test(canaries_that_are_off_are_not_asked),
        cmocka_unit_test(without_lists_nothing_happens),
        cmocka_unit_test(a_zone_is_unprobed_until_both_have_answered),
        cmocka_unit_test(each_answer_makes_of_the_list_what_it_should),
        cmocka_unit_test(a_query_key_is_not_logged),
        cmocka_unit_test(well_zones_are_asked_every_ten_minutes),
        cmocka_unit_test(sick_zones_are_asked_every_minute_and_come_back),
        cmocka_unit_test(a_failed_look_up_brings_the_next_probe_forward),
        cmocka_unit_test(questions_are_bounded_while_no_answer_comes),
        cmocka_unit_test(a_rest_ends_without_canaries_too),
        cmocka_unit_test(a_reload_keeps_what_is_known_and_probes_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
