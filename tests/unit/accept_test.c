/* SPDX-License-Identifier: ISC */
/*
 * accept_test: listening sockets: what is accepted, what advice a failure gives, and that running
 * out of descriptors pauses instead of spinning.
 */
#include "lib/accept.h"

#include "lib/io.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "tests/unit/support/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct loop *loop;
    struct acceptor *acceptor;
    struct addr address;
    int listener;
    struct io *io[8];
    size_t accepted;
    size_t paused;
    char *why;
    bool drop; /* free what is accepted at once */
    bool stop; /* free the acceptor in its own callbacks */
};

static void nothing(struct io *io, enum io_event event, void *arg)
{
    (void)io, (void)event, (void)arg;
}

static void stop(struct world *w)
{
    if (!w->stop)
        return;
    acceptor_free(w->acceptor);
    w->acceptor = NULL;
}

static void on_accept(struct io *io, void *arg)
{
    struct world *w = arg;
    if (w->drop || w->accepted == sizeof w->io / sizeof *w->io) {
        io_free(io);
    } else {
        io_set_owner(io, nothing, w);
        w->io[w->accepted] = io;
    }
    w->accepted++;
    stop(w);
}

static void on_pause(const char *why, void *arg)
{
    struct world *w = arg;
    w->paused++;
    free(w->why);
    w->why = mem_strdup(why);
    stop(w);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char *why = NULL;
    w->loop = loop_new();
    const struct addr closed = net_closed_port();
    w->listener = accept_listen(&closed, false, &why);
    assert_true(w->listener >= 0);
    assert_true(accept_adopt(w->listener, &w->address));
    assert_int_equal(w->address.port, closed.port);
    w->acceptor = acceptor_new(w->loop, w->listener, on_accept, on_pause, w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    acceptor_free(w->acceptor);
    for (size_t i = 0; i < sizeof w->io / sizeof *w->io; i++)
        io_free(w->io[i]);
    close(w->listener);
    loop_free(w->loop);
    free(w->why);
    free(w);
    return 0;
}

static int dial(const struct addr *to)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void test_connections_are_accepted_and_know_their_peer(void **state)
{
    struct world *w = *state;
    int fd[3];
    for (size_t i = 0; i < 3; i++)
        fd[i] = dial(&w->address);
    UNTIL(w->loop, w->accepted == 3);
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_in sa;
        socklen_t len = sizeof sa;
        assert_int_equal(getsockname(fd[i], (struct sockaddr *)&sa, &len), 0);
        assert_int_equal(io_peer(w->io[i])->port, ntohs(sa.sin_port));
        struct addr local = io_local(w->io[i]);
        assert_int_equal(local.port, w->address.port);
        io_write(w->io[i], "220 x", 5);
        assert_string_equal(net_hear(w->loop, fd[i], "x"), "220 x");
        close(fd[i]);
    }
    assert_int_equal(w->paused, 0);
}

static void test_an_accepted_connection_may_be_freed_at_once(void **state)
{
    struct world *w = *state;
    w->drop = true;
    int fd = dial(&w->address);
    assert_true(net_ended(w->loop, fd, NULL));
    assert_int_equal(w->accepted, 1);
    close(fd);
}

static void test_an_acceptor_may_be_freed_in_its_own_callback(void **state)
{
    struct world *w = *state;
    w->stop = true;
    int fd[2] = {dial(&w->address), dial(&w->address)};
    UNTIL(w->loop, w->acceptor == NULL);
    net_run(w->loop, 10);
    assert_int_equal(w->accepted, 1); /* the other still waits: the descriptor is the caller's */
    w->stop = false;
    w->acceptor = acceptor_new(w->loop, w->listener, on_accept, on_pause, w);
    UNTIL(w->loop, w->accepted == 2);
    close(fd[0]);
    close(fd[1]);
}

static void test_two_loops_share_a_listener(void **state)
{
    struct world *w = *state;
    struct world other = {.loop = loop_new()};
    other.acceptor = acceptor_new(other.loop, w->listener, on_accept, on_pause, &other);
    int fd[4];
    for (size_t i = 0; i < 4; i++)
        fd[i] = dial(&w->address);
    UNTIL(w->loop, (loop_poll(other.loop), w->accepted + other.accepted == 4));
    assert_int_equal(w->paused + other.paused, 0); /* the slower one finds nothing: no fault */
    for (size_t i = 0; i < 4; i++) {
        close(fd[i]);
        io_free(other.io[i]);
    }
    acceptor_free(other.acceptor);
    loop_free(other.loop);
}

