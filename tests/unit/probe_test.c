/* SPDX-License-Identifier: ISC */
/* probe_test: each backend address is looked at, at start and again; what fails is told once. */
#include "proxy/probe.h"

#include "lib/log.h"
#include "tests/unit/support/fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char events[256];

static void note(enum log_level level, const char *event, const char *session, const char *message)
{
    (void)level, (void)session, (void)message;
    size_t len = strlen(events);
    snprintf(events + len, sizeof events - len, "%s ", event);
}

static struct fake *fake_with_log(size_t addresses)
{
    struct fake *fake = fake_new(addresses, "", "");
    events[0] = '\0';
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, note);
    return fake;
}

/* Plays one good look; the other side hears QUIT. */
static void good_look(struct fake *fake, size_t index, const char *keywords)
{
    int fd = fake_greet(fake, index, keywords);
    fake_answer(fake, fd, "QUIT\r\n", "221 bye\r\n");
    close(fd);
    net_run(fake->loop, 2);
}

static void test_every_address_is_looked_at_and_again(void **state)
{
    (void)state;
    struct fake *fake = fake_with_log(2);
    fake->config->backend[0].probe_interval = 30;
    struct probe *probe = probe_new(fake->loop, fake->setup);
    struct capability offer;
    good_look(fake, 0, "DSN");
    good_look(fake, 1, "SIZE 5");
    assert_true(health_offer(fake->setup->health[0][0], &offer));
    assert_int_equal(offer.bits, CAP_DSN);
    assert_true(health_offer(fake->setup->health[0][1], &offer));
    assert_int_equal(offer.size, 5);
    uint64_t began = net_clock();
    good_look(fake, 0, "CHUNKING"); /* it has learned something */
    assert_true(net_clock() - began < 1000);
    assert_true(health_offer(fake->setup->health[0][0], &offer));
    assert_int_equal(offer.bits, CAP_CHUNKING);
    assert_string_equal(events, "");
    probe_free(probe);
    fake_free(fake);
}

static void test_what_is_down_is_told_once_and_rests_and_its_return_is_told(void **state)
{
    (void)state;
    struct fake *fake = fake_with_log(1);
    fake->config->backend[0].probe_interval = 1;
    struct probe *probe = probe_new(fake->loop, fake->setup);
    int fd = fake_accept(fake, 0);
    net_say_text(fake->loop, fd, "554 no\r\n");
    UNTIL(fake->loop, events[0] != '\0');
    close(fd);
    assert_string_equal(events, "backend-down ");
    assert_false(health_usable(fake->setup->health[0][0], loop_now(fake->loop)));
    good_look(fake, 0, "DSN"); /* two seconds later */
    assert_true(health_usable(fake->setup->health[0][0], loop_now(fake->loop)));
    assert_string_equal(events, "backend-down backend-up ");
    probe_free(probe);
    fake_free(fake);
}

static void test_it_may_be_freed_in_the_middle_of_a_look(void **state)
{
    (void)state;
    struct fake *fake = fake_with_log(2);
    struct probe *probe = probe_new(fake->loop, fake->setup);
    int fd = fake_accept(fake, 0);
    net_say_text(fake->loop, fd, "220 x\r\n");
    probe_free(probe);
    probe_free(NULL);
    net_ended(fake->loop, fd, NULL);
    close(fd);
    assert_string_equal(events, "");
    fake_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_is_looked_at_and_again),
        cmocka_unit_test(test_what_is_down_is_told_once_and_rests_and_its_return_is_told),
        cmocka_unit_test(test_it_may_be_freed_in_the_middle_of_a_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
