/* SPDX-License-Identifier: ISC */
#ifndef PROXY_TAIL_H
#define PROXY_TAIL_H
/*
 * Verdicts as they fall: workers tell each decision record, and main sends it to those
 * administrators who listen. It costs an atomic load while nobody does.
 */

#include "lib/command.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct tail;

struct tail *tail_new(void) __attribute__((warn_unused_result));
/* Workers and the loop of those who listen no longer run, and nobody listens. NULL is fine. */
void tail_free(struct tail *tail);

/* Does anybody listen? Any thread. */
bool tail_wanted(const struct tail *tail);
size_t tail_listeners(const struct tail *tail);
/* A record, the `len` octets of JSON at `text`. Dropped where TAIL_WAITING_MOST wait. Any thread.
 */
void tail_tell(struct tail *tail, const char *text, size_t len);
#define TAIL_WAITING_MOST 1000

/* The rest is `loop`'s thread, always the same. */

/* The call hears every record from now on, as items, until its asker leaves; {"dropped": n} says
 * that n more could not be told. It fails where TAIL_ASKERS listen already. */
void tail_listen(struct tail *tail, struct loop *loop, struct command_call *call);
#define TAIL_ASKERS 8

#endif
