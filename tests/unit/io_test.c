/* SPDX-License-Identifier: ISC */
/*
 * io_test: the plain I/O object: which events come when, in what order, and what happens when the
 * owner frees, pauses or closes in any of them. TLS is io_tls_test's.
 */
#include "lib/io.h"

#include "lib/loop.h"
#include "tests/unit/support/net.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG (3u << 20)

/* An owner that writes down what it is told and does as the test says. */
struct owner {
    struct loop *loop;
    struct io *io;
    struct io *victim; /* of free_victim */
    void (*on[IO_TIMEOUT + 1])(struct owner *owner);
    bool leave; /* take nothing out */
    struct buf got;
    char story[64];
};

static const char letter[] = "CDRSEFT"; /* as in enum io_event */

static void on_event(struct io *io, enum io_event event, void *arg)
{
    struct owner *owner = arg;
    size_t told = strlen(owner->story);
    if (owner->io == NULL) /* not even io_connect() has returned */
        fail_msg("an event inside the call that made the object");
    assert_ptr_equal(io, owner->io);
    /* Data come in pieces of the kernel's choosing: told once in a row. */
    if ((event != IO_DATA || told == 0 || owner->story[told - 1] != 'D') &&
        told + 1 < sizeof owner->story)
        owner->story[told] = letter[event];
    if (event == IO_DATA && !owner->leave) {
        size_t len;
        const char *data = io_data(io, &len);
        buf_add(&owner->got, data, len);
        io_consume(io, len);
    }
    if (owner->on[event] != NULL)
        owner->on[event](owner);
}

struct world {
    struct loop *loop;
    struct owner owner;
    int peer;
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    w->loop = w->owner.loop = loop_new();
    w->peer = -1;
    return w;
}

static int setup_with(void **state, bool small)
{
    int fd[2];
    struct world *w = world_new();
    const struct addr peer = net_loopback(0);
    net_pair(fd, small);
    w->peer = fd[1];
    w->owner.io = io_new(w->loop, fd[0], &peer, on_event, &w->owner);
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, false);
}

static int setup_small(void **state)
{
    return setup_with(state, true);
}

static int setup_alone(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    io_free(w->owner.io);
    if (w->peer >= 0)
        close(w->peer);
    buf_free(&w->owner.got);
    loop_free(w->loop);
    free(w);
    return 0;
}

static void assert_got(const struct owner *owner, const char *text)
{
    assert_int_equal(buf_len(&owner->got), strlen(text));
    assert_memory_equal(buf_data(&owner->got), text, strlen(text));
}

static void free_io(struct owner *owner)
{
    io_free(owner->io);
    owner->io = NULL;
}

/* Bytes that differ at every place. */
static char *pattern(size_t len)
{
    char *data = malloc(len);
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (char)(x >> 24);
    }
    return data;
}

/* ---- reading ---- */

static void test_bytes_arrive_then_the_end_once(void **state)
{
    struct world *w = *state;
    loop_poll(w->loop);
    net_say_text(w->loop, w->peer, "hello");
    UNTIL(w->loop, buf_len(&w->owner.got) == 5);
    net_say_text(w->loop, w->peer, " world");
    shutdown(w->peer, SHUT_WR);
    UNTIL(w->loop, strchr(w->owner.story, 'E') != NULL);
    net_run(w->loop, 5);
    assert_string_equal(w->owner.story, "DE");
    assert_got(&w->owner, "hello world");
    io_write(w->owner.io, "still", 5); /* our side is open */
    struct buf into = {0};
    net_read(w->loop, w->peer, &into, 5);
    buf_free(&into);
}

static void test_what_is_not_consumed_comes_again_with_the_next_bytes(void **state)
{
    struct world *w = *state;
    size_t len;
    w->owner.leave = true;
    net_say_text(w->loop, w->peer, "one ");
    UNTIL(w->loop, w->owner.story[0] == 'D');
    io_data(w->owner.io, &len);
    assert_int_equal(len, 4);
    io_consume(w->owner.io, 2);
    net_run(w->loop, 5); /* nothing new: no event */
    io_data(w->owner.io, &len);
    assert_int_equal(len, 2);
    w->owner.leave = false;
    net_say_text(w->loop, w->peer, "two");
    UNTIL(w->loop, buf_len(&w->owner.got) > 0);
    assert_got(&w->owner, "e two");
    io_consume(w->owner.io, 1000); /* more than is there */
    io_data(w->owner.io, &len);
    assert_int_equal(len, 0);
}

