/* SPDX-License-Identifier: ISC */
#ifndef POLICY_AUTH_ARC_KEYS_H
#define POLICY_AUTH_ARC_KEYS_H
/* The keys of an ARC chain: each is asked for once, however many of its seals and signatures want
 * it. One thread. */

#include "dns/dns.h"
#include "policy/auth/dkim_int.h"

#include <stdbool.h>
#include <stddef.h>

#define ARC_KEYS_NONE SIZE_MAX

struct arc_keys;

enum arc_key_status { ARC_KEY_OPEN, ARC_KEY_FOUND, ARC_KEY_NONE, ARC_KEY_TEMPFAIL };

/* Room for `most` keys. `changed` comes from the loop when the last open one has come; who is
 * called may free it. */
struct arc_keys *arc_keys_new(struct dns *dns, size_t most, void (*changed)(void *arg), void *arg)
    __attribute__((warn_unused_result));
void arc_keys_free(struct arc_keys *keys); /* NULL is fine; what is open is cancelled */
/* Asks, if nobody has; at most `most` different ones. Returns a number for it. */
size_t arc_keys_want(struct arc_keys *keys, const char *selector, const char *domain);
/* The number of one that was wanted, or ARC_KEYS_NONE. */
size_t arc_keys_find(const struct arc_keys *keys, const char *selector, const char *domain);
size_t arc_keys_open(const struct arc_keys *keys); /* not come yet */
/* What is open becomes a temporary fault. */
void arc_keys_give_up(struct arc_keys *keys);
/* *key where it was found, else *why it was not (as long as the keys). */
enum arc_key_status arc_keys_get(const struct arc_keys *keys, size_t number,
                                 const struct dkim_key **key, const char **why);

#endif
