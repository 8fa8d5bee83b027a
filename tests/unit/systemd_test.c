/* SPDX-License-Identifier: ISC */
/* systemd_test: what is sent to NOTIFY_SOCKET, and the sockets taken from LISTEN_FDS. */
#include "proxy/systemd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A socket that systemd would listen on, named in the environment. */
static int notify_socket(void)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(name, sizeof name, "@gatepost-systemd-test-%d", (int)getpid());
    memcpy(sa.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void assert_told(int fd, const char *want)
{
    char text[256] = "";
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("%s", text);
}

static void systemd_is_told_each_state(void **state)
{
    (void)state;
    int fd = notify_socket();
    systemd_ready(NULL);
    assert_told(fd, "READY=1");
    systemd_ready("2 listeners");
    assert_told(fd, "READY=1\nSTATUS=2 listeners");
    systemd_reloading();
    assert_told(fd, "RELOADING=1\nMONOTONIC_USEC=");
    systemd_stopping(0);
    assert_told(fd, "STOPPING=1");
    systemd_stopping(15000000);
    assert_told(fd, "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000");
    systemd_watchdog_ping();
    assert_told(fd, "WATCHDOG=1");
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static void the_watchdog_is_pinged_at_half_its_time(void **state)
{
    (void)state;
    assert_int_equal(systemd_watchdog_interval_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(systemd_watchdog_interval_ms(), 15000);
    setenv("WATCHDOG_USEC", "1", 1);
    assert_int_equal(systemd_watchdog_interval_ms(), 1);
    unsetenv("WATCHDOG_USEC");
}

static void without_systemd_all_is_silent(void **state)
{
    (void)state;
    struct systemd_socket one;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("LISTEN_FDS");
    systemd_ready("x");
    systemd_reloading();
    systemd_stopping(1);
    systemd_watchdog_ping();
    assert_int_equal(systemd_sockets(&one, 1), 0);
}

/* In a child, where descriptors 3 to 5 can be what systemd would have put there. */
static int take_sockets(void)
{
    struct systemd_socket out[2];
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int to = 5; to >= 3; to--)
        if (fd != to && dup2(fd, to) != to)
            return 1;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "mx:submission:third", 1);
    if (systemd_sockets(out, 2) != 2)
        return 2;
    if (out[0].fd != 3 || out[1].fd != 4 || strcmp(out[0].name, "mx") != 0 ||
        strcmp(out[1].name, "submission") != 0)
        return 3;
    if (fcntl(5, F_GETFD) != -1 || (fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
        return 4;
    return systemd_sockets(out, 2) == 0 && getenv("LISTEN_FDS") == NULL ? 0 : 5;
}

static void sockets_come_with_their_names_once(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(take_sockets());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(systemd_is_told_each_state),
        cmocka_unit_test(the_watchdog_is_pinged_at_half_its_time),
        cmocka_unit_test(without_systemd_all_is_silent),
        cmocka_unit_test(sockets_come_with_their_names_once),
    };
    return cmocka_run_group_tests_name("systemd", tests, NULL, NULL);
}