static void test_a_megabyte_arrives_whole(void **state)
{
    struct world *w = *state;
    char *data = pattern(BIG);
    net_say(w->loop, w->peer, data, BIG);
    UNTIL(w->loop, buf_len(&w->owner.got) == BIG);
    assert_memory_equal(buf_data(&w->owner.got), data, BIG);
    free(data);
}

static void test_data_and_end_in_a_pause_come_after_it_in_order(void **state)
{
    struct world *w = *state;
    io_pause(w->owner.io);
    net_say_text(w->loop, w->peer, "in the pause");
    shutdown(w->peer, SHUT_WR);
    net_run(w->loop, 10);
    assert_string_equal(w->owner.story, "");
    io_resume(w->owner.io);
    assert_string_equal(w->owner.story, ""); /* from the loop only */
    UNTIL(w->loop, strlen(w->owner.story) == 2);
    assert_string_equal(w->owner.story, "DE");
    assert_got(&w->owner, "in the pause");
}

static void pause_and_take_two(struct owner *owner)
{
    size_t len;
    const char *data = io_data(owner->io, &len);
    len = len < 2 ? len : 2;
    buf_add(&owner->got, data, len);
    io_consume(owner->io, len);
    io_pause(owner->io);
}

static void test_a_pause_in_the_data_event_keeps_the_rest(void **state)
{
    struct world *w = *state;
    w->owner.leave = true;
    w->owner.on[IO_DATA] = pause_and_take_two;
    net_say_text(w->loop, w->peer, "abcdef");
    shutdown(w->peer, SHUT_WR);
    for (size_t i = 1; i <= 3; i++) {
        net_run(w->loop, 5);
        assert_int_equal(buf_len(&w->owner.got), 2 * i);
        assert_null(strchr(w->owner.story, 'E'));
        io_resume(w->owner.io);
        io_resume(w->owner.io);
    }
    UNTIL(w->loop, strchr(w->owner.story, 'E') != NULL);
    assert_got(&w->owner, "abcdef");
}

static void test_buffered_bytes_are_given_after_the_end_too(void **state)
{
    struct world *w = *state;
    w->owner.leave = true;
    net_say_text(w->loop, w->peer, "rest");
    shutdown(w->peer, SHUT_WR);
    UNTIL(w->loop, strcmp(w->owner.story, "DE") == 0);
    io_pause(w->owner.io);
    w->owner.leave = false;
    io_resume(w->owner.io);
    UNTIL(w->loop, buf_len(&w->owner.got) == 4);
    assert_string_equal(w->owner.story, "DED");
}

static void test_a_reset_is_a_failure_told_once_and_last(void **state)
{
    struct world *w = *state;
    const struct linger now = {.l_onoff = 1};
    io_deadline(w->owner.io, 20);
    setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(w->peer);
    w->peer = -1;
    UNTIL(w->loop, w->owner.story[0] != '\0');
    assert_string_equal(io_error(w->owner.io), "Connection reset by peer");
    io_write(w->owner.io, "x", 1); /* goes nowhere, harms nothing */
    io_want_drained(w->owner.io);
    io_pause(w->owner.io);
    io_resume(w->owner.io);
    net_run(w->loop, 40); /* past the deadline */
    assert_string_equal(w->owner.story, "F");
    assert_int_equal(io_pending(w->owner.io), 0);
}

static void test_writing_to_one_who_has_gone_fails_from_the_loop(void **state)
{
    struct world *w = *state;
    close(w->peer);
    w->peer = -1;
    UNTIL(w->loop, w->owner.story[0] == 'E');
    for (int i = 0; i < 3; i++) {
        io_write(w->owner.io, "x", 1);
        net_run(w->loop, 5);
    }
    assert_string_equal(w->owner.story, "EF");
}

static void test_a_peer_has_gone_when_nothing_of_it_is_left_to_read(void **state)
{
    struct world *w = *state;
    io_pause(w->owner.io);
    assert_false(io_peer_gone(w->owner.io));
    net_say_text(w->loop, w->peer, "QUIT\r\n");
    shutdown(w->peer, SHUT_WR);
    net_run(w->loop, 5);
    assert_false(io_peer_gone(w->owner.io)); /* its last words are unread */
    w->owner.leave = true;
    w->owner.on[IO_DATA] = pause_and_take_two;
    io_resume(w->owner.io);
    UNTIL(w->loop, buf_len(&w->owner.got) == 2);
    assert_false(io_peer_gone(w->owner.io)); /* some of them are buffered */
    io_consume(w->owner.io, 100);
    assert_true(io_peer_gone(w->owner.io)); /* though it is paused */
    io_resume(w->owner.io);
    UNTIL(w->loop, strchr(w->owner.story, 'E') != NULL);
    assert_true(io_peer_gone(w->owner.io));
}

