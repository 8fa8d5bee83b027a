/* SPDX-License-Identifier: ISC */
/*
 * sockets: the listening sockets.
 *
 * Promises: a reload that fails has opened and closed nothing; a port that stays in the
 * configuration is never let go, so that no connection is refused meanwhile and no privilege is
 * needed to keep it.
 */
#include "proxy/sockets.h"

#include "lib/accept.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "proxy/systemd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define INHERITED_MAX 64

struct open_socket {
    LIST_ENTRY(open_socket) link;
    int fd;
    struct addr address;
    bool transparent;
    bool inherited; /* of systemd */
    bool used;      /* given out by the last sockets_open */
    bool fresh;     /* opened by the sockets_open that runs now */
    char name[SYSTEMD_NAME_MAX];
};

struct sockets {
    LIST_HEAD(, open_socket) list;
};

static struct open_socket *add(struct sockets *sockets, int fd, const struct addr *address)
{
    struct open_socket *one = mem_alloc(sizeof *one);
    one->fd = fd;
    one->address = *address;
    LIST_INSERT_HEAD(&sockets->list, one, link);
    return one;
}

struct sockets *sockets_new(void)
{
    struct sockets *sockets = mem_alloc(sizeof *sockets);
    struct systemd_socket inherited[INHERITED_MAX];
    size_t count = systemd_sockets(inherited, INHERITED_MAX);
    LIST_INIT(&sockets->list);
    for (size_t i = 0; i < count; i++) {
        struct addr address;
        if (!accept_adopt(inherited[i].fd, &address)) {
            close(inherited[i].fd);
            continue;
        }
        struct open_socket *one = add(sockets, inherited[i].fd, &address);
        one->inherited = true;
        memcpy(one->name, inherited[i].name, sizeof one->name);
    }
    return sockets;
}

static void drop(struct open_socket *one)
{
    LIST_REMOVE(one, link);
    close(one->fd);
    free(one);
}

void sockets_close_all(struct sockets *sockets)
{
    while (!LIST_EMPTY(&sockets->list))
        drop(LIST_FIRST(&sockets->list));
}

void sockets_free(struct sockets *sockets)
{
    if (sockets == NULL)
        return;
    sockets_close_all(sockets);
    free(sockets);
}

/* Has `wanted` a socket already? */
static struct open_socket *find(struct sockets *sockets, const struct addr *wanted,
                                bool transparent)
{
    struct open_socket *one;
    LIST_FOREACH(one, &sockets->list, link)
    {
        if (one->address.port == wanted->port && addr_same_ip(&one->address, wanted) &&
            (one->inherited || one->transparent == transparent))
            return one;
    }
    return NULL;
}

static struct open_socket *get(struct sockets *sockets, const struct listen_config *listen,
                               const struct addr *wanted, char **why)
{
    struct open_socket *one = find(sockets, wanted, listen->transparent);
    if (one != NULL)
        return one;
    int fd = accept_listen(wanted, listen->transparent, why);
    if (fd < 0)
        return NULL;
    one = add(sockets, fd, wanted);
    one->transparent = listen->transparent;
    one->fresh = true;
    return one;
}

/* Undoes what a sockets_open() that failed had opened. */
static void drop_fresh(struct sockets *sockets)
{
    struct open_socket *one = LIST_FIRST(&sockets->list);
    while (one != NULL) {
        struct open_socket *next = LIST_NEXT(one, link);
        if (one->fresh)
            drop(one);
        one = next;
    }
}

struct found {
    struct open_socket **socket;
    struct worker_listener *listener;
    size_t count;
};

static void note(struct found *found, struct open_socket *one, size_t listen)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->socket[i] == one)
            return;
    }
    found->socket = mem_grow(found->socket, found->count + 1, sizeof *found->socket);
    found->listener = mem_grow(found->listener, found->count + 1, sizeof *found->listener);
    found->socket[found->count] = one;
    found->listener[found->count] = (struct worker_listener){.fd = one->fd, .listen = listen};
    found->count++;
}

static bool open_block(struct sockets *sockets, const struct config *config, size_t index,
                       struct found *found, char **why)
{
    const struct listen_config *listen = &config->listen[index];
    struct open_socket *one;
    for (size_t i = 0; i < listen->address_count; i++) {
        one = get(sockets, listen, &listen->address[i], why);
        if (one == NULL)
            return false;
        note(found, one, index);
    }
    LIST_FOREACH(one, &sockets->list, link)
    {
        if (one->inherited && strcmp(one->name, listen->name) == 0)
            note(found, one, index);
    }
    return true;
}

/* The result stands: marks what is in use. */
static void commit(struct sockets *sockets, const struct found *found)
{
    struct open_socket *one;
    LIST_FOREACH(one, &sockets->list, link)
    one->used = one->fresh = false;
    for (size_t i = 0; i < found->count; i++)
        found->socket[i]->used = true;
}

bool sockets_open(struct sockets *sockets, const struct config *config,
                  struct worker_listener **out, size_t *count, char **why)
{
    struct found found = {0};
    for (size_t i = 0; i < config->listen_count; i++) {
        if (open_block(sockets, config, i, &found, why))
            continue;
        drop_fresh(sockets);
        free(found.socket);
        free(found.listener);
        return false;
    }
    commit(sockets, &found);
    free(found.socket);
    *out = found.listener;
    *count = found.count;
    return true;
}

/* Kept open it would take connections that nobody serves. */
static void warn_unused(const struct open_socket *one)
{
    char text[ADDR_TEXT_MAX];
    log_event(LOG_LEVEL_WARNING, NULL, "config-warning",
              "the socket %s (%s) that systemd handed over is closed: no listen block has its "
              "address or is named like it",
              addr_text(&one->address, text), one->name);
}

void sockets_close_unused(struct sockets *sockets)
{
    struct open_socket *one = LIST_FIRST(&sockets->list);
    while (one != NULL) {
        struct open_socket *next = LIST_NEXT(one, link);
        if (!one->used && one->inherited)
            warn_unused(one);
        if (!one->used)
            drop(one);
        one = next;
    }
}
