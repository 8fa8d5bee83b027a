/* SPDX-License-Identifier: ISC */
/*
 * probe: looks at every backend's EHLO at start and keeps it fresh.
 *
 * One short dialogue an address and interval: banner, EHLO, STARTTLS where configured, QUIT. What
 * it learns goes to the address' record (health.h), which EHLO replies to clients are made of. A
 * backend that fails, recovers, or is ourselves is told to the log, once each.
 * Limits: `original` destinations are not known beforehand; their record fills as clients come.
 */
#include "proxy/probe.h"

#include "lib/log.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "proxy/backend_conn.h"

#include <stdlib.h>

#define RETRY_MS 2000 /* while a backend is down */

struct target {
    struct probe *probe;
    size_t backend;
    size_t address;
    struct timer *timer;
    struct backend_conn *conn;
    bool down; /* told to the log */
};

struct probe {
    struct loop *loop;
    struct setup *setup;
    struct target *target;
    size_t count;
};

static void look(void *arg);

static const struct backend_config *config_of(const struct target *target)
{
    return &target->probe->setup->config->backend[target->backend];
}

static struct health *health_of(const struct target *target)
{
    return target->probe->setup->health[target->backend][target->address];
}

static void came_well(struct target *target)
{
    if (target->down)
        log_event(LOG_LEVEL_INFO, NULL, "backend-up", "%s at %s answers again",
                  config_of(target)->name, backend_conn_name(target->conn));
    target->down = false;
    backend_conn_quit(target->conn);
    target->conn = NULL;
    timer_set(target->timer, config_of(target)->probe_interval);
}

static void went_wrong(struct target *target)
{
    if (!target->down)
        log_event(LOG_LEVEL_ERROR, NULL, "backend-down", "%s at %s: %s", config_of(target)->name,
                  backend_conn_name(target->conn), backend_conn_why(target->conn));
    target->down = true;
    if (health_of(target) != NULL)
        health_bad(health_of(target), loop_now(target->probe->loop));
    backend_conn_free(target->conn);
    target->conn = NULL;
    timer_set(target->timer, RETRY_MS);
}

static void on_event(struct backend_conn *conn, enum backend_event event, int tag,
                     const struct backend_reply *reply, void *arg)
{
    (void)conn;
    (void)tag;
    (void)reply;
    if (event == BACKEND_READY)
        came_well(arg);
    else if (event == BACKEND_FAULT)
        went_wrong(arg);
}

static void look(void *arg)
{
    struct target *target = arg;
    const struct client_view view = {.probe = true};
    const struct backend_dial dial = {
        .loop = target->probe->loop,
        .setup = target->probe->setup,
        .backend = target->backend,
        .to = config_of(target)->address[target->address],
        .health = health_of(target),
        .view = &view,
    };
    target->conn = backend_conn_new(&dial, on_event, target);
}

static void add_target(struct probe *probe, size_t backend, size_t address)
{
    struct target *target = &probe->target[probe->count++];
    target->probe = probe;
    target->backend = backend;
    target->address = address;
    target->timer = timer_new(probe->loop, look, target);
    look(target);
}

struct probe *probe_new(struct loop *loop, struct setup *setup)
{
    struct probe *probe = mem_alloc(sizeof *probe);
    const struct config *config = setup->config;
    size_t count = 0;
    probe->loop = loop;
    probe->setup = setup_ref(setup);
    for (size_t b = 0; b < config->backend_count; b++)
        count += config->backend[b].address_count;
    probe->target = mem_alloc(count * sizeof *probe->target);
    for (size_t b = 0; b < config->backend_count; b++) {
        for (size_t a = 0; a < config->backend[b].address_count; a++)
            add_target(probe, b, a);
    }
    return probe;
}

void probe_free(struct probe *probe)
{
    if (probe == NULL)
        return;
    for (size_t i = 0; i < probe->count; i++) {
        backend_conn_free(probe->target[i].conn);
        timer_free(probe->target[i].timer);
    }
    free(probe->target);
    setup_unref(probe->setup);
    free(probe);
}