static void test_a_peer_that_resets_has_gone(void **state)
{
    struct world *w = *state;
    const struct linger now = {.l_onoff = 1};
    io_pause(w->owner.io);
    net_say_text(w->loop, w->peer, "unread");
    setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(w->peer);
    w->peer = -1;
    assert_true(io_peer_gone(w->owner.io));
    io_resume(w->owner.io);
    UNTIL(w->loop, strchr(w->owner.story, 'F') != NULL);
    assert_true(io_peer_gone(w->owner.io));
}

static void test_a_peer_is_deaf_only_when_both_ways_are_closed(void **state)
{
    struct world *w = *state;
    assert_false(io_peer_deaf(w->owner.io));
    shutdown(w->peer, SHUT_WR);
    UNTIL(w->loop, strchr(w->owner.story, 'E') != NULL);
    assert_false(io_peer_deaf(w->owner.io)); /* it has said its last, and listens */
    io_write(w->owner.io, "last", 4);
    assert_string_equal(net_hear(w->loop, w->peer, "last"), "last");
    close(w->peer);
    w->peer = -1;
    io_write(w->owner.io, "unheard", 7); /* a TCP peer says so when it is told something */
    UNTIL(w->loop, io_peer_deaf(w->owner.io));
}

static void test_only_a_unix_socket_has_a_user_behind_it(void **state)
{
    struct world *w = *state;
    uid_t uid = geteuid() + 1;
    int fd[2];
    assert_false(io_peer_user(w->owner.io, &uid));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    struct io *io = io_new(w->loop, fd[0], NULL, on_event, &w->owner);
    assert_true(io_peer_user(io, &uid));
    assert_int_equal(uid, geteuid());
    assert_false(io_peer_deaf(io));
    close(fd[1]);
    assert_true(io_peer_deaf(io));
    io_free(io);
    assert_true(io_peer_deaf(io));
}

/* ---- writing ---- */

static void test_a_slow_reader_gets_every_byte_and_then_we_are_drained(void **state)
{
    struct world *w = *state;
    char *data = pattern(BIG);
    struct buf into = {0};
    io_write(w->owner.io, data, BIG / 2);
    io_want_drained(w->owner.io);
    net_run(w->loop, 10);
    assert_string_equal(w->owner.story, "");
    assert_true(io_pending(w->owner.io) > 0);
    io_write(w->owner.io, data + BIG / 2, BIG - BIG / 2); /* while the first half waits */
    net_read(w->loop, w->peer, &into, BIG);
    assert_memory_equal(buf_data(&into), data, BIG);
    UNTIL(w->loop, w->owner.story[0] != '\0');
    net_run(w->loop, 5);
    assert_string_equal(w->owner.story, "R");
    assert_int_equal(io_pending(w->owner.io), 0);
    buf_free(&into);
    free(data);
}

static void test_drained_comes_from_the_loop_though_nothing_was_pending(void **state)
{
    struct world *w = *state;
    io_want_drained(w->owner.io);
    assert_string_equal(w->owner.story, "");
    UNTIL(w->loop, w->owner.story[0] == 'R');
    net_run(w->loop, 5);
    assert_string_equal(w->owner.story, "R");
}

static void test_a_hold_gathers_what_is_written(void **state)
{
    struct world *w = *state;
    io_hold(w->owner.io, true);
    io_write(w->owner.io, "one ", 4);
    net_run(w->loop, 5);
    io_write(w->owner.io, "two", 3);
    net_run(w->loop, 5);
    assert_true(net_silent(w->peer));
    assert_int_equal(io_pending(w->owner.io), 7);
    io_hold(w->owner.io, false);
    assert_string_equal(net_hear(w->loop, w->peer, "two"), "one two");
}

static void test_drained_is_told_though_it_was_asked_for_in_an_empty_hold(void **state)
{
    struct world *w = *state;
    io_hold(w->owner.io, true);
    io_want_drained(w->owner.io);
    net_run(w->loop, 5);
    io_hold(w->owner.io, false);
    UNTIL(w->loop, w->owner.story[0] == 'R');
}

