/* SPDX-License-Identifier: ISC */
/*
 * tarpit_test: real sockets, real I/O objects and a clock that stands still until the test moves
 * it: how fast clients are told what, who leaves when and why, and what all of it costs.
 */
#include "proxy/tarpit.h"

#include "lib/buf.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "proxy/tarpit_talk.h"
#include "tests/unit/support/net.h"
#include "tests/unit/support/smtp_replies.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ID   "0123456789abcduv"
#define STEP 20 /* ms that pass between two turns of the loop */
#define MANY 10000

static uint64_t clock_ms = 1000000;
static uint64_t cpu_ns;      /* what the CPU clock of the thread shows */
static uint64_t cpu_by_send; /* what one send costs on it */
static size_t sends;

/* Ours instead of the kernel's, for libevent too. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
    uint64_t ns = id == CLOCK_THREAD_CPUTIME_ID ? cpu_ns : clock_ms * 1000000;
    if (id == CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = (time_t)(ns / 1000000000);
    ts->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    cpu_ns += cpu_by_send;
    sends++;
    return sendto(fd, data, len, flags, NULL, 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);
static size_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes();
}
#else
static size_t allocated(void)
{
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}
#endif

struct client {
    int fd;
    struct buf said;
    bool eof;
};

struct world {
    struct loop *loop;
    struct tarpit_budget budget;
    _Atomic size_t sessions;
    struct tarpit_config config;
    struct tarpit *tarpit;
    struct client client[64];
    size_t clients;
    char codes[1024];
};

static struct buf journal; /* log lines */
static size_t journal_lines;

static void on_log(enum log_level level, const char *event, const char *session,
                   const char *message)
{
    (void)level;
    (void)event;
    const char *id = session != NULL ? session : "-";
    journal_lines++;
    buf_add(&journal, id, strlen(id));
    buf_add(&journal, " ", 1);
    buf_add(&journal, message, strlen(message));
    buf_add(&journal, "\n", 1);
}

static bool logged(const char *text)
{
    return memmem(buf_data(&journal), buf_len(&journal), text, strlen(text)) != NULL;
}

static void configure(struct world *w)
{
    atomic_store(&w->budget.most, w->config.connections);
    tarpit_configure(w->tarpit, &w->config, "mx.example.org");
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    log_init(LOG_TARGET_JOURNAL, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, on_log);
    buf_free(&journal);
    journal_lines = 0;
    cpu_by_send = 1000;
    w->loop = loop_new();
    w->budget.descriptors = 1000;
    w->budget.sessions = &w->sessions;
    w->config = (struct tarpit_config){.connections = 32, .time = 600000, .interval = 1000};
    w->tarpit = tarpit_new(w->loop, &w->budget);
    configure(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    tarpit_free(w->tarpit);
    loop_poll(w->loop);
    assert_int_equal(w->budget.taken, 0);
    for (size_t i = 0; i < w->clients; i++) {
        if (w->client[i].fd >= 0)
            close(w->client[i].fd);
        buf_free(&w->client[i].said);
    }
    loop_free(w->loop);
    free(w);
    buf_free(&journal);
    return 0;
}

static struct addr address(size_t number)
{
    char text[ADDR_TEXT_MAX];
    struct addr out;
    snprintf(text, sizeof text, "192.0.2.%zu", number);
    assert_true(addr_parse_ip(text, &out));
    out.port = 4711;
    return out;
}

/* A client as a session gives it away; its number, -1: there was no room. */
static int take(struct world *w, enum tarpit_stage stage, const char *unread)
{
    int fd[2];
    const struct addr addr = address(w->clients);
    struct client *client = &w->client[w->clients];
    assert_true(w->clients < sizeof w->client / sizeof *w->client);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
    if (unread[0] != '\0') {
        assert_true(write(fd[1], unread, strlen(unread)) > 0);
        loop_poll(w->loop);
    }
    *client = (struct client){.fd = fd[1]};
    w->clients++;
    if (tarpit_take(w->tarpit, io, stage, &addr, ID))
        return (int)w->clients - 1;
    io_free(io);
    return -1;
}

static size_t read_client(struct client *client)
{
    char data[4096];
    size_t all = 0;
    while (client->fd >= 0 && !client->eof) {
        ssize_t n = recv(client->fd, data, sizeof data, MSG_DONTWAIT);
        if (n < 0)
            break;
        client->eof = n == 0;
        buf_add(&client->said, data, (size_t)n);
        all += (size_t)n;
    }
    return all;
}

static void pass(struct world *w, uint64_t ms)
{
    for (uint64_t end = clock_ms + ms; clock_ms < end; clock_ms += STEP) {
        loop_poll(w->loop);
        for (size_t i = 0; i < w->clients; i++)
            read_client(&w->client[i]);
    }
}

static void say(struct client *client, const char *text)
{
    assert_true(write(client->fd, text, strlen(text)) > 0);
}

static const char *codes(struct world *w, const struct client *client)
{
    if (!smtp_replies(buf_data(&client->said), buf_len(&client->said), w->codes, sizeof w->codes))
        fail_msg("no replies: %.*s", (int)buf_len(&client->said), buf_data(&client->said));
    return w->codes;
}

/* ---- what a client hears ---- */

static void test_never_more_than_a_byte_an_interval(void **state)
{
    static const uint64_t intervals[] = {100, 1000, 3000};
    struct world *w = *state;
    w->config.time = 3600000;
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        w->config.interval = intervals[i];
        configure(w);
        struct client *client = &w->client[take(w, TARPIT_BANNER, "")];
        uint64_t last = clock_ms; /* it has just been taken */
        for (uint64_t end = clock_ms + 100 * intervals[i]; clock_ms < end; clock_ms += STEP) {
            loop_poll(w->loop);
            size_t n = read_client(client);
            assert_true(n <= 1);
            if (n == 1) {
                assert_true(clock_ms - last >= intervals[i]);
                last = clock_ms;
            }
        }
        assert_true(buf_len(&client->said) >= 80); /* but not much less either */
        close(client->fd);
        client->fd = -1;
        pass(w, intervals[i] * 2 + 200);
        assert_int_equal(tarpit_count(w->tarpit), 0);
    }
}

