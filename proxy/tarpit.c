/* SPDX-License-Identifier: ISC */
/*
 * tarpit: holds hostile clients for next to nothing.
 *
 * A client is a descriptor and a record of 64 octets; no I/O object, no event, no timer of its own.
 * One timer of the tarpit gives turns to those that are due, a few at a time, so that good clients
 * on the same loop hardly wait. A turn is one system call: a byte is sent, or, where it is the
 * client's turn to speak, what it said is taken and dropped.
 * Promises: never more than a byte an interval, but for the end of a client's time; never more
 * clients than the budget has room for: the oldest leave for younger ones and for sessions. The
 * interval grows with the number of clients and with what a turn was measured to cost, so that all
 * tarpits together stay under a quarter of a CPU; where the loop is late, bytes are late too and do
 * not come in a burst.
 * Limits: descriptors that only other workers' tarpits could give back are given back at these
 * tarpits' own next tick. A client that neither reads nor leaves costs its turn until its time is
 * over.
 */
#include "proxy/tarpit.h"

#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/tarpit_store.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_LEAST   1       /* ms, while there are sessions, which wait for a tick's turns */
#define TICK_ALONE   10      /* ms, while there are none: fewer wake-ups cost less */
#define ALONE_AFTER  1000    /* ms without a new one: between two of a stream nobody is alone */
#define TICK_MOST    100     /* ms */
#define TURNS_WANTED 8       /* a tick, while there are sessions */
#define TURNS_ALONE  96      /* a tick, while there are none */
#define TURNS_MOST   128     /* a tick */
#define RELIEVE_MOST 16      /* clients that leave for others a tick */
#define MAKE_ROOM    4       /* clients that leave at once for one other */
#define YIELD        16      /* clients fewer where descriptors run out */
#define HEAR_MOST    512     /* octets taken from a client in a turn */
#define SHARE        5       /* a tarpit uses a fifth of a CPU, its wake-ups come on top */
#define BURST        1500000 /* ns of CPU that the turns of a tick take at most */
#define COST_WINDOW  4096    /* turns whose cost is averaged */
#define COST_GUESS   8000    /* ns, until more is known */
#define WINDOW       1024    /* octets of kernel buffers we ask for; it has a minimum of its own */

struct tarpit {
    struct loop *loop;
    struct tarpit_budget *budget;
    struct timer *timer;
    struct talk_words *words;
    struct tarpit_config config;
    struct tarpit_store store;
    bool ticking;       /* the timer runs: there are records */
    uint64_t interval;  /* ms, stretched */
    uint64_t last_tick; /* ms of the loop */
    uint64_t session;   /* when the last one came, in ms of the loop */
    uint64_t cost;      /* ns of CPU of the last turns */
    uint64_t turns;     /* as many as `cost` is for */
};

static void on_tick(void *arg);

struct tarpit *tarpit_new(struct loop *loop, struct tarpit_budget *budget)
{
    struct tarpit *tarpit = mem_alloc(sizeof *tarpit);
    tarpit->loop = loop;
    tarpit->budget = budget;
    tarpit->timer = timer_new(loop, on_tick, tarpit);
    tarpit->turns = COST_WINDOW / 16;
    tarpit->cost = tarpit->turns * COST_GUESS;
    store_init(&tarpit->store);
    return tarpit;
}

void tarpit_configure(struct tarpit *tarpit, const struct tarpit_config *config,
                      const char *hostname)
{
    tarpit->config = *config;
    if (tarpit->interval < config->interval || tarpit->store.live == 0)
        tarpit->interval = config->interval;
    talk_words_free(tarpit->words);
    tarpit->words = talk_words_new(hostname);
}

size_t tarpit_count(const struct tarpit *tarpit)
{
    return tarpit->store.live;
}

/* ---- a client's end ---- */

static uint32_t now_ms(const struct tarpit *tarpit)
{
    return (uint32_t)loop_now(tarpit->loop);
}

static void pack_addr(struct tarpit_client *client, const struct addr *addr)
{
    bool mapped = addr->family == AF_INET;
    client->port = addr->port;
    memcpy(client->ip + (mapped ? 12 : 0), addr->ip, mapped ? 4 : sizeof client->ip);
    if (mapped)
        memset(client->ip + 10, 0xff, 2);
}

