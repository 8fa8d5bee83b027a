/* SPDX-License-Identifier: ISC */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H
/* The one that looks at every backend's EHLO at start and keeps it fresh. Main thread. */

#include "proxy/setup.h"

struct loop;
struct probe;

/* Begins to look at the backends of `setup` (a reference is taken), each every probe-interval. */
struct probe *probe_new(struct loop *loop, struct setup *setup) __attribute__((warn_unused_result));
void probe_free(struct probe *probe); /* NULL is fine */

#endif
