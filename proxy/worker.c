/* SPDX-License-Identifier: ISC */
/*
 * worker: one thread with its own loop, pool and sessions.
 *
 * Each worker accepts from the shared listening sockets itself: there is no queue between an
 * acceptor and the sessions, no wake-up of another thread for each connection, and an idle worker
 * takes what a busy one leaves.
 * Promises: what main asks for is done in the worker's own thread (loop_post), so sessions take no
 * lock; worker_use() and worker_stop() return when it is done.
 */
#include "proxy/worker.h"

#include "dns/resolver.h"
#include "lib/accept.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/counters.h"
#include "proxy/pool.h"
#include "proxy/resolve.h"
#include "proxy/session.h"
#include "proxy/tarpit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#define PAUSE_LOG_MS 60000

struct listener {
    struct worker *worker;
    struct acceptor *acceptor;
    size_t listen;
};

struct worker {
    struct loop *loop;
    struct pool *pool;
    struct tarpit *tarpit;
    struct resolver *resolver; /* NULL: none could be made */
    struct setup *setup;       /* for new sessions; NULL before the first */
    struct listener *listener;
    size_t listeners;
    struct session_list list;
    LIST_HEAD(, worker_place) places;
    _Atomic size_t sessions;
    _Atomic bool alive;
    uint64_t pause_logged; /* monotonic ms; 0: never */
    pthread_t thread;
    bool stopped; /* the thread is joined; main's */
};

struct order { /* of main to the worker, waited for */
    struct worker *worker;
    struct setup *setup;
    const struct worker_listener *listener;
    size_t count;
    sem_t done;
};

static void on_pause(const char *why, void *arg)
{
    struct listener *listener = arg;
    uint64_t now = loop_now(listener->worker->loop);
    tarpit_yield(listener->worker->tarpit);
    if (listener->worker->pause_logged != 0 && now - listener->worker->pause_logged < PAUSE_LOG_MS)
        return;
    listener->worker->pause_logged = now;
    log_event(LOG_LEVEL_ERROR, NULL, "accept-pause",
              "accepting pauses: %s; raise the limit of open files (LimitNOFILE=)", why);
}

static void refuse(struct io *io)
{
    static const char busy[] = "421 4.3.2 Too many sessions, please try again later\r\n";
    io_write(io, busy, sizeof busy - 1);
    io_close(io, 0);
}

static void on_connection(struct io *io, void *arg)
{
    struct listener *listener = arg;
    struct worker *worker = listener->worker;
    struct server *server = worker->setup->server;
    size_t others = atomic_fetch_add(&server->sessions, 1);
    if (others >= server->sessions_most) {
        atomic_fetch_sub(&server->sessions, 1);
        counters_add(server->counters, COUNTER_CONNECTIONS_BUSY, 1);
        refuse(io);
        return;
    }
    atomic_fetch_add_explicit(&worker->sessions, 1, memory_order_relaxed);
    tarpit_make_room(worker->tarpit);
    struct session *session = session_new(worker, worker->setup, listener->listen, io);
    session_list_add(&worker->list, session);
    session_begin(session);
}

void worker_remove(struct worker *worker, struct session *session)
{
    struct worker_place *place;
    LIST_FOREACH(place, &worker->places, link)
    if (place->next == session)
        place->next = session_list_next(session);
    session_list_remove(session);
    atomic_fetch_sub(&worker->setup->server->sessions, 1);
    atomic_fetch_sub_explicit(&worker->sessions, 1, memory_order_relaxed);
}

static void stop_accepting(struct worker *worker)
{
    for (size_t i = 0; i < worker->listeners; i++)
        acceptor_free(worker->listener[i].acceptor);
    free(worker->listener);
    worker->listener = NULL;
    worker->listeners = 0;
}

