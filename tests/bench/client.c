/* SPDX-License-Identifier: ISC */
/*
 * client: SMTP sessions from many addresses, for the benchmark; one thread, epoll.
 *
 *   client [-n SESSIONS] [-s PARALLEL] [-r PER_SECOND] [-a FIRST_ADDRESS] [-c ADDRESSES] [-k SKIP]
 *          [-d STRIDE] [-l OCTETS | -f FILE] [-T SECONDS] [-g] PORT
 *
 * Each session connects to 127.0.0.1:PORT, says a PROXY header (version 1) in the name of the next
 * address, waits for the banner, says EHLO, MAIL, RCPT, DATA, one message and QUIT, each after the
 * reply to the one before. Session i comes from FIRST_ADDRESS + (SKIP + i) mod ADDRESSES; of an
 * address whose last 24 bits are x the host name is mx.mail.example.net. Without -a no PROXY
 * header.
 *
 * Without -r as many sessions as PARALLEL are under way all the time. With -r a session is due
 * every 1/PER_SECOND seconds, whatever became of those before (at most PARALLEL at a time), and its
 * times count from when it was due.
 *
 * With -f the message is that of a file, which holds it as it goes over the wire, its end included;
 * else it is one of about OCTETS octets.
 *
 * With -g each session is to be greylisted: it ends well where RCPT is answered 45x, by QUIT.
 *
 * Prints one line of JSON: sessions that ended well, failed ones and why the first did, seconds
 * from the first connection to the last reply, and in microseconds [median, 99th percentile] of the
 * time to the banner, of the reply to RCPT, from the start to the reply to RCPT, of the whole
 * session.
 *
 * Limits: replies of up to 1 KiB; what is not done after -T seconds counts as failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What the next reply answers. */
enum step { CONNECT, BANNER, HELLO, MAIL, RCPT, DATA, MESSAGE, QUIT, STEPS };
static const struct {
    const char *name, *code;
} steps[STEPS] = {
    [CONNECT] = {"connect", ""},    [BANNER] = {"banner", "220"}, [HELLO] = {"EHLO", "250"},
    [MAIL] = {"MAIL", "250"},       [RCPT] = {"RCPT", "250"},     [DATA] = {"DATA", "354"},
    [MESSAGE] = {"message", "250"}, [QUIT] = {"QUIT", "221"},
};

struct session {
    int fd;
    enum step step;
    unsigned client;            /* its address is that much behind the first */
    uint64_t due, asked;        /* microseconds */
    uint32_t banner, rcpt, all; /* times so far; `all`: to the reply to RCPT */
    const char *out;            /* what is still to be sent */
    size_t out_len;
    char command[256];
    size_t reply_len;
    char reply[1024];
};

/* The times of all sessions that ended well. */
enum figure { TO_BANNER, OF_RCPT, TO_VERDICT, OF_SESSION, FIGURES };
static const char *const figure_names[FIGURES] = {"banner", "rcpt", "verdict", "session"};

struct run {
    /* as told */
    unsigned sessions, parallel, rate, addresses, skip, stride, seconds;
    bool proxy, v6, greylisted;
    struct in6_addr first; /* an IPv4 address in its last 4 octets */
    struct sockaddr_in server;
    char *message;
    size_t message_len;
    /* as it goes */
    int epoll;
    struct session *slots;
    unsigned *free_slots, free_count;
    unsigned started, done, failed;
    uint64_t start, end;
    uint32_t *times[FIGURES];
    char first_failure[300];
};

static void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        die("memory");
    return memory;
}

/* ---- one session ---------------------------------------------------------------------------- */

static void session_close(struct run *run, struct session *session)
{
    close(session->fd);
    session->fd = -1;
    run->free_slots[run->free_count++] = (unsigned)(session - run->slots);
}

static void session_fail(struct run *run, struct session *session, const char *why)
{
    if (run->failed++ == 0) {
        snprintf(run->first_failure, sizeof(run->first_failure), "%s: %.200s",
                 steps[session->step].name, why);
        for (char *p = run->first_failure; *p != '\0'; p++)
            if (*p == '"' || *p == '\\' || *p < ' ' || *p > '~')
                *p = ' ';
    }
    session_close(run, session);
}