static struct addr unpack_addr(const struct tarpit_client *client)
{
    struct addr addr = {0};
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_port = htons(client->port)};
    memcpy(&sa.sin6_addr, client->ip, sizeof client->ip);
    if (!IN6_IS_ADDR_UNSPECIFIED(&sa.sin6_addr))
        addr_from_sockaddr((struct sockaddr *)&sa, &addr);
    return addr;
}

static const char *reason_of(enum talk_end end)
{
    switch (end) {
    case TALK_LAST_WORD:
        return "last word";
    case TALK_QUIT:
        return "quit";
    case TALK_HURRIED:
        return "time";
    case TALK_GOES_ON:
        break;
    }
    return "gone";
}

static void log_end_of(const struct tarpit *tarpit, const struct tarpit_client *client,
                       const char *reason)
{
    struct log_line line;
    char text[ADDR_TEXT_MAX];
    char id[RANDOM_ID_LEN + 1];
    const struct addr addr = unpack_addr(client);
    talk_id_text(id, client->id);
    log_begin(&line, LOG_LEVEL_INFO, id, "tarpit-end");
    log_str(&line, "client", addr_text(&addr, text));
    log_str(&line, "reason", reason);
    log_num(&line, "seconds", (now_ms(tarpit) - client->began) / 1000);
    log_num(&line, "octets", client->sent);
    log_end(&line);
}

static void end_client(struct tarpit *tarpit, uint32_t number, const char *reason)
{
    struct tarpit_client *client = store_at(&tarpit->store, number);
    log_end_of(tarpit, client, reason);
    close(client->fd);
    store_remove(&tarpit->store, number);
    atomic_fetch_sub(&tarpit->budget->taken, 1);
}

/* What the client said and nobody wants to know is taken out, or closing would be a reset, which
 * eats our last words. */
static void drop_input(const struct tarpit_client *client)
{
    char drop[HEAR_MOST];
    for (int i = 0; i < 4; i++)
        if (recv(client->fd, drop, sizeof drop, MSG_DONTWAIT) < (ssize_t)sizeof drop)
            return;
}

