/* SPDX-License-Identifier: ISC */
/* pool_test: which connections are kept, for whom, and for how long. */
#include "proxy/pool.h"

#include "lib/mem.h"
#include "tests/unit/support/fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct fake *fake;
    struct pool *pool;
    struct client_view view;
    int fd[4]; /* the backend's ends */
};

static struct world *world_new(const char *backend)
{
    struct world *w = mem_alloc(sizeof *w);
    w->fake = fake_new(1, backend, "");
    w->pool = pool_new(w->fake->loop);
    w->view = (struct client_view){.helo = "client.example", .ident = "id"};
    assert_true(addr_parse_ip("192.0.2.9", &w->view.client));
    assert_true(addr_parse_ip("198.51.100.1", &w->view.server));
    memset(w->fd, -1, sizeof w->fd);
    return w;
}

static void world_free(struct world *w)
{
    pool_free(w->pool);
    fake_free(w->fake);
    for (size_t i = 0; i < 4; i++)
        if (w->fd[i] >= 0)
            close(w->fd[i]);
    free(w);
}

static void count_ready(struct backend_conn *conn, enum backend_event event, int tag,
                        const struct backend_reply *reply, void *arg)
{
    (void)conn, (void)tag, (void)reply;
    *(int *)arg += event == BACKEND_READY ? 1 : 100;
}

/* A connection that is ready; its other end is w->fd[index]. */
static struct backend_conn *fresh(struct world *w, size_t index)
{
    static int ready;
    const struct backend_dial dial = {.loop = w->fake->loop,
                                      .setup = w->fake->setup,
                                      .to = w->fake->address[0],
                                      .view = &w->view};
    ready = 0;
    struct backend_conn *conn = backend_conn_new(&dial, count_ready, &ready);
    w->fd[index] = fake_accept(w->fake, 0);
    net_say_text(w->fake->loop, w->fd[index], "220 x\r\n");
    net_hear(w->fake->loop, w->fd[index], "\r\n");
    net_say_text(w->fake->loop, w->fd[index], "250-x\r\n250 PIPELINING\r\n");
    UNTIL(w->fake->loop, ready == 1);
    return conn;
}

static struct backend_conn *take(struct world *w, size_t *messages)
{
    size_t count = 0;
    return pool_take(w->pool, w->fake->setup, 0, &w->view, messages != NULL ? messages : &count);
}

/* The backend hears QUIT and nothing else. */
static void assert_quit(struct world *w, size_t index)
{
    fake_answer(w->fake, w->fd[index], "QUIT\r\n", "221 bye\r\n");
    shutdown(w->fd[index], SHUT_WR);
    assert_true(net_ended(w->fake->loop, w->fd[index], NULL));
}

static void test_a_kept_connection_is_given_out_once_with_its_count(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    size_t messages = 0;
    assert_null(take(w, NULL));
    struct backend_conn *conn = fresh(w, 0);
    pool_put(w->pool, conn, false, 3);
    net_run(w->fake->loop, 5);
    assert_true(net_silent(w->fd[0])); /* nothing to reset */
    assert_ptr_equal(take(w, &messages), conn);
    assert_int_equal(messages, 3);
    assert_null(take(w, NULL));
    backend_conn_free(conn);
    pool_put(w->pool, NULL, false, 0);
    world_free(w);
}

static void test_the_one_used_last_goes_first(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    struct backend_conn *first = fresh(w, 0), *second = fresh(w, 1);
    pool_put(w->pool, first, false, 0);
    pool_put(w->pool, second, false, 0);
    assert_ptr_equal(take(w, NULL), second);
    assert_ptr_equal(take(w, NULL), first);
    backend_conn_free(first);
    backend_conn_free(second);
    world_free(w);
}

static void test_an_open_transaction_is_reset_first(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    struct backend_conn *conn = fresh(w, 0);
    pool_put(w->pool, conn, true, 0);
    assert_null(take(w, NULL)); /* not before the reply */
    fake_answer(w->fake, w->fd[0], "RSET\r\n", "250 ok\r\n");
    struct backend_conn *got = NULL;
    UNTIL(w->fake->loop, (got = take(w, NULL)) != NULL);
    assert_ptr_equal(got, conn);
    backend_conn_free(conn);
    world_free(w);
}