static void session_finish(struct run *run, struct session *session, uint64_t now)
{
    run->times[TO_BANNER][run->done] = session->banner;
    run->times[OF_RCPT][run->done] = session->rcpt;
    run->times[TO_VERDICT][run->done] = session->all;
    run->times[OF_SESSION][run->done] = (uint32_t)(now - session->due);
    run->done++;
    run->end = now;
    session_close(run, session);
}

/* Sends what is to be sent, as far as it goes now. False: the session has failed. */
static bool session_send(struct run *run, struct session *session)
{
    while (session->out_len > 0) {
        ssize_t sent = send(session->fd, session->out, session->out_len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return true;
        if (sent < 0) {
            session_fail(run, session, strerror(errno));
            return false;
        }
        session->out += sent;
        session->out_len -= (size_t)sent;
    }
    return true;
}

static bool session_say(struct run *run, struct session *session, enum step step, const char *text,
                        size_t len, uint64_t now)
{
    session->step = step;
    session->asked = now;
    session->out = text;
    session->out_len = len;
    return session_send(run, session);
}

/* The address `number` behind the first, added in the last 32 bits; returns its last 24. */
static uint32_t client_address(const struct run *run, unsigned number, struct in6_addr *address)
{
    uint32_t last;
    *address = run->first;
    memcpy(&last, &address->s6_addr[12], sizeof(last));
    last = htonl(ntohl(last) + number);
    memcpy(&address->s6_addr[12], &last, sizeof(last));
    return ntohl(last) & 0xffffff;
}

static bool session_greet(struct run *run, struct session *session, uint64_t now)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    int len;
    if (!run->proxy)
        return session_say(run, session, BANNER, NULL, 0, now);
    client_address(run, session->client, &address);
    if (run->v6)
        inet_ntop(AF_INET6, &address, text, sizeof(text));
    else
        inet_ntop(AF_INET, &address.s6_addr[12], text, sizeof(text));
    len = snprintf(session->command, sizeof(session->command), "PROXY %s %s %s 40000 25\r\n",
                   run->v6 ? "TCP6" : "TCP4", text, run->v6 ? "2001:db8::25" : "192.0.2.25");
    return session_say(run, session, BANNER, session->command, (size_t)len, now);
}

/* Says what follows the step that was just answered. */
static void session_proceed(struct run *run, struct session *session, uint64_t now)
{
    static const char *const fixed[STEPS] = {
        [MAIL] = "MAIL FROM:<sender@example.net>\r\n",
        [RCPT] = "RCPT TO:<user@example.org>\r\n",
        [DATA] = "DATA\r\n",
        [QUIT] = "QUIT\r\n",
    };
    enum step next = session->step + 1;
    if (next == STEPS) {
        session_finish(run, session, now);
    } else if (next == HELLO) {
        struct in6_addr address;
        int len = snprintf(session->command, sizeof(session->command),
                           "EHLO m%" PRIu32 ".mail.example.net\r\n",
                           client_address(run, session->client, &address));
        session_say(run, session, next, session->command, (size_t)len, now);
    } else if (next == MESSAGE) {
        session_say(run, session, next, run->message, run->message_len, now);
    } else {
        session_say(run, session, next, fixed[next], strlen(fixed[next]), now);
    }
}

static void session_answered(struct run *run, struct session *session)
{
    uint64_t now = now_us();
    session->reply[session->reply_len] = '\0';
    const char *code = steps[session->step].code;
    bool ends = run->greylisted && session->step == RCPT;
    if (strncmp(session->reply, ends ? "45" : code, ends ? 2 : 3) != 0) {
        session_fail(run, session, session->reply);
        return;
    }
    session->reply_len = 0;
    if (session->step == BANNER)
        session->banner = (uint32_t)(now - session->due);
    if (session->step == RCPT) {
        session->rcpt = (uint32_t)(now - session->asked);
        session->all = (uint32_t)(now - session->due);
    }
    if (ends)
        session->step = MESSAGE; /* what follows is QUIT */
    session_proceed(run, session, now);
}