/* ---- the deadline ---- */

static void test_a_deadline_is_told_once_and_the_object_goes_on(void **state)
{
    struct world *w = *state;
    io_deadline(w->owner.io, 10);
    UNTIL(w->loop, w->owner.story[0] == 'T');
    net_run(w->loop, 15);
    io_deadline(w->owner.io, 10);
    io_deadline(w->owner.io, 0);
    net_run(w->loop, 15);
    net_say_text(w->loop, w->peer, "on");
    UNTIL(w->loop, buf_len(&w->owner.got) == 2);
    assert_string_equal(w->owner.story, "TD");
}

/* ---- freeing and closing in every event ---- */

static void bring_about(struct world *w, enum io_event event)
{
    const struct linger now = {.l_onoff = 1};
    switch (event) {
    case IO_DATA:
        net_say_text(w->loop, w->peer, "some bytes");
        break;
    case IO_DRAINED:
        io_write(w->owner.io, "x", 1);
        io_want_drained(w->owner.io);
        break;
    case IO_EOF:
        shutdown(w->peer, SHUT_WR);
        break;
    case IO_FAILED:
        setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(w->peer);
        w->peer = -1;
        break;
    case IO_TIMEOUT:
        io_deadline(w->owner.io, 1);
        break;
    case IO_CONNECTED:
    case IO_SECURED:
        fail();
    }
}

static void close_io(struct owner *owner)
{
    io_write(owner->io, "bye", 3);
    io_close(owner->io, 20);
    owner->io = NULL;
}

static void try_in(void **state, enum io_event event, void (*action)(struct owner *))
{
    struct world *w = *state;
    w->owner.leave = true;
    w->owner.on[event] = action;
    bring_about(w, event);
    UNTIL(w->loop, w->owner.io == NULL);
    net_run(w->loop, 5);
    assert_int_equal(strlen(w->owner.story), 1);
    if (action == close_io && event != IO_FAILED)
        assert_string_equal(net_hear(w->loop, w->peer, "bye") + (event == IO_DRAINED), "bye");
}

static void test_free_in_data(void **state)
{
    try_in(state, IO_DATA, free_io);
}
static void test_free_in_drained(void **state)
{
    try_in(state, IO_DRAINED, free_io);
}
static void test_free_in_eof(void **state)
{
    try_in(state, IO_EOF, free_io);
}
static void test_free_in_failed(void **state)
{
    try_in(state, IO_FAILED, free_io);
}
static void test_free_in_timeout(void **state)
{
    try_in(state, IO_TIMEOUT, free_io);
}
static void test_close_in_data(void **state)
{
    try_in(state, IO_DATA, close_io);
}
static void test_close_in_drained(void **state)
{
    try_in(state, IO_DRAINED, close_io);
}
static void test_close_in_eof(void **state)
{
    try_in(state, IO_EOF, close_io);
}
static void test_close_in_failed(void **state)
{
    try_in(state, IO_FAILED, close_io);
}
static void test_close_in_timeout(void **state)
{
    try_in(state, IO_TIMEOUT, close_io);
}

static void free_victim(struct owner *owner)
{
    io_free(owner->victim);
    owner->victim = NULL;
}

static void test_an_object_freed_by_another_s_event_says_nothing_more(void **state)
{
    struct world *w = *state;
    int fd[2];
    struct owner second = {.loop = w->loop};
    net_pair(fd, false);
    second.io = io_new(w->loop, fd[0], NULL, on_event, &second);
    struct io *second_io = second.io;
    /* Both have data, a deadline and something to write in the same pass; the first to be called
     * frees the other. */
    w->owner.victim = second_io;
    second.victim = w->owner.io;
    w->owner.on[IO_DATA] = second.on[IO_DATA] = free_victim;
    io_write(w->owner.io, "x", 1);
    io_write(second_io, "x", 1);
    io_deadline(w->owner.io, 1);
    io_deadline(second_io, 1);
    usleep(20000);
    net_say_text(NULL, w->peer, "data");
    net_say_text(NULL, fd[1], "data");
    UNTIL(w->loop, w->owner.victim == NULL || second.victim == NULL);
    net_run(w->loop, 5);
    bool first_won = w->owner.victim == NULL;
    assert_true(first_won != (second.victim == NULL));
    assert_null(strchr(first_won ? second.story : w->owner.story, 'D'));
    if (first_won)
        second.io = NULL;
    else
        w->owner.io = NULL;
    io_free(second.io);
    buf_free(&second.got);
    close(fd[1]);
}

