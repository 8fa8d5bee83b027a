/* SPDX-License-Identifier: ISC */
/*
 * Tests of resolver and channel: every way a server can answer or fail to, against a scripted one
 * on loopback; what is cached, joined, cancelled, configured and freed, at every moment.
 */
#include "dns/resolver.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/dns_server.h"
#include "tests/unit/support/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define QUERY_MS 300
#define TOTAL_MS 800

struct rig {
    struct loop *loop;
    struct dns_server *server;
    struct resolver *resolver;
    struct dns *dns;
};

/* What came, and what is to be done within the call. */
struct heard {
    size_t times;
    enum dns_status status;
    uint32_t ttl;
    size_t count;
    uint8_t first_ip[4];
    char why[64];
    struct rig *rig;
    void (*then)(struct heard *heard);
    struct dns_question *other;
    struct heard *next;
};

static void hear(const struct dns_answer *answer, void *arg)
{
    struct heard *heard = arg;
    heard->times++;
    heard->status = answer->status;
    heard->ttl = answer->ttl;
    heard->count = answer->count;
    if (answer->count > 0)
        memcpy(heard->first_ip, answer->addr[0].ip, 4);
    snprintf(heard->why, sizeof heard->why, "%s", answer->why != NULL ? answer->why : "");
    if (heard->then != NULL)
        heard->then(heard);
}

static struct rig *rig_new(const struct resolver_config *config, bool tcp)
{
    struct rig *rig = mem_alloc(sizeof *rig);
    rig->loop = loop_new();
    rig->server = dns_server_new(rig->loop, tcp);
    struct addr server = dns_server_address(rig->server);
    struct resolver_config mine = *config;
    char *why = NULL;
    if (mine.servers == 0) {
        mine.server = &server;
        mine.servers = 1;
    }
    rig->resolver = resolver_new(rig->loop, &mine, &why);
    if (rig->resolver == NULL)
        fail_msg("%s", why);
    rig->dns = resolver_dns(rig->resolver);
    return rig;
}

static const struct resolver_config usual = {
    .query_ms = QUERY_MS, .total_ms = TOTAL_MS, .cache_octets = 65536};

static void rig_free(struct rig *rig)
{
    resolver_free(rig->resolver);
    dns_server_free(rig->server);
    loop_free(rig->loop);
    free(rig);
}

static int group_setup(void **state)
{
    (void)state;
    resolver_init();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    resolver_shutdown();
    return 0;
}

static int setup(void **state)
{
    *state = rig_new(&usual, true);
    return 0;
}

