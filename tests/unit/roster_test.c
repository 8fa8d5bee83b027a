/* SPDX-License-Identifier: ISC */
/*
 * roster_test: looks at the sessions of several workers, page by page, and kills, with workers and
 * sessions of our own in place of the real ones; and `sessions`, `top` and `kill`, which rest on
 * it.
 */
#include "proxy/roster.h"

#include "lib/loop.h"
#include "proxy/commands.h"
#include "proxy/tarpit.h"
#include "proxy/worker.h"
#include "tests/unit/support/command_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define WORKERS 3

struct session {
    LIST_ENTRY(session) link;
    char id[RANDOM_ID_LEN + 1];
    size_t number;
};

struct worker {
    struct loop *loop;
    struct session_list list;
    LIST_HEAD(, worker_place) places;
    char held[RANDOM_ID_LEN + 1]; /* by its tarpit */
};

static struct loop *loop; /* main's */
static struct worker worker[WORKERS];
static struct worker *const workers[WORKERS] = {&worker[0], &worker[1], &worker[2]};
static struct roster *roster;
static size_t dismissed;

/* ---- in place of the real ones ---- */

struct loop *worker_loop(struct worker *w)
{
    return w->loop;
}

struct tarpit *worker_tarpit(struct worker *w)
{
    return (struct tarpit *)(void *)w;
}

void worker_place_begin(struct worker *w, struct worker_place *place)
{
    place->next = LIST_FIRST(&w->list);
    LIST_INSERT_HEAD(&w->places, place, link);
}

struct session *worker_place_step(struct worker_place *place)
{
    struct session *s = place->next;
    if (s != NULL)
        place->next = LIST_NEXT(s, link);
    return s;
}

void worker_place_end(struct worker_place *place)
{
    LIST_REMOVE(place, link);
}

bool tarpit_dismiss(struct tarpit *tarpit, const char id[static RANDOM_ID_LEN + 1],
                    const char *reason)
{
    (void)reason;
    return strcmp(((struct worker *)(void *)tarpit)->held, id) == 0;
}

const char *session_id(const struct session *s)
{
    return s->id;
}

void session_show(const struct session *s, struct session_shown *out)
{
    *out = (struct session_shown){.step = s->number % 2 == 0 ? "command" : "data",
                                  .messages = s->number,
                                  .transaction = s->number % 2 == 1,
                                  .client = {.family = AF_INET, .ip = {192, 0, 2}}};
    out->client.ip[3] = (uint8_t)(s->number % 3);
    snprintf(out->id, sizeof out->id, "%s", s->id);
    snprintf(out->sender, sizeof out->sender, "%s", s->number % 4 == 1 ? "" : "a@example.net");
    snprintf(out->listener, sizeof out->listener, "mx");
}

static void session_gone(struct worker *w, struct session *s)
{
    struct worker_place *place;
    LIST_FOREACH(place, &w->places, link)
    if (place->next == s)
        place->next = LIST_NEXT(s, link);
    LIST_REMOVE(s, link);
    free(s);
}

void session_dismiss(struct session *s, const char *reason)
{
    (void)s;
    (void)reason;
    dismissed++;
}

/* ---- the rig ---- */

static void add(struct worker *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct session *s = mem_alloc(sizeof *s);
        s->number = i;
        snprintf(s->id, sizeof s->id, "%zu.%zu", (size_t)(w - worker), i);
        LIST_INSERT_HEAD(&w->list, s, link);
    }
}

static void turn(void)
{
    for (int i = 0; i < 200; i++) {
        for (size_t w = 0; w < WORKERS; w++)
            loop_poll(worker[w].loop);
        loop_poll(loop);
    }
}

static int begin(void **state)
{
    (void)state;
    loop = loop_new();
    dismissed = 0;
    for (size_t i = 0; i < WORKERS; i++) {
        worker[i] = (struct worker){.loop = loop_new()};
        LIST_INIT(&worker[i].list);
        LIST_INIT(&worker[i].places);
    }
    roster = roster_new(loop, workers, WORKERS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < WORKERS; i++)
        while (!LIST_EMPTY(&worker[i].list))
            session_gone(&worker[i], LIST_FIRST(&worker[i].list));
    roster_free(roster);
    for (size_t i = 0; i < WORKERS; i++)
        loop_free(worker[i].loop);
    loop_free(loop);
    return 0;
}

