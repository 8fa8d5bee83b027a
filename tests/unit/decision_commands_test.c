/* SPDX-License-Identifier: ISC */
/* decision_commands_test: what administrators ask about decisions, against a store and a DNS that
 * are tables. */
#include "policy/decision_commands.h"

#include "lib/buf.h"
#include "lib/loop.h"
#include "policy/client_limits.h"
#include "policy/policy.h"
#include "policy/pseudonym_keys.h"
#include "policy/record.h"
#include "policy/state.h"
#include "tests/unit/support/command_rig.h"
#include "tests/unit/support/fake_dns.h"
#include "tests/unit/support/fake_store.h"
#include "tests/unit/support/virtual_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define QUIET "reverse-dns { mode = off }\nhelo { mode = off }\nsender-domain { mode = off }\n"
#define WALL  INT64_C(1795366800)

struct rig {
    struct decision_commands commands;
    struct command_set sets[2];
    struct policy *policy;
    struct decision_gate gate;
};

static int64_t wall(void)
{
    return WALL;
}

static struct policy *get_policy(void *arg)
{
    return policy_ref(((struct rig *)arg)->policy);
}

static void ask_gate(void *arg, const struct addr *client, const char *recipient,
                     struct decision_gate *out)
{
    (void)client;
    (void)recipient;
    *out = ((struct rig *)arg)->gate;
}

static struct policy *make_policy(const char *text, struct policy_state *state)
{
    static const struct conf_section top;
    const struct conf_section *sections[64] = {&top};
    for (size_t i = 0; policy_sections()[i] != NULL; i++)
        sections[i + 1] = policy_sections()[i];
    struct conf *conf = conf_new("test.conf", sections);
    assert_true(conf_read_text(conf, text, strlen(text)));
    struct policy *policy = policy_new(conf);
    assert_int_equal(conf_fault_count(conf), 0);
    conf_free(conf);
    policy_bind(policy, state);
    return policy;
}

static void rig_open(struct rig *rig, const char *config)
{
    struct policy_state *state = policy_state_new();
    state->wall = wall;
    *rig = (struct rig){.commands = {.store = fake_store_new(),
                                     .loop = loop_new(),
                                     .dns = fake_dns_new(),
                                     .state = state,
                                     .hostname = "mx.example.org",
                                     .wall = wall,
                                     .policy = get_policy,
                                     .gate = ask_gate,
                                     .arg = rig}};
    state->store = rig->commands.store;
    rig->sets[0] = (struct command_set){decision_command_rows, &rig->commands};
    rig->policy = make_policy(config, state);
}

static void rig_close(struct rig *rig)
{
    loop_poll(rig->commands.loop);
    policy_unref(rig->policy);
    policy_state_free(rig->commands.state);
    fake_dns_free(rig->commands.dns);
    fake_store_free(rig->commands.store);
    loop_free(rig->commands.loop);
}

/* Answers all that DNS and the store are asked. */
static void run(struct rig *rig)
{
    do {
        loop_poll(rig->commands.loop);
    } while (rig->commands.dns != NULL && fake_dns_run(rig->commands.dns) > 0);
    loop_poll(rig->commands.loop);
}

static struct asker *ask(struct rig *rig, const char *name, const char *args)
{
    struct asker *asker = asker_new();
    asker_asks(asker, rig->sets, name, args);
    run(rig);
    return asker;
}

static void expect_error(struct rig *rig, const char *name, const char *args, const char *error)
{
    struct asker *asker = ask(rig, name, args);
    assert_string_equal(asker_error(asker), error);
    asker_free(asker);
}

static const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "(none)";
}

/* ---- decisions ----------------------------------------------------------------------------------
 */

static void tell(struct rig *rig, const char *id, const char *sender, int64_t time_ms)
{
    struct record record = {.id = id,
                            .time_ms = time_ms,
                            .sender = sender,
                            .listener = "",
                            .reply = "",
                            .recipients = 1,
                            .recipient = {"r@example.org"}};
    struct buf text = {0};
    assert_true(addr_parse_ip("192.0.2.1", &record.client));
    record_write(&record, &text);
    buf_add(&text, "", 1);
    decision_tell(rig->commands.store, &record, buf_data(&text));
    buf_free(&text);
}