static int setup_without_tcp(void **state)
{
    *state = rig_new(&usual, false);
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static struct dns_question *ask(struct rig *rig, const char *name, struct heard *heard)
{
    heard->rig = rig;
    return dns_ask(rig->dns, DNS_A, name, hear, heard);
}

static struct heard ask_and_wait(struct rig *rig, const char *name)
{
    struct heard heard = {.times = 0};
    ask(rig, name, &heard);
    if (heard.times != 0)
        fail_msg("%s: answered within the call", name);
    UNTIL(rig->loop, heard.times > 0);
    net_turn(rig->loop);
    if (heard.times != 1)
        fail_msg("%s: answered %zu times", name, heard.times);
    return heard;
}

/* ---- what servers say ---- */

static const struct {
    const char *name;
    enum dns_status status;
    const char *why;
    uint32_t ttl;
    uint64_t udp, tcp; /* queries the server hears; 0: any */
} said_cases[] = {
    {"ok.example", DNS_FOUND, "", 300, 1, 0},
    {"OK.Example.", DNS_FOUND, "", 300, 1, 0},
    {"nodata.example", DNS_NODATA, "", 60, 1, 0},
    {"nx.example", DNS_NXDOMAIN, "", 60, 1, 0},
    {"servfail.example", DNS_TEMPFAIL, "SERVFAIL", 0, 1, 0},
    {"refused.example", DNS_TEMPFAIL, "REFUSED", 0, 1, 0},
    {"rcode9.example", DNS_TEMPFAIL, "NOTAUTH", 0, 1, 0},
    {"nonsense.example", DNS_TEMPFAIL, "malformed answer", 0, 1, 0},
    {"wrongid.example", DNS_FOUND, "", 300, 1, 0},
    {"other.example", DNS_FOUND, "", 300, 1, 0},
    {"tc.example", DNS_FOUND, "", 300, 1, 1},
    {"formerr.example", DNS_FOUND, "", 300, 2, 0},
    {"alias.example", DNS_FOUND, "", 200, 2, 0},
    {"loop.example", DNS_TEMPFAIL, "CNAME loop", 0, 9, 0},
    {"chain0.example", DNS_TEMPFAIL, "CNAME loop", 0, 9, 0},
    {"silent.example", DNS_TEMPFAIL, "timeout", 0, 2, 0},
};

static void check_said(size_t i)
{
    struct rig *rig = rig_new(&usual, true);
    struct heard heard = ask_and_wait(rig, said_cases[i].name);
    static const uint8_t ip[4] = {192, 0, 2, 1};
    if (heard.status != said_cases[i].status || strcmp(heard.why, said_cases[i].why) != 0 ||
        heard.ttl != said_cases[i].ttl ||
        (heard.status == DNS_FOUND && (heard.count != 1 || memcmp(heard.first_ip, ip, 4) != 0)))
        fail_msg("%s: %d \"%s\", ttl %u, %zu records", said_cases[i].name, (int)heard.status,
                 heard.why, heard.ttl, heard.count);
    if (dns_server_udp(rig->server) != said_cases[i].udp ||
        dns_server_tcp(rig->server) != said_cases[i].tcp)
        fail_msg("%s: %zu by UDP, %zu by TCP", said_cases[i].name, dns_server_udp(rig->server),
                 dns_server_tcp(rig->server));
    struct resolver_counts counts = resolver_counts(rig->resolver);
    assert_int_equal(counts.asked, 1);
    assert_int_equal(counts.tempfail, heard.status == DNS_TEMPFAIL);
    rig_free(rig);
}

static void every_answer_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(said_cases); i++)
        check_said(i);
}

static void truncation_with_tcp_refused_is_a_temporary_failure(void **state)
{
    struct heard heard = ask_and_wait(*state, "tc.example");
    assert_int_equal(heard.status, DNS_TEMPFAIL);
}

/* c-ares gives up all that a server was asked over when one connection of it fails. */
static void truncation_with_tcp_refused_harms_no_other_question(void **state)
{
    struct rig *rig = *state;
    struct heard held = {.times = 0};
    ask(rig, "hold.example", &held);
    UNTIL(rig->loop, dns_server_held(rig->server) == 1);
    assert_int_equal(ask_and_wait(rig, "tc.example").status, DNS_TEMPFAIL);
    assert_int_equal(held.times, 0);
    assert_int_equal(dns_server_held(rig->server), 1); /* nor is it asked again */
    dns_server_release(rig->server);
    UNTIL(rig->loop, held.times > 0);
    assert_int_equal(held.status, DNS_FOUND);
}

static void silence_is_a_temporary_failure_by_the_deadline(void **state)
{
    uint64_t before = net_clock();
    struct heard heard = ask_and_wait(*state, "silent.example");
    uint64_t took = net_clock() - before;
    assert_int_equal(heard.status, DNS_TEMPFAIL);
    assert_string_equal(heard.why, "timeout");
    if (took < TOTAL_MS / 2 || took > TOTAL_MS + 500)
        fail_msg("took %lu ms", took);
}

static void a_server_without_edns_is_asked_without_by_all(void **state)
{
    struct rig *rig = *state;
    struct heard heard[3] = {{.times = 0}};
    ask(rig, "formerr.example", &heard[0]);
    ask(rig, "formerr.two.example", &heard[1]);
    ask(rig, "formerr.three.example", &heard[2]);
    UNTIL(rig->loop, heard[0].times + heard[1].times + heard[2].times == 3);
    for (size_t i = 0; i < COUNT(heard); i++)
        assert_int_equal(heard[i].status, DNS_FOUND);
    assert_int_equal(dns_server_udp(rig->server), 6);
    assert_int_equal(ask_and_wait(rig, "formerr.four.example").status, DNS_FOUND);
    assert_int_equal(dns_server_udp(rig->server), 7);
}