static void do_use(void *arg)
{
    struct order *order = arg;
    struct worker *worker = order->worker;
    stop_accepting(worker);
    pool_clear(worker->pool);
    setup_unref(worker->setup);
    worker->setup = setup_ref(order->setup);
    const struct config *config = worker->setup->config;
    tarpit_configure(worker->tarpit, &config->tarpit, config->hostname);
    resolve_use(&worker->resolver, worker->loop, &config->dns);
    worker->listeners = order->count;
    worker->listener = mem_alloc(order->count * sizeof *worker->listener);
    for (size_t i = 0; i < order->count; i++) {
        struct listener *listener = &worker->listener[i];
        listener->worker = worker;
        listener->listen = order->listener[i].listen;
        listener->acceptor =
            acceptor_new(worker->loop, order->listener[i].fd, on_connection, on_pause, listener);
    }
    sem_post(&order->done);
}

static void do_drain(void *arg)
{
    struct order *order = arg;
    struct worker *worker = order->worker;
    stop_accepting(worker);
    sem_post(&order->done);
    struct session *session = LIST_FIRST(&worker->list);
    while (session != NULL) {
        struct session *next = session_list_next(session);
        session_drain(session);
        session = next;
    }
}

static void do_stop(void *arg)
{
    struct worker *worker = arg;
    stop_accepting(worker);
    while (!LIST_EMPTY(&worker->list))
        session_stop(LIST_FIRST(&worker->list));
    pool_clear(worker->pool);
    loop_stop(worker->loop);
}

static void do_ping(void *arg)
{
    struct worker *worker = arg;
    atomic_store(&worker->alive, true);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    loop_run(worker->loop);
    return NULL;
}

struct worker *worker_new(struct server *server)
{
    struct worker *worker = mem_alloc(sizeof *worker);
    worker->loop = loop_new();
    worker->pool = pool_new(worker->loop);
    worker->tarpit = tarpit_new(worker->loop, &server->tarpit);
    LIST_INIT(&worker->list);
    LIST_INIT(&worker->places);
    atomic_init(&worker->alive, true);
    sigset_t all, old; /* signals are main's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        abort();
    return worker;
}

/* Lets the worker do it and waits until it has. */
static void give(struct worker *worker, loop_fn fn, struct order *order)
{
    order->worker = worker;
    sem_init(&order->done, 0, 0);
    loop_post(worker->loop, fn, order);
    while (sem_wait(&order->done) != 0)
        ; /* a signal's handler ran */
    sem_destroy(&order->done);
}

void worker_use(struct worker *worker, struct setup *setup, const struct worker_listener *listener,
                size_t count)
{
    struct order order = {.setup = setup, .listener = listener, .count = count};
    give(worker, do_use, &order);
}

void worker_drain(struct worker *worker)
{
    struct order order = {0};
    give(worker, do_drain, &order);
}

size_t worker_sessions(const struct worker *worker)
{
    return atomic_load_explicit(&worker->sessions, memory_order_relaxed);
}

void worker_ping(struct worker *worker)
{
    atomic_store(&worker->alive, false);
    loop_post(worker->loop, do_ping, worker);
}

bool worker_alive(const struct worker *worker)
{
    return atomic_load(&worker->alive);
}

void worker_stop(struct worker *worker)
{
    loop_post(worker->loop, do_stop, worker);
    pthread_join(worker->thread, NULL);
    worker->stopped = true;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    if (!worker->stopped)
        worker_stop(worker);
    tarpit_free(worker->tarpit);
    resolver_free(worker->resolver);
    pool_free(worker->pool);
    setup_unref(worker->setup);
    loop_free(worker->loop);
    free(worker);
}

void worker_place_begin(struct worker *worker, struct worker_place *place)
{
    place->next = LIST_FIRST(&worker->list);
    LIST_INSERT_HEAD(&worker->places, place, link);
}

struct session *worker_place_step(struct worker_place *place)
{
    struct session *session = place->next;
    if (session != NULL)
        place->next = session_list_next(session);
    return session;
}

void worker_place_end(struct worker_place *place)
{
    LIST_REMOVE(place, link);
}

struct loop *worker_loop(struct worker *worker)
{
    return worker->loop;
}

struct pool *worker_pool(struct worker *worker)
{
    return worker->pool;
}

struct tarpit *worker_tarpit(struct worker *worker)
{
    return worker->tarpit;
}

struct dns *worker_dns(struct worker *worker)
{
    return worker->resolver != NULL ? resolver_dns(worker->resolver) : NULL;
}
