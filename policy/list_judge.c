/* SPDX-License-Identifier: ISC */
/*
 * list_judge: what the entries say of a client; the precedence is here and nowhere else:
 *
 *   1. of each kind of key the most specific entry counts that is no automatic ban, allow at a tie,
 *      then a manual one before one of a file
 *   2. of these, an allow entry beats denying ones of other kinds
 *   3. where none of them says anything, the most specific automatic ban denies
 *
 * An expired entry is as good as none; so is an allow entry by a name that anybody may claim, as
 * long as it is not proven: then a wider entry of its kind counts, or a ban.
 *
 * Promises: names take a hash for each label of what the client said; what is not listed by any
 * entry of a kind is not even normalised. Nothing is allocated but for names that are no ASCII.
 */
#include "policy/list_table_int.h"

#include "policy/org_domain.h"
#include "policy/relay.h"

#include <string.h>

#define NAME_SIZE 256

struct look {
    const struct list_table *table;
    const struct list_facts *facts;
    int64_t now;
    struct list_verdict *out;
    struct list_verdict ban; /* the first that was found, where its ruling is LIST_DENIED */
};

/* What stands under one key: the one that counts of each sort. */
struct under {
    const struct list_slot *allow, *deny, *ban, *trap;
};

/* ---- proof --------------------------------------------------------------------------------------
 */

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* The domain of the sender in normal form. */
static bool sender_domain(const struct list_facts *facts, char out[static NAME_SIZE])
{
    const char *at = given(facts->sender) ? strrchr(facts->sender, '@') : NULL;
    return at != NULL && relay_domain_normal(at + 1, out, NAME_SIZE);
}

/* Is the name that the client gave one of its own? */
static bool proven(const struct list_facts *facts, enum entry_kind kind)
{
    char name[NAME_SIZE];
    char other[NAME_SIZE];
    if (kind == ENTRY_SENDER && facts->sender_proven)
        return true;
    bool named = kind == ENTRY_SENDER
                     ? sender_domain(facts, name)
                     : given(facts->helo) && relay_domain_normal(facts->helo, name, sizeof name);
    if (!named)
        return false;
    if (given(facts->reverse) && relay_domain_normal(facts->reverse, other, sizeof other) &&
        org_domain_same(name, other))
        return true;
    return facts->sender_proven && sender_domain(facts, other) && org_domain_same(name, other);
}

static bool counts(const struct look *look, enum entry_kind kind, const struct list_slot *allow)
{
    if (allow->unproven || (kind != ENTRY_HELO && kind != ENTRY_SENDER))
        return true;
    return proven(look->facts, kind);
}

/* ---- one key ------------------------------------------------------------------------------------
 */

static void sort(const struct look *look, enum entry_kind kind, const struct list_slot *slot,
                 struct under *under)
{
    switch ((enum entry_list)slot->list) {
    case ENTRY_ALLOW:
        if (under->allow == NULL && counts(look, kind, slot))
            under->allow = slot;
        return;
    case ENTRY_DENY:
        if (slot->origin == ENTRY_AUTOMATIC)
            under->ban = slot;
        else if (under->deny == NULL)
            under->deny = slot;
        return;
    case ENTRY_TRAP:
        under->trap = slot;
        return;
    }
}

static void gather(const struct look *look, const struct list_key *key, enum entry_kind kind,
                   struct under *under)
{
    /* Manual entries first, so that they go before those of files. */
    const struct list_store *const store[] = {look->table->live, look->table->files};
    const struct list_slot *slot;
    *under = (struct under){0};
    for (size_t i = 0, at = 0; i < 2; i++, at = 0) {
        if (!list_store_may(store[i], key))
            continue;
        while ((slot = list_store_next(store[i], key, &at)) != NULL) {
            if (slot->expires == 0 || slot->expires > look->now)
                sort(look, kind, slot, under);
        }
    }
}

static void tell(struct list_verdict *out, enum list_ruling ruling, enum entry_kind kind,
                 const struct list_key *key, const struct list_slot *slot)
{
    out->ruling = ruling;
    out->kind = kind;
    out->action = slot->action;
    out->origin = slot->origin;
    list_key_text(key, out->key);
}