static void records_are_shown_newest_first(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET);
    tell(&rig, "AAAA", "a@example.net", WALL * 1000);
    tell(&rig, "BBBB", "b@example.net", WALL * 1000 + 5);
    struct asker *asker = ask(&rig, "decisions", NULL);
    assert_non_null(asker_result(asker));
    assert_int_equal(json_array_size(asker->items), 2);
    const json_t *item = json_array_get(asker->items, 0);
    assert_string_equal(member(item, "id"), "BBBB");
    assert_string_equal(member(item, "time"), "2026-11-22T17:00:00.005Z");
    assert_string_equal(member(item, "client"), "192.0.2.1");
    assert_string_equal(member(item, "recipient"), "r@example.org");
    assert_string_equal(member(item, "verdict"), "pass");
    assert_string_equal(member(json_object_get(item, "record"), "sender"), "b@example.net");
    asker_free(asker);
    rig_close(&rig);
}

static void records_are_chosen_by_what_is_given(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        size_t count;
    } cases[] = {
        {"{\"id\":\"AAAA\"}", 1},
        {"{\"id\":\"CCCC\"}", 0},
        {"{\"client\":\"192.0.2.1\"}", 2},
        {"{\"client\":\"::ffff:192.0.2.1\"}", 2},
        {"{\"client\":\"192.0.2.2\"}", 0},
        {"{\"sender\":\"B@example.net\"}", 1},
        {"{\"recipient\":\"r@example.org\",\"most\":1}", 1},
        {"{\"since\":1795366800001}", 1},
    };
    struct rig rig;
    rig_open(&rig, QUIET);
    tell(&rig, "AAAA", "a@example.net", WALL * 1000);
    tell(&rig, "BBBB", "b@example.net", WALL * 1000 + 5);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct asker *asker = ask(&rig, "decisions", cases[i].args);
        if (asker_result(asker) == NULL || json_array_size(asker->items) != cases[i].count)
            fail_msg("%s: %zu items, %s", cases[i].args, json_array_size(asker->items),
                     asker_error(asker));
        asker_free(asker);
    }
    expect_error(&rig, "decisions", "{\"client\":\"x\"}",
                 "client is not an address; give one such as 192.0.2.1 or 2001:db8::1");
    expect_error(&rig, "decisions", "{\"most\":0}", "most is out of range; give 1 to 1000000");
    rig_close(&rig);
}

static void pages_come_as_fast_as_they_are_read(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET);
    for (int i = 0; i < 250; i++)
        tell(&rig, "AAAA", "a@example.net", WALL * 1000 + i);
    struct asker *asker = asker_new();
    asker->slow = true;
    asker_asks(asker, rig.sets, "decisions", "{\"most\":230}");
    run(&rig);
    assert_int_equal(json_array_size(asker->items), 100);
    asker_reads(asker);
    run(&rig);
    assert_int_equal(json_array_size(asker->items), 200);
    asker_reads(asker);
    run(&rig);
    assert_int_equal(json_array_size(asker->items), 230);
    assert_non_null(asker_result(asker));
    asker_free(asker);
    rig_close(&rig);
}

static void who_leaves_is_answered_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *name, *args;
    } cases[] = {{"decisions", NULL},
                 {"test", "{\"client\":\"192.0.2.1\"}"},
                 {"lookup", "{\"client\":\"192.0.2.1\"}"}};
    struct rig rig;
    rig_open(&rig, "dnsbl \"zen.example\" { }\n");
    tell(&rig, "AAAA", "a@example.net", WALL * 1000);
    fake_dns_hold(rig.commands.dns, DNS_A, "1.2.0.192.zen.example");
    fake_dns_hold(rig.commands.dns, DNS_PTR, "1.2.0.192.in-addr.arpa");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct asker *asker = asker_new();
        asker_asks(asker, rig.sets, cases[i].name, cases[i].args);
        assert_null(asker->last);
        asker_free(asker);
        run(&rig);
        assert_int_equal(fake_dns_open(rig.commands.dns), 0);
    }
    rig_close(&rig);
}

