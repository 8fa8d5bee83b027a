/* SPDX-License-Identifier: ISC */
/*
 * dialler: a fresh backend connection, whichever address answers.
 *
 * Promises: each address is tried once, those at rest after failures last, so that a lone backend
 * is used again as soon as it serves; one that cannot be reached or does not greet rests
 * (health.h), unless what it was told of the client may be why. The one answer comes from the
 * loop.
 * Limits: DIAL_MAX addresses an attempt; all of them together stay inside what a client waits,
 * since each has backend-connect for its banner.
 */
#include "proxy/dialler.h"

#include "lib/loop.h"
#include "lib/mem.h"

#include <stdlib.h>

#define DIAL_MAX 8

struct dialler {
    struct loop *loop;
    struct setup *setup;
    size_t backend;
    struct client_view view;
    char *helo;
    dialler_fn fn;
    void *arg;
    struct backend_conn *conn; /* under way */
    size_t next;
    size_t count;
    struct {
        struct addr to;
        struct health *health;
    } target[DIAL_MAX];
};

/* Where the round begins, for balance = round-robin: one counter for all that dial. */
static size_t first_index(struct setup *setup, const struct backend_config *config)
{
    if (config->balance == BALANCE_ORDERED)
        return 0;
    return atomic_fetch_add_explicit(&setup->turn, 1, memory_order_relaxed) % config->address_count;
}

static void add_target(struct dialler *dialler, const struct addr *to, struct health *health)
{
    if (dialler->count == DIAL_MAX)
        return;
    dialler->target[dialler->count].to = *to;
    dialler->target[dialler->count].health = health;
    dialler->count++;
}

/* The addresses in order: those in health, then those at rest. */
static void choose(struct dialler *dialler)
{
    const struct backend_config *config = &dialler->setup->config->backend[dialler->backend];
    if (config->original) {
        const struct addr *to = &dialler->view.server;
        add_target(dialler, to, health_find(dialler->setup->server->health, to));
        return;
    }
    uint64_t now = loop_now(dialler->loop);
    size_t first = first_index(dialler->setup, config);
    for (int resting = 0; resting < 2; resting++) {
        for (size_t i = 0; i < config->address_count; i++) {
            size_t index = (first + i) % config->address_count;
            struct health *health = dialler->setup->health[dialler->backend][index];
            bool usable = health == NULL || health_usable(health, now);
            if (usable == !resting)
                add_target(dialler, &config->address[index], health);
        }
    }
}

static void finish(struct dialler *dialler, struct backend_conn *conn, const char *why)
{
    dialler_fn fn = dialler->fn;
    void *arg = dialler->arg;
    dialler->conn = NULL;
    fn(conn, why, arg);
    dialler_cancel(dialler);
}

static void try_next(struct dialler *dialler);

static void on_event(struct backend_conn *conn, enum backend_event event, int tag,
                     const struct backend_reply *reply, void *arg)
{
    (void)tag;
    (void)reply;
    struct dialler *dialler = arg;
    if (event == BACKEND_READY) {
        finish(dialler, conn, NULL);
    } else if (event == BACKEND_FAULT) {
        struct health *health = dialler->target[dialler->next - 1].health;
        if (health != NULL && backend_conn_to_blame(conn))
            health_bad(health, loop_now(dialler->loop));
        backend_conn_free(conn); /* its words stay readable until the loop goes on */
        dialler->conn = NULL;
        if (dialler->next < dialler->count)
            try_next(dialler);
        else
            finish(dialler, NULL, backend_conn_why(conn));
    }
}

static void try_next(struct dialler *dialler)
{
    const struct backend_dial dial = {
        .loop = dialler->loop,
        .setup = dialler->setup,
        .backend = dialler->backend,
        .to = dialler->target[dialler->next].to,
        .health = dialler->target[dialler->next].health,
        .view = &dialler->view,
    };
    dialler->next++;
    dialler->conn = backend_conn_new(&dial, on_event, dialler);
}

struct dialler *dialler_ask(struct loop *loop, struct setup *setup, size_t backend,
                            const struct client_view *view, dialler_fn fn, void *arg)
{
    struct dialler *dialler = mem_alloc(sizeof *dialler);
    dialler->loop = loop;
    dialler->setup = setup_ref(setup);
    dialler->backend = backend;
    dialler->view = *view;
    dialler->helo = mem_strdup(view->helo);
    dialler->view.helo = dialler->helo;
    dialler->fn = fn;
    dialler->arg = arg;
    choose(dialler);
    try_next(dialler);
    return dialler;
}

void dialler_cancel(struct dialler *dialler)
{
    if (dialler == NULL)
        return;
    backend_conn_free(dialler->conn);
    setup_unref(dialler->setup);
    free(dialler->helo);
    free(dialler);
}