static void a_server_that_is_not_there_is_a_temporary_failure(void **state)
{
    (void)state;
    struct addr closed = net_closed_port();
    struct resolver_config config = usual;
    config.server = &closed;
    config.servers = 1;
    struct rig *rig = rig_new(&config, true);
    struct heard heard = ask_and_wait(rig, "ok.example");
    assert_int_equal(heard.status, DNS_TEMPFAIL);
    assert_string_equal(heard.why, "no DNS server reached");
    rig_free(rig);
}

static void the_second_server_is_asked_where_the_first_is_not_there(void **state)
{
    struct rig *rig = *state;
    struct addr servers[2] = {net_closed_port(), dns_server_address(rig->server)};
    struct resolver_config config = usual;
    config.server = servers;
    config.servers = 2;
    char *why = NULL;
    assert_true(resolver_configure(rig->resolver, &config, &why));
    assert_int_equal(ask_and_wait(rig, "ok.example").status, DNS_FOUND);
}

static void what_cannot_be_asked_does_not_exist_and_is_not_asked(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"", ".", "a..b", "a\\.b", "a\tb", "x.onion"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct heard heard = ask_and_wait(rig, names[i]);
        if (heard.status != DNS_NXDOMAIN)
            fail_msg("\"%s\": %d", names[i], (int)heard.status);
    }
    assert_int_equal(dns_server_udp(rig->server), 0);
}

static void servers_of_both_families_and_of_resolv_conf_are_taken(void **state)
{
    struct rig *rig = *state;
    struct addr servers[2];
    assert_true(addr_parse_port("[::1]:5353", &servers[0]));
    servers[1] = dns_server_address(rig->server);
    struct resolver_config config = usual;
    char *why = NULL;
    config.server = servers;
    config.servers = 2;
    assert_true(resolver_configure(rig->resolver, &config, &why));
    assert_int_equal(ask_and_wait(rig, "ok.example").status, DNS_FOUND);
    config.servers = 0;
    assert_true(resolver_configure(rig->resolver, &config, &why));
}

/* ---- cache and joining ---- */

static void an_answer_is_asked_once_while_its_ttl_lasts(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {"ok.example", "nx.example", "nodata.example"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct heard first = ask_and_wait(rig, names[i]);
        struct heard second = ask_and_wait(rig, names[i]);
        assert_int_equal(second.status, first.status);
        assert_true(second.ttl <= first.ttl && second.ttl + 2 > first.ttl);
        assert_int_equal(dns_server_udp(rig->server), i + 1);
    }
    struct resolver_counts counts = resolver_counts(rig->resolver);
    assert_int_equal(counts.cached, COUNT(names));
    assert_int_equal(counts.sent, COUNT(names));
    assert_true(counts.cache_octets > 0 && counts.cache_octets <= 65536);
}

static void a_failure_is_asked_again(void **state)
{
    struct rig *rig = *state;
    ask_and_wait(rig, "servfail.example");
    ask_and_wait(rig, "servfail.example");
    assert_int_equal(dns_server_udp(rig->server), 2);
}

static void without_a_cache_every_question_is_asked(void **state)
{
    (void)state;
    struct resolver_config config = usual;
    config.cache_octets = 0;
    struct rig *rig = rig_new(&config, true);
    ask_and_wait(rig, "ok.example");
    ask_and_wait(rig, "ok.example");
    assert_int_equal(dns_server_udp(rig->server), 2);
    rig_free(rig);
}