/* A whole reply: its last line is there, and has no hyphen behind its code. */
static bool reply_complete(const char *reply, size_t len)
{
    const char *line;
    if (len < 6 || reply[len - 1] != '\n')
        return false;
    line = memrchr(reply, '\n', len - 1);
    line = line == NULL ? reply : line + 1;
    return (size_t)(reply + len - line) >= 4 && line[3] != '-';
}

static void session_read(struct run *run, struct session *session)
{
    size_t room = sizeof(session->reply) - 1 - session->reply_len;
    ssize_t got = recv(session->fd, session->reply + session->reply_len, room, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0 || (size_t)got == room) {
        session_fail(run, session, got < 0 ? strerror(errno) : got == 0 ? "closed" : "long reply");
        return;
    }
    session->reply_len += (size_t)got;
    if (reply_complete(session->reply, session->reply_len))
        session_answered(run, session);
}

static void session_event(struct run *run, struct session *session, uint32_t events)
{
    if (session->fd < 0)
        return;
    if (session->step == CONNECT && (events & EPOLLOUT) != 0 && (events & EPOLLERR) == 0) {
        if (!session_greet(run, session, now_us()))
            return;
    } else if ((events & EPOLLOUT) != 0 && !session_send(run, session)) {
        return;
    }
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
        session_read(run, session);
}

static void session_start(struct run *run, uint64_t due)
{
    struct session *session = &run->slots[run->free_slots[--run->free_count]];
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = session}};
    int on = 1;
    session->due = due;
    session->step = CONNECT;
    session->client = (run->skip + run->started++) % run->addresses * run->stride;
    session->reply_len = session->out_len = 0;
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (session->fd < 0)
        die("socket");
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(session->fd, (const struct sockaddr *)&run->server, sizeof(run->server)) < 0 &&
        errno != EINPROGRESS) {
        session_fail(run, session, strerror(errno));
        return;
    }
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, session->fd, &event) < 0)
        die("epoll_ctl");
}

/* ---- the run -------------------------------------------------------------------------------- */

/* Starts what is due; returns the microseconds until the next one is. */
static uint64_t start_due(struct run *run)
{
    const uint64_t never = 100000;
    for (;;) {
        uint64_t now = now_us(), due = now;
        if (run->started == run->sessions || run->free_count == 0)
            return never;
        if (run->rate != 0)
            due = run->start + (uint64_t)run->started * 1000000 / run->rate;
        if (due > now)
            return due - now < never ? due - now : never;
        session_start(run, due);
    }
}

static void run_sessions(struct run *run)
{
    struct epoll_event events[256];
    uint64_t limit;
    run->start = run->end = now_us();
    limit = run->start + (uint64_t)run->seconds * 1000000;
    while (run->done + run->failed < run->sessions && now_us() < limit) {
        uint64_t wait = start_due(run);
        struct timespec timeout = {.tv_nsec = (long)wait * 1000};
        int count = epoll_pwait2(run->epoll, events, 256, &timeout, NULL);
        if (count < 0 && errno != EINTR)
            die("epoll_pwait2");
        for (int i = 0; i < count; i++)
            session_event(run, events[i].data.ptr, events[i].events);
    }
    for (unsigned i = 0; i < run->parallel; i++)
        if (run->slots[i].fd >= 0)
            session_fail(run, &run->slots[i], "no end in time");
    run->failed = run->sessions - run->done;
}

