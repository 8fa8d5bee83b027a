/* SPDX-License-Identifier: ISC */
/*
 * policy_config_test: what a file says becomes a policy, or a fault that names its line. With the
 * table of checks the daemon has.
 */
#include "lib/conf.h"
#include "policy/auth_config.h"
#include "policy/behaviour.h"
#include "policy/check_dnsbl.h"
#include "policy/check_names.h"
#include "policy/client_limits.h"
#include "policy/list_table.h"
#include "policy/policy.h"
#include "policy/state.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct conf_section top;
static const struct conf_section *sections[64];

static int set_up(void **state)
{
    (void)state;
    sections[0] = &top;
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    return 0;
}

/* The policy of `text`; what was noted into *faults and *warnings (the caller frees). */
static struct policy *read_text(const char *text, char **faults, char **warnings)
{
    struct conf *conf = conf_new("p.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    *faults = conf_faults(conf);
    *warnings = conf_warnings(conf);
    conf_free(conf);
    return policy;
}

static struct policy *read_good(const char *text)
{
    char *faults;
    char *warnings;
    struct policy *policy = read_text(text, &faults, &warnings);
    if (faults != NULL || warnings != NULL)
        fail_msg("%s%s", faults != NULL ? faults : "", warnings != NULL ? warnings : "");
    return policy;
}

static const struct note_case {
    const char *name;
    const char *text;
    const char *fault;   /* what is noted; NULL: nothing */
    const char *warning; /* the same */
} note_cases[] = {
    {"reject below greylist", "thresholds {\n greylist = 3\n reject = 2\n}\n",
     "p.conf:3: reject is below greylist; thresholds rise: greylist, reject, tarpit\n", NULL},
    {"tarpit below reject", "thresholds {\n tarpit = 5.99\n}\n",
     "p.conf:2: tarpit is below reject; thresholds rise: greylist, reject, tarpit\n", NULL},
    {"greylist of 0", "\nthresholds {\n greylist = 0\n}\n",
     "p.conf:3: greylist must be above 0, the score of a client of which nothing is known\n", NULL},
    {"equal thresholds are fine", "thresholds { greylist = 6 reject = 6 tarpit = 6 }\n", NULL,
     NULL},
    {"a threshold that is no score", "thresholds {\n reject = \"six\"\n}\n",
     "p.conf:2: reject = six is not a score; give a number from -1000 to 1000, such as 6, -2 or "
     "0.5\n",
     NULL},
    {"a mode that is none", "pregreet {\n mode = on\n}\n",
     "p.conf:2: mode = on is not known; give one of off, observe, score, reject\n", NULL},
    {"a wait that is too long", "pregreet {\n wait = 7s\n}\n",
     "p.conf:2: wait = 7s is out of range; give 0s to 6s\n", NULL},
    {"a wait without its unit", "pregreet {\n wait = 6\n}\n",
     "p.conf:2: wait = 6 is not a time with its unit, such as 500ms, 30s, 5m, 12h or 36d\n", NULL},
    {"a hang-up too few", "hangup {\n least = 0\n}\n",
     "p.conf:2: least = 0 is out of range; give 1 to 1000\n", NULL},
    {"an entry that is no network", "lists {\n deny = { \"192.0.2.1\",\n \"here\" }\n}\n",
     "p.conf:3: deny \"here\": ", NULL},
    {"an entry in two lists",
     "lists {\n allow = { \"192.0.2.0/24\" }\n deny = { \"198.51.100.1\",\n \"192.0.2.0/24\" "
     "}\n}\n",
     NULL, "p.conf:4: an entry of deny is in allow too, which goes first; remove one of them\n"},
    {"an entry of both refusing lists",
     "lists {\n tarpit = { \"2001:db8::/32\" }\n deny = { \"2001:db8::/32\" }\n}\n", NULL,
     "p.conf:3: an entry of deny is in tarpit too, which goes first; remove one of them\n"},
    {"an entry within a network of another list counts before it",
     "lists {\n allow = { \"192.0.2.0/24\" }\n deny = { \"192.0.2.7\" }\n}\n", NULL, NULL},
    {"an allow entry of all", "lists {\n allow = { \"192.0.2.1\",\n \"0.0.0.0/0\" }\n}\n", NULL,
     "p.conf:3: allow covers all addresses: nobody is judged; list those you trust, or use mode = "
     "observe to only watch\n"},
    {"a deny entry of all", "lists {\n deny = { \"::/0\" }\n}\n", NULL,
     "p.conf:2: deny covers all addresses: no mail comes in; list those you do not want\n"},
    {"a tarpit entry of all", "lists {\n tarpit = { \"::/0\" }\n}\n", NULL,
     "p.conf:2: tarpit covers all addresses: no mail comes in; list those you do not want\n"},
    {"an exception within a network is fine",
     "lists { allow = { \"192.0.2.1\" } deny = { \"192.0.2.0/24\" } }\n", NULL, NULL},
    {"a zone given twice",
     "dnsbl \"zen.example\" { }\ndnsbl \"other.example\" { }\ndnsbl \"ZEN.example.\" { }\n",
     "p.conf:3: dnsbl has the same zone as the block in line 1; remove one of them\n", NULL},
    {"a zone of both kinds is fine", "dnsbl \"multi.example\" { }\nrhsbl \"multi.example\" { }\n",
     NULL, NULL},
    {"a bad deed that would earn trust", "pregreet {\n score = -3\n}\n",
     "p.conf:2: score is below 0, which would speak for who is found; give 0 or more\n", NULL},
    {"a sign that would earn trust", "reverse-dns {\n score = 1\n dynamic = -0.5\n}\n",
     "p.conf:3: dynamic is below 0, which would speak for who is found; give 0 or more\n", NULL},
    {"a deed that refuses but counts nothing", "commands {\n mode = reject\n score = 0\n}\n", NULL,
     "p.conf:3: score = 0 with mode = reject: what counts nothing refuses nobody; give a score "
     "above 0, or mode = observe\n"},
    {"a limit that refuses and counts nothing is fine",
     "client-limits { mode = reject score = 0 }\n", NULL, NULL},
    {"a sign that counts nothing is fine", "helo { unresolved = 0 }\n", NULL, NULL},
    {"zen as a whole", "\ndnsbl \"ZEN.spamhaus.org.\" { }\n", NULL,
     "p.conf:2: zen.spamhaus.org says different things by its codes, not all of them bad; name "
     "those that count, such as codes = {\"127.0.0.2-127.0.0.11=4\"}\n"},
    {"zen with a key as a whole", "dnsbl \"abcdefghij0123456789abcdef.zen.dq.spamhaus.net\" { }\n",
     NULL,
     "p.conf:1: zen.dq.spamhaus.net says different things by its codes, not all of them bad;"},
    {"zen with codes is fine", "dnsbl \"zen.spamhaus.org\" { codes = {\"127.0.0.2=3\"} }\n", NULL,
     NULL},
    {"zen that is off is fine", "dnsbl \"zen.spamhaus.org\" { mode = off }\n", NULL, NULL},
    {"another zone of a like name is fine", "dnsbl \"xzen.spamhaus.org\" { }\n", NULL, NULL},
    {"good clients held against", "dnsbl \"list.dnswl.org\" {\n score = 4\n}\n", NULL,
     "p.conf:2: list.dnswl.org lists good clients, and here that is held against them; give a "
     "score below 0, such as -2\n"},
    {"good clients by the default score", "dnsbl \"list.dnswl.org\" { }\n", NULL,
     "p.conf:1: list.dnswl.org lists good clients,"},
    {"good clients as such are fine", "dnsbl \"list.dnswl.org\" { score = -2 }\n", NULL, NULL},
    {"bad clients spoken for",
     "dnsbl \"zen.spamhaus.org\" {\n score = -2 codes = {\"127.0.0.2\"}\n}\n", NULL,
     "p.conf:2: zen.spamhaus.org lists bad clients, and a score below 0 speaks for them; give one "
     "above 0\n"},
    {"names asked for as addresses", "dnsbl \"dbl.spamhaus.org\" { }\n", NULL,
     "p.conf:1: dbl.spamhaus.org is a list of names; ask it with rhsbl\n"},
    {"addresses asked for as names", "rhsbl \"zen.spamhaus.org\" { }\n", NULL,
     "p.conf:1: zen.spamhaus.org is a list of addresses; ask it with dnsbl\n"},
    {"a list that has ended", "\ndnsbl \"dnsbl.sorbs.net\" { }\n", NULL,
     "p.conf:2: dnsbl.sorbs.net has ended; remove the block\n"},
    {"a list that refuses alone, whatever it says", "dnsbl \"a.example\" {\n mode = reject\n}\n",
     NULL,
     "p.conf:2: mode = reject without codes: any answer of this one list refuses; name the codes "
     "that should, or use mode = score\n"},
    {"a list that refuses alone by codes is fine",
     "dnsbl \"a.example\" { mode = reject codes = {\"127.0.0.2\"} }\n", NULL, NULL},
    {"good clients that are refused", "dnsbl \"a.example\" {\n mode = reject\n score = -2\n}\n",
     NULL,
     "p.conf:2: mode = reject refuses nobody here: the list, whose score is below 0, is one of "
     "good clients; use mode = score\n"},
    {"a list that counts nothing", "rhsbl \"a.example\" {\n score = 0\n}\n", NULL,
     "p.conf:2: score = 0: no answer of the list counts; give a score, or codes, or mode = off\n"},
    {"one canary for both", "dnsbl \"a.example\" {\n clean = \"127.0.0.2\"\n}\n",
     "p.conf:2: listed and clean are the same, so the list would never be believed; give one that "
     "it lists and one that it does not\n",
     NULL},
    {"one name for both canaries", "rhsbl \"a.example\" {\n listed = \"Invalid\"\n}\n",
     "p.conf:2: listed and clean are the same,", NULL},
    {"no canary at all is fine", "dnsbl \"a.example\" { listed = off clean = off }\n", NULL, NULL},
    {"an allow zone's refusal for trust",
     "dnsbl \"a.example\" {\n score = -1\n codes = { \"127.0.1.2=-1\",\n \"127.0.10.3=-4\" }\n}\n",
     "p.conf:4: codes \"127.0.10.3=-4\": of an allow zone 127.0.0.255 and 127.0.10.x say that it "
     "does not serve us, and never count; remove it\n",
     NULL},
    {"the same of any last octet",
     "dnsbl \"a.example\" { score = -1 codes = {\"127.0.10.*=-4\"} }\n",
     "p.conf:1: codes \"127.0.10.*=-4\": of an allow zone", NULL},
    {"a wider code of an allow zone is fine",
     "dnsbl \"a.example\" { score = -1 codes = {\"127.0.*.3=-4\"} }\n", NULL, NULL},
    {"the same codes of a list of bad clients are fine",
     "dnsbl \"a.example\" { codes = {\"127.0.10.3=4\", \"127.0.0.255=4\"} }\n", NULL, NULL},
    {"faults of several blocks are all noted",
     "thresholds { reject = 1 }\npipelining { mode = maybe }\n",
     "p.conf:1: reject is below greylist; thresholds rise: greylist, reject, tarpit\n"
     "p.conf:2: mode = maybe is not known; give one of off, observe, score, reject\n",
     NULL},
};

static void compare(const char *name, const char *want, const char *got)
{
    if ((want == NULL) != (got == NULL) || (want != NULL && strncmp(want, got, strlen(want)) != 0))
        fail_msg("%s: %s", name, got != NULL ? got : "nothing is noted");
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(note_cases); i++) {
        const struct note_case *c = &note_cases[i];
        char *faults;
        char *warnings;
        struct policy *policy = read_text(c->text, &faults, &warnings);
        compare(c->name, c->fault, faults);
        compare(c->name, c->warning, warnings);
        free(faults);
        free(warnings);
        policy_unref(policy);
    }
}

