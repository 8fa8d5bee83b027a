/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_FAKE_BACKEND_H
#define TESTS_UNIT_SUPPORT_FAKE_BACKEND_H
/* A setup whose backend listens in the test itself: the test hears each command and answers it. */

#include "lib/loop.h"
#include "proxy/setup.h"
#include "tests/unit/support/net.h"

#define FAKE_ADDRESSES 3

struct fake {
    struct loop *loop;
    struct server *server;
    struct setup *setup;
    struct config *config; /* the setup's, to be changed at will */
    int listener[FAKE_ADDRESSES];
    struct addr address[FAKE_ADDRESSES];
};

/* A backend "main" with `addresses` addresses where the test listens. `backend` goes into its
 * block, `extra` into the file. Waits are short: a second to connect, 200 ms for a reply. */
struct fake *fake_new(size_t addresses, const char *backend, const char *extra);
/* Frees it; nobody else may hold a reference to the setup by then. */
void fake_free(struct fake *fake);
/* A setup of the file `text`, which must be without fault. */
struct setup *fake_setup(struct server *server, const char *text);

/* The next connection to address `index`. */
int fake_accept(struct fake *fake, size_t index);
/* Hears exactly `line` (with its CRLF) and says `reply`. */
void fake_answer(struct fake *fake, int fd, const char *line, const char *reply);
/* Accepts, greets, and answers EHLO of our own host name with `keywords` ("PIPELINING,DSN"). */
int fake_greet(struct fake *fake, size_t index, const char *keywords);
/* The reply to EHLO alone. */
void fake_ehlo(struct fake *fake, int fd, const char *name, const char *keywords);

#endif
