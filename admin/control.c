/* SPDX-License-Identifier: ISC */
/*
 * control: the control socket: who may come in, and at which level.
 *
 * Promises: the level follows from the peer's credentials (SO_PEERCRED) and is checked by
 * lib/command alone; readers never take all connections, so that root always finds one. Names of
 * users are looked up at the start only, since a directory service may take its time.
 * Limits: CONTROL_PEERS_MOST connections, of which CONTROL_PEERS_ADMIN are kept for admins.
 */
#include "admin/control_int.h"

#include "lib/accept.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/random.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOBODY 65534 /* what the kernel says of users it cannot name in our user namespace */

/* ---- help --------------------------------------------------------------------------------------
 */

/* RFC 8259 objects, one a row, in the order of the sets. */
static void help(struct command_call *call, void *arg)
{
    const struct control *control = arg;
    for (const struct command_set *set = control->set; set->rows != NULL; set++)
        for (const struct command *row = set->rows; row->name != NULL; row++)
            if (!command_item(call, json_pack("{s:s, s:s, s:s, s:s}", "name", row->name, "args",
                                              row->args, "level", command_level_text(row->level),
                                              "help", row->help))) {
                command_done(call, NULL);
                return;
            }
    command_done(call, NULL);
}

static const struct command rows[] = {
    {"help", "", "What can be asked, with its arguments and level.", COMMAND_READ, help},
    {.name = NULL},
};

/* Ours, then those of the rooms. */
static struct command_set *join(struct control *control, const struct command_set *sets)
{
    size_t count = 0;
    while (sets[count].rows != NULL)
        count++;
    struct command_set *all = mem_alloc((count + 2) * sizeof *all);
    all[0] = (struct command_set){rows, control};
    for (size_t i = 0; i < count; i++)
        all[i + 1] = sets[i];
    return all;
}

/* ---- users -------------------------------------------------------------------------------------
 */

static void add_user(struct control *control, uid_t uid, const char *name)
{
    control->user = mem_grow(control->user, control->users + 1, sizeof *control->user);
    control->user[control->users++] = (struct control_user){uid, mem_strdup(name)};
}

static void add_named(struct control *control, const char *name)
{
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL || entry->pw_uid == NOBODY)
        log_event(LOG_LEVEL_WARNING, NULL, "control", "admins: %s is no user that can be told",
                  name);
    else
        add_user(control, entry->pw_uid, name);
}

static void know_users(struct control *control, const char *const *admins)
{
    add_user(control, 0, "root");
    const struct passwd *own = geteuid() != 0 ? getpwuid(geteuid()) : NULL;
    char number[32];
    snprintf(number, sizeof number, "uid %lu", (unsigned long)geteuid());
    if (geteuid() != 0)
        add_user(control, geteuid(), own != NULL ? own->pw_name : number);
    for (; admins != NULL && *admins != NULL; admins++)
        add_named(control, *admins);
}

static const struct control_user *find_user(const struct control *control, uid_t uid)
{
    for (size_t i = 0; i < control->users; i++)
        if (control->user[i].uid == uid)
            return &control->user[i];
    return NULL;
}

/* ---- connections -------------------------------------------------------------------------------
 */

void control_admit(struct control *control, struct io *io)
{
    uid_t uid;
    char number[32];
    if (!io_peer_user(io, &uid)) {
        io_free(io);
        return;
    }
    const struct control_user *user = find_user(control, uid);
    size_t most = CONTROL_PEERS_MOST - (user != NULL ? 0 : CONTROL_PEERS_ADMIN);
    if (control->connected + control->orphans >= most) {
        control_peer_refuse(io, "too many are connected; try again later");
        return;
    }
    snprintf(number, sizeof number, "uid %lu", (unsigned long)uid);
    control_peer_new(control, io, user != NULL ? COMMAND_ADMIN : COMMAND_READ,
                     user != NULL ? user->name : number);
}

static void on_accept(struct io *io, void *arg)
{
    control_admit(arg, io);
}

static void on_pause(const char *why, void *arg)
{
    (void)why, (void)arg; /* the workers say it, and oftener */
}

struct control *control_new(struct loop *loop, const struct control_config *config,
                            const struct command_set *sets, char **why)
{
    struct control *control = mem_alloc(sizeof *control);
    size_t seed = 0;
    random_bytes(&seed, sizeof seed);
    json_object_seed(seed); /* askers choose the names in objects */
    control->loop = loop;
    if (!control_socket_open(&control->socket, config->socket, config->group, why)) {
        free(control);
        return NULL;
    }
    LIST_INIT(&control->peers);
    LIST_INIT(&control->requests);
    control->set = join(control, sets);
    know_users(control, config->admins);
    control->acceptor = acceptor_new(loop, control->socket.fd, on_accept, on_pause, control);
    return control;
}

void control_free(struct control *control)
{
    if (control == NULL)
        return;
    acceptor_free(control->acceptor);
    control_peer_leave_all(control);
    control_socket_close(&control->socket);
    for (size_t i = 0; i < control->users; i++)
        free(control->user[i].name);
    free(control->user);
    free(control->set);
    free(control);
}