static void test_a_patient_client_hears_the_last_word_and_then_the_end(void **state)
{
    static const char *const words[] = {"220 250 250 550", "220 250 250 450"};
    static const enum tarpit_last_word last[] = {TARPIT_REJECT, TARPIT_DEFER};
    struct world *w = *state;
    w->config.interval = 100;
    for (size_t i = 0; i < 2; i++) {
        w->config.last_word = last[i];
        configure(w);
        struct client *client = &w->client[take(w, TARPIT_BANNER, "")];
        pass(w, 155000);
        assert_string_equal(codes(w, client), "220");
        say(client, "EHLO a\r\n");
        pass(w, 155000);
        assert_string_equal(codes(w, client), "220 250");
        say(client, "MAIL FROM:<a@example.com>\r\n");
        pass(w, 150000);
        say(client, "RCPT TO:<b@example.org>\r\n");
        pass(w, 145000);
        assert_true(client->eof);
        assert_string_equal(codes(w, client), words[i]);
        assert_int_equal(tarpit_count(w->tarpit), 0);
        assert_true(logged(ID " tarpit-end client=192.0.2.0:4711 reason=\"last word\""));
    }
}

static void test_commands_sent_ahead_of_the_taking_are_answered(void **state)
{
    struct world *w = *state;
    w->config.time = 10000;
    w->config.interval = 100;
    configure(w);
    struct client *client = &w->client[take(w, TARPIT_EHLO, "MAIL FROM:<>\r\nQUIT\r\n")];
    pass(w, 9900);
    assert_true(client->eof);
    assert_string_equal(codes(w, client), "250 250 221");
    assert_true(logged("reason=quit"));
}

static void test_a_long_talk_of_the_client_is_read_and_dropped(void **state)
{
    struct world *w = *state;
    char line[1001];
    w->config.time = 20000;
    w->config.interval = 100;
    configure(w);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    struct client *client = &w->client[take(w, TARPIT_EHLO, "")];
    pass(w, 8000);
    assert_string_equal(codes(w, client), "250");
    for (int i = 0; i < 4; i++) {
        say(client, line);
        pass(w, 300);
    }
    say(client, "\r\nDATA\r\n");
    pass(w, 12000);
    assert_true(client->eof);
    assert_string_equal(codes(w, client), "250 502 550");
}

