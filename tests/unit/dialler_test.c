/* SPDX-License-Identifier: ISC */
/* dialler_test: which address is tried when, and that there is one answer, from the loop. */
#include "proxy/dialler.h"

#include "tests/unit/support/fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct client_view nobody = {.ident = "id"};

struct asker {
    struct dialler *dialler;
    struct backend_conn *conn;
    char why[256];
    int answers;
};

static void on_dialled(struct backend_conn *conn, const char *why, void *arg)
{
    struct asker *asker = arg;
    assert_non_null(asker->dialler); /* so not inside dialler_ask() */
    asker->dialler = NULL;
    asker->conn = conn;
    asker->answers++;
    snprintf(asker->why, sizeof asker->why, "%s", why != NULL ? why : "");
}

static void ask(struct fake *fake, struct asker *asker)
{
    memset(asker, 0, sizeof *asker);
    struct dialler *dialler = dialler_ask(fake->loop, fake->setup, 0, &nobody, on_dialled, asker);
    asker->dialler = dialler;
}

/* Dials once; the index of the address that got the connection. */
static size_t goes_to(struct fake *fake)
{
    struct asker asker;
    ask(fake, &asker);
    for (size_t i = 0; i < FAKE_ADDRESSES * 1000; i++) {
        int fd = fake->listener[i % FAKE_ADDRESSES] < 0
                     ? -1
                     : accept4(fake->listener[i % FAKE_ADDRESSES], NULL, NULL, SOCK_NONBLOCK);
        net_turn(fake->loop);
        if (fd < 0)
            continue;
        net_say_text(fake->loop, fd, "220 x\r\n");
        fake_ehlo(fake, fd, "mx.example.org", "DSN");
        UNTIL(fake->loop, asker.answers == 1);
        assert_non_null(asker.conn);
        backend_conn_free(asker.conn);
        close(fd);
        return i % FAKE_ADDRESSES;
    }
    dialler_cancel(asker.dialler);
    return FAKE_ADDRESSES;
}

static void shut(struct fake *fake, size_t index)
{
    close(fake->listener[index]);
    fake->listener[index] = -1;
}

static void test_ordered_begins_with_the_first(void **state)
{
    (void)state;
    struct fake *fake = fake_new(3, "balance = ordered", "");
    for (int i = 0; i < 3; i++)
        assert_int_equal(goes_to(fake), 0);
    fake_free(fake);
}

static void test_round_robin_takes_turns(void **state)
{
    (void)state;
    struct fake *fake = fake_new(3, "balance = round-robin", "");
    unsigned seen = 0;
    for (int i = 0; i < 3; i++)
        seen |= 1u << goes_to(fake);
    assert_int_equal(seen, 7);
    fake_free(fake);
}

static void test_an_address_that_is_down_is_passed_over_and_rests(void **state)
{
    (void)state;
    struct fake *fake = fake_new(3, "", "");
    shut(fake, 0);
    assert_int_equal(goes_to(fake), 1);
    assert_false(health_usable(fake->setup->health[0][0], loop_now(fake->loop)));
    assert_true(health_usable(fake->setup->health[0][1], loop_now(fake->loop)));
    assert_int_equal(goes_to(fake), 1);
    fake_free(fake);
}

static void test_addresses_at_rest_are_tried_last_not_never(void **state)
{
    (void)state;
    struct fake *fake = fake_new(2, "", "");
    health_bad(fake->setup->health[0][0], loop_now(fake->loop));
    assert_int_equal(goes_to(fake), 1);
    health_bad(fake->setup->health[0][1], loop_now(fake->loop));
    shut(fake, 1);
    assert_int_equal(goes_to(fake), 0);
    assert_true(health_usable(fake->setup->health[0][0], loop_now(fake->loop))); /* it answered */
    fake_free(fake);
}

static void test_each_is_tried_once_and_the_last_one_s_words_are_told(void **state)
{
    (void)state;
    struct fake *fake = fake_new(3, "", "");
    struct asker asker;
    shut(fake, 0);
    ask(fake, &asker);
    for (size_t i = 1; i < 3; i++) {
        int fd = fake_accept(fake, i);
        net_say_text(fake->loop, fd, i == 1 ? "421 one is busy\r\n" : "554 two says no\r\n");
        UNTIL(fake->loop, i == 1 || asker.answers == 1);
        close(fd);
    }
    assert_null(asker.conn);
    assert_non_null(strstr(asker.why, "two says no"));
    net_run(fake->loop, 5);
    assert_int_equal(asker.answers, 1);
    fake_free(fake);
}

static void test_a_silent_address_gives_way_after_its_time(void **state)
{
    (void)state;
    struct fake *fake = fake_new(2, "", "");
    fake->config->timeouts.backend_connect = 30;
    struct asker asker;
    ask(fake, &asker);
    int silent = fake_accept(fake, 0);
    int fd = fake_accept(fake, 1);
    net_say_text(fake->loop, fd, "220 x\r\n");
    fake_ehlo(fake, fd, "mx.example.org", "DSN");
    UNTIL(fake->loop, asker.answers == 1);
    assert_non_null(asker.conn);
    backend_conn_free(asker.conn);
    close(silent);
    close(fd);
    fake_free(fake);
}

static void test_after_a_cancel_no_answer_comes(void **state)
{
    (void)state;
    struct fake *fake = fake_new(2, "", "");
    struct asker asker;
    ask(fake, &asker);
    int fd = fake_accept(fake, 0);
    net_say_text(fake->loop, fd, "220 x\r\n");
    dialler_cancel(asker.dialler);
    net_ended(fake->loop, fd, NULL);
    net_run(fake->loop, 5);
    assert_int_equal(asker.answers, 0);
    dialler_cancel(NULL);
    close(fd);
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordered_begins_with_the_first),
        cmocka_unit_test(test_round_robin_takes_turns),
        cmocka_unit_test(test_an_address_that_is_down_is_passed_over_and_rests),
        cmocka_unit_test(test_addresses_at_rest_are_tried_last_not_never),
        cmocka_unit_test(test_each_is_tried_once_and_the_last_one_s_words_are_told),
        cmocka_unit_test(test_a_silent_address_gives_way_after_its_time),
        cmocka_unit_test(test_after_a_cancel_no_answer_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
