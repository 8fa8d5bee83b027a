/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_DRIVER_DNS_H
#define TESTS_UNIT_SUPPORT_DRIVER_DNS_H
/* For drivers: the real resolver, asking a name server of the tests. */

struct loop;
struct resolver;

/* The one at 127.0.0.1, port `port`. `ms`: how long it may be silent; NULL: 2 s. Both as text, from
 * the command line. Ends the process, with a word on stderr, where there can be none. Free with
 * resolver_free(). */
struct resolver *driver_dns_new(struct loop *loop, const char *port, const char *ms)
    __attribute__((warn_unused_result));

#endif
