/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of the control socket: one connection to sample rows, on a real socket pair and a
 * virtual clock.
 *
 * The first octet is the level ('a': admin, else read). Then octets as they come, and events of
 * 0xFE and a letter: 'n' answers the row that waits, 'e' sends an item of it, 'r' reads what was
 * answered, 't' lets a second pass, 'h' says the last, 'c' leaves.
 * Promised: no row of the level admin runs for a reader; every line that is answered is a JSON
 * object of the protocol; no more answers than lines; nothing is left of who has left.
 */
#include "admin/control.h"
#include "lib/buf.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "tests/unit/support/virtual_clock.h"

#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uid_t peer_uid;

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (level == SOL_SOCKET && name == SO_PEERCRED) {
        ((struct ucred *)value)->uid = peer_uid;
        return 0;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

struct world {
    struct loop *loop;
    struct control *control;
    struct command_call *waiting;
    struct buf heard;
    size_t lines, answers; /* sent, heard */
    int fd;                /* the asker's; -1: left */
};

static struct world world;

static void require(int truth)
{
    if (!truth)
        abort();
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static void echo(struct command_call *call, void *arg)
{
    (void)arg;
    if (!command_item(call, json_integer(command_number(call, "count", 0))))
        command_done(call, NULL);
    else
        command_done(call,
                     json_pack("{s:o, s:b}", "text", command_string(command_text(call, "text")),
                               "flag", command_flag(call, "flag")));
}

static void change(struct command_call *call, void *arg)
{
    (void)arg;
    require(peer_uid == 0);
    const json_t *entry;
    size_t index;
    json_array_foreach(command_list(call, "entries"), index, entry)
    {
        if (!json_is_object(entry)) {
            command_fail(call, true, "entry %zu is no object", index);
            return;
        }
    }
    command_done(call, json_integer((json_int_t)json_array_size(command_list(call, "entries"))));
}

static void on_gone(void *arg)
{
    ((struct world *)arg)->waiting = NULL;
}

static void wait_for(struct command_call *call, void *arg)
{
    struct world *w = arg;
    require(w->waiting == NULL);
    w->waiting = call;
    command_on_gone(call, on_gone, w);
}

static const struct command rows[] = {
    {"echo", "[text] [count:number] [flag:flag]", "Say it.", COMMAND_READ, echo},
    {"change", "entries:list [key]", "Change.", COMMAND_ADMIN, change},
    {"wait", "", "Answer later.", COMMAND_READ, wait_for},
    {.name = NULL},
};
static const struct command_set sets[] = {{rows, &world}, {NULL, NULL}};

/* ---- the asker ---------------------------------------------------------------------------------
 */

static void turn(struct world *w)
{
    for (size_t i = 0; i < 4; i++)
        loop_poll(w->loop);
}

static void check_line(struct world *w, const char *line, size_t len)
{
    json_t *value = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(value));
    const json_t *ok = json_object_get(value, "ok");
    require(ok != NULL || json_object_get(value, "item") != NULL);
    if (ok != NULL)
        require(++w->answers <= w->lines + 1); /* the last may be of a line without its end */
    if (json_is_true(ok))
        require(json_object_get(value, "result") != NULL);
    if (json_is_false(ok))
        require(json_is_string(json_object_get(value, "error")));
    json_decref(value);
}

static void hear(struct world *w)
{
    char room[65536];
    ssize_t n;
    const char *end;
    while ((n = recv(w->fd, room, sizeof room, MSG_DONTWAIT)) > 0)
        buf_add(&w->heard, room, (size_t)n);
    while ((end = memchr(buf_data(&w->heard), '\n', buf_len(&w->heard))) != NULL) {
        size_t len = (size_t)(end - buf_data(&w->heard));
        check_line(w, buf_data(&w->heard), len);
        buf_consume(&w->heard, len + 1);
    }
}

static void say(struct world *w, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        w->lines += data[i] == '\n';
    for (size_t i = 0; i < 64 && len > 0; i++) {
        ssize_t n = send(w->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        turn(w);
    }
}

static void leave(struct world *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static void answer(struct world *w, int whole)
{
    struct command_call *call = w->waiting;
    if (call == NULL)
        return;
    if (command_item(call, json_true()) && !whole)
        return;
    w->waiting = NULL;
    command_done(call, NULL);
}

static void happen(struct world *w, uint8_t what)
{
    switch (what) {
    case 'n':
        answer(w, 1);
        break;
    case 'e':
        answer(w, 0);
        break;
    case 'r':
        if (w->fd >= 0)
            hear(w);
        break;
    case 't':
        clock_ms += 1000;
        break;
    case 'h':
        if (w->fd >= 0)
            shutdown(w->fd, SHUT_WR);
        break;
    case 'c':
        leave(w);
        break;
    default: /* nothing happens */
        break;
    }
    turn(w);
}

static char directory[] = "/tmp/gatepost-fuzz-XXXXXX";

static void end(void)
{
    control_free(world.control);
    loop_free(world.loop);
    rmdir(directory);
}

static void begin(struct world *w)
{
    char path[64], *why = NULL;
    if (w->loop != NULL)
        return;
    log_init(LOG_TARGET_STDERR, LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, NULL);
    signal(SIGPIPE, SIG_IGN);
    require(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/control", directory);
    const struct control_config config = {path, "no-such-group", NULL};
    w->loop = loop_new();
    w->control = control_new(w->loop, &config, sets, &why);
    require(w->control != NULL);
    atexit(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = &world;
    int fd[2];
    begin(w);
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0);
    peer_uid = size > 0 && data[0] == 'a' ? 0 : 4242;
    w->fd = fd[1];
    w->lines = w->answers = 0;
    control_admit(w->control, io_new(w->loop, fd[0], NULL, NULL, NULL));
    for (size_t at = 1; at < size;) {
        const uint8_t *mark = memchr(data + at, 0xFE, size - at);
        size_t len = mark != NULL ? (size_t)(mark - data) - at : size - at;
        if (w->fd >= 0)
            say(w, data + at, len);
        at += len + 1;
        if (mark != NULL && at < size)
            happen(w, data[at++]);
    }
    if (w->fd >= 0)
        hear(w);
    leave(w);
    turn(w);
    clock_ms += 2000; /* one who has left behind input that he sent ahead */
    turn(w);
    require(w->waiting == NULL);
    buf_free(&w->heard);
    return 0;
}
