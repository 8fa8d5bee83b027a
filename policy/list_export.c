/* SPDX-License-Identifier: ISC */
/*
 * list_export: entries in formats that others read, and in our own, which comes in again as it was.
 *
 * Limits: only our own keeps origin-free everything that an entry is but its author and time. A
 * Postfix table has no tarpit (it becomes a refusal) and no expiry; its address keys are whole
 * octets, so other networks are only in a cidr table. postgrey's files take allow entries, DROP
 * takes denied networks.
 */
#include "policy/list_format_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

const char *list_time_text(int64_t time, char out[static LIST_TIME_SIZE])
{
    time_t seconds = (time_t)time;
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, LIST_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = '\0';
    return out;
}

bool list_time_parse(const char *text, int64_t *out)
{
    char again[LIST_TIME_SIZE];
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL || *end != '\0')
        return false;
    *out = timegm(&tm);
    /* Neither 31 February nor a second 60. */
    return *out > 0 && strcmp(list_time_text(*out, again), text) == 0;
}

bool list_export_head(enum list_format format, struct buf *out)
{
    switch (format) {
    case LIST_FORMAT_NATIVE:
        buf_add_str(out, "# Gatepost list entries: LIST KEY [action=] [unproven] [expires=] "
                         "[reason=to the end of the line]\n");
        return true;
    case LIST_FORMAT_CIDR:
    case LIST_FORMAT_ACCESS:
    case LIST_FORMAT_POSTSCREEN:
    case LIST_FORMAT_POSTGREY_CLIENTS:
    case LIST_FORMAT_POSTGREY_RECIPIENTS:
    case LIST_FORMAT_DROP:
        return true;
    case LIST_FORMAT_AUTO:
    case LIST_FORMATS:
        break;
    }
    return false;
}

/* On the line there is no room for what would end it. */
static void add_reason(struct buf *out, const char *before, const char *reason)
{
    if (reason == NULL || reason[0] == '\0')
        return;
    buf_add_str(out, before);
    for (const char *p = reason; *p != '\0'; p++)
        buf_add(out, (unsigned char)*p < ' ' || *p == 0x7f ? " " : p, 1);
}

static bool native(const struct entry *entry, struct buf *out)
{
    char key[ENTRY_KEY_MOST + 16];
    char time[LIST_TIME_SIZE];
    buf_printf(out, "%s %s", entry_list_name(entry->list),
               entry_key_text(entry->kind, entry->key, key));
    if (entry->list == ENTRY_DENY)
        buf_printf(out, " action=%s", entry_action_name(entry->action));
    if (entry->unproven)
        buf_add_str(out, " unproven");
    if (entry->expires != 0)
        buf_printf(out, " expires=%s", list_time_text(entry->expires, time));
    add_reason(out, " reason=", entry->reason);
    buf_add_str(out, "\n");
    return true;
}

static bool cidr(const struct entry *entry, struct buf *out)
{
    if (entry->kind != ENTRY_CLIENT)
        return false;
    buf_printf(out, "%s\n", entry->key);
    return true;
}

static bool postscreen(const struct entry *entry, struct buf *out)
{
    if (entry->kind != ENTRY_CLIENT || entry->list == ENTRY_TRAP)
        return false;
    buf_printf(out, "%s %s\n", entry->key, entry->list == ENTRY_ALLOW ? "permit" : "reject");
    return true;
}

/* A network as the groups that are the same. False: it ends within one. */
static bool access_network(const char *key, char text[static ENTRY_KEY_MOST])
{
    struct cidr net;
    const char *why;
    if (!cidr_parse(key, &net, &why))
        return false;
    bool v4 = net.net.family == AF_INET;
    unsigned group = v4 ? 8 : 16;
    size_t len = 0;
    if (net.bits == (v4 ? 32 : 128)) {
        snprintf(text, ENTRY_KEY_MOST, "%s", key);
        return true;
    }
    if (net.bits == 0 || net.bits % group != 0)
        return false;
    for (unsigned i = 0; i < net.bits / group; i++) {
        const uint8_t *ip = net.net.ip + i * group / 8;
        int n = v4 ? snprintf(text + len, ENTRY_KEY_MOST - len, "%s%u", i > 0 ? "." : "", ip[0])
                   : snprintf(text + len, ENTRY_KEY_MOST - len, "%s%x", i > 0 ? ":" : "",
                              (unsigned)(ip[0] << 8 | ip[1]));
        len += (size_t)n;
    }
    return true;
}

static bool access_entry(const struct entry *entry, struct buf *out)
{
    char text[ENTRY_KEY_MOST];
    if (entry->list == ENTRY_TRAP)
        return false;
    if (entry->kind == ENTRY_CLIENT && !access_network(entry->key, text))
        return false;
    buf_add_str(out, entry->kind == ENTRY_CLIENT ? text : entry->key);
    if (entry->list == ENTRY_ALLOW) {
        buf_add_str(out, " OK\n");
        return true;
    }
    buf_add_str(out, entry->action == ENTRY_DEFER ? " DEFER" : " REJECT");
    add_reason(out, " ", entry->reason);
    buf_add_str(out, "\n");
    return true;
}

/* postgrey's lists only exempt. */
static bool whitelist(const struct entry *entry, bool fits, struct buf *out)
{
    if (entry->list != ENTRY_ALLOW || !fits)
        return false;
    buf_printf(out, "%s\n", entry->key);
    return true;
}

/* Networks only: an address is one of all its bits. */
static bool drop(const struct entry *entry, struct buf *out)
{
    const char *bits = strchr(entry->key, ':') != NULL ? "/128" : "/32";
    if (entry->list != ENTRY_DENY || entry->kind != ENTRY_CLIENT)
        return false;
    buf_printf(out, "%s%s ; ", entry->key, strchr(entry->key, '/') != NULL ? "" : bits);
    add_reason(out, "", entry->reason);
    buf_add_str(out, "\n");
    return true;
}

bool list_export(enum list_format format, const struct entry *entry, struct buf *out)
{
    switch (format) {
    case LIST_FORMAT_NATIVE:
        return native(entry, out);
    case LIST_FORMAT_CIDR:
        return cidr(entry, out);
    case LIST_FORMAT_ACCESS:
        return access_entry(entry, out);
    case LIST_FORMAT_POSTSCREEN:
        return postscreen(entry, out);
    case LIST_FORMAT_POSTGREY_CLIENTS:
        return whitelist(entry, entry->kind == ENTRY_CLIENT || entry->kind == ENTRY_REVERSE, out);
    case LIST_FORMAT_POSTGREY_RECIPIENTS:
        return whitelist(entry, entry->kind == ENTRY_RECIPIENT, out);
    case LIST_FORMAT_DROP:
        return drop(entry, out);
    case LIST_FORMAT_AUTO:
    case LIST_FORMATS:
        break;
    }
    return false;
}

static int bits_of(const struct entry *entry)
{
    struct cidr net;
    const char *why;
    return entry->kind == ENTRY_CLIENT && cidr_parse(entry->key, &net, &why) ? net.bits : -1;
}

int list_export_order(const void *a, const void *b)
{
    const struct entry *one = a;
    const struct entry *two = b;
    int wide = bits_of(two) - bits_of(one);
    if (wide != 0)
        return wide;
    int list = (int)one->list - (int)two->list;
    return list != 0 ? list : strcmp(one->key, two->key);
}