static void test_what_the_session_had_still_to_write_comes_first(void **state)
{
    struct world *w = *state;
    int fd[2];
    const struct addr addr = address(9);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
    w->client[w->clients++] = (struct client){.fd = fd[1]};
    io_write(io, "220-mx.example.org ESMTP\r\n", 26);
    assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
    read_client(&w->client[0]);
    assert_int_equal(buf_len(&w->client[0].said), 26);
    pass(w, 160000);
    assert_string_equal(codes(w, &w->client[0]), "220");
}

static void test_over_TCP_with_windows_as_small_as_they_get(void **state)
{
    struct world *w = *state;
    int fd[2];
    const struct addr addr = address(9);
    w->config.time = 30000;
    w->config.interval = 100;
    configure(w);
    net_pair(fd, false);
    struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
    struct client *client = &w->client[w->clients++];
    client->fd = fd[1];
    assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
    say(client, "EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n");
    for (int i = 0; i < 2000 && !client->eof; i++) {
        struct pollfd look = {.fd = client->fd, .events = POLLIN};
        pass(w, STEP);
        if (i % 5 == 0)
            poll(&look, 1, 1); /* the kernel's own time */
        if (i == 100) {
            int size = 0;
            socklen_t len = sizeof size;
            assert_int_equal(getsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
            assert_true(size <= 4096);
        }
    }
    assert_true(client->eof);
    const char *got = codes(w, client);
    assert_string_equal(got + strlen(got) - 3, "550");
    assert_string_equal(got, "220 250 250 550");
}

/* ---- who leaves ---- */

static void test_a_client_that_goes_is_noticed(void **state)
{
    struct world *w = *state;
    struct client *speaking = &w->client[take(w, TARPIT_BANNER, "")];
    struct client *silent = &w->client[take(w, TARPIT_EHLO, "")];
    pass(w, 3000);
    close(speaking->fd);
    speaking->fd = -1;
    pass(w, 2000);
    assert_int_equal(tarpit_count(w->tarpit), 1);
    assert_true(logged("client=192.0.2.0:4711 reason=gone seconds=4 octets=2") ||
                logged("client=192.0.2.0:4711 reason=gone seconds=3 octets=2"));
    pass(w, 220000); /* the reply is said: nothing is written now */
    close(silent->fd);
    silent->fd = -1;
    pass(w, 2000);
    assert_int_equal(tarpit_count(w->tarpit), 0);
    assert_true(logged("client=192.0.2.1:4711 reason=gone"));
}

static void test_the_time_is_over(void **state)
{
    struct world *w = *state;
    w->config.time = 60000;
    w->config.interval = 5000; /* far too slow for whole replies */
    configure(w);
    struct client *speaking = &w->client[take(w, TARPIT_BANNER, "")];
    struct client *at_rcpt = &w->client[take(w, TARPIT_RCPT, "")];
    pass(w, 59000);
    assert_true(buf_len(&speaking->said) <= 11);
    assert_false(speaking->eof);
    pass(w, 7000);
    assert_true(speaking->eof && at_rcpt->eof);
    assert_string_equal(codes(w, speaking), "220 421");
    assert_string_equal(codes(w, at_rcpt), "550");
    pass(w, 6000);
    assert_int_equal(tarpit_count(w->tarpit), 0);
    assert_true(logged("client=192.0.2.0:4711 reason=time seconds=6"));
}

static void test_a_client_that_does_not_read_is_held_until_its_time_is_over(void **state)
{
    struct world *w = *state;
    int fd[2];
    const struct addr addr = address(9);
    w->config.time = 60000;
    w->config.interval = 100;
    configure(w);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
    assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
    pass(w, 59000);
    assert_int_equal(tarpit_count(w->tarpit), 1);
    pass(w, 2000);
    assert_int_equal(tarpit_count(w->tarpit), 0);
    close(fd[1]);
}

static void test_at_the_cap_the_oldest_leaves_for_a_younger_one(void **state)
{
    struct world *w = *state;
    w->config.connections = 3;
    configure(w);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take(w, TARPIT_BANNER, ""), i);
        pass(w, 1000);
    }
    assert_int_equal(tarpit_count(w->tarpit), 3);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(w->client[i].eof, i < 2);
    const char *end = codes(w, &w->client[1]);
    assert_string_equal(end + strlen(end) - 3, "421");
    assert_true(logged("client=192.0.2.0:4711 reason=pressure"));
    w->config.connections = 1; /* a reload */
    configure(w);
    pass(w, 200);
    assert_int_equal(tarpit_count(w->tarpit), 1);
    assert_false(w->client[4].eof);
}

