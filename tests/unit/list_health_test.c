/* SPDX-License-Identifier: ISC */
/*
 * list_health_test: when a list is believed, what makes it rest, how it comes back, and that each
 * change is logged once; and many threads that note at once.
 */
#include "policy/list_health.h"

#include "lib/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define MINUTE 60000ull
#define WINDOW (10 * MINUTE)

static char events[1024];
static char last[1024];

static void hear(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)session;
    size_t len = strlen(events);
    snprintf(events + len, sizeof events - len, "%s ", event);
    snprintf(last, sizeof last, "%s", message);
}

static struct list_health *health;
static struct list_zone *zone;
static uint64_t now;

static int begin(void **state)
{
    (void)state;
    events[0] = '\0';
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, hear);
    health = list_health_new();
    zone = list_health_find(health, "key.zen.example", "zen.example");
    now = 12345678;
    return 0;
}

static int end(void **state)
{
    (void)state;
    list_health_free(health);
    return 0;
}

static struct addr client(unsigned number)
{
    struct addr a = {.family = AF_INET, .ip = {192, 0, (uint8_t)(number >> 8), (uint8_t)number}};
    return a;
}

static struct addr client_v6(unsigned net, unsigned host)
{
    struct addr a = {.family = AF_INET6, .ip = {0x20, 0x01, 0x0d, 0xb8}};
    a.ip[6] = (uint8_t)(net >> 8);
    a.ip[7] = (uint8_t)net;
    a.ip[15] = (uint8_t)host;
    return a;
}

static void note(unsigned number, bool proven, enum list_outcome outcome)
{
    struct addr a = client(number);
    list_zone_note(zone, &a, proven, outcome, 0, now);
}

/* Clients `from` to below `to`, one each. */
static void notes(unsigned from, unsigned to, bool proven, enum list_outcome outcome)
{
    for (unsigned i = from; i < to; i++)
        note(i, proven, outcome);
}

static const char *why(void)
{
    static char text[256];
    list_zone_why(zone, text, sizeof text);
    return text;
}

#define assert_verdict(verdict) assert_int_equal(list_zone_verdict(zone), verdict)

static void a_zone_is_found_again_with_what_it_was(void **state)
{
    (void)state;
    list_zone_probed(zone, "dead", now);
    assert_ptr_equal(list_health_find(health, "key.zen.example", "other name"), zone);
    struct list_zone *other = list_health_find(health, "zen.example", "zen.example");
    assert_ptr_not_equal(other, zone);
    assert_int_equal(list_zone_verdict(other), LIST_UNPROBED);
    assert_verdict(LIST_SICK);
    list_zone_probed(zone, NULL, now);
    assert_non_null(strstr(last, "other name"));
    assert_null(strstr(last, "key"));
}

static void it_is_unprobed_until_a_probe_came_to_something(void **state)
{
    (void)state;
    assert_verdict(LIST_UNPROBED);
    assert_true(list_zone_due(zone, now));
    assert_verdict(LIST_UNPROBED);
    list_zone_probed(zone, NULL, now);
    assert_verdict(LIST_WELL);
    assert_false(list_zone_due(zone, now + MINUTE));
    assert_string_equal(why(), "");
    assert_string_equal(events, "");
}

static void failed_canaries_make_it_sick_and_good_ones_well_each_logged_once(void **state)
{
    (void)state;
    list_zone_probed(zone, "canary 127.0.0.1: listed", now);
    list_zone_probed(zone, "canary 127.0.0.2: timeout", now + MINUTE);
    assert_verdict(LIST_SICK);
    assert_true(list_zone_due(zone, now + MINUTE));
    assert_string_equal(why(), "canary 127.0.0.2: timeout");
    assert_string_equal(events, "list-sick ");
    assert_non_null(strstr(last, "zen.example"));
    assert_non_null(strstr(last, "canary 127.0.0.1: listed"));
    assert_null(strstr(last, "key"));
    list_zone_probed(zone, NULL, now + 2 * MINUTE);
    list_zone_probed(zone, NULL, now + 3 * MINUTE);
    assert_verdict(LIST_WELL);
    assert_string_equal(events, "list-sick list-well ");
}

static void without_canaries_it_is_taken_for_well(void **state)
{
    (void)state;
    list_zone_assume_well(zone);
    assert_verdict(LIST_WELL);
    assert_string_equal(events, "");
}

static void any_number_of_listed_strangers_never_trips_it(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 20000, false, LIST_LISTED);
    assert_verdict(LIST_WELL);
    notes(0, 20, true, LIST_CLEAN);
    notes(20000, 40000, false, LIST_LISTED);
    assert_verdict(LIST_WELL);
    assert_string_equal(events, "");
}

static void listings_of_proven_clients_past_the_share_trip_it(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 18, true, LIST_CLEAN);
    notes(18, 20, true, LIST_LISTED); /* 2 of 20 are not more than 10 % */
    assert_verdict(LIST_WELL);
    note(20, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
    assert_string_equal(why(), "it lists 3 of 21 clients known to be good");
    assert_string_equal(events, "list-sick ");
}

