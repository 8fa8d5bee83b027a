/* SPDX-License-Identifier: ISC */
/*
 * io_detach_test: what becomes of a connection whose descriptor is taken out of its I/O object, and
 * which objects keep theirs.
 */
#include "lib/io.h"

#include "lib/loop.h"
#include "tests/unit/support/net.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct loop *loop;
    struct io *io;
    int peer;
    int taken;           /* what io_detach gave */
    bool take;           /* at the next event */
    const char *write;   /* before that */
    unsigned told;       /* events */
    enum io_event event; /* the last one */
};

static void on_event(struct io *io, enum io_event event, void *arg)
{
    struct world *w = arg;
    w->told++;
    w->event = event;
    if (!w->take)
        return;
    if (w->write != NULL)
        io_write(io, w->write, strlen(w->write));
    w->taken = io_detach(io);
    w->io = w->taken < 0 ? io : NULL;
}

static int setup(void **state)
{
    int fd[2];
    struct world *w = calloc(1, sizeof *w);
    const struct addr peer = net_loopback(0);
    w->loop = loop_new();
    net_pair(fd, true);
    w->peer = fd[1];
    w->taken = -1;
    w->io = io_new(w->loop, fd[0], &peer, on_event, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    io_free(w->io);
    close(w->peer);
    if (w->taken >= 0)
        close(w->taken);
    loop_free(w->loop);
    free(w);
    return 0;
}

static void take(struct world *w)
{
    w->taken = io_detach(w->io);
    assert_true(w->taken >= 0);
    w->io = NULL;
}

static void assert_works(struct world *w)
{
    char byte = 0;
    assert_true((fcntl(w->taken, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(send(w->taken, "x", 1, MSG_NOSIGNAL), 1);
    UNTIL(w->loop, recv(w->peer, &byte, 1, MSG_DONTWAIT) == 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(send(w->peer, "y", 1, MSG_NOSIGNAL), 1);
    UNTIL(w->loop, recv(w->taken, &byte, 1, MSG_DONTWAIT) == 1);
    assert_int_equal(byte, 'y');
}

static void test_the_connection_stands_and_the_loop_knows_it_no_more(void **state)
{
    struct world *w = *state;
    loop_poll(w->loop);
    take(w);
    net_say_text(w->loop, w->peer, "z");
    net_run(w->loop, 5);
    assert_int_equal(w->told, 0);
    char byte;
    assert_int_equal(recv(w->taken, &byte, 1, MSG_DONTWAIT), 1); /* nobody else has read it */
    assert_works(w);
}

static void test_what_was_written_goes_out_first(void **state)
{
    struct world *w = *state;
    io_hold(w->io, true);
    io_write(w->io, "220-held\r\n", 10);
    take(w);
    assert_string_equal(net_hear(w->loop, w->peer, "\r\n"), "220-held\r\n");
    assert_works(w);
}

static void test_in_the_data_event_with_a_reply_just_written(void **state)
{
    struct world *w = *state;
    w->take = true;
    w->write = "250-reply\r\n";
    net_say_text(w->loop, w->peer, "EHLO x\r\n");
    UNTIL(w->loop, w->told > 0);
    assert_true(w->taken >= 0);
    net_run(w->loop, 5);
    assert_int_equal(w->told, 1);
    assert_string_equal(net_hear(w->loop, w->peer, "\r\n"), "250-reply\r\n");
    assert_works(w);
}

static void test_in_the_end_event(void **state)
{
    struct world *w = *state;
    w->take = true;
    shutdown(w->peer, SHUT_WR);
    UNTIL(w->loop, w->told > 0);
    assert_int_equal(w->event, IO_EOF);
    assert_true(w->taken >= 0);
}

static void test_in_the_timeout_event(void **state)
{
    struct world *w = *state;
    w->take = true;
    io_deadline(w->io, 1);
    UNTIL(w->loop, w->told > 0);
    assert_int_equal(w->event, IO_TIMEOUT);
    assert_works(w);
}

static void test_a_reader_too_slow_for_what_is_pending_keeps_the_object(void **state)
{
    struct world *w = *state;
    const size_t big = 1u << 20;
    char *data = calloc(1, big);
    struct buf into = {0};
    memset(data, 'a', big);
    io_write(w->io, data, big);
    assert_int_equal(io_detach(w->io), -1);
    io_write(w->io, "end\r\n", 5);
    net_read(w->loop, w->peer, &into, big + 5); /* every byte, in order */
    assert_memory_equal(buf_data(&into), data, big);
    assert_memory_equal(buf_data(&into) + big, "end\r\n", 5);
    take(w);
    assert_works(w);
    buf_free(&into);
    free(data);
}

static void test_a_connection_that_broke_keeps_the_object_and_fails_from_the_loop(void **state)
{
    struct world *w = *state;
    const struct linger reset = {.l_onoff = 1};
    setsockopt(w->peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(w->peer);
    w->peer = dup(0); /* for teardown */
    io_write(w->io, "x", 1);
    assert_int_equal(io_detach(w->io), -1);
    assert_int_equal(w->told, 0);
    UNTIL(w->loop, w->told > 0);
    assert_int_equal(w->event, IO_FAILED);
    assert_int_equal(io_detach(w->io), -1);
}

static void test_a_dial_that_does_not_stand_yet_keeps_the_object(void **state)
{
    struct world *w = *state;
    struct io_route route = {0};
    int listener = net_listen(&route.to);
    struct io *dial = io_connect(w->loop, &route, on_event, w);
    assert_int_equal(io_detach(dial), -1);
    io_free(dial);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(test_the_connection_stands_and_the_loop_knows_it_no_more),
        CASE(test_what_was_written_goes_out_first),
        CASE(test_in_the_data_event_with_a_reply_just_written),
        CASE(test_in_the_end_event),
        CASE(test_in_the_timeout_event),
        CASE(test_a_reader_too_slow_for_what_is_pending_keeps_the_object),
        CASE(test_a_connection_that_broke_keeps_the_object_and_fails_from_the_loop),
        CASE(test_a_dial_that_does_not_stand_yet_keeps_the_object),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
