/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_CALL_H
#define ADMIN_CTL_CALL_H
/*
 * Asking, blocking: over the control socket, or (ctl_local.h) the rows themselves. One thread.
 */

#include <jansson.h>
#include <stdbool.h>

/* An item of an answer; borrowed. False: enough. */
typedef bool (*ctl_item_fn)(json_t *item, void *arg);

struct ctl_request {
    const char *command;
    json_t *args;      /* an object; borrowed */
    unsigned patience; /* seconds without a byte of an answer; 0: for ever, until SIGINT */
    ctl_item_fn item;  /* NULL: items are dropped */
    void *arg;
};

enum ctl_outcome {
    CTL_GOOD,
    CTL_ENOUGH, /* `item` said so, or the user by SIGINT; the link is of no more use */
    CTL_BAD,    /* the command failed: `why` */
    CTL_USAGE,  /* the asker's mistake: `why` */
    CTL_BROKEN, /* no answer: `why`; the link is of no more use */
};

struct ctl_reply {
    json_t *result; /* an object, of CTL_GOOD; the caller's */
    char *why;      /* the caller's */
};

struct ctl_link;
struct ctl_link_ops {
    enum ctl_outcome (*ask)(struct ctl_link *link, const struct ctl_request *request,
                            struct ctl_reply *reply);
    void (*free)(struct ctl_link *link);
};
struct ctl_link { /* first member of each kind */
    const struct ctl_link_ops *ops;
};

enum ctl_connect {
    CTL_CONNECTED,
    CTL_NOBODY,  /* nothing listens there */
    CTL_REFUSED, /* something is there, but not for us: *why */
};

/* Connects to the socket. *why: a sentence, of all but CTL_CONNECTED; the caller frees. */
enum ctl_connect ctl_connect(const char *socket_path, struct ctl_link **out, char **why)
    __attribute__((warn_unused_result));
void ctl_link_free(struct ctl_link *link); /* NULL is fine */

/* Takes the line {"item":..} or {"ok":..} of an answer apart: true where it was the last, and
 * *outcome and *reply say what came of it. */
bool ctl_answer_line(json_t *line, const struct ctl_request *request, struct ctl_reply *reply,
                     enum ctl_outcome *outcome);

#endif
