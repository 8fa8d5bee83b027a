/* SPDX-License-Identifier: ISC */
/*
 * control_peer: one connection of the control socket: lines in, one request at a time, lines out.
 *
 * Promises: while a request is answered no more is read than one buffer; an answer waits for its
 * reader (command_pace) and a reader that takes nothing is left; an asker that leaves is noticed
 * within a second, also behind input that he sent ahead; one that has only said his last still
 * hears the answer. The call is freed by its end, or when its asker leaves and its row is told.
 * Limits: CONTROL_LINE_ADMIN or _READ octets a line, CONTROL_OUT_MOST octets not yet taken,
 * CONTROL_IDLE_MS without a whole request, CONTROL_STALL_MS without taking anything of an answer.
 */
#include "admin/control_int.h"

#include "admin/control_line.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS   1000  /* between two looks whether an asker is still there */
#define LINGER_MS 1000  /* for one whose line was too long to hear so */
#define OUT_LOW   65536 /* not yet taken: no further request before that */

struct control_request {
    struct command_call call; /* first */
    LIST_ENTRY(control_request) link;
    struct control *control;   /* NULL: gone before the answer */
    struct control_peer *peer; /* NULL: the asker has left */
    json_t *json;              /* what call.args is part of */
    char *author;
    void (*paced)(void *arg);
    void *paced_arg;
};

struct control_peer {
    LIST_ENTRY(control_peer) link;
    struct control *control;
    struct io *io;
    enum command_level level;
    char *author;
    struct control_request *request; /* NULL: none */
    size_t scanned;                  /* octets known to hold no end of line */
    size_t pending;                  /* at the last look */
    unsigned stalled;                /* looks since something was taken */
    bool paused;
    bool eof;    /* has said his last */
    bool broken; /* his answer cannot be whole any more: he leaves with the next turn */
};

/* ---- out ---------------------------------------------------------------------------------------
 */

static void write_line(struct io *io, const char *text)
{
    io_write(io, text, strlen(text));
    io_write(io, "\n", 1);
}

static void say_error(struct io *io, const char *error)
{
    json_t *line =
        json_pack("{s:b, s:o, s:b}", "ok", 0, "error", command_string(error), "usage", 1);
    char *text = json_dumps(line, JSON_COMPACT);
    if (text != NULL)
        write_line(io, text);
    free(text);
    json_decref(line);
}

static void break_off(struct control_peer *peer)
{
    peer->broken = true;
    io_deadline(peer->io, 1); /* not under the row's feet */
}

static bool on_send(struct command_call *call, json_t *line)
{
    struct control_peer *peer = ((struct control_request *)call)->peer;
    bool sent = false;
    if (peer != NULL && !peer->broken) {
        char *text =
            io_pending(peer->io) < CONTROL_OUT_MOST ? json_dumps(line, JSON_COMPACT) : NULL;
        sent = text != NULL;
        if (sent)
            write_line(peer->io, text);
        else
            break_off(peer);
        free(text);
    }
    json_decref(line);
    return sent;
}

static void on_pace(struct command_call *call, void (*fn)(void *arg), void *arg)
{
    struct control_request *request = (struct control_request *)call;
    if (request->peer == NULL) {
        fn(arg);
        return;
    }
    request->paced = fn;
    request->paced_arg = arg;
    io_want_drained(request->peer->io);
}

static void free_request(struct control_request *request)
{
    if (request->control != NULL)
        LIST_REMOVE(request, link);
    if (request->control != NULL && request->peer == NULL)
        request->control->orphans--;
    json_decref(request->json);
    free(request->author);
    free(request);
}

static void on_end(struct command_call *call)
{
    struct control_request *request = (struct control_request *)call;
    struct control_peer *peer = request->peer;
    if (peer != NULL) {
        peer->request = NULL;
        if (!peer->broken)
            io_deadline(peer->io, CONTROL_IDLE_MS);
        if (peer->paused)
            io_resume(peer->io);
        peer->paused = false;
        if (peer->eof)
            io_want_drained(peer->io); /* comes back from the loop, for what is left to do */
    }
    free_request(request);
}

static const struct command_ops ops = {.send = on_send, .end = on_end, .pace = on_pace};

/* ---- leaving -----------------------------------------------------------------------------------
 */

/* The row hears that its asker has left; what must be finished goes on without him. */
static void abandon(struct control_request *request)
{
    void (*gone)(void *arg) = request->call.gone;
    void (*paced)(void *arg) = request->paced;
    request->peer = NULL;
    request->paced = NULL;
    request->control->orphans++;
    if (gone != NULL) {
        request->call.gone = NULL;
        gone(request->call.gone_arg);
        free_request(request);
    } else if (paced != NULL) {
        paced(request->paced_arg);
    }
}

static void leave(struct control_peer *peer, bool last_words)
{
    LIST_REMOVE(peer, link);
    peer->control->connected--;
    if (last_words)
        io_close(peer->io, LINGER_MS);
    else
        io_free(peer->io);
    if (peer->request != NULL)
        abandon(peer->request);
    free(peer->author);
    free(peer);
}

void control_peer_leave_all(struct control *control)
{
    struct control_request *request, *next;
    while (!LIST_EMPTY(&control->peers))
        leave(LIST_FIRST(&control->peers), false);
    for (request = LIST_FIRST(&control->requests); request != NULL; request = next) {
        next = LIST_NEXT(request, link);
        LIST_REMOVE(request, link);
        request->control = NULL;
    }
}

void control_peer_refuse(struct io *io, const char *error)
{
    say_error(io, error);
    io_close(io, 0);
}