/* ---- one kind -----------------------------------------------------------------------------------
 */

static void judge_walk(struct look *look, struct list_walk *walk)
{
    struct list_key key;
    struct under under;
    while (list_walk_next(walk, &key)) {
        gather(look, &key, walk->kind, &under);
        if (under.ban != NULL && look->ban.ruling == LIST_SILENT)
            tell(&look->ban, LIST_DENIED, walk->kind, &key, under.ban);
        if (under.allow != NULL)
            tell(look->out, LIST_ALLOWED, walk->kind, &key, under.allow);
        else if (under.deny != NULL && look->out->ruling == LIST_SILENT)
            tell(look->out, LIST_DENIED, walk->kind, &key, under.deny);
        if (under.allow != NULL || under.deny != NULL)
            return;
    }
}

static void judge_client(struct look *look)
{
    struct list_walk walk;
    const struct addr *client = look->facts->client;
    if (client == NULL || !list_table_has(look->table, ENTRY_CLIENT))
        return;
    list_walk_net(&walk, look->table, client, client->family == AF_INET ? 32 : 128);
    judge_walk(look, &walk);
}

static bool wanted(const struct look *look, enum entry_kind kind, const char *text)
{
    return look->out->ruling != LIST_ALLOWED && given(text) && list_table_has(look->table, kind);
}

static void judge_name(struct look *look, enum entry_kind kind, const char *text)
{
    struct list_walk walk;
    char name[NAME_SIZE];
    if (!wanted(look, kind, text) || !relay_domain_normal(text, name, sizeof name))
        return;
    list_walk_name(&walk, look->table, kind, name);
    judge_walk(look, &walk);
}

/* The whole address, or its domain alone where no entry can have the rest. */
static bool mailbox(const char *address, char out[static ENTRY_KEY_MOST])
{
    const char *at = strrchr(address, '@');
    return at != NULL &&
           (entry_mailbox_normal(address, out) || relay_domain_normal(at + 1, out, NAME_SIZE));
}

static void judge_mailbox(struct look *look, enum entry_kind kind, const char *address)
{
    struct list_walk walk;
    char key[ENTRY_KEY_MOST];
    if (!wanted(look, kind, address) || !mailbox(address, key))
        return;
    list_walk_name(&walk, look->table, kind, key);
    judge_walk(look, &walk);
}

/* ---- the client ---------------------------------------------------------------------------------
 */

void list_judge(struct list_table *table, const struct list_facts *facts, int64_t now,
                struct list_verdict *out)
{
    struct look look = {.table = table, .facts = facts, .now = now, .out = out};
    out->ruling = LIST_SILENT;
    out->action = ENTRY_REJECT;
    out->kind = ENTRY_CLIENT;
    out->origin = ENTRY_MANUAL;
    out->key[0] = '\0';
    pthread_rwlock_rdlock(&table->lock);
    judge_client(&look);
    judge_name(&look, ENTRY_HELO, facts->helo);
    judge_name(&look, ENTRY_REVERSE, facts->reverse);
    judge_mailbox(&look, ENTRY_SENDER, facts->sender);
    judge_mailbox(&look, ENTRY_RECIPIENT, facts->recipient);
    pthread_rwlock_unlock(&table->lock);
    if (out->ruling == LIST_SILENT && look.ban.ruling == LIST_DENIED)
        *out = look.ban;
}

bool list_trap(struct list_table *table, const char *recipient, int64_t now)
{
    struct look look = {.table = table, .now = now};
    struct under under = {0};
    struct list_walk walk;
    struct list_key key;
    char text[ENTRY_KEY_MOST];
    pthread_rwlock_rdlock(&table->lock);
    if (given(recipient) && list_table_has(table, ENTRY_RECIPIENT) && mailbox(recipient, text)) {
        list_walk_name(&walk, table, ENTRY_RECIPIENT, text);
        while (under.allow == NULL && under.trap == NULL && list_walk_next(&walk, &key))
            gather(&look, &key, ENTRY_RECIPIENT, &under);
    }
    pthread_rwlock_unlock(&table->lock);
    return under.allow == NULL && under.trap != NULL;
}
