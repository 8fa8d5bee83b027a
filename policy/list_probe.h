/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_PROBE_H
#define POLICY_LIST_PROBE_H
/* The one prober: asks every configured list for its canaries at start and every 10 minutes (a sick
 * or unprobed one, or one of which a look-up failed, every minute), and tells list_health. Main
 * thread. */

struct dns;
struct list_probe;
struct loop;
struct policy;

/* Takes a reference of the policy, which is bound. Probes at once. `dns` has no cache, so that a
 * probe hears what the list says now. */
struct list_probe *list_probe_new(struct loop *loop, struct dns *dns, struct policy *policy)
    __attribute__((warn_unused_result));
void list_probe_free(struct list_probe *probe); /* NULL is fine */

#endif