static void test_another_owner_hears_the_events_from_then_on(void **state)
{
    struct world *w = *state;
    struct owner second = {.loop = w->loop, .io = w->owner.io};
    net_say_text(w->loop, w->peer, "a");
    UNTIL(w->loop, w->owner.story[0] == 'D');
    io_set_owner(w->owner.io, on_event, &second);
    net_say_text(w->loop, w->peer, "b");
    UNTIL(w->loop, second.story[0] == 'D');
    assert_got(&w->owner, "a");
    assert_got(&second, "b");
    buf_free(&second.got);
}

/* ---- closing ---- */

static void test_close_writes_what_is_pending_then_ends(void **state)
{
    struct world *w = *state;
    char *data = pattern(BIG);
    struct buf into = {0};
    io_hold(w->owner.io, true); /* closing ends a hold */
    io_write(w->owner.io, data, BIG);
    io_close(w->owner.io, 0);
    w->owner.io = NULL;
    assert_true(net_ended(w->loop, w->peer, &into));
    assert_int_equal(buf_len(&into), BIG);
    assert_memory_equal(buf_data(&into), data, BIG);
    assert_string_equal(w->owner.story, "");
    buf_free(&into);
    free(data);
}

static void test_a_lingering_close_is_no_reset_though_the_peer_goes_on_sending(void **state)
{
    struct world *w = *state;
    char *data = pattern(BIG);
    struct buf into = {0};
    io_write(w->owner.io, "421 enough\r\n", 12);
    io_close(w->owner.io, 2000);
    w->owner.io = NULL;
    net_say(w->loop, w->peer, data, BIG); /* nobody refuses it */
    shutdown(w->peer, SHUT_WR);
    assert_true(net_ended(w->loop, w->peer, &into));
    assert_int_equal(buf_len(&into), 12);
    assert_string_equal(w->owner.story, "");
    buf_free(&into);
    free(data);
}

static void test_a_lingering_close_ends_with_its_time(void **state)
{
    struct world *w = *state;
    uint64_t began = net_clock();
    io_close(w->owner.io, 30);
    w->owner.io = NULL;
    assert_true(net_ended(w->loop, w->peer, NULL)); /* our side, at once */
    bool refused = false;
    while (!refused && net_clock() < began + 1000) {
        refused = send(w->peer, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
        net_run(w->loop, 2);
    }
    assert_true(refused);
    assert_true(net_clock() - began >= 30);
}

static void test_close_last_leaves_it_to_the_peer_to_close_first(void **state)
{
    struct world *w = *state;
    io_write(w->owner.io, "QUIT\r\n", 6);
    io_close_last(w->owner.io, 1000);
    w->owner.io = NULL;
    net_hear(w->loop, w->peer, "QUIT\r\n");
    net_run(w->loop, 10);
    assert_true(net_silent(w->peer)); /* no end yet */
    net_say_text(w->loop, w->peer, "221 bye\r\n");
    shutdown(w->peer, SHUT_WR);
    assert_true(net_ended(w->loop, w->peer, NULL));
}

static void test_close_last_does_not_wait_for_ever(void **state)
{
    struct world *w = *state;
    io_write(w->owner.io, "QUIT\r\n", 6);
    io_close_last(w->owner.io, 20);
    w->owner.io = NULL;
    assert_true(net_ended(w->loop, w->peer, NULL));
}

static void test_what_still_closes_goes_with_the_loop(void **state)
{
    struct world *w = *state;
    char *data = pattern(BIG);
    io_write(w->owner.io, data, BIG);
    io_close(w->owner.io, 5000);
    w->owner.io = NULL;
    net_run(w->loop, 2);
    loop_free(w->loop);
    w->loop = NULL;
    net_ended(NULL, w->peer, NULL);
    free(data);
}

static void test_free_drops_what_is_pending(void **state)
{
    struct world *w = *state;
    struct buf into = {0};
    io_write(w->owner.io, "never said", 10);
    free_io(&w->owner);
    assert_true(net_ended(w->loop, w->peer, &into));
    assert_int_equal(buf_len(&into), 0);
    io_free(NULL);
    io_close(NULL, 0);
}

/* ---- dialling ---- */

static void dial(struct world *w, const struct io_route *route)
{
    struct io *io = io_connect(w->loop, route, on_event, &w->owner);
    w->owner.io = io;
}

static void test_a_connection_stands_with_the_first_byte_heard(void **state)
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    dial(w, &route);
    w->peer = net_accept(w->loop, listener);
    net_say_text(w->loop, w->peer, "220 hello");
    UNTIL(w->loop, buf_len(&w->owner.got) == 9);
    assert_string_equal(w->owner.story, "CD");
    assert_int_equal(io_peer(w->owner.io)->port, route.to.port);
    struct addr local = io_local(w->owner.io);
    assert_true(addr_same_ip(&local, &route.to));
    assert_int_not_equal(local.port, 0);
    close(listener);
}