/* A zone's title may hold a query key. */
static void a_zone_given_twice_is_not_spelled(void **state)
{
    (void)state;
    char *faults;
    char *warnings;
    struct policy *policy = read_text("dnsbl \"0123456789abcdef0123.zen.example\" { }\n"
                                      "dnsbl \"0123456789ABCDEF0123.zen.example\" { }\n",
                                      &faults, &warnings);
    assert_non_null(faults);
    assert_null(strstr(faults, "0123456789"));
    free(faults);
    free(warnings);
    policy_unref(policy);
}

static const struct default_case {
    const struct check *check;
    enum check_mode mode;
    score_t score;
} default_cases[] = {
    {&check_pregreet, CHECK_SCORE, 600},
    {&check_pipelining, CHECK_SCORE, 300},
    {&check_commands, CHECK_SCORE, 600},
    {&check_newlines, CHECK_SCORE, 300},
    {&check_hangup, CHECK_SCORE, 100},
    {&check_client_limits, CHECK_REJECT, 200},
    {&check_reverse_dns, CHECK_SCORE, 200},
    {&check_helo, CHECK_SCORE, 200},
    {&check_sender_domain, CHECK_SCORE, 300},
    {&check_spf, CHECK_SCORE, 400},
    {&check_dkim, CHECK_SCORE, 0},
    {&check_arc, CHECK_SCORE, 0},
    {&check_dmarc, CHECK_SCORE, 100},
    {&check_header, CHECK_SCORE, 50},
};