struct seen {
    struct roster_look *look;
    size_t pages, sessions;
    bool whole, wait;
};

static void on_page(const struct session_shown *shown, size_t count, bool more, void *arg)
{
    struct seen *seen = arg;
    assert_true(count <= ROSTER_PAGE);
    assert_true(count == 0 || shown[count - 1].id[0] != '\0');
    assert_false(seen->whole);
    seen->pages++;
    seen->sessions += count;
    seen->whole = !more;
    if (more && !seen->wait)
        roster_look_on(seen->look);
}

static void no_sessions_are_one_empty_page(void **state)
{
    (void)state;
    struct seen seen = {0};
    seen.look = roster_look(roster, on_page, &seen);
    assert_int_equal(seen.pages, 0);
    turn();
    assert_true(seen.whole);
    assert_int_equal(seen.pages, 1);
    assert_int_equal(seen.sessions, 0);
}

static void all_workers_are_asked_and_pages_are_full(void **state)
{
    (void)state;
    struct seen seen = {0};
    add(&worker[0], 150);
    add(&worker[2], ROSTER_PAGE * 2 + 1);
    seen.look = roster_look(roster, on_page, &seen);
    turn();
    assert_true(seen.whole);
    assert_int_equal(seen.sessions, 150 + ROSTER_PAGE * 2 + 1);
    assert_int_equal(seen.pages, 3);
    for (size_t i = 0; i < WORKERS; i++)
        assert_true(LIST_EMPTY(&worker[i].places));
}

static void sessions_that_end_meanwhile_are_left_out_and_no_other(void **state)
{
    (void)state;
    struct seen seen = {.wait = true};
    add(&worker[1], 3 * ROSTER_PAGE);
    seen.look = roster_look(roster, on_page, &seen);
    turn();
    assert_int_equal(seen.sessions, ROSTER_PAGE);
    for (int i = 0; i < 2; i++) /* the very ones that would come next */
        session_gone(&worker[1], LIST_FIRST(&worker[1].places)->next);
    session_gone(&worker[1], LIST_FIRST(&worker[1].list)); /* one that was seen */
    add(&worker[1], 5);                                    /* too late to be seen */
    seen.wait = false;
    roster_look_on(seen.look);
    turn();
    assert_true(seen.whole);
    assert_int_equal(seen.sessions, 3 * ROSTER_PAGE - 2);
}

static void a_look_that_is_ended_says_no_more_wherever_it_is(void **state)
{
    (void)state;
    struct seen seen = {.wait = true};
    add(&worker[0], 2 * ROSTER_PAGE);
    seen.look = roster_look(roster, on_page, &seen);
    roster_look_end(seen.look); /* on its way to the worker */
    turn();
    assert_int_equal(seen.pages, 0);
    seen.look = roster_look(roster, on_page, &seen);
    turn();
    assert_int_equal(seen.pages, 1);
    assert_false(LIST_EMPTY(&worker[0].places));
    roster_look_end(seen.look); /* between two pages */
    turn();
    assert_int_equal(seen.pages, 1);
    assert_true(LIST_EMPTY(&worker[0].places));
    seen.look = roster_look(roster, on_page, &seen); /* freed with the roster */
    loop_poll(worker[0].loop);
}

static void on_killed(bool found, void *arg)
{
    *(int *)arg = found ? 1 : 0;
}

static int kill_of(const char *id)
{
    int found = -1;
    roster_kill(roster, id, on_killed, &found);
    assert_int_equal(found, -1);
    turn();
    return found;
}

static void a_kill_finds_a_session_of_any_worker_and_in_a_tarpit(void **state)
{
    (void)state;
    add(&worker[0], 10);
    add(&worker[2], 10);
    snprintf(worker[1].held, sizeof worker[1].held, "held");
    assert_int_equal(kill_of("2.7"), 1);
    assert_int_equal(kill_of("0.0"), 1);
    assert_int_equal(dismissed, 2);
    assert_int_equal(kill_of("held"), 1);
    assert_int_equal(kill_of("1.7"), 0);
    assert_int_equal(kill_of("an id that is far longer than any id can be"), 0);
    assert_int_equal(dismissed, 2);
}