static void hurry(struct tarpit *tarpit, struct tarpit_client *client)
{
    char out[TALK_HURRY_MOST];
    size_t len = talk_hurry(&client->talk, tarpit->words, client->id, out);
    ssize_t n = send(client->fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        client->sent += (uint32_t)n;
}

static void evict(struct tarpit *tarpit, uint32_t number, const char *reason)
{
    struct tarpit_client *client = store_at(&tarpit->store, number);
    enum talk_end end = talk_end(&client->talk);
    drop_input(client);
    if (end == TALK_GOES_ON)
        hurry(tarpit, client);
    end_client(tarpit, number, end == TALK_GOES_ON ? reason : reason_of(end));
}

static bool evict_oldest(struct tarpit *tarpit)
{
    uint32_t number = store_oldest(&tarpit->store);
    if (number == TARPIT_NOBODY)
        return false;
    evict(tarpit, number, "pressure");
    return true;
}

bool tarpit_dismiss(struct tarpit *tarpit, const char id[static RANDOM_ID_LEN + 1],
                    const char *reason)
{
    uint8_t packed[TALK_ID_LEN];
    talk_id_pack(packed, id);
    uint32_t number = store_find(&tarpit->store, packed);
    if (number == TARPIT_NOBODY)
        return false;
    evict(tarpit, number, reason);
    return true;
}

/* ---- the budget ---- */

static size_t sessions_of(const struct tarpit_budget *budget)
{
    return budget->sessions != NULL ? atomic_load(budget->sessions) : 0;
}

/* Have all tarpits more clients than they may? `leaving`: sessions that are about to end. */
static bool over_budget(const struct tarpit_budget *budget, size_t taken, size_t leaving)
{
    size_t sessions = sessions_of(budget);
    sessions -= sessions < leaving ? sessions : leaving;
    return taken > atomic_load(&budget->most) ||
           taken + 2 * sessions > atomic_load(&budget->descriptors);
}

static void relieve(struct tarpit *tarpit, size_t most)
{
    struct tarpit_budget *budget = tarpit->budget;
    for (size_t i = 0; i < most && over_budget(budget, atomic_load(&budget->taken), 0); i++)
        if (!evict_oldest(tarpit))
            return;
}

void tarpit_make_room(struct tarpit *tarpit)
{
    tarpit->session = loop_now(tarpit->loop);
    relieve(tarpit, MAKE_ROOM);
}

void tarpit_yield(struct tarpit *tarpit)
{
    struct tarpit_budget *budget = tarpit->budget;
    size_t taken = atomic_load(&budget->taken);
    if (taken == 0)
        return;
    size_t fewer = taken > YIELD ? taken - YIELD : 0;
    atomic_store(&budget->descriptors, fewer + 2 * sessions_of(budget));
    relieve(tarpit, MAKE_ROOM);
}

/* Counts one client more, if need be by letting older ones of ours go. */
static bool reserve(struct tarpit *tarpit)
{
    struct tarpit_budget *budget = tarpit->budget;
    for (int i = 0; i <= MAKE_ROOM; i++) {
        size_t taken = atomic_fetch_add(&budget->taken, 1) + 1;
        if (!over_budget(budget, taken, 1))
            return true;
        atomic_fetch_sub(&budget->taken, 1);
        if (i == MAKE_ROOM || !evict_oldest(tarpit))
            break;
    }
    return false;
}

/* ---- turns ---- */

static struct talk_pace pace_of(const struct tarpit *tarpit, const struct tarpit_client *client)
{
    return (struct talk_pace){.held = now_ms(tarpit) - client->began,
                              .time = tarpit->config.time,
                              .interval = tarpit->interval};
}

static bool only_later(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM;
}

/* False: the connection is gone. */
static bool speak(struct tarpit *tarpit, struct tarpit_client *client, const struct talk_pace *pace)
{
    char octet = talk_octet(&client->talk, tarpit->words, client->id);
    if (send(client->fd, &octet, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return only_later();
    client->sent++;
    talk_said(&client->talk, tarpit->words, pace);
    if (talk_end(&client->talk) != TALK_GOES_ON)
        shutdown(client->fd, SHUT_WR);
    return true;
}

static bool listen_to(struct tarpit *tarpit, struct tarpit_client *client,
                      const struct talk_pace *pace)
{
    char said[HEAR_MOST];
    if (talk_answer(&client->talk, tarpit->words, pace))
        return true;
    ssize_t n = recv(client->fd, said, sizeof said, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && only_later();
    talk_hear(&client->talk, said, (size_t)n);
    talk_answer(&client->talk, tarpit->words, pace);
    return true;
}

static void turn(struct tarpit *tarpit, uint32_t number)
{
    struct tarpit_client *client = store_at(&tarpit->store, number);
    const struct talk_pace pace = pace_of(tarpit, client);
    enum talk_end end = talk_end(&client->talk);
    if (end != TALK_GOES_ON) {
        drop_input(client);
        end_client(tarpit, number, reason_of(end));
    } else if (pace.held >= pace.time) {
        hurry(tarpit, client);
        shutdown(client->fd, SHUT_WR);
    } else if (!(talk_speaks(&client->talk) ? speak(tarpit, client, &pace)
                                            : listen_to(tarpit, client, &pace))) {
        end_client(tarpit, number, "gone");
    }
}

/* A tick's turns are over before anyone on this loop has to wait for long. */
static size_t turns_most(const struct tarpit *tarpit)
{
    uint64_t most = 1 + BURST * tarpit->turns / (tarpit->cost + 1);
    return most < TURNS_MOST ? (size_t)most : TURNS_MOST;
}

/* Gives the turns that are due, and no more than their share of the time since the last tick, so
 * that clients taken all at once drift apart. Returns how many. */
static size_t give_turns(struct tarpit *tarpit, uint64_t now)
{
    struct tarpit_store *store = &tarpit->store;
    uint64_t share = 1 + (now - tarpit->last_tick) * store->live / tarpit->interval;
    size_t most = turns_most(tarpit);
    most = share < most ? (size_t)share : most;
    size_t given = 0;
    for (uint32_t number; given < most; given++) {
        number = store_turn(store);
        if (number == TARPIT_NOBODY || (int32_t)(store_at(store, number)->due - (uint32_t)now) > 0)
            break;
        store_at(store, number)->due = (uint32_t)(now + tarpit->interval);
        turn(tarpit, number);
        if (store_at(store, number)->fd >= 0)
            store_turn_done(store);
    }
    return given;
}

static uint64_t cpu_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The interval at which the turns of all tarpits, at what ours cost, stay within the share. */
static void stretch(struct tarpit *tarpit, uint64_t cost, size_t turns)
{
    tarpit->cost += cost;
    tarpit->turns += turns;
    if (tarpit->turns > COST_WINDOW) {
        tarpit->cost /= 2;
        tarpit->turns /= 2;
    }
    uint64_t all = atomic_load(&tarpit->budget->taken);
    uint64_t least = tarpit->turns > 0 ? all * SHARE * tarpit->cost / tarpit->turns / 1000000 : 0;
    tarpit->interval = least > tarpit->config.interval ? least : tarpit->config.interval;
}

static void plan_tick(struct tarpit *tarpit, uint64_t now)
{
    bool alone = sessions_of(tarpit->budget) == 0 && now - tarpit->session >= ALONE_AFTER;
    uint64_t least = alone ? TICK_ALONE : TICK_LEAST;
    size_t wanted = alone ? TURNS_ALONE : TURNS_WANTED;
    wanted = turns_most(tarpit) < wanted ? turns_most(tarpit) : wanted;
    uint64_t ms = tarpit->interval * wanted / (tarpit->store.live + 1);
    ms = ms > TICK_MOST ? TICK_MOST : ms;
    if (ms < least || over_budget(tarpit->budget, atomic_load(&tarpit->budget->taken), 0))
        ms = least;
    tarpit->last_tick = now;
    timer_set(tarpit->timer, ms);
}

static void on_tick(void *arg)
{
    struct tarpit *tarpit = arg;
    uint64_t now = loop_now(tarpit->loop);
    relieve(tarpit, RELIEVE_MOST);
    uint64_t before = cpu_now();
    size_t turns = give_turns(tarpit, now);
    if (turns > 0)
        stretch(tarpit, cpu_now() - before, turns);
    tarpit->ticking = tarpit->store.live > 0;
    if (tarpit->ticking)
        plan_tick(tarpit, now);
    else
        store_clear(&tarpit->store);
}

/* ---- taking ---- */

/* Small windows: the client is to wait for us, and the kernel's memory is the host's. Bytes are
 * gathered while the client's kernel does not answer. */
static void shrink(int fd)
{
    const int small = WINDOW;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
}

bool tarpit_take(struct tarpit *tarpit, struct io *io, enum tarpit_stage stage,
                 const struct addr *client, const char id[static RANDOM_ID_LEN + 1])
{
    struct talk talk;
    size_t len;
    const struct talk_pace pace = {.time = tarpit->config.time, .interval = tarpit->interval};
    if (tarpit->words == NULL || !reserve(tarpit))
        return false;
    talk_init(&talk, tarpit->words, stage, tarpit->config.last_word, &pace);
    const char *unread = io_data(io, &len);
    talk_hear(&talk, unread, len);
    int fd = io_detach(io);
    if (fd < 0) {
        atomic_fetch_sub(&tarpit->budget->taken, 1);
        return false;
    }
    shrink(fd);
    if (!tarpit->ticking)
        plan_tick(tarpit, loop_now(tarpit->loop));
    tarpit->ticking = true;
    struct tarpit_client *record = store_add(&tarpit->store);
    record->fd = fd;
    record->began = now_ms(tarpit);
    record->due = record->began + (uint32_t)tarpit->interval;
    record->talk = talk;
    pack_addr(record, client);
    talk_id_pack(record->id, id);
    return true;
}

void tarpit_free(struct tarpit *tarpit)
{
    if (tarpit == NULL)
        return;
    size_t clients = tarpit->store.live;
    unsigned long long octets = 0;
    for (uint32_t number; (number = store_oldest(&tarpit->store)) != TARPIT_NOBODY;) {
        struct tarpit_client *client = store_at(&tarpit->store, number);
        octets += client->sent;
        close(client->fd);
        store_remove(&tarpit->store, number);
        atomic_fetch_sub(&tarpit->budget->taken, 1);
    }
    if (clients > 0) { /* one line for all: stopping must not take long */
        struct log_line line;
        log_begin(&line, LOG_LEVEL_INFO, NULL, "tarpit-end");
        log_str(&line, "reason", "stopping");
        log_num(&line, "clients", (long long)clients);
        log_num(&line, "octets", (long long)octets);
        log_end(&line);
    }
    store_clear(&tarpit->store);
    talk_words_free(tarpit->words);
    timer_free(tarpit->timer);
    free(tarpit);
}
