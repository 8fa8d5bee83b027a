/* SPDX-License-Identifier: ISC */
/* sockets_test: what a reload opens, keeps and closes of the listening sockets. */
#include "proxy/sockets.h"

#include "lib/mem.h"
#include "proxy/config_int.h"
#include "tests/unit/support/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *config_of(const char *listens)
{
    char *faults = NULL, *warnings = NULL;
    char *text = mem_printf("hostname = mx.example.org\nstate-dir = \"/tmp\"\n%s"
                            "backend main { address = {\"127.0.0.1:1\"} }\n"
                            "relay { domains = {\"example.org\"} }\n",
                            listens);
    struct config *config = config_read_text("x.conf", text, strlen(text), &faults, &warnings);
    if (config == NULL)
        fail_msg("%s", faults);
    free(text);
    free(faults);
    free(warnings);
    return config;
}

/* Ports that are free when the test begins. */
static unsigned port[3];

static int setup(void **state)
{
    int fd[3];
    for (size_t i = 0; i < 3; i++) {
        struct addr address;
        fd[i] = net_listen(&address);
        port[i] = address.port;
    }
    for (size_t i = 0; i < 3; i++)
        close(fd[i]);
    *state = sockets_new();
    return 0;
}

static int teardown(void **state)
{
    sockets_free(*state);
    return 0;
}

static bool open_with(struct sockets *sockets, const char *listens, struct worker_listener **out,
                      size_t *count, char **why)
{
    struct config *config = config_of(listens);
    bool ok = sockets_open(sockets, config, out, count, why);
    config_unref(config);
    return ok;
}

static bool answers(unsigned number)
{
    struct sockaddr_storage sa;
    const struct addr to = net_loopback((uint16_t)number);
    socklen_t len = addr_to_sockaddr(&to, &sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = connect(fd, (struct sockaddr *)&sa, len) == 0;
    close(fd);
    return ok;
}

static char *block(const char *name, unsigned a, unsigned b)
{
    return b == 0 ? mem_printf("listen %s { address = {\"127.0.0.1:%u\"} }\n", name, a)
                  : mem_printf("listen %s { address = {\"127.0.0.1:%u\", \"127.0.0.1:%u\"} }\n",
                               name, a, b);
}

static void test_each_address_gets_a_socket_of_its_block(void **state)
{
    struct worker_listener *out = NULL;
    size_t count = 0;
    char *why = NULL;
    char *first = block("one", port[0], port[1]);
    char *second = block("two", port[2], 0);
    char *both = mem_printf("%s%s", first, second);
    assert_true(open_with(*state, both, &out, &count, &why));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof sa;
        struct addr at;
        assert_int_equal(getsockname(out[i].fd, (struct sockaddr *)&sa, &len), 0);
        addr_from_sockaddr((struct sockaddr *)&sa, &at);
        assert_int_equal(out[i].listen, at.port == port[2] ? 1 : 0);
        assert_true(answers(port[i]));
    }
    free(out);
    free(first);
    free(second);
    free(both);
}

static void test_a_reload_keeps_what_stays_and_closes_what_goes(void **state)
{
    struct worker_listener *old = NULL, *new = NULL;
    size_t count = 0;
    char *why = NULL;
    char *before = block("one", port[0], port[1]);
    char *after = block("one", port[1], port[2]);
    assert_true(open_with(*state, before, &old, &count, &why));
    assert_true(open_with(*state, after, &new, &count, &why));
    assert_int_equal(count, 2);
    int kept = -1;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            if (old[i].fd == new[k].fd)
                kept = old[i].fd;
    assert_true(kept >= 0);        /* the same descriptor: never let go */
    assert_true(answers(port[0])); /* not before it is asked for */
    sockets_close_unused(*state);
    assert_false(answers(port[0]));
    assert_true(answers(port[1]));
    assert_true(answers(port[2]));
    free(old);
    free(new);
    free(before);
    free(after);
}

static void test_a_reload_that_fails_has_changed_nothing(void **state)
{
    struct worker_listener *out = NULL;
    size_t count = 0;
    char *why = NULL;
    struct addr taken;
    int other = net_listen(&taken);
    char *before = block("one", port[0], 0);
    char *after = block("one", port[1], taken.port);
    assert_true(open_with(*state, before, &out, &count, &why));
    free(out);
    out = NULL;
    assert_false(open_with(*state, after, &out, &count, &why));
    assert_null(out);
    assert_non_null(strstr(why, "in use"));
    assert_false(answers(port[1])); /* what it had opened is closed */
    sockets_close_unused(*state);
    assert_true(answers(port[0])); /* what was in use is not */
    close(other);
    free(why);
    free(before);
    free(after);
}

static void test_closing_all_lets_every_port_go(void **state)
{
    struct worker_listener *out = NULL;
    size_t count = 0;
    char *why = NULL;
    char *one = block("one", port[0], port[1]);
    assert_true(open_with(*state, one, &out, &count, &why));
    sockets_close_all(*state);
    assert_false(answers(port[0]));
    assert_false(answers(port[1]));
    free(out);
    free(one);
    sockets_free(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_address_gets_a_socket_of_its_block),
        CASE(test_a_reload_keeps_what_stays_and_closes_what_goes),
        CASE(test_a_reload_that_fails_has_changed_nothing),
        CASE(test_closing_all_lets_every_port_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