static void what_cannot_be_told_is_said(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET);
    fake_store_down(rig.commands.store, "the disk is full");
    expect_error(&rig, "decisions", NULL, "the store cannot tell: the disk is full");
    expect_error(&rig, "forget", "{\"address\":\"a@example.net\"}",
                 "the store cannot: the disk is full");
    struct decision_commands whole = rig.commands;
    rig.commands.store = NULL;
    rig.commands.dns = NULL;
    expect_error(&rig, "decisions", NULL, "nothing is stored: there is no state-dir");
    expect_error(&rig, "forget", "{\"address\":\"a\"}", "nothing is stored: there is no state-dir");
    expect_error(&rig, "test", "{\"client\":\"192.0.2.1\"}",
                 "there is no resolver here; ask the running daemon");
    expect_error(&rig, "lookup", "{\"client\":\"192.0.2.1\"}",
                 "there is no resolver here; ask the running daemon");
    rig.commands = whole;
    expect_error(&rig, "forget", "{\"address\":\"\"}",
                 "address is empty; give one such as user@example.org");
    expect_error(&rig, "lookup", "{\"client\":\"10.0.0.1\"}",
                 "no list knows a private address; give a public one");
    rig_close(&rig);
}

static void what_is_stored_of_an_address_is_forgotten(void **state)
{
    (void)state;
    const struct decision_item *item;
    struct rig rig;
    rig_open(&rig, QUIET);
    tell(&rig, "AAAA", "a@example.net", WALL * 1000);
    tell(&rig, "BBBB", "b@example.net", WALL * 1000);
    struct asker *asker = ask(&rig, "forget", "{\"address\":\"a@example.net\"}");
    assert_int_equal(json_integer_value(json_object_get(asker_result(asker), "deleted")), 1);
    assert_int_equal(fake_store_decisions(rig.commands.store, &item), 1);
    asker_free(asker);
    rig_close(&rig);
}

/* ---- pseudonyms --------------------------------------------------------------------------------
 */

/* As tell(), with pseudonyms of the key that is the newest. */
static void tell_disguised(struct rig *rig, const char *id, int64_t day)
{
    const struct pseudonym_rule rule = {PSEUDONYMS_STORED, 24 * 3600, 10 * 24 * 3600};
    struct pseudonym_keys *keys = rig->commands.state->pseudonyms;
    char *why, sender[PSEUDONYM_MAILBOX_SIZE];
    struct mac_key key;
    pseudonym_keys_configure(keys, &rule, day * 24 * 3600);
    assert_true(pseudonym_keys_turn(keys, day * 24 * 3600, &why));
    assert_true(pseudonym_keys_newest(keys, &key));
    tell(rig, id, pseudonym_mailbox(&key, "a@example.net", sender), WALL * 1000 + day);
}

static void records_are_found_under_every_pseudonym(void **state)
{
    (void)state;
    static const struct {
        const char *name, *args;
        const char *ids;
    } cases[] = {
        {"by address, the newest first", "{\"sender\":\"a@example.net\"}", "DCBA"},
        {"in another case", "{\"sender\":\"A@Example.NET\"}", "DCBA"},
        {"another's", "{\"sender\":\"b@example.net\"}", ""},
        {"by what none is called otherwise", "{\"recipient\":\"r@example.org\"}", "DCBA"},
        {"no more than asked for", "{\"sender\":\"a@example.net\",\"most\":2}", "DC"},
        {"all", NULL, "DCBA"},
    };
    struct rig rig;
    rig_open(&rig, QUIET);
    tell(&rig, "A", "a@example.net", WALL * 1000);
    tell_disguised(&rig, "B", 1);
    tell_disguised(&rig, "C", 2);
    tell_disguised(&rig, "D", 3);
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("%s\n", cases[i].name);
        struct asker *asker = ask(&rig, "decisions", cases[i].args);
        assert_int_equal(json_array_size(asker->items), strlen(cases[i].ids));
        for (size_t n = 0; n < strlen(cases[i].ids); n++)
            assert_int_equal(member(json_array_get(asker->items, n), "id")[0], cases[i].ids[n]);
        asker_free(asker);
    }
    struct asker *asker = ask(&rig, "forget", "{\"address\":\"a@example.net\"}");
    assert_int_equal(json_integer_value(json_object_get(asker_result(asker), "deleted")), 4);
    asker_free(asker);
    rig_close(&rig);
}

/* ---- lookup -------------------------------------------------------------------------------------
 */