/* ---- the commands that rest on it ---- */

static struct asker *ask(const char *name, const char *args)
{
    static struct commands commands;
    commands = (struct commands){.loop = loop, .roster = roster};
    static const struct command_set sets[] = {{commands_sessions_rows, &commands}, {0}};
    struct asker *a = asker_new();
    asker_asks(a, sets, name, args);
    return a;
}

static void sessions_shows_all_of_them(void **state)
{
    (void)state;
    add(&worker[0], 450);
    struct asker *a = ask("sessions", NULL);
    turn();
    assert_non_null(asker_result(a));
    assert_int_equal(json_array_size(a->items), 450);
    const json_t *first = json_array_get(a->items, 0); /* the newest: number 449 */
    assert_string_equal(json_string_value(json_object_get(first, "id")), "0.449");
    assert_string_equal(json_string_value(json_object_get(first, "state")), "data");
    assert_string_equal(json_string_value(json_object_get(first, "sender")), "");
    assert_true(json_is_null(json_object_get(json_array_get(a->items, 1), "sender")));
    asker_free(a);
}

static void sessions_waits_for_a_slow_asker_and_stops_for_one_who_left(void **state)
{
    (void)state;
    add(&worker[0], 3 * ROSTER_PAGE);
    struct asker *slow = ask("sessions", NULL);
    slow->slow = true;
    turn();
    assert_int_equal(json_array_size(slow->items), ROSTER_PAGE);
    asker_reads(slow);
    turn();
    assert_int_equal(json_array_size(slow->items), 2 * ROSTER_PAGE);
    asker_free(slow); /* leaves */
    turn();
    assert_true(LIST_EMPTY(&worker[0].places));
    struct asker *deaf = ask("sessions", NULL);
    deaf->deaf = true;
    turn();
    assert_non_null(asker_result(deaf));
    asker_free(deaf);
}

static void top_counts_by_what_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *args, *key, *first;
        long long sessions;
        size_t items;
    } cases[] = {
        {NULL, "client", "192.0.2.0", 34, 3},
        {"{\"by\": \"network\"}", "network", "192.0.2.0/24", 100, 1},
        {"{\"by\": \"state\"}", "state", "data", 50, 2},
        {"{\"by\": \"listener\"}", "listener", "mx", 100, 1},
        {"{\"by\": \"sender\"}", "sender", "a@example.net", 25, 2},
        {"{\"by\": \"client\", \"most\": 1}", "client", "192.0.2.0", 34, 1},
    };
    add(&worker[0], 100);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asker *a = ask("top", cases[i].args);
        turn();
        const json_t *first = json_array_get(a->items, 0);
        assert_int_equal(json_array_size(a->items), cases[i].items);
        assert_string_equal(json_string_value(json_object_get(first, cases[i].key)),
                            cases[i].first);
        assert_int_equal(json_integer_value(json_object_get(first, "sessions")), cases[i].sessions);
        asker_free(a);
    }
}

static void top_and_kill_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name, *args, *error;
    } cases[] = {
        {"top", "{\"by\": \"weight\"}", "by: give client"},
        {"top", "{\"most\": 0}", "most: give 1 to"},
        {"kill", "{\"id\": \"x\"}", "no session has that id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct asker *a = ask(cases[i].name, cases[i].args);
        turn();
        if (strstr(asker_error(a), cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].name, asker_error(a));
        asker_free(a);
    }
    struct asker *left = ask("top", NULL);
    asker_free(left);
    turn();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_sessions_are_one_empty_page),
        TEST(all_workers_are_asked_and_pages_are_full),
        TEST(sessions_that_end_meanwhile_are_left_out_and_no_other),
        TEST(a_look_that_is_ended_says_no_more_wherever_it_is),
        TEST(a_kill_finds_a_session_of_any_worker_and_in_a_tarpit),
        TEST(sessions_shows_all_of_them),
        TEST(sessions_waits_for_a_slow_asker_and_stops_for_one_who_left),
        TEST(top_counts_by_what_is_asked_for),
        TEST(top_and_kill_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