static void fewer_than_the_least_never_trip_it_and_one_more_does(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 3, true, LIST_LISTED);
    notes(3, 19, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
    note(19, true, LIST_CLEAN);
    assert_verdict(LIST_SICK);
}

static void clients_count_once_however_often_they_come(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    for (int i = 0; i < 50; i++)
        notes(0, 2, true, LIST_LISTED);
    notes(2, 19, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
}

static void an_ipv6_network_is_one_client(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    for (unsigned host = 0; host < 50; host++) {
        struct addr a = client_v6(7, host);
        list_zone_note(zone, &a, true, LIST_LISTED, 0, now);
    }
    notes(0, 19, true, LIST_CLEAN);
    assert_verdict(LIST_WELL); /* 1 of 20 */
    for (unsigned net = 8; net < 10; net++) {
        struct addr a = client_v6(net, 1);
        list_zone_note(zone, &a, true, LIST_LISTED, 0, now);
    }
    assert_verdict(LIST_SICK);
    assert_string_equal(why(), "it lists 3 of 22 clients known to be good");
}

static void what_is_older_than_ten_minutes_counts_no_more(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 10, true, LIST_LISTED);
    now += WINDOW - 1;
    notes(10, 19, true, LIST_CLEAN);
    now += 1;
    notes(19, 29, true, LIST_CLEAN);
    assert_verdict(LIST_WELL); /* 0 of 19 */
    notes(29, 40, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
}

static void a_client_listed_long_ago_that_still_comes_is_a_clean_one(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 5, true, LIST_LISTED);
    now += WINDOW / 2;
    notes(0, 5, true, LIST_CLEAN); /* its listing stands till its own window has passed */
    now += WINDOW / 2;
    notes(5, 40, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
}

static void the_share_and_the_least_are_settable(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    list_zone_trip(zone, 50, 4);
    notes(0, 2, true, LIST_LISTED);
    notes(2, 4, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
    note(4, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
}

static void memory_is_bounded_and_the_latest_clients_are_judged(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    list_zone_trip(zone, 10, LIST_LEAST_MAX * 2); /* more than there is room for */
    notes(0, 60000, true, LIST_CLEAN);
    assert_verdict(LIST_WELL);
    now++;
    notes(60000, 60000 + LIST_LEAST_MAX / 10 + 1, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
}

static void it_comes_back_when_the_window_has_passed_and_not_by_a_good_probe(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 20, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
    list_zone_probed(zone, NULL, now + MINUTE); /* canaries say nothing about good clients */
    assert_verdict(LIST_SICK);
    assert_true(list_zone_due(zone, now + WINDOW - 1));
    assert_verdict(LIST_SICK);
    assert_false(list_zone_due(zone, now + WINDOW));
    assert_verdict(LIST_WELL);
    assert_string_equal(events, "list-sick list-well ");
    now += WINDOW;
    note(1, true, LIST_LISTED); /* it begins anew */
    assert_verdict(LIST_WELL);
    notes(0, 20, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
    assert_string_equal(events, "list-sick list-well list-sick ");
}

static void too_many_look_ups_without_an_answer_make_it_rest(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 10, false, LIST_CLEAN);
    notes(10, 20, false, LIST_TIMEOUT);
    assert_verdict(LIST_WELL); /* half is not over half */
    assert_true(list_zone_due(zone, now));
    note(20, false, LIST_TIMEOUT);
    assert_verdict(LIST_SICK);
    assert_string_equal(why(), "no usable answer to 11 of the last 21 look-ups");
    list_zone_probed(zone, NULL, now + MINUTE);
    assert_verdict(LIST_WELL);
    note(21, false, LIST_TIMEOUT); /* it begins anew */
    assert_verdict(LIST_WELL);
    assert_string_equal(events, "list-sick list-well ");
}

static void fewer_than_twenty_failures_only_ask_for_a_probe(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 19, false, LIST_ERROR);
    assert_verdict(LIST_WELL);
    assert_true(list_zone_due(zone, now));
    list_zone_probed(zone, NULL, now);
    assert_false(list_zone_due(zone, now));
    note(19, false, LIST_ERROR);
    assert_verdict(LIST_SICK);
}

static void failures_leave_the_window_minute_by_minute(void **state)
{
    (void)state;
    list_zone_probed(zone, NULL, now);
    notes(0, 19, false, LIST_TIMEOUT);
    now += WINDOW;
    notes(20, 29, false, LIST_CLEAN);
    notes(30, 40, false, LIST_TIMEOUT);
    assert_verdict(LIST_WELL); /* 10 of 19 */
    note(40, false, LIST_TIMEOUT);
    assert_verdict(LIST_SICK); /* 11 of 20 */
}

static void without_canaries_a_rest_ends_with_its_window(void **state)
{
    (void)state;
    list_zone_assume_well(zone);
    notes(0, 20, false, LIST_TIMEOUT);
    assert_verdict(LIST_SICK);
    list_zone_assume_well(zone); /* at a reload */
    assert_verdict(LIST_SICK);
    assert_true(list_zone_due(zone, now + WINDOW - 1));
    assert_false(list_zone_due(zone, now + WINDOW));
    assert_verdict(LIST_WELL);
}

static void a_clock_that_begins_at_zero_is_fine(void **state)
{
    (void)state;
    now = 0;
    list_zone_probed(zone, NULL, now);
    notes(0, 20, true, LIST_LISTED);
    assert_verdict(LIST_SICK);
}

/* ---- threads ---- */

static atomic_bool running;

static void *worker(void *arg)
{
    unsigned base = *(const unsigned *)arg;
    struct list_zone *own = list_health_find(health, "key.zen.example", "zen.example");
    char text[64];
    for (unsigned i = 0; i < 20000; i++) {
        struct addr a = client(base + i % 50);
        enum list_outcome outcome = (enum list_outcome)(i % 4);
        if (list_zone_verdict(own) == LIST_SICK)
            list_zone_why(own, text, sizeof text);
        list_zone_note(own, &a, i % 3 == 0, outcome, 0, now + i / 50);
    }
    return NULL;
}

static void *prober(void *arg)
{
    (void)arg;
    for (uint64_t t = 0; atomic_load(&running); t++) {
        list_zone_probed(zone, t % 3 == 0 ? "bad" : NULL, now + t);
        list_zone_due(zone, now + t);
        list_zone_trip(zone, 10 + t % 5, 20);
    }
    return NULL;
}

static void quiet(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)event, (void)session, (void)message;
}

static void threads_note_at_once(void **state)
{
    (void)state;
    pthread_t thread[4];
    pthread_t probing;
    unsigned base[4] = {0, 1000, 2000, 3000};
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, quiet);
    atomic_store(&running, true);
    assert_int_equal(pthread_create(&probing, NULL, prober, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, worker, &base[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    atomic_store(&running, false);
    pthread_join(probing, NULL);
    list_zone_due(zone, now + 2 * WINDOW);
    list_zone_probed(zone, NULL, now + 2 * WINDOW);
    assert_verdict(LIST_WELL);
}

static void took(enum list_outcome outcome, uint32_t ms)
{
    struct addr a = client(1);
    list_zone_note(zone, &a, false, outcome, ms, now);
}

static void its_state_counts_outcomes_for_good_and_times_for_ten_minutes(void **state)
{
    (void)state;
    struct list_zone_state shown;
    list_zone_state(zone, now, &shown);
    assert_int_equal(shown.verdict, LIST_UNPROBED);
    assert_false(shown.probed);
    assert_int_equal(shown.asked, 0);
    list_zone_probed(zone, "dead", now);
    took(LIST_CLEAN, 10);
    took(LIST_LISTED, 30);
    took(LIST_CLEAN, 0); /* from the cache */
    took(LIST_TIMEOUT, 5000);
    took(LIST_ERROR, 7);
    list_zone_state(zone, now + 1000, &shown);
    assert_int_equal(shown.verdict, LIST_SICK);
    assert_string_equal(shown.why, "dead");
    assert_true(shown.probed);
    assert_int_equal(shown.probed_at, now);
    assert_int_equal(shown.asked, 5);
    assert_int_equal(shown.listed, 1);
    assert_int_equal(shown.timeout, 1);
    assert_int_equal(shown.error, 1);
    assert_int_equal(shown.recent, 5);
    assert_int_equal(shown.failed, 2);
    assert_int_equal(shown.latency, 20);
    assert_int_equal(shown.latency_most, 30);
    list_zone_state(zone, now + WINDOW, &shown);
    assert_int_equal(shown.asked, 5);
    assert_int_equal(shown.recent, 0);
    assert_int_equal(shown.latency, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_zone_is_found_again_with_what_it_was),
        TEST(it_is_unprobed_until_a_probe_came_to_something),
        TEST(failed_canaries_make_it_sick_and_good_ones_well_each_logged_once),
        TEST(without_canaries_it_is_taken_for_well),
        TEST(any_number_of_listed_strangers_never_trips_it),
        TEST(listings_of_proven_clients_past_the_share_trip_it),
        TEST(fewer_than_the_least_never_trip_it_and_one_more_does),
        TEST(clients_count_once_however_often_they_come),
        TEST(an_ipv6_network_is_one_client),
        TEST(a_client_listed_long_ago_that_still_comes_is_a_clean_one),
        TEST(what_is_older_than_ten_minutes_counts_no_more),
        TEST(the_share_and_the_least_are_settable),
        TEST(memory_is_bounded_and_the_latest_clients_are_judged),
        TEST(it_comes_back_when_the_window_has_passed_and_not_by_a_good_probe),
        TEST(too_many_look_ups_without_an_answer_make_it_rest),
        TEST(fewer_than_twenty_failures_only_ask_for_a_probe),
        TEST(failures_leave_the_window_minute_by_minute),
        TEST(without_canaries_a_rest_ends_with_its_window),
        TEST(a_clock_that_begins_at_zero_is_fine),
        TEST(its_state_counts_outcomes_for_good_and_times_for_ten_minutes),
        TEST(threads_note_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