static void every_zone_says_what_it_knows(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *answer, *meaning;
        double score;
    } wanted[] = {
        {"Zen", "127.0.0.4 127.0.0.2", "listed", 6},
        {"clean.example", "NXDOMAIN", "not listed", 0},
        {"code.example", "127.0.0.9", "not listed", 0},
        {"dead.example", "timeout", "no answer", 0},
        {"full.example", "127.255.255.255", "over quota", 0},
        {"shut.example", "127.255.255.254", "error", 0},
        {"wl.example", "127.0.10.3", "over quota", 0},
    };
    struct rig rig;
    rig_open(&rig, QUIET "dnsbl \"0123456789abcdefghij.zen.example\" { name = \"Zen\" score = 6 }\n"
                         "dnsbl \"clean.example\" { }\n"
                         "dnsbl \"code.example\" { codes = {\"127.0.0.2\"} }\n"
                         "dnsbl \"dead.example\" { }\n"
                         "dnsbl \"full.example\" { }\n"
                         "dnsbl \"shut.example\" { }\n"
                         "dnsbl \"wl.example\" { score = -2 }\n"
                         "dnsbl \"off.example\" { mode = off }\n"
                         "rhsbl \"dbl.example\" { }\n");
    struct dns *dns = rig.commands.dns;
    fake_dns_set(dns, DNS_A, "1.2.0.192.0123456789abcdefghij.zen.example", "127.0.0.4 127.0.0.2");
    fake_dns_set(dns, DNS_A, "1.2.0.192.code.example", "127.0.0.9");
    fake_dns_status(dns, DNS_A, "1.2.0.192.dead.example", DNS_TEMPFAIL, "timeout");
    fake_dns_set(dns, DNS_A, "1.2.0.192.full.example", "127.255.255.255");
    fake_dns_set(dns, DNS_A, "1.2.0.192.shut.example", "127.255.255.254");
    fake_dns_set(dns, DNS_A, "1.2.0.192.wl.example", "127.0.10.3");
    struct asker *asker = ask(&rig, "lookup", "{\"client\":\"192.0.2.1\"}");
    assert_non_null(asker_result(asker));
    assert_int_equal(json_array_size(asker->items), COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        const json_t *item = json_array_get(asker->items, i);
        assert_string_equal(member(item, "zone"), wanted[i].zone);
        assert_string_equal(member(item, "answer"), wanted[i].answer);
        assert_string_equal(member(item, "meaning"), wanted[i].meaning);
        assert_true(json_number_value(json_object_get(item, "score")) == wanted[i].score);
        assert_int_equal(json_integer_value(json_object_get(item, "ms")), 0);
    }
    asker_free(asker);
    rig_close(&rig);
}

static void without_zones_there_is_nothing_to_look_up(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, QUIET);
    struct asker *asker = ask(&rig, "lookup", "{\"client\":\"2001:db8::1\"}");
    assert_non_null(asker_result(asker));
    assert_int_equal(json_array_size(asker->items), 0);
    asker_free(asker);
    rig_close(&rig);
}

/* ---- test ---------------------------------------------------------------------------------------
 */

#define TEST_CONFIG                                                                                \
    "sender-domain { mode = off }\n"                                                               \
    "client-limits { mode = reject connections = 1 concurrent = 1 network-factor = 1 }\n"

static void the_policy_is_tried_out(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, TEST_CONFIG);
    struct asker *asker = ask(&rig, "test",
                              "{\"client\":\"203.0.113.1\",\"helo\":\"pc17\","
                              "\"sender\":\"u@example.net\",\"recipient\":\"r@example.org\"}");
    const json_t *record = json_object_get(asker_result(asker), "record");
    assert_string_equal(member(record, "verdict"), "greylist"); /* as one that is new */
    assert_string_equal(member(json_object_get(record, "greylist"), "state"), "new");
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(record, "greylist"), "identity")), 1);
    assert_string_equal(member(record, "sender"), "u@example.net");
    assert_string_equal(member(record, "stage"), "rcpt");
    assert_true(json_number_value(json_object_get(record, "score")) == 3);
    assert_int_equal(json_array_size(json_object_get(record, "findings")), 2);
    assert_true(json_array_size(json_object_get(asker_result(asker), "flips")) > 0);
    asker_free(asker);
    rig_close(&rig);
}