static void test_with_no_room_at_all_the_session_keeps_its_client(void **state)
{
    struct world *w = *state;
    w->config.connections = 0;
    configure(w);
    assert_int_equal(take(w, TARPIT_BANNER, ""), -1);
    w->config.connections = 10;
    configure(w);
    atomic_store(&w->budget.taken, 10); /* all of them another worker's */
    assert_int_equal(take(w, TARPIT_BANNER, ""), -1);
    assert_int_equal(atomic_exchange(&w->budget.taken, 0), 10);
    atomic_store(&w->sessions, 501);
    assert_int_equal(take(w, TARPIT_BANNER, ""), -1);
    assert_int_equal(tarpit_count(w->tarpit), 0);
    atomic_store(&w->sessions, 500); /* the one that ends has two descriptors */
    assert_int_equal(take(w, TARPIT_BANNER, ""), 3);
}

static void test_sessions_get_the_descriptors_they_need(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 20; i++)
        take(w, TARPIT_BANNER, "");
    tarpit_make_room(w->tarpit);
    assert_int_equal(tarpit_count(w->tarpit), 20); /* there is room */
    atomic_store(&w->sessions, 491);
    tarpit_make_room(w->tarpit);
    assert_int_equal(tarpit_count(w->tarpit), 18);
    atomic_store(&w->sessions, 495); /* another worker's: our own tick sees it */
    pass(w, 200);
    assert_int_equal(tarpit_count(w->tarpit), 10);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(w->client[i].eof, i < 10);
    atomic_store(&w->sessions, 600);
    for (int i = 0; i < 9; i++)
        tarpit_make_room(w->tarpit);
    assert_int_equal(tarpit_count(w->tarpit), 0);
    assert_int_equal(atomic_load(&w->budget.taken), 0);
}

static void test_where_descriptors_run_out_it_stays_smaller(void **state)
{
    struct world *w = *state;
    atomic_store(&w->sessions, 100);
    for (int i = 0; i < 20; i++)
        take(w, TARPIT_BANNER, "");
    tarpit_yield(w->tarpit);
    assert_int_equal(tarpit_count(w->tarpit), 16);
    pass(w, 200);
    assert_int_equal(tarpit_count(w->tarpit), 4);
    take(w, TARPIT_BANNER, "");
    assert_in_range(tarpit_count(w->tarpit), 4, 6); /* those taken are still sessions */
    pass(w, 200);
    assert_int_equal(tarpit_count(w->tarpit), 4);
    assert_true(w->client[0].eof);
    assert_false(w->client[20].eof);
}

static void test_a_flood_at_the_cap_leaves_no_records_behind(void **state)
{
    struct world *w = *state;
    w->config.connections = 1;
    configure(w);
    struct addr addr = address(1);
    size_t before = 0;
    for (int i = 0; i < 6000; i++) {
        int fd[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
        struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
        assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
        close(fd[1]);
        pass(w, STEP);
        if (i == 3000)
            before = allocated();
        buf_free(&journal);
    }
    assert_int_equal(tarpit_count(w->tarpit), 1);
    assert_true(allocated() <= before + 16384);
}

static void test_stopping_closes_all_and_says_so_in_one_line(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 20; i++)
        take(w, TARPIT_EHLO, "");
    pass(w, 5000);
    tarpit_free(w->tarpit);
    w->tarpit = NULL;
    assert_int_equal(journal_lines, 1);
    assert_true(logged("- tarpit-end reason=stopping clients=20 octets="));
    for (size_t i = 0; i < 20; i++) {
        read_client(&w->client[i]);
        assert_true(w->client[i].eof);
    }
    assert_int_equal(atomic_load(&w->budget.taken), 0);
}