/* What the backend does while it is kept; it must never be given out again. */
static void test_one_that_says_or_does_anything_is_dropped(void **state)
{
    static const struct {
        bool dirty;
        const char *says; /* NULL: closes */
    } cases[] = {{false, NULL},
                 {false, "421 idle too long\r\n"},
                 {false, "250 hello\r\n"},
                 {true, "502 what\r\n"},
                 {true, "421 bye\r\n"},
                 {true, "gibberish\r\n"},
                 {true, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = world_new("reuse = yes");
        pool_put(w->pool, fresh(w, 0), cases[i].dirty, 0);
        if (cases[i].dirty)
            net_hear(w->fake->loop, w->fd[0], "RSET\r\n");
        if (cases[i].says != NULL)
            net_say_text(w->fake->loop, w->fd[0], cases[i].says);
        else
            shutdown(w->fd[0], SHUT_WR);
        assert_true(net_ended(w->fake->loop, w->fd[0], NULL));
        if (take(w, NULL) != NULL)
            fail_msg("case %zu", i);
        world_free(w);
    }
}

static void test_one_that_does_not_answer_rset_is_dropped(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    w->fake->config->timeouts.backend_reply = 30;
    pool_put(w->pool, fresh(w, 0), true, 0);
    net_hear(w->fake->loop, w->fd[0], "RSET\r\n");
    assert_true(net_ended(w->fake->loop, w->fd[0], NULL));
    world_free(w);
}

/* Too many messages, too many errors, no reuse: QUIT. */
static void test_what_may_not_be_kept_hears_quit(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = no");
    pool_put(w->pool, fresh(w, 0), false, 0);
    assert_quit(w, 0);
    world_free(w);
    w = world_new("reuse = yes reuse-messages = 5");
    pool_put(w->pool, fresh(w, 0), false, 5);
    assert_quit(w, 0);
    world_free(w);
    w = world_new("reuse = yes");
    w->fake->config->backend[0].reuse_age = 1;
    struct backend_conn *conn = fresh(w, 0);
    net_run(w->fake->loop, 3);
    pool_put(w->pool, conn, false, 0);
    assert_quit(w, 0);
    world_free(w);
    w = world_new("reuse = yes reuse-connections = 1");
    pool_put(w->pool, fresh(w, 0), false, 0);
    pool_put(w->pool, fresh(w, 1), false, 0);
    assert_quit(w, 1);
    assert_true(net_silent(w->fd[0]));
    world_free(w);
}

static void test_one_that_owes_a_reply_is_closed(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    struct backend_conn *conn = fresh(w, 0);
    backend_conn_send(conn, 1, "DATA\r\n", 6, 1000);
    pool_put(w->pool, conn, false, 0);
    struct buf into = {0};
    assert_true(net_ended(w->fake->loop, w->fd[0], &into));
    assert_int_equal(buf_len(&into), 0); /* not even said: it was still ours */
    assert_null(take(w, NULL));
    world_free(w);
}

static void test_an_idle_one_is_not_given_out_and_then_hears_quit(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    w->fake->config->backend[0].reuse_idle = 20;
    pool_put(w->pool, fresh(w, 0), false, 0);
    net_run(w->fake->loop, 25);
    assert_null(take(w, NULL));
    assert_quit(w, 0); /* by the sweep, within a second */
    world_free(w);
}

static void test_another_client_where_it_is_named_gets_none(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes client-address = proxy-v1");
    struct backend_conn *conn = fresh(w, 0);
    pool_put(w->pool, conn, false, 0);
    struct client_view other = w->view;
    size_t messages = 0;
    assert_true(addr_parse_ip("192.0.2.8", &other.client));
    assert_null(pool_take(w->pool, w->fake->setup, 0, &other, &messages));
    other = w->view;
    other.helo = "other.example";
    assert_null(pool_take(w->pool, w->fake->setup, 0, &other, &messages));
    assert_null(pool_take(w->pool, w->fake->setup, 1, &w->view, &messages)); /* another backend */
    assert_ptr_equal(take(w, NULL), conn);
    backend_conn_free(conn);
    world_free(w);
}

static void test_those_of_an_older_setup_are_not_given_out_and_go(void **state)
{
    (void)state;
    struct world *w = world_new("reuse = yes");
    struct setup *newer = fake_setup(w->fake->server, "hostname = mx.example.org\n"
                                                      "state-dir = \"/tmp\"\n"
                                                      "listen mx { address = {\"127.0.0.1:25\"} }\n"
                                                      "backend main { address = {\"127.0.0.1:1\"} "
                                                      "reuse = yes }\n"
                                                      "relay { domains = {\"example.org\"} }\n");
    size_t messages = 0;
    pool_put(w->pool, fresh(w, 0), false, 0);
    assert_null(pool_take(w->pool, newer, 0, &w->view, &messages));
    pool_clear(w->pool);
    assert_quit(w, 0);
    setup_unref(newer);
    pool_free(NULL);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kept_connection_is_given_out_once_with_its_count),
        cmocka_unit_test(test_the_one_used_last_goes_first),
        cmocka_unit_test(test_an_open_transaction_is_reset_first),
        cmocka_unit_test(test_one_that_says_or_does_anything_is_dropped),
        cmocka_unit_test(test_one_that_does_not_answer_rset_is_dropped),
        cmocka_unit_test(test_what_may_not_be_kept_hears_quit),
        cmocka_unit_test(test_one_that_owes_a_reply_is_closed),
        cmocka_unit_test(test_an_idle_one_is_not_given_out_and_then_hears_quit),
        cmocka_unit_test(test_another_client_where_it_is_named_gets_none),
        cmocka_unit_test(test_those_of_an_older_setup_are_not_given_out_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