static void a_test_greylists_as_it_is_configured(void **state)
{
    (void)state;
    static const struct {
        const char *config, *args, *verdict;
    } cases[] = {
        {"greylist { mode = off }\n",
         "{\"client\":\"203.0.113.1\",\"recipient\":\"r@example.org\"}", "suspicious"},
        {"", "{\"client\":\"203.0.113.1\",\"recipient\":\"postmaster@example.org\"}", "pass"},
        {"", "{\"client\":\"203.0.113.1\"}", "suspicious"},
        {"reverse-dns { mode = off }\ngreylist { mode = all }\n",
         "{\"client\":\"203.0.113.1\",\"recipient\":\"r@example.org\"}", "greylist"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        rig_open(&rig, cases[i].config);
        struct asker *asker = ask(&rig, "test", cases[i].args);
        const json_t *record = json_object_get(asker_result(asker), "record");
        assert_string_equal(member(record, "verdict"), cases[i].verdict);
        asker_free(asker);
        rig_close(&rig);
    }
}

static void a_test_leaves_no_trace(void **state)
{
    (void)state;
    const struct entry *entry;
    struct rig rig;
    rig_open(&rig, TEST_CONFIG);
    const struct client_limits_config *limits =
        (const struct client_limits_config *)(const void *)policy_check(rig.policy,
                                                                        &check_client_limits);
    struct addr client;
    assert_true(addr_parse_ip("203.0.113.1", &client));
    for (int i = 0; i < 3; i++) {
        struct asker *asker =
            ask(&rig, "test",
                "{\"client\":\"203.0.113.1\",\"sender\":\"<>\",\"recipient\":\"r@example.org\"}");
        assert_string_equal(member(json_object_get(asker_result(asker), "record"), "sender"), "");
        asker_free(asker);
    }
    assert_int_equal(client_counted(rig.commands.state->clients, limits, &client, CLIENT_CONNECTION,
                                    loop_now(rig.commands.loop)),
                     0);
    assert_int_equal(fake_store_asked(rig.commands.store, STORE_GREY), 0);
    assert_int_equal(fake_store_asked(rig.commands.store, STORE_IDENTITY_PUT), 0);
    assert_int_equal(fake_store_entries(rig.commands.store, &entry), 0);
    rig_close(&rig);
}

static void a_test_waits_for_all_checks_and_not_longer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, "helo { mode = reject }\nsender-domain { mode = off }\n");
    fake_dns_hold(rig.commands.dns, DNS_PTR, "1.113.0.203.in-addr.arpa");
    struct asker *asker = ask(&rig, "test", "{\"client\":\"203.0.113.1\",\"helo\":\"-\"}");
    assert_null(asker->last); /* the rule has decided, the reverse name is still asked for */
    clock_ms += 5000;
    run(&rig);
    const json_t *record = json_object_get(asker_result(asker), "record");
    assert_string_equal(member(record, "verdict"), "reject");
    assert_int_equal(json_array_size(json_object_get(record, "findings")), 2);
    asker_free(asker);
    rig_close(&rig);
}

static void the_proxys_own_rules_stand_first(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, TEST_CONFIG);
    rig.gate = (struct decision_gate){.trusted = true, .refused = "relay"};
    struct asker *asker =
        ask(&rig, "test", "{\"client\":\"203.0.113.1\",\"recipient\":\"postmaster@example.com\"}");
    const json_t *record = json_object_get(asker_result(asker), "record");
    assert_string_equal(member(record, "by"), "trust");
    assert_string_equal(member(record, "refused"), "relay");
    assert_true(json_is_true(json_object_get(record, "exempt")));
    asker_free(asker);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_shown_newest_first),
        cmocka_unit_test(records_are_chosen_by_what_is_given),
        cmocka_unit_test(pages_come_as_fast_as_they_are_read),
        cmocka_unit_test(who_leaves_is_answered_no_more),
        cmocka_unit_test(what_cannot_be_told_is_said),
        cmocka_unit_test(what_is_stored_of_an_address_is_forgotten),
        cmocka_unit_test(records_are_found_under_every_pseudonym),
        cmocka_unit_test(every_zone_says_what_it_knows),
        cmocka_unit_test(without_zones_there_is_nothing_to_look_up),
        cmocka_unit_test(the_policy_is_tried_out),
        cmocka_unit_test(a_test_greylists_as_it_is_configured),
        cmocka_unit_test(a_test_leaves_no_trace),
        cmocka_unit_test(a_test_waits_for_all_checks_and_not_longer),
        cmocka_unit_test(the_proxys_own_rules_stand_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