/* Lets no more descriptors be opened than are now. */
static struct rlimit run_out(void)
{
    struct rlimit old;
    int next = dup(0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct rlimit low = {(rlim_t)next, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    return old;
}

static void test_without_descriptors_it_pauses_and_comes_back(void **state)
{
    struct world *w = *state;
    int fd = dial(&w->address);
    struct rlimit old = run_out();
    uint64_t began = net_clock();
    UNTIL(w->loop, w->paused == 1);
    assert_string_equal(w->why, strerrordesc_np(EMFILE));
    net_run(w->loop, 60);
    assert_int_equal(w->paused, 1); /* not a spin */
    setrlimit(RLIMIT_NOFILE, &old);
    UNTIL(w->loop, w->accepted == 1);
    assert_true(net_clock() - began >= 100);
    assert_int_equal(w->paused, 1);
    close(fd);
}

static void test_an_acceptor_may_be_freed_in_its_pause(void **state)
{
    struct world *w = *state;
    w->stop = true;
    int fd = dial(&w->address);
    struct rlimit old = run_out();
    UNTIL(w->loop, w->acceptor == NULL);
    setrlimit(RLIMIT_NOFILE, &old);
    net_run(w->loop, 120);
    assert_int_equal(w->accepted, 0);
    close(fd);
    acceptor_free(NULL);
}

static void test_a_listener_speaks_without_delay_and_first(void **state)
{
    struct world *w = *state;
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(w->listener, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    assert_true(value != 0);
    assert_int_equal(getsockopt(w->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &value, &len), 0);
    assert_int_equal(value, 0);
}

static void test_a_port_in_use_is_named_with_advice(void **state)
{
    struct world *w = *state;
    char *why = NULL;
    char text[ADDR_TEXT_MAX];
    assert_int_equal(accept_listen(&w->address, false, &why), -1);
    assert_non_null(strstr(why, addr_text(&w->address, text)));
    assert_non_null(strstr(why, "Address already in use"));
    assert_non_null(strstr(why, "choose another"));
    free(why);
}

static void test_an_address_that_is_not_ours_is_named_with_advice(void **state)
{
    (void)state;
    char *why = NULL;
    struct addr foreign = {0};
    assert_true(addr_parse_ip("192.0.2.1", &foreign));
    foreign.port = 2525;
    assert_int_equal(accept_listen(&foreign, false, &why), -1);
    assert_non_null(strstr(why, "192.0.2.1:2525"));
    assert_non_null(strstr(why, "an address of this machine"));
    free(why);
}

static void test_both_families_may_have_the_same_port(void **state)
{
    (void)state;
    char *why = NULL;
    struct addr six = {0}, four = {0};
    assert_true(addr_parse_ip("::", &six));
    assert_true(addr_parse_ip("0.0.0.0", &four));
    six.port = four.port = net_closed_port().port;
    int a = accept_listen(&six, false, &why);
    if (a < 0)
        skip(); /* no IPv6 on this machine */
    int b = accept_listen(&four, false, &why);
    assert_true(b >= 0);
    close(a);
    close(b);
}

static void test_only_a_listening_socket_has_an_address_to_listen_on(void **state)
{
    (void)state;
    struct addr out;
    int fd[2];
    net_pair(fd, false);
    assert_false(accept_adopt(fd[0], &out));
    assert_false(accept_adopt(-1, &out));
    close(fd[0]);
    close(fd[1]);
    assert_int_equal(pipe(fd), 0);
    assert_false(accept_adopt(fd[0], &out));
    close(fd[0]);
    close(fd[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_connections_are_accepted_and_know_their_peer),
        CASE(test_an_accepted_connection_may_be_freed_at_once),
        CASE(test_an_acceptor_may_be_freed_in_its_own_callback),
        CASE(test_two_loops_share_a_listener),
        CASE(test_without_descriptors_it_pauses_and_comes_back),
        CASE(test_an_acceptor_may_be_freed_in_its_pause),
        CASE(test_a_listener_speaks_without_delay_and_first),
        CASE(test_a_port_in_use_is_named_with_advice),
        cmocka_unit_test(test_an_address_that_is_not_ours_is_named_with_advice),
        cmocka_unit_test(test_both_families_may_have_the_same_port),
        cmocka_unit_test(test_only_a_listening_socket_has_an_address_to_listen_on),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