static void identical_questions_in_flight_are_asked_once(void **state)
{
    struct rig *rig = *state;
    struct heard heard[10] = {{.times = 0}};
    size_t sum = 0;
    for (size_t i = 0; i < COUNT(heard); i++)
        ask(rig, i % 2 ? "HOLD.example" : "hold.example.", &heard[i]);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    dns_server_release(rig->server);
    UNTIL(rig->loop, heard[0].times > 0);
    for (size_t i = 0; i < COUNT(heard); i++)
        sum += heard[i].times;
    assert_int_equal(sum, COUNT(heard));
    assert_int_equal(dns_server_udp(rig->server), 1);
    assert_int_equal(resolver_counts(rig->resolver).joined, COUNT(heard) - 1);
}

static void types_are_asked_apart(void **state)
{
    struct rig *rig = *state;
    struct heard a = {.times = 0}, mx = {.times = 0};
    dns_ask(rig->dns, DNS_A, "ok.example", hear, &a);
    dns_ask(rig->dns, DNS_MX, "ok.example", hear, &mx);
    UNTIL(rig->loop, a.times + mx.times == 2);
    assert_int_equal(a.status, DNS_FOUND);
    assert_int_equal(mx.status, DNS_NODATA);
}

/* ---- cancelling ---- */

static void cancelled_before_anything_is_sent_or_heard(void **state)
{
    struct rig *rig = *state;
    struct heard never = {.times = 0};
    dns_cancel(ask(rig, "ok.example", &never));
    dns_cancel(ask(rig, "a..b", &never));
    dns_cancel(ask(rig, "x.onion", &never));
    dns_cancel(NULL);
    net_run(rig->loop, 30);
    assert_int_equal(never.times, 0);
    dns_cancel(ask(rig, "ok.example", &never)); /* from the cache by now */
    assert_int_equal(resolver_counts(rig->resolver).cached, 1);
    net_run(rig->loop, 10);
    assert_int_equal(never.times, 0);
}

static void cancelled_in_flight_and_the_answer_is_kept_all_the_same(void **state)
{
    struct rig *rig = *state;
    struct heard never = {.times = 0}, other = {.times = 0};
    struct dns_question *question = ask(rig, "hold.example", &never);
    ask(rig, "hold.example", &other);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    dns_cancel(question);
    dns_server_release(rig->server);
    UNTIL(rig->loop, other.times > 0);
    question = ask(rig, "hold.two.example", &never);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    dns_cancel(question);
    dns_server_release(rig->server);
    net_run(rig->loop, 20);
    assert_int_equal(ask_and_wait(rig, "hold.two.example").status, DNS_FOUND);
    assert_int_equal(dns_server_udp(rig->server), 2);
    assert_int_equal(never.times, 0);
}

static void cancelled_between_two_aliases(void **state)
{
    struct rig *rig = *state;
    struct heard never = {.times = 0};
    struct dns_question *question = ask(rig, "holdalias.example", &never);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    dns_cancel(question);
    dns_server_release(rig->server);
    net_run(rig->loop, 20);
    assert_int_equal(never.times, 0);
    assert_int_equal(dns_server_udp(rig->server), 1); /* nobody waits: the chain ends */
    ask(rig, "holdalias.two.example", &never);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    dns_server_release(rig->server);
    UNTIL(rig->loop, never.times == 1);
    assert_int_equal(dns_server_udp(rig->server), 3);
}

static void cancel_other(struct heard *heard)
{
    dns_cancel(heard->other);
}

static void cancelled_within_the_answer_of_another(void **state)
{
    struct rig *rig = *state;
    struct heard never = {.times = 0}, first = {.then = cancel_other};
    ask_and_wait(rig, "ok.example");
    ask(rig, "ok.example", &first); /* both are cached: answered in one go */
    first.other = ask(rig, "ok.example", &never);
    UNTIL(rig->loop, first.times == 1);
    first.times = 0;
    first.other = ask(rig, "hold.example", &never);
    ask(rig, "ok.example", &first);
    UNTIL(rig->loop, first.times == 1);
    net_run(rig->loop, 20);
    dns_server_release(rig->server);
    net_run(rig->loop, 20);
    assert_int_equal(never.times, 0);
}

