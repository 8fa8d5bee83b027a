/* SPDX-License-Identifier: ISC */
/*
 * arc_keys: the keys of an ARC chain.
 *
 * Promises: no more questions than different names, and of these no more than it has room for.
 * A name with several records: the first that can be read is the key (RFC 6376 6.1.2 leaves that
 * open).
 */
#include "policy/auth/arc_keys.h"

#include "dns/name.h"
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key {
    struct arc_keys *keys;
    struct dns_question *question;
    enum arc_key_status status;
    struct dkim_key parsed;
    const char *why;
    char fault[48]; /* what `why` may point to */
    char name[DNS_NAME_MAX + 1];
};

struct arc_keys {
    struct dns *dns;
    void (*changed)(void *arg);
    void *arg;
    size_t most, count, open;
    struct key key[]; /* never moves: questions point to it */
};

struct arc_keys *arc_keys_new(struct dns *dns, size_t most, void (*changed)(void *arg), void *arg)
{
    struct arc_keys *keys = mem_alloc(sizeof *keys + most * sizeof keys->key[0]);
    keys->dns = dns;
    keys->changed = changed;
    keys->arg = arg;
    keys->most = most;
    return keys;
}

void arc_keys_free(struct arc_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        dns_cancel(keys->key[i].question);
        dkim_key_free(&keys->key[i].parsed);
    }
    free(keys);
}

static void read_key(struct key *key, const struct dns_answer *answer)
{
    key->status = ARC_KEY_NONE;
    key->why = "it has no key in DNS";
    for (size_t i = 0; i < answer->count; i++) {
        dkim_key_free(&key->parsed);
        key->parsed = (struct dkim_key){.key = NULL};
        if (dkim_key_parse(answer->txt[i].text, answer->txt[i].len, &key->parsed, &key->why)) {
            key->status = key->parsed.revoked ? ARC_KEY_NONE : ARC_KEY_FOUND;
            key->why = "its key is revoked";
            return;
        }
    }
}

static void on_answer(const struct dns_answer *answer, void *arg)
{
    struct key *key = arg;
    struct arc_keys *keys = key->keys;
    key->question = NULL;
    switch (answer->status) {
    case DNS_FOUND:
        read_key(key, answer);
        break;
    case DNS_NODATA:
    case DNS_NXDOMAIN:
        key->status = ARC_KEY_NONE;
        key->why = "it has no key in DNS";
        break;
    case DNS_TEMPFAIL:
        key->status = ARC_KEY_TEMPFAIL;
        snprintf(key->fault, sizeof key->fault, "DNS: %s", answer->why);
        key->why = key->fault;
        break;
    }
    if (--keys->open == 0)
        keys->changed(keys->arg);
}

static bool name_of(const char *selector, const char *domain, char out[static DNS_NAME_MAX + 1])
{
    char zone[DNS_NAME_MAX + 1];
    return dns_name_join("_domainkey", domain, zone) && dns_name_join(selector, zone, out);
}

static size_t find_name(const struct arc_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->key[i].name, name) == 0)
            return i;
    return ARC_KEYS_NONE;
}

size_t arc_keys_find(const struct arc_keys *keys, const char *selector, const char *domain)
{
    char name[DNS_NAME_MAX + 1];
    return name_of(selector, domain, name) ? find_name(keys, name) : ARC_KEYS_NONE;
}

size_t arc_keys_want(struct arc_keys *keys, const char *selector, const char *domain)
{
    char name[DNS_NAME_MAX + 1];
    if (!name_of(selector, domain, name))
        return ARC_KEYS_NONE;
    size_t number = find_name(keys, name);
    if (number != ARC_KEYS_NONE || keys->count == keys->most)
        return number;
    struct key *key = &keys->key[keys->count];
    key->keys = keys;
    memcpy(key->name, name, sizeof name);
    key->question = dns_ask(keys->dns, DNS_TXT, name, on_answer, key);
    keys->open++;
    return keys->count++;
}

size_t arc_keys_open(const struct arc_keys *keys)
{
    return keys->open;
}

void arc_keys_give_up(struct arc_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct key *key = &keys->key[i];
        if (key->status != ARC_KEY_OPEN)
            continue;
        dns_cancel(key->question);
        key->question = NULL;
        key->status = ARC_KEY_TEMPFAIL;
        key->why = "no answer in time";
    }
    keys->open = 0;
}

enum arc_key_status arc_keys_get(const struct arc_keys *keys, size_t number,
                                 const struct dkim_key **key, const char **why)
{
    if (number == ARC_KEYS_NONE) {
        *why = "no key can have its name";
        return ARC_KEY_NONE;
    }
    *key = &keys->key[number].parsed;
    *why = keys->key[number].why;
    return keys->key[number].status;
}