static void test_addresses_are_logged_as_they_were(void **state)
{
    static const struct {
        const char *ip, *text;
    } cases[] = {
        {"192.0.2.1", "client=192.0.2.1:25 "},
        {"0.0.0.0", "client=0.0.0.0:25 "},
        {"2001:db8::1", "client=[2001:db8::1]:25 "},
        {NULL, "client=unknown "},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd[2];
        struct addr addr = {0};
        if (cases[i].ip != NULL)
            assert_true(addr_parse_ip(cases[i].ip, &addr));
        addr.port = 25;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
        struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
        assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
        close(fd[1]);
        pass(w, 3000);
        if (!logged(cases[i].text))
            fail_msg("%s: %.*s", cases[i].text, (int)buf_len(&journal), buf_data(&journal));
    }
}

/* ---- what it costs ---- */

struct crowd {
    int *fd;
    size_t count;
};

static struct crowd crowd_new(struct world *w, size_t count)
{
    struct crowd crowd = {.fd = calloc(count, sizeof *crowd.fd), .count = count};
    const struct addr addr = address(1);
    for (size_t i = 0; i < count; i++) {
        int fd[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
        struct io *io = io_new(w->loop, fd[0], &addr, NULL, NULL);
        assert_true(tarpit_take(w->tarpit, io, TARPIT_BANNER, &addr, ID));
        crowd.fd[i] = fd[1];
        if (i % 64 == 0)
            loop_poll(w->loop); /* the objects go */
    }
    loop_poll(w->loop);
    return crowd;
}

static size_t crowd_read(const struct crowd *crowd)
{
    char data[64];
    size_t all = 0;
    for (size_t i = 0; i < crowd->count; i++) {
        ssize_t n = recv(crowd->fd[i], data, sizeof data, MSG_DONTWAIT);
        all += n > 0 ? (size_t)n : 0;
    }
    return all;
}

static void crowd_free(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++)
        close(crowd->fd[i]);
    free(crowd->fd);
}

static size_t crowd_most(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t most = limit.rlim_max > 200 ? (limit.rlim_max - 100) / 2 : 50;
    return most < MANY ? most : MANY;
}

static void test_ten_thousand_clients_cost_little_memory_each(void **state)
{
    struct world *w = *state;
    size_t many = crowd_most();
    assert_true(many >= 400);
    w->config.connections = many;
    configure(w);
    w->budget.descriptors = many + 100;
    size_t before = allocated();
    struct crowd crowd = crowd_new(w, many);
    size_t each = (allocated() - before - many * sizeof *crowd.fd) / many;
    assert_int_equal(tarpit_count(w->tarpit), many);
    if (each > 256) /* 512 are allowed, and the allocator has its own share */
        fail_msg("%zu octets for each of %zu clients", each, many);
    crowd_free(&crowd);
    for (int i = 0; i < 200 && tarpit_count(w->tarpit) > 0; i++) {
        pass(w, 1000);
        buf_free(&journal);
    }
    assert_int_equal(tarpit_count(w->tarpit), 0);
    pass(w, 200);
    assert_true(allocated() < before + many * 128); /* what is left is libevent's */
}

/* Turns in 20 ms, at most, of clients that came all at once: twice their share and `tick` more. */
static void drift_apart(struct world *w, size_t sessions, size_t tick)
{
    atomic_store(&w->sessions, sessions);
    w->config.connections = 1000;
    configure(w);
    w->budget.descriptors = 2000;
    struct crowd crowd = crowd_new(w, crowd_most() < 1000 ? crowd_most() : 1000);
    size_t most = 0;
    size_t heard = 0;
    for (int i = 0; i < 10000 / STEP; i++) {
        size_t before = sends;
        pass(w, STEP);
        most = sends - before > most ? sends - before : most;
        heard += crowd_read(&crowd);
    }
    assert_true(most <= crowd.count * STEP * 2 / 1000 + tick);
    assert_true(heard >= crowd.count * 8);
    crowd_free(&crowd);
}

static void test_clients_taken_all_at_once_do_not_come_in_bursts_on_sessions(void **state)
{
    drift_apart(*state, 1, 40);
}