static void ask_next(struct heard *heard)
{
    size_t before = heard->next->times;
    heard->other = ask(heard->rig, "ok.example", heard->next);
    assert_int_equal(heard->next->times, before);
}

static void asked_within_an_answer_and_answered_after_it(void **state)
{
    struct rig *rig = *state;
    struct heard last = {.times = 0}, first = {.then = ask_next, .next = &last};
    ask(rig, "nx.example", &first);
    UNTIL(rig->loop, last.times == 1);
    first.times = last.times = 0; /* and from the cache */
    ask(rig, "nx.example", &first);
    UNTIL(rig->loop, last.times == 1);
    assert_int_equal(dns_server_udp(rig->server), 2);
}

/* ---- configuring and freeing ---- */

static void a_question_in_flight_outlives_its_servers(void **state)
{
    struct rig *rig = *state;
    struct dns_server *server = dns_server_new(rig->loop, true);
    struct addr address = dns_server_address(server);
    struct resolver_config config = usual;
    struct heard heard = {.times = 0}, again = {.times = 0};
    char *why = NULL;
    config.server = &address;
    config.servers = 1;
    ask_and_wait(rig, "ok.example");
    ask(rig, "hold.example", &heard);
    UNTIL(rig->loop, dns_server_held(rig->server) > 0);
    assert_true(resolver_configure(rig->resolver, &config, &why));
    ask(rig, "hold.example", &again); /* of the new one: not joined */
    UNTIL(rig->loop, dns_server_held(server) > 0);
    dns_server_release(rig->server);
    UNTIL(rig->loop, heard.times == 1);
    assert_int_equal(heard.status, DNS_FOUND);
    assert_int_equal(again.times, 0);
    dns_server_release(server);
    UNTIL(rig->loop, again.times == 1);
    ask_and_wait(rig, "ok.example"); /* the cache was of the other's */
    assert_int_equal(dns_server_udp(server), 2);
    dns_server_free(server);
}

static void configure_same(struct heard *heard)
{
    struct addr address = dns_server_address(heard->rig->server);
    struct resolver_config config = usual;
    char *why = NULL;
    config.server = &address;
    config.servers = 1;
    for (unsigned i = 0; i < 3; i++)
        assert_true(resolver_configure(heard->rig->resolver, &config, &why));
}

static void configured_within_an_answer_and_the_cache_is_kept(void **state)
{
    struct rig *rig = *state;
    struct heard heard = {.then = configure_same};
    ask(rig, "ok.example", &heard);
    UNTIL(rig->loop, heard.times == 1);
    ask_and_wait(rig, "ok.example");
    assert_int_equal(dns_server_udp(rig->server), 1);
    ask_and_wait(rig, "nx.example");
}

static void what_cannot_be_configured_leaves_all_as_it_was(void **state)
{
    struct rig *rig = *state;
    const struct addr nowhere = {.family = AF_UNSPEC};
    struct resolver_config config = usual;
    char *why = NULL;
    config.server = &nowhere;
    config.servers = 1;
    assert_false(resolver_configure(rig->resolver, &config, &why));
    assert_non_null(strstr(why, "cannot ask DNS servers"));
    free(why);
    why = NULL;
    assert_null(resolver_new(rig->loop, &config, &why));
    assert_non_null(why);
    free(why);
    assert_int_equal(ask_and_wait(rig, "ok.example").status, DNS_FOUND);
}

static void a_shorter_time_is_that_of_questions_in_flight_too(void **state)
{
    struct rig *rig = *state;
    struct addr address = dns_server_address(rig->server);
    struct resolver_config config = usual;
    struct heard heard = {.times = 0};
    char *why = NULL;
    config.server = &address;
    config.servers = 1;
    config.query_ms = config.total_ms = 60000;
    assert_true(resolver_configure(rig->resolver, &config, &why));
    ask(rig, "silent.example", &heard);
    net_run(rig->loop, 60);
    assert_int_equal(heard.times, 0);
    config.total_ms = 100;
    assert_true(resolver_configure(rig->resolver, &config, &why));
    UNTIL(rig->loop, heard.times == 1);
    assert_string_equal(heard.why, "timeout");
}

