/* SPDX-License-Identifier: ISC */
/*
 * hold: the client ends of a tarpit, for the benchmark: many connections that read and say nothing.
 *
 *   hold [-a FIRST_ADDRESS] PORT CONNECTIONS
 *
 * Connects to 127.0.0.1:PORT, 4,000 a second at most; with -a each connection begins with a PROXY
 * header (version 1) in the name of the next address. Prints "CONNECTED" when it has tried them
 * all, then for each line it reads one line "CONNECTIONS OCTETS": those still open, and what all of
 * them received so far. Ends when its input does.
 *
 * The connections come from 127.1.0.1, 127.1.0.2 ..., 5,000 each: the ports of 127.0.0.1 are left
 * to others, who would search long for a free one.
 *
 * It looks at each socket 4 times a second, a few every 10 ms, instead of waiting for each octet:
 * so whoever sends pays for sending and not for waking this program up, and nothing comes in
 * bursts. It runs when nobody else wants the processor (SCHED_IDLE): its clients stand for other
 * people's machines, which take no time from good mail.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 10, CONNECTS_PER_TICK = 40, TICKS_PER_ROUND = 25, CONNECTS_PER_SOURCE = 5000 };
#define FIRST_SOURCE 0x7f010001U /* 127.1.0.1 */

struct hold {
    struct sockaddr_in server;
    bool proxy;
    uint32_t first;
    unsigned count, tried, open;
    unsigned next; /* to be looked at */
    unsigned long long octets;
    int *fds; /* -1: closed */
};

static void die(const char *what)
{
    fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say_proxy(const struct hold *hold, int fd, unsigned number)
{
    char header[108], text[INET_ADDRSTRLEN];
    struct in_addr address = {.s_addr = htonl(hold->first + number)};
    int len = snprintf(header, sizeof(header), "PROXY TCP4 %s 192.0.2.25 40000 25\r\n",
                       inet_ntop(AF_INET, &address, text, sizeof(text)));
    if (send(fd, header, (size_t)len, MSG_NOSIGNAL) != len)
        die("send");
}

static int connect_from(const struct hold *hold, unsigned number)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    source.sin_addr.s_addr = htonl(FIRST_SOURCE + number / CONNECTS_PER_SOURCE);
    if (fd < 0)
        die("socket");
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0)
        die("bind");
    if (connect(fd, (const struct sockaddr *)&hold->server, sizeof(hold->server)) < 0)
        die("connect");
    return fd;
}

static void connect_some(struct hold *hold)
{
    for (int i = 0; i < CONNECTS_PER_TICK && hold->tried < hold->count; i++, hold->tried++) {
        int fd = connect_from(hold, hold->tried);
        if (hold->proxy)
            say_proxy(hold, fd, hold->tried);
        hold->fds[hold->tried] = fd;
        hold->open++;
    }
    if (hold->tried == hold->count) {
        puts("CONNECTED");
        hold->tried++; /* said once */
    }
}

static void look_at(struct hold *hold, int *fd)
{
    char octets[256];
    ssize_t got;
    if (*fd < 0)
        return;
    got = recv(*fd, octets, sizeof(octets), MSG_DONTWAIT);
    if (got > 0) {
        hold->octets += (unsigned long long)got;
    } else if (got == 0 || errno != EAGAIN) {
        close(*fd);
        *fd = -1;
        hold->open--;
    }
}

static void look_at_some(struct hold *hold)
{
    for (unsigned i = 0; i <= hold->count / TICKS_PER_ROUND; i++) {
        look_at(hold, &hold->fds[hold->next]);
        hold->next = (hold->next + 1) % hold->count;
    }
}

/* Waits for the next tick; answers what is asked meanwhile. False: the input has ended. */
static bool answer(const struct hold *hold)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];
    if (poll(&input, 1, TICK_MS) <= 0)
        return true;
    if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
        return false;
    printf("%u %llu\n", hold->open, hold->octets);
    return true;
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end != text && *end == '\0' && value > 0 && value <= 1000000)
        return (unsigned)value;
    fprintf(stderr, "hold: not a number: %s\n", text);
    exit(2);
}

static void parse_arguments(struct hold *hold, int argc, char **argv)
{
    struct in_addr first;
    for (int option; (option = getopt(argc, argv, "a:")) != -1;) {
        if (option != 'a' || inet_pton(AF_INET, optarg, &first) != 1)
            exit(2);
        hold->proxy = true;
        hold->first = ntohl(first.s_addr);
    }
    if (optind + 2 != argc) {
        fputs("usage: hold [-a FIRST_ADDRESS] PORT CONNECTIONS\n", stderr);
        exit(2);
    }
    hold->server.sin_port = htons((uint16_t)number(argv[optind]));
    hold->count = number(argv[optind + 1]);
}

int main(int argc, char **argv)
{
    struct hold hold = {.server = {.sin_family = AF_INET}};
    struct rlimit limit;
    hold.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    parse_arguments(&hold, argc, argv);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}) < 0)
        die("sched_setscheduler");
    setvbuf(stdout, NULL, _IOLBF, 0);
    hold.fds = calloc(hold.count, sizeof(*hold.fds));
    if (hold.fds == NULL)
        die("memory");
    for (unsigned i = 0; i < hold.count; i++)
        hold.fds[i] = -1;
    do {
        connect_some(&hold);
        look_at_some(&hold);
    } while (answer(&hold));
    return 0;
}
