/* SPDX-License-Identifier: ISC */
/*
 * ctl_local: the lists without a daemon.
 *
 * The carrier of lib/command.h in the place of the control socket: a request runs the daemon's own
 * row on a loop of this process, its items go straight to who asked. The lock excludes a daemon;
 * one that holds it without a socket is named as such. The store is told lifetimes without an end,
 * so that an edit of a list sweeps nothing that the daemon would have kept.
 */
#include "admin/ctl_local.h"

#include "admin/ctl_owner.h"
#include "db/sqlite_store.h"
#include "lib/command.h"
#include "lib/loop.h"
#include "lib/mem.h"
#include "policy/list_commands.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct local {
    struct ctl_link link;
    struct loop *loop;
    struct store *store;
    struct list_desk desk;
    struct command_set sets[2];
    char *author;
};

/* On the asker's stack: the call may be gone when command_start returns. */
struct turn {
    const struct ctl_request *request;
    struct ctl_reply *reply;
    enum ctl_outcome outcome;
    struct loop *loop;
    bool ended, running;
};

struct local_call {
    struct command_call call;
    struct turn *turn;
};

static bool on_send(struct command_call *call, json_t *line)
{
    struct turn *turn = ((struct local_call *)call)->turn;
    bool more = turn->outcome != CTL_ENOUGH;
    enum ctl_outcome outcome = turn->outcome;
    if (more) {
        bool stop = ctl_answer_line(line, turn->request, turn->reply, &outcome);
        bool item = json_object_get(line, "item") != NULL;
        more = !item || !stop;
        if (stop)
            turn->outcome = outcome;
    }
    json_decref(line);
    return more;
}

static void on_end(struct command_call *call)
{
    struct turn *turn = ((struct local_call *)call)->turn;
    turn->ended = true;
    if (turn->running)
        loop_stop(turn->loop);
    json_decref(call->args);
    free(call);
}

static enum ctl_outcome local_ask(struct ctl_link *link, const struct ctl_request *request,
                                  struct ctl_reply *reply)
{
    static const struct command_ops ops = {.send = on_send, .end = on_end};
    struct local *local = (struct local *)link;
    struct turn turn = {
        .request = request, .reply = reply, .outcome = CTL_BROKEN, .loop = local->loop};
    struct local_call *call = mem_alloc(sizeof *call);
    call->call.ops = &ops;
    call->call.args = json_incref(request->args);
    call->call.author = local->author;
    call->turn = &turn;
    command_start(&call->call, local->sets, request->command, COMMAND_ADMIN);
    turn.running = true;
    if (!turn.ended)
        loop_run(local->loop);
    return turn.outcome;
}

static void local_free(struct ctl_link *link)
{
    struct local *local = (struct local *)link;
    sqlite_store_free(local->store);
    loop_free(local->loop);
    free(local->author);
    free(local);
}

static int64_t wall(void)
{
    return (int64_t)time(NULL);
}

/* As the daemon names who asks over the socket. */
static char *author(void)
{
    uid_t uid = getuid();
    const struct passwd *user = getpwuid(uid);
    return user != NULL ? mem_strdup(user->pw_name) : mem_printf("uid %u", (unsigned)uid);
}

/* Does somebody else hold the lock? */
static bool is_held(const char *directory)
{
    char *path = mem_printf("%s/gatepost.lock", directory);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

static struct store *open_store(const char *directory, char **why)
{
    const struct sqlite_store_config config = {
        .directory = directory,
        .waiting_lifetime = UINT32_MAX,
        .white_lifetime = UINT32_MAX,
        .decision_lifetime = UINT32_MAX,
        .decisions_most = UINT64_MAX,
    };
    struct store *store = sqlite_store_new(&config, why);
    if (store != NULL || !is_held(directory))
        return store;
    char *lock = *why;
    *why = mem_printf("%s: a gatepostd runs without that socket, or another gatepostctl is at work",
                      lock);
    free(lock);
    return NULL;
}

struct ctl_link *ctl_local_new(const struct ctl_config *config, char **why)
{
    static const struct ctl_link_ops ops = {local_ask, local_free};
    char *who = author();
    struct store *store = NULL;
    if (ctl_owner_become(config->state_dir, config->user, why))
        store = open_store(config->state_dir, why);
    if (store == NULL) {
        free(who);
        return NULL;
    }
    struct local *local = mem_alloc(sizeof *local);
    local->link.ops = &ops;
    local->author = who;
    local->store = store;
    local->loop = loop_new();
    local->desk = (struct list_desk){.store = store, .loop = local->loop, .wall = wall};
    local->sets[0] = (struct command_set){list_command_rows, &local->desk};
    return &local->link;
}