static void test_what_is_written_before_the_connection_stands_arrives(void **state)
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    dial(w, &route);
    io_write(w->owner.io, "PROXY", 5);
    w->peer = net_accept(w->loop, listener);
    assert_string_equal(net_hear(w->loop, w->peer, "PROXY"), "PROXY");
    close(w->peer);
    w->peer = -1;
    UNTIL(w->loop, strchr(w->owner.story, 'E') != NULL);
    assert_string_equal(w->owner.story, "CE");
    close(listener);
}

static void test_a_refused_connection_fails_from_the_loop(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        const struct io_route route = {.to = net_closed_port()};
        memset(w->owner.story, 0, sizeof w->owner.story);
        dial(w, &route);
        if (i == 1)
            io_write(w->owner.io, "early", 5);
        UNTIL(w->loop, w->owner.story[0] != '\0');
        net_run(w->loop, 3);
        assert_string_equal(w->owner.story, "F");
        assert_string_equal(io_error(w->owner.io), "Connection refused");
        assert_false(io_local_fault(w->owner.io));
        free_io(&w->owner);
    }
}

static struct io_route foreign_source(void)
{
    struct io_route route = {.to = net_loopback(25)};
    assert_true(addr_parse_ip("192.0.2.1", &route.from));
    return route;
}

static void test_a_source_that_is_not_ours_fails_from_the_loop(void **state)
{
    struct world *w = *state;
    const struct io_route route = foreign_source();
    dial(w, &route);
    io_deadline(w->owner.io, 5);
    io_write(w->owner.io, "early", 5);
    assert_string_equal(w->owner.story, "");
    UNTIL(w->loop, w->owner.story[0] != '\0');
    assert_string_equal(io_error(w->owner.io), "Cannot assign requested address");
    assert_true(io_local_fault(w->owner.io)); /* the peer is not to blame */
    net_run(w->loop, 10);
    assert_string_equal(w->owner.story, "F");
    assert_int_equal(io_local(w->owner.io).family, AF_UNSPEC);
}

static void test_a_failed_dial_may_be_paused_closed_or_freed_before_it_is_told(void **state)
{
    struct world *w = *state;
    const struct io_route route = foreign_source();
    dial(w, &route);
    io_pause(w->owner.io);
    io_resume(w->owner.io);
    UNTIL(w->loop, w->owner.story[0] == 'F');
    free_io(&w->owner);
    dial(w, &route);
    free_io(&w->owner);
    net_run(w->loop, 3);
    dial(w, &route);
    io_close(w->owner.io, 100);
    w->owner.io = NULL;
    net_run(w->loop, 3);
    assert_string_equal(w->owner.story, "F");
}

static void test_free_in_failed_of_a_dial(void **state)
{
    struct world *w = *state;
    const struct io_route bad = foreign_source();
    const struct io_route refused = {.to = net_closed_port()};
    w->owner.on[IO_FAILED] = free_io;
    dial(w, &bad);
    UNTIL(w->loop, w->owner.io == NULL);
    dial(w, &refused);
    UNTIL(w->loop, w->owner.io == NULL);
    assert_string_equal(w->owner.story, "FF");
}

static void free_or_close_when_connected(void **state, void (*action)(struct owner *))
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    w->owner.on[IO_CONNECTED] = action;
    dial(w, &route);
    w->peer = net_accept(w->loop, listener);
    net_say_text(w->loop, w->peer, "220 hello");
    UNTIL(w->loop, w->owner.io == NULL);
    net_run(w->loop, 3);
    assert_string_equal(w->owner.story, "C");
    close(listener);
}

static void test_free_in_connected(void **state)
{
    free_or_close_when_connected(state, free_io);
}

