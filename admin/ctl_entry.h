/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_ENTRY_H
#define ADMIN_CTL_ENTRY_H
/* List entries on their way from a file or to one: many, packed. */

#include "lib/buf.h"
#include "policy/entry_text.h"

#include <jansson.h>

/* A run of entries, each packed into some octets. A zeroed struct is an empty one. */
struct ctl_entries {
    struct buf packed;
    size_t count;
};

void ctl_entries_add(struct ctl_entries *entries, const struct entry *entry);
/* The next one, or false at the end; `*at` is 0 before the first. Its strings are good as long as
 * `entries` is not changed. */
bool ctl_entries_next(const struct ctl_entries *entries, size_t *at, struct entry *out);
void ctl_entries_free(struct ctl_entries *entries);

/* An item of entry-list as an entry; its strings are the item's, but the key, which is in `key`.
 * False: none that we understand. */
bool ctl_entry_read(const json_t *item, struct entry *out, char key[static ENTRY_KEY_MOST]);

#endif
