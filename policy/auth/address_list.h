/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_ADDRESS_LIST_H
#define POLICY_AUTH_ADDRESS_LIST_H
/* The addresses in a field such as From (RFC 5322 3.4, 4.4, RFC 6532): display names, quoted
 * strings, comments (nested), groups, folding, routes, UTF-8, encoded words as plain atoms. Pure,
 * any thread; hostile input: time is linear, no recursion. */

#include <stdbool.h>
#include <stddef.h>

struct mailbox {       /* both point into memory that lives for the call of `fn` */
    const char *local; /* unquoted */
    size_t local_len;
    const char *domain; /* as written, comments and folding taken out; len 0: none */
    size_t domain_len;
    const char *name; /* display name, unquoted, not decoded; len 0: none */
    size_t name_len;
    bool in_group;
};

/* Calls `fn` for each mailbox in order. False: it breaks the grammar somewhere (mailboxes before
 * that were said). */
bool address_list_parse(const char *text, size_t len, void (*fn)(const struct mailbox *, void *),
                        void *arg);

#endif