static void an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    struct policy *policy = read_good("");
    const struct policy_thresholds *t = policy_thresholds(policy);
    assert_int_equal(t->greylist, 200);
    assert_int_equal(t->reject, 600);
    assert_int_equal(t->tarpit, 1000);
    for (size_t i = 0; i < COUNT(default_cases); i++) {
        const struct check_config *config = policy_check(policy, default_cases[i].check);
        assert_non_null(config);
        assert_int_equal(config->mode, default_cases[i].mode);
        assert_int_equal(config->score, default_cases[i].score);
        assert_string_equal(config->label, config->check->name);
        assert_false(config->allows);
    }
    assert_null(policy_check(policy, &check_dnsbl));
    policy_unref(policy);
}

/* The default: client-limits refuses, since it says 4xx; no other check does by itself. */
static void no_check_rejects_by_default(void **state)
{
    (void)state;
    struct policy *policy = read_good("dnsbl \"a.example\" { }\nrhsbl \"b.example\" { }\n");
    size_t count = 0;
    for (const struct check_config *const *config = policy_checks(policy); *config != NULL;
         config++, count++) {
        bool limits = (*config)->check == &check_client_limits;
        assert_int_equal((*config)->mode, limits ? CHECK_REJECT : CHECK_SCORE);
    }
    assert_int_equal(count, COUNT(default_cases) + 2);
    policy_unref(policy);
}