static void test_with_no_session_to_wait_a_tick_may_be_longer(void **state)
{
    drift_apart(*state, 0, 96);
}

static void test_the_interval_grows_so_that_all_stays_under_a_quarter_of_a_CPU(void **state)
{
    static const uint64_t costs[] = {5000, 400000, 3000000}; /* ns a byte */
    struct world *w = *state;
    w->config.connections = 1000;
    w->config.time = 12 * 3600000;
    configure(w);
    w->budget.descriptors = 2000;
    struct crowd crowd = crowd_new(w, crowd_most() < 400 ? crowd_most() : 400);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        cpu_by_send = costs[i];
        for (int j = 0; j < 120; j++) { /* it gets used to it */
            pass(w, 1000);
            crowd_read(&crowd);
        }
        uint64_t before = cpu_ns;
        size_t sent = sends;
        for (int j = 0; j < 60; j++) {
            pass(w, 1000);
            crowd_read(&crowd);
        }
        uint64_t percent = (cpu_ns - before) * 100 / 60000000000;
        if (percent >= 25)
            fail_msg("%d ns a byte: %d percent of a CPU", (int)costs[i], (int)percent);
        if (i == 0)
            assert_true(sends - sent >= crowd.count * 50); /* there was no need */
        else
            assert_true(percent >= 5); /* and yet they are served */
    }
    /* And it shrinks again. */
    cpu_by_send = 1000;
    for (int j = 0; j < 200; j++) {
        pass(w, 1000);
        crowd_read(&crowd);
    }
    size_t sent = sends;
    pass(w, 10000);
    assert_true(sends - sent >= crowd.count * 8);
    crowd_free(&crowd);
}

static void test_clients_of_other_workers_count_in_the_share(void **state)
{
    struct world *w = *state;
    w->config.connections = 1000;
    w->config.time = 12 * 3600000;
    configure(w);
    w->budget.descriptors = 2000;
    struct crowd crowd = crowd_new(w, 100);
    cpu_by_send = 1000000;
    atomic_fetch_add(&w->budget.taken, 300); /* theirs */
    for (int j = 0; j < 100; j++) {
        pass(w, 1000);
        crowd_read(&crowd);
    }
    uint64_t before = cpu_ns;
    for (int j = 0; j < 40; j++) {
        pass(w, 1000);
        crowd_read(&crowd);
    }
    uint64_t percent = (cpu_ns - before) * 100 / 40000000000;
    assert_true(percent >= 3 && percent <= 6); /* a quarter of a quarter */
    atomic_fetch_sub(&w->budget.taken, 300);
    crowd_free(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(test_never_more_than_a_byte_an_interval),
        CASE(test_a_patient_client_hears_the_last_word_and_then_the_end),
        CASE(test_commands_sent_ahead_of_the_taking_are_answered),
        CASE(test_a_long_talk_of_the_client_is_read_and_dropped),
        CASE(test_what_the_session_had_still_to_write_comes_first),
        CASE(test_over_TCP_with_windows_as_small_as_they_get),
        CASE(test_a_client_that_goes_is_noticed),
        CASE(test_the_time_is_over),
        CASE(test_a_client_that_does_not_read_is_held_until_its_time_is_over),
        CASE(test_at_the_cap_the_oldest_leaves_for_a_younger_one),
        CASE(test_with_no_room_at_all_the_session_keeps_its_client),
        CASE(test_sessions_get_the_descriptors_they_need),
        CASE(test_where_descriptors_run_out_it_stays_smaller),
        CASE(test_a_flood_at_the_cap_leaves_no_records_behind),
        CASE(test_stopping_closes_all_and_says_so_in_one_line),
        CASE(test_addresses_are_logged_as_they_were),
        CASE(test_ten_thousand_clients_cost_little_memory_each),
        CASE(test_clients_taken_all_at_once_do_not_come_in_bursts_on_sessions),
        CASE(test_with_no_session_to_wait_a_tick_may_be_longer),
        CASE(test_the_interval_grows_so_that_all_stays_under_a_quarter_of_a_CPU),
        CASE(test_clients_of_other_workers_count_in_the_share),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