static void free_resolver(struct heard *heard)
{
    resolver_free(heard->rig->resolver);
    heard->rig->resolver = NULL;
}

static void freed_within_an_answer(void **state)
{
    struct rig *rig = *state;
    struct heard heard = {.then = free_resolver}, never = {.times = 0};
    dns_cancel(ask(rig, "silent.example", &never));
    ask(rig, "ok.example", &heard);
    UNTIL(rig->loop, heard.times == 1);
    net_run(rig->loop, 20);
}

static void freed_with_queries_out_and_entries_cached(void **state)
{
    struct rig *rig = *state;
    struct heard never = {.times = 0};
    ask_and_wait(rig, "ok.example");
    dns_cancel(ask(rig, "silent.example", &never));
    dns_cancel(ask(rig, "tc.example", &never));
    net_run(rig->loop, 5);
    dns_cancel(ask(rig, "alias.example", &never));
    resolver_free(rig->resolver);
    rig->resolver = NULL;
    net_run(rig->loop, 20);
    assert_int_equal(never.times, 0);
}

/* More at a time than ids could be told apart: told so, at once, and the rest are answered. */
static void a_flood_of_questions_is_bounded(void **state)
{
    struct rig *rig = *state;
    struct heard asked = {.times = 0}, refused = {.times = 0};
    const size_t flood = 20000, most = 16384;
    for (size_t i = 0; i < flood; i++) {
        char name[64];
        snprintf(name, sizeof name, "silent.n%zu.example", i);
        ask(rig, name, i < most ? &asked : &refused);
    }
    net_turn(rig->loop);
    assert_int_equal(refused.times, flood - most);
    assert_string_equal(refused.why, "too many questions at a time");
    UNTIL(rig->loop, asked.times == most);
    assert_string_equal(asked.why, "timeout");
}

int main(void)
{
#define WITH_RIG(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_status),
        cmocka_unit_test_setup_teardown(truncation_with_tcp_refused_is_a_temporary_failure,
                                        setup_without_tcp, teardown),
        cmocka_unit_test_setup_teardown(truncation_with_tcp_refused_harms_no_other_question,
                                        setup_without_tcp, teardown),
        WITH_RIG(silence_is_a_temporary_failure_by_the_deadline),
        WITH_RIG(a_server_without_edns_is_asked_without_by_all),
        cmocka_unit_test(a_server_that_is_not_there_is_a_temporary_failure),
        WITH_RIG(the_second_server_is_asked_where_the_first_is_not_there),
        WITH_RIG(what_cannot_be_asked_does_not_exist_and_is_not_asked),
        WITH_RIG(servers_of_both_families_and_of_resolv_conf_are_taken),
        WITH_RIG(an_answer_is_asked_once_while_its_ttl_lasts),
        WITH_RIG(a_failure_is_asked_again),
        cmocka_unit_test(without_a_cache_every_question_is_asked),
        WITH_RIG(identical_questions_in_flight_are_asked_once),
        WITH_RIG(types_are_asked_apart),
        WITH_RIG(cancelled_before_anything_is_sent_or_heard),
        WITH_RIG(cancelled_in_flight_and_the_answer_is_kept_all_the_same),
        WITH_RIG(cancelled_between_two_aliases),
        WITH_RIG(cancelled_within_the_answer_of_another),
        WITH_RIG(asked_within_an_answer_and_answered_after_it),
        WITH_RIG(a_question_in_flight_outlives_its_servers),
        WITH_RIG(configured_within_an_answer_and_the_cache_is_kept),
        WITH_RIG(what_cannot_be_configured_leaves_all_as_it_was),
        WITH_RIG(a_shorter_time_is_that_of_questions_in_flight_too),
        WITH_RIG(freed_within_an_answer),
        WITH_RIG(freed_with_queries_out_and_entries_cached),
        WITH_RIG(a_flood_of_questions_is_bounded),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