static int compare_times(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

static void print_results(const struct run *run)
{
    printf("{\"sessions\": %u, \"failed\": %u, \"seconds\": %.6f, \"first_failure\": \"%s\"",
           run->done, run->failed, (double)(run->end - run->start) / 1e6, run->first_failure);
    for (int i = 0; i < FIGURES; i++) {
        uint32_t *times = run->times[i];
        qsort(times, run->done, sizeof(*times), compare_times);
        printf(", \"%s\": [%" PRIu32 ", %" PRIu32 "]", figure_names[i], times[run->done / 2],
               times[(uint64_t)run->done * 99 / 100]);
    }
    puts("}");
}

/* ---- the beginning -------------------------------------------------------------------------- */

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value > 1000000000) {
        fprintf(stderr, "client: not a number: %s\n", text);
        exit(2);
    }
    return (unsigned)value;
}

static void take_address(struct run *run, const char *text)
{
    run->proxy = true;
    run->v6 = strchr(text, ':') != NULL;
    if (inet_pton(run->v6 ? AF_INET6 : AF_INET, text, &run->first.s6_addr[run->v6 ? 0 : 12]) == 1)
        return;
    fprintf(stderr, "client: not an address: %s\n", text);
    exit(2);
}

/* About `size` octets, in lines of 72. */
static void make_message(struct run *run, size_t size)
{
    static const char head[] = "From: <sender@example.net>\r\nTo: <user@example.org>\r\n"
                               "Subject: benchmark\r\n\r\n";
    size_t len = sizeof(head) - 1;
    run->message = zeroed(1, len + size + 8);
    memcpy(run->message, head, len);
    for (; len + 74 <= size; len += 74) {
        memset(run->message + len, 'X', 72);
        memcpy(run->message + len + 72, "\r\n", 2);
    }
    memcpy(run->message + len, ".\r\n", 3);
    run->message_len = len + 3;
}

static void read_message(struct run *run, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(path);
    run->message_len = (size_t)ftell(file);
    run->message = zeroed(1, run->message_len + 1);
    rewind(file);
    if (fread(run->message, 1, run->message_len, file) != run->message_len)
        die(path);
    fclose(file);
}

static void parse_options(struct run *run, int argc, char **argv)
{
    size_t octets = 4096;
    for (int option; (option = getopt(argc, argv, "n:s:r:a:c:k:d:l:f:T:g")) != -1;) {
        switch (option) {
        case 'n':
            run->sessions = number(optarg);
            break;
        case 's':
            run->parallel = number(optarg);
            break;
        case 'r':
            run->rate = number(optarg);
            break;
        case 'a':
            take_address(run, optarg);
            break;
        case 'c':
            run->addresses = number(optarg);
            break;
        case 'k':
            run->skip = number(optarg);
            break;
        case 'd':
            run->stride = number(optarg);
            break;
        case 'l':
            octets = number(optarg);
            break;
        case 'f':
            read_message(run, optarg);
            break;
        case 'T':
            run->seconds = number(optarg);
            break;
        case 'g':
            run->greylisted = true;
            break;
        default:
            exit(2);
        }
    }
    if (optind + 1 != argc || run->sessions == 0 || run->parallel == 0 || run->addresses == 0) {
        fputs("usage: client [options] PORT; the options are at the top of client.c\n", stderr);
        exit(2);
    }
    run->server.sin_port = htons((uint16_t)number(argv[optind]));
    if (run->message == NULL)
        make_message(run, octets);
}

static void prepare(struct run *run)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll < 0)
        die("epoll_create1");
    run->slots = zeroed(run->parallel, sizeof(*run->slots));
    run->free_slots = zeroed(run->parallel, sizeof(*run->free_slots));
    for (unsigned i = 0; i < run->parallel; i++) {
        run->slots[i].fd = -1;
        run->free_slots[run->free_count++] = i;
    }
    for (int i = 0; i < FIGURES; i++)
        run->times[i] = zeroed(run->sessions, sizeof(*run->times[i]));
}

int main(int argc, char **argv)
{
    struct run run = {
        .sessions = 1000,
        .parallel = 20,
        .addresses = 1,
        .stride = 1,
        .seconds = 60,
        .server = {.sin_family = AF_INET},
    };
    run.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    parse_options(&run, argc, argv);
    prepare(&run);
    run_sessions(&run);
    print_results(&run);
    return 0;
}
