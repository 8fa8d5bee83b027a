/* SPDX-License-Identifier: ISC */
/*
 * trickle: what a tarpit costs at least, for the benchmark: one send(2) of one octet on each of
 * many sockets, once in each interval, and nothing else.
 *
 *   trickle CONNECTIONS INTERVAL_MS SLICES ROUNDS
 *
 * Prints the port of 127.0.0.1 it listens on, and accepts CONNECTIONS connections there. Then in
 * each of ROUNDS intervals it sends one octet on every socket: in SLICES parts, one after the other
 * over the interval (1: all at once). Prints the CPU microseconds it used for each octet, and the
 * octets; the first interval is not counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static void die(const char *what)
{
    fprintf(stderr, "trickle: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        die("listen");
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    return fd;
}

static void accept_all(int listener, int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if ((fds[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0)
            die("accept");
}

static unsigned long send_to(const int *fds, unsigned count)
{
    unsigned long sent = 0;
    for (unsigned i = 0; i < count; i++)
        if (send(fds[i], "x", 1, MSG_NOSIGNAL) == 1)
            sent++;
    return sent;
}

/* One octet on each socket, over `interval_ns`, which begins at *next and ends at the new *next. */
static unsigned long one_round(const int *fds, unsigned count, unsigned slices, long interval_ns,
                               struct timespec *next)
{
    unsigned long sent = 0;
    for (unsigned slice = 0; slice < slices; slice++) {
        unsigned from = (unsigned)((uint64_t)count * slice / slices);
        unsigned to = (unsigned)((uint64_t)count * (slice + 1) / slices);
        sent += send_to(fds + from, to - from);
        next->tv_nsec += interval_ns / (long)slices;
        next->tv_sec += next->tv_nsec / 1000000000;
        next->tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
    }
    return sent;
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && value > 0 && value <= 1000000)
        return (unsigned)value;
    fprintf(stderr, "trickle: not a number: %s\n", text);
    exit(2);
}

int main(int argc, char **argv)
{
    struct timespec next;
    struct rlimit limit;
    unsigned long sent = 0;
    unsigned count, slices, rounds;
    long interval_ns;
    double before;
    int *fds;
    if (argc != 5) {
        fputs("usage: trickle CONNECTIONS INTERVAL_MS SLICES ROUNDS\n", stderr);
        return 2;
    }
    count = number(argv[1]);
    interval_ns = (long)number(argv[2]) * 1000000;
    slices = number(argv[3]);
    rounds = number(argv[4]);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    setvbuf(stdout, NULL, _IOLBF, 0);
    fds = calloc(count, sizeof(*fds));
    if (fds == NULL)
        die("memory");
    accept_all(listen_somewhere(), fds, count);
    clock_gettime(CLOCK_MONOTONIC, &next);
    one_round(fds, count, slices, interval_ns, &next);
    before = cpu_us();
    for (unsigned i = 0; i < rounds; i++)
        sent += one_round(fds, count, slices, interval_ns, &next);
    if (sent == 0)
        die("send");
    printf("%.3f %lu\n", (cpu_us() - before) / (double)sent, sent);
    return 0;
}