static void checks_that_are_off_are_there_but_not_run(void **state)
{
    (void)state;
    struct policy *policy = read_good("helo { mode = off }\ndnsbl \"a.example\" { mode = off }\n"
                                      "dnsbl \"b.example\" { mode = observe }\n");
    assert_int_equal(policy_check(policy, &check_helo)->mode, CHECK_OFF);
    size_t zones = 0;
    for (const struct check_config *const *config = policy_checks(policy); *config != NULL;
         config++) {
        assert_true((*config)->mode != CHECK_OFF);
        assert_true((*config)->check != &check_helo);
        zones += (*config)->check == &check_dnsbl;
    }
    assert_int_equal(zones, 1);
    policy_unref(policy);
}

static void a_score_below_0_makes_an_allow_zone(void **state)
{
    (void)state;
    struct policy *policy =
        read_good("dnsbl \"good.example\" { score = -2 }\ndnsbl \"bad.example\" { score = 2 }\n");
    for (const struct check_config *const *config = policy_checks(policy); *config != NULL;
         config++) {
        if ((*config)->check == &check_dnsbl)
            assert_int_equal((*config)->allows, (*config)->score < 0);
    }
    policy_unref(policy);
}

static void a_policy_lives_as_long_as_its_last_reference(void **state)
{
    (void)state;
    struct policy *policy = read_good("lists { allow = { \"192.0.2.1\" } }\n");
    struct policy_state *memory = policy_state_new();
    policy_bind(policy, memory);
    assert_ptr_equal(policy_ref(policy), policy);
    policy_unref(policy);
    size_t count[3];
    list_table_count(memory->lists, count);
    assert_int_equal(count[ENTRY_ALLOW], 1);
    policy_unref(policy);
    policy_unref(NULL);
    policy_state_free(memory);
    policy_state_free(NULL);
}

static void *look(void *arg)
{
    const struct dnsbl_config *config = arg;
    const struct list_zone *zone = config->health;
    for (int i = 0; i < 100000; i++) {
        if (((const volatile struct dnsbl_config *)config)->health != zone)
            return NULL;
    }
    return arg;
}

/* As new certificates do under the old configuration; `make tsan` sees a write. */
static void binding_again_writes_nothing_that_workers_read(void **state)
{
    (void)state;
    struct policy *policy = read_good("dnsbl \"a.example\" { }\nrhsbl \"b.example\" { }\n");
    struct policy_state *memory = policy_state_new();
    pthread_t worker;
    void *same;
    policy_bind(policy, memory);
    union {
        const struct check_config *config;
        void *arg;
    } shared = {.config = policy_check(policy, &check_dnsbl)};
    assert_int_equal(pthread_create(&worker, NULL, look, shared.arg), 0);
    for (int i = 0; i < 100; i++)
        policy_bind(policy, memory);
    pthread_join(worker, &same);
    assert_non_null(same);
    policy_unref(policy);
    policy_state_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_zone_given_twice_is_not_spelled),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(no_check_rejects_by_default),
        cmocka_unit_test(checks_that_are_off_are_there_but_not_run),
        cmocka_unit_test(a_score_below_0_makes_an_allow_zone),
        cmocka_unit_test(a_policy_lives_as_long_as_its_last_reference),
        cmocka_unit_test(binding_again_writes_nothing_that_workers_read),
    };
    return cmocka_run_group_tests_name("policy_config", tests, set_up, NULL);
}