static void test_close_in_connected(void **state)
{
    free_or_close_when_connected(state, close_io);
}

static void pause_io(struct owner *owner)
{
    io_pause(owner->io);
}

static void test_a_pause_in_connected_keeps_the_first_bytes(void **state)
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    w->owner.on[IO_CONNECTED] = pause_io;
    dial(w, &route);
    w->peer = net_accept(w->loop, listener);
    net_say_text(w->loop, w->peer, "220 hello");
    UNTIL(w->loop, w->owner.story[0] == 'C');
    net_run(w->loop, 5);
    assert_string_equal(w->owner.story, "C");
    io_resume(w->owner.io);
    UNTIL(w->loop, buf_len(&w->owner.got) == 9);
    close(listener);
}

static void test_a_dial_may_be_closed_before_it_stands(void **state)
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    dial(w, &route);
    io_write(w->owner.io, "last words", 10);
    io_close(w->owner.io, 50);
    w->owner.io = NULL;
    w->peer = net_accept(w->loop, listener);
    struct buf into = {0};
    assert_true(net_ended(w->loop, w->peer, &into));
    assert_int_equal(buf_len(&into), 10);
    buf_free(&into);
    assert_string_equal(w->owner.story, "");
    close(listener);
}

#define CASE(name)       cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_SMALL(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)
#define CASE_ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_bytes_arrive_then_the_end_once),
        CASE(test_what_is_not_consumed_comes_again_with_the_next_bytes),
        CASE(test_a_megabyte_arrives_whole),
        CASE(test_data_and_end_in_a_pause_come_after_it_in_order),
        CASE(test_a_pause_in_the_data_event_keeps_the_rest),
        CASE(test_buffered_bytes_are_given_after_the_end_too),
        CASE(test_a_reset_is_a_failure_told_once_and_last),
        CASE(test_writing_to_one_who_has_gone_fails_from_the_loop),
        CASE(test_a_peer_has_gone_when_nothing_of_it_is_left_to_read),
        CASE(test_a_peer_that_resets_has_gone),
        CASE(test_a_peer_is_deaf_only_when_both_ways_are_closed),
        CASE(test_only_a_unix_socket_has_a_user_behind_it),
        CASE_SMALL(test_a_slow_reader_gets_every_byte_and_then_we_are_drained),
        CASE(test_drained_comes_from_the_loop_though_nothing_was_pending),
        CASE(test_a_hold_gathers_what_is_written),
        CASE(test_drained_is_told_though_it_was_asked_for_in_an_empty_hold),
        CASE(test_a_deadline_is_told_once_and_the_object_goes_on),
        CASE(test_free_in_data),
        CASE(test_free_in_drained),
        CASE(test_free_in_eof),
        CASE(test_free_in_failed),
        CASE(test_free_in_timeout),
        CASE(test_close_in_data),
        CASE(test_close_in_drained),
        CASE(test_close_in_eof),
        CASE(test_close_in_failed),
        CASE(test_close_in_timeout),
        CASE(test_an_object_freed_by_another_s_event_says_nothing_more),
        CASE(test_another_owner_hears_the_events_from_then_on),
        CASE_SMALL(test_close_writes_what_is_pending_then_ends),
        CASE(test_a_lingering_close_is_no_reset_though_the_peer_goes_on_sending),
        CASE(test_a_lingering_close_ends_with_its_time),
        CASE(test_close_last_leaves_it_to_the_peer_to_close_first),
        CASE(test_close_last_does_not_wait_for_ever),
        CASE_SMALL(test_what_still_closes_goes_with_the_loop),
        CASE(test_free_drops_what_is_pending),
        CASE_ALONE(test_a_connection_stands_with_the_first_byte_heard),
        CASE_ALONE(test_what_is_written_before_the_connection_stands_arrives),
        CASE_ALONE(test_a_refused_connection_fails_from_the_loop),
        CASE_ALONE(test_a_source_that_is_not_ours_fails_from_the_loop),
        CASE_ALONE(test_a_failed_dial_may_be_paused_closed_or_freed_before_it_is_told),
        CASE_ALONE(test_free_in_failed_of_a_dial),
        CASE_ALONE(test_free_in_connected),
        CASE_ALONE(test_close_in_connected),
        CASE_ALONE(test_a_pause_in_connected_keeps_the_first_bytes),
        CASE_ALONE(test_a_dial_may_be_closed_before_it_stands),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
