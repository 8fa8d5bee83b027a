/* SPDX-License-Identifier: ISC */
/*
 * ctl_entry: many list entries, packed: about forty octets for a network, so that a million of them
 * can be read whole before the first is sent.
 */
#include "admin/ctl_entry.h"

#include "policy/entry_text.h"
#include "policy/list_format.h"

#include <stdio.h>
#include <string.h>

struct fixed {
    int64_t expires;
    uint8_t list, kind, action, unproven;
};

void ctl_entries_add(struct ctl_entries *entries, const struct entry *entry)
{
    const struct fixed fixed = {.expires = entry->expires,
                                .list = (uint8_t)entry->list,
                                .kind = (uint8_t)entry->kind,
                                .action = (uint8_t)entry->action,
                                .unproven = entry->unproven};
    buf_add(&entries->packed, &fixed, sizeof fixed);
    buf_add(&entries->packed, entry->key, strlen(entry->key) + 1);
    buf_add(&entries->packed, entry->reason, strlen(entry->reason) + 1);
    entries->count++;
}

bool ctl_entries_next(const struct ctl_entries *entries, size_t *at, struct entry *out)
{
    struct fixed fixed;
    if (*at >= buf_len(&entries->packed))
        return false;
    const char *p = buf_data(&entries->packed) + *at;
    memcpy(&fixed, p, sizeof fixed);
    const char *key = p + sizeof fixed;
    const char *reason = key + strlen(key) + 1;
    *at += (size_t)(reason + strlen(reason) + 1 - p);
    *out = (struct entry){.list = (enum entry_list)fixed.list,
                          .kind = (enum entry_kind)fixed.kind,
                          .action = (enum entry_action)fixed.action,
                          .origin = ENTRY_MANUAL,
                          .unproven = fixed.unproven != 0,
                          .key = key,
                          .reason = reason,
                          .author = "",
                          .expires = fixed.expires};
    return true;
}

void ctl_entries_free(struct ctl_entries *entries)
{
    buf_free(&entries->packed);
    entries->count = 0;
}

static const char *member(const json_t *item, const char *name)
{
    const char *text = json_string_value(json_object_get(item, name));
    return text != NULL ? text : "";
}

bool ctl_entry_read(const json_t *item, struct entry *out, char key[static ENTRY_KEY_MOST])
{
    char text[ENTRY_KEY_MOST + 16];
    const char *why;
    *out = (struct entry){.origin = ENTRY_MANUAL,
                          .key = key,
                          .reason = member(item, "reason"),
                          .author = member(item, "author"),
                          .unproven = json_is_true(json_object_get(item, "unproven"))};
    (void)list_time_parse(member(item, "expires"), &out->expires);
    (void)entry_action_parse(member(item, "action"), &out->action);
    int len = snprintf(text, sizeof text, "%s:%s", member(item, "kind"), member(item, "key"));
    return len > 0 && (size_t)len < sizeof text &&
           entry_list_parse(member(item, "list"), &out->list) &&
           entry_key_parse(out->list, text, &out->kind, key, &why);
}
