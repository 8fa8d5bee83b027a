/* SPDX-License-Identifier: ISC */
#ifndef TESTS_UNIT_SUPPORT_DNS_SERVER_H
#define TESTS_UNIT_SUPPORT_DNS_SERVER_H
/*
 * A DNS server on loopback, UDP and TCP, that lies on purpose: the first label of the name that is
 * asked says how it is answered, whatever the type (in brackets what is not plain):
 *
 *     ok        A 192.0.2.1, TTL 300            nodata, nx   with a SOA: TTL 300, minimum 60
 *     servfail refused rcode9                   that rcode
 *     nonsense  an answer with a broken record  silent       no answer
 *     hold      answered by dns_server_release  wrongid      a lie under another id, then ok
 *     tc        truncated by UDP, ok by TCP     other        an answer to another name, then ok
 *     alias     CNAME ok.example, nothing else  loop         CNAME loop2, and back (a packet each)
 *     chainN    CNAME chainN+1                  formerr      FORMERR to EDNS, else ok
 *     holdalias held, then CNAME ok.example
 */

#include "lib/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct dns_server;

/* Without `tcp` connections are refused. */
struct dns_server *dns_server_new(struct loop *loop, bool tcp);
void dns_server_free(struct dns_server *server);
struct addr dns_server_address(const struct dns_server *server);
/* Answers what is held. */
void dns_server_release(struct dns_server *server);
/* Queries heard by UDP, by TCP, and held now. */
size_t dns_server_udp(const struct dns_server *server);
size_t dns_server_tcp(const struct dns_server *server);
size_t dns_server_held(const struct dns_server *server);

#endif
