/* SPDX-License-Identifier: ISC */
/*
 * roster: a look at the sessions of all workers.
 *
 * A look goes from worker to worker and back to main by posts: it belongs to whom it was posted to
 * last, so nothing of it is locked. In a worker it keeps its place in the list of sessions
 * (worker_place) from page to page.
 * Promises: a worker copies at most a page at a time; a look that is ended is freed once it is back
 * in main, or with the roster.
 * Limits: a kill looks at all sessions of a worker at once: a millisecond for some ten thousand.
 */
#include "proxy/roster.h"

#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/tarpit.h"
#include "proxy/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct roster_look {
    LIST_ENTRY(roster_look) link;
    struct roster *roster;
    roster_fn fn;
    void *arg;
    size_t worker; /* whose turn it is */
    struct worker_place place;
    bool placed; /* the place is in that worker's list */
    bool away;   /* with the worker; main's, as `ended` */
    bool ended;  /* nobody wants to know any more */
    size_t count;
    struct session_shown page[ROSTER_PAGE];
};

struct roster_kill {
    LIST_ENTRY(roster_kill) link;
    struct roster *roster;
    void (*fn)(bool found, void *arg);
    void *arg;
    size_t worker;
    bool found;
    char id[RANDOM_ID_LEN + 1];
};

struct roster {
    struct loop *loop;
    struct worker *const *worker;
    size_t workers;
    LIST_HEAD(, roster_look) looks;
    LIST_HEAD(, roster_kill) kills;
};

struct roster *roster_new(struct loop *loop, struct worker *const *worker, size_t workers)
{
    struct roster *roster = mem_alloc(sizeof *roster);
    roster->loop = loop;
    roster->worker = worker;
    roster->workers = workers;
    LIST_INIT(&roster->looks);
    LIST_INIT(&roster->kills);
    return roster;
}

static void on_page(void *arg);
static void on_left(void *arg);
static void on_looked(void *arg);

static void look_free(struct roster_look *look)
{
    LIST_REMOVE(look, link);
    free(look);
}

static void kill_free(struct roster_kill *order)
{
    LIST_REMOVE(order, link);
    free(order);
}

void roster_free(struct roster *roster)
{
    if (roster == NULL)
        return;
    struct roster_look *look;
    struct roster_kill *order;
    while ((look = LIST_FIRST(&roster->looks)) != NULL) {
        loop_unpost(roster->loop, on_page, look);
        loop_unpost(roster->loop, on_left, look);
        look_free(look);
    }
    while ((order = LIST_FIRST(&roster->kills)) != NULL) {
        loop_unpost(roster->loop, on_looked, order);
        order->fn(order->found, order->arg);
        kill_free(order);
    }
    free(roster);
}

/* ---- looking -----------------------------------------------------------------------------------
 */

static struct worker *worker_of(const struct roster_look *look)
{
    return look->roster->worker[look->worker];
}

/* In the worker's thread. */
static void take_page(void *arg)
{
    struct roster_look *look = arg;
    if (!look->placed)
        worker_place_begin(worker_of(look), &look->place);
    look->placed = true;
    while (look->count < ROSTER_PAGE) {
        const struct session *session = worker_place_step(&look->place);
        if (session == NULL)
            break;
        session_show(session, &look->page[look->count++]);
    }
    if (look->place.next == NULL) {
        worker_place_end(&look->place);
        look->placed = false;
    }
    loop_post(look->roster->loop, on_page, look);
}

/* The same. */
static void leave_place(void *arg)
{
    struct roster_look *look = arg;
    worker_place_end(&look->place);
    look->placed = false;
    loop_post(look->roster->loop, on_left, look);
}

static void ask(struct roster_look *look)
{
    look->away = true;
    loop_post(worker_loop(worker_of(look)), take_page, look);
}

/* Frees it, in the end. */
static void end(struct roster_look *look)
{
    look->ended = true;
    if (look->away)
        return;
    if (!look->placed) {
        look_free(look);
        return;
    }
    look->away = true;
    loop_post(worker_loop(worker_of(look)), leave_place, look);
}

static void on_left(void *arg)
{
    struct roster_look *look = arg;
    look->away = false;
    end(look);
}

static void on_page(void *arg)
{
    struct roster_look *look = arg;
    look->away = false;
    if (look->ended) {
        end(look);
        return;
    }
    if (!look->placed)
        look->worker++;
    const bool more = look->worker < look->roster->workers;
    if (more && look->count < ROSTER_PAGE) { /* the next worker fills the page */
        ask(look);
        return;
    }
    if (!more) /* it is still there during the call, and nobody's any more */
        look->ended = true;
    look->fn(look->page, look->count, more, look->arg);
    if (!more)
        look_free(look);
}

struct roster_look *roster_look(struct roster *roster, roster_fn fn, void *arg)
{
    struct roster_look *look = mem_alloc(sizeof *look);
    look->roster = roster;
    look->fn = fn;
    look->arg = arg;
    LIST_INSERT_HEAD(&roster->looks, look, link);
    ask(look);
    return look;
}

void roster_look_on(struct roster_look *look)
{
    look->count = 0;
    ask(look);
}

void roster_look_end(struct roster_look *look)
{
    end(look);
}

/* ---- killing -----------------------------------------------------------------------------------
 */

static struct session *find(struct worker *worker, const char *id)
{
    struct session *found = NULL;
    struct worker_place place;
    worker_place_begin(worker, &place);
    for (struct session *s; found == NULL && (s = worker_place_step(&place)) != NULL;)
        if (strcmp(session_id(s), id) == 0)
            found = s;
    worker_place_end(&place);
    return found;
}

/* In the worker's thread. */
static void do_kill(void *arg)
{
    struct roster_kill *order = arg;
    struct worker *worker = order->roster->worker[order->worker];
    struct session *session = find(worker, order->id);
    if (session != NULL)
        session_dismiss(session, "ended by an administrator");
    order->found = session != NULL ||
                   tarpit_dismiss(worker_tarpit(worker), order->id, "ended by an administrator");
    loop_post(order->roster->loop, on_looked, order);
}

static void send_out(struct roster_kill *order)
{
    loop_post(worker_loop(order->roster->worker[order->worker]), do_kill, order);
}

static void on_looked(void *arg)
{
    struct roster_kill *order = arg;
    if (!order->found && ++order->worker < order->roster->workers) {
        send_out(order);
        return;
    }
    order->fn(order->found, order->arg);
    kill_free(order);
}

void roster_kill(struct roster *roster, const char *id, void (*fn)(bool found, void *arg),
                 void *arg)
{
    struct roster_kill *order = mem_alloc(sizeof *order);
    order->roster = roster;
    order->fn = fn;
    order->arg = arg;
    snprintf(order->id, sizeof order->id, "%s", id);
    LIST_INSERT_HEAD(&roster->kills, order, link);
    send_out(order);
}