/* ---- in ----------------------------------------------------------------------------------------
 */

/* What changes something is on record, with who wanted it; so is who wanted and may not. */
static void note(const struct control_peer *peer, const char *name)
{
    void *arg;
    struct log_line line;
    const struct command *row = command_find(peer->control->set, name, &arg);
    if (row == NULL || row->level < COMMAND_ADMIN)
        return;
    log_begin(&line, LOG_LEVEL_INFO, NULL, "control");
    log_str(&line, "author", peer->author);
    log_str(&line, "command", row->name);
    log_str(&line, "refused", row->level > peer->level ? "needs the level admin" : NULL);
    log_end(&line);
}

static void ask(struct control_peer *peer, const struct control_line *line)
{
    struct control_request *request = mem_alloc(sizeof *request);
    request->control = peer->control;
    request->peer = peer;
    request->json = line->request;
    request->author = mem_strdup(peer->author);
    request->call.ops = &ops;
    request->call.args = line->args;
    request->call.author = request->author;
    LIST_INSERT_HEAD(&peer->control->requests, request, link);
    peer->request = request;
    peer->pending = 0;
    peer->stalled = 0;
    io_deadline(peer->io, LOOK_MS);
    note(peer, line->command);
    command_start(&request->call, peer->control->set, line->command, peer->level);
}

/* One line of `len` octets, and its end. */
static void handle(struct control_peer *peer, const char *text, size_t len)
{
    struct control_line line;
    char why[256];
    bool understood = control_line_read(&line, text, len, why);
    io_consume(peer->io, len + 1);
    peer->scanned = 0;
    if (understood) {
        ask(peer, &line);
    } else {
        say_error(peer->io, why);
        io_deadline(peer->io, CONTROL_IDLE_MS);
    }
}

static size_t line_most(const struct control_peer *peer)
{
    return peer->level == COMMAND_ADMIN ? CONTROL_LINE_ADMIN : CONTROL_LINE_READ;
}

static void pause_input(struct control_peer *peer)
{
    peer->paused = true;
    io_pause(peer->io);
}

/* Asks the next request, if its line is whole. */
static bool take_line(struct control_peer *peer)
{
    size_t len;
    const char *data = io_data(peer->io, &len);
    const char *end =
        len > peer->scanned ? memchr(data + peer->scanned, '\n', len - peer->scanned) : NULL;
    size_t line = end != NULL ? (size_t)(end - data) : len;
    peer->scanned = line;
    if (line > line_most(peer)) {
        say_error(peer->io, "the line is too long");
        leave(peer, true);
        return false;
    }
    if (end == NULL)
        return false;
    handle(peer, data, line);
    return true;
}

/* Asks what has come, one request after the other, as long as the answers are taken. */
static void take_input(struct control_peer *peer)
{
    size_t len;
    while (!peer->broken && peer->request == NULL && io_pending(peer->io) < OUT_LOW)
        if (!take_line(peer))
            return;
    io_data(peer->io, &len);
    if (peer->broken || len == 0)
        return;
    pause_input(peer);
    if (peer->request == NULL)
        io_want_drained(peer->io);
}

/* All of the output has been taken: the row may go on, or the next request. */
static void on_drained(struct control_peer *peer)
{
    struct control_request *request = peer->request;
    if (request != NULL) {
        void (*paced)(void *arg) = request->paced;
        request->paced = NULL;
        if (paced != NULL)
            paced(request->paced_arg);
        return;
    }
    if (peer->paused)
        io_resume(peer->io);
    peer->paused = false;
    size_t len;
    const char *data = io_data(peer->io, &len);
    if (peer->eof && (len == 0 || memchr(data, '\n', len) == NULL))
        leave(peer, true);
}

static void on_eof(struct control_peer *peer)
{
    peer->eof = true;
    if (peer->request != NULL && io_peer_deaf(peer->io))
        leave(peer, false);
    else if (peer->request == NULL)
        io_want_drained(peer->io);
}

/* Now and then while a request is answered. */
static void look(struct control_peer *peer)
{
    size_t pending = io_pending(peer->io);
    peer->stalled = pending > 0 && pending >= peer->pending ? peer->stalled + 1 : 0;
    peer->pending = pending;
    if (io_peer_deaf(peer->io) || peer->stalled >= CONTROL_STALL_MS / LOOK_MS)
        leave(peer, false);
    else
        io_deadline(peer->io, LOOK_MS);
}

static void on_io(struct io *io, enum io_event event, void *arg)
{
    struct control_peer *peer = arg;
    (void)io;
    switch (event) {
    case IO_DATA:
        take_input(peer);
        break;
    case IO_DRAINED:
        on_drained(peer);
        break;
    case IO_EOF:
        on_eof(peer);
        break;
    case IO_FAILED:
        leave(peer, false);
        break;
    case IO_TIMEOUT:
        if (peer->request != NULL && !peer->broken)
            look(peer);
        else
            leave(peer, false);
        break;
    case IO_CONNECTED:
    case IO_SECURED:
        break;
    }
}

void control_peer_new(struct control *control, struct io *io, enum command_level level,
                      const char *author)
{
    struct control_peer *peer = mem_alloc(sizeof *peer);
    peer->control = control;
    peer->io = io;
    peer->level = level;
    peer->author = mem_strdup(author);
    LIST_INSERT_HEAD(&control->peers, peer, link);
    control->connected++;
    io_set_owner(io, on_io, peer);
    io_deadline(io, CONTROL_IDLE_MS);
}
