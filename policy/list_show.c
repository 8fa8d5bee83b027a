/* SPDX-License-Identifier: ISC */
/*
 * list_show: entry-list and entry-show, and the form of an entry.
 *
 * entry-list goes through the store, page by page, as fast as the asker reads. entry-show takes the
 * keys from the table, where they are in force, and what else is known of each entry (reason,
 * author, time) from the store; while the store is down it says what the table has. Without a
 * daemon there is no table: then each key that could cover is asked about.
 */
#include "policy/list_commands_int.h"

#include "lib/addr.h"
#include "lib/mem.h"
#include "policy/list_format.h"
#include "policy/list_store.h"
#include "policy/list_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static json_t *time_json(int64_t time)
{
    char text[LIST_TIME_SIZE];
    return time != 0 ? json_string(list_time_text(time, text)) : json_null();
}

json_t *list_entry_json(const struct entry *entry)
{
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "list", entry_list_name(entry->list),
        "kind", entry_kind_name(entry->kind), "key", command_string(entry->key), "action",
        entry->list == ENTRY_DENY ? json_string(entry_action_name(entry->action)) : json_null(),
        "origin", entry_origin_name(entry->origin), "unproven", (int)entry->unproven, "reason",
        command_string(entry->reason), "author", command_string(entry->author), "created",
        time_json(entry->created), "expires", time_json(entry->expires));
}

void list_command_down(struct command_call *call, const struct store_answer *answer)
{
    if (answer == NULL)
        command_fail(call, false, "there is no store, so no entry could be kept");
    else
        command_fail(call, false, "the store cannot, and nothing was changed: %s",
                     answer->why != NULL ? answer->why : "it does not say why");
}

static bool expired(const struct entry *entry, int64_t now)
{
    return entry->expires != 0 && entry->expires <= now;
}

/* ---- entry-list ---------------------------------------------------------------------------------
 */

struct all {
    const struct list_desk *desk;
    struct command_call *call;
    struct store_request *request;
    int list, kind;
    uint64_t next;
};

static void ask_page(void *arg);

static void all_gone(void *arg)
{
    struct all *all = arg;
    store_cancel(all->request);
    free(all);
}

static void on_page(const struct store_answer *answer, void *arg)
{
    struct all *all = arg;
    int64_t now = all->desk->wall();
    bool wanted = true;
    all->request = NULL;
    if (answer->status == STORE_DOWN) {
        command_fail(all->call, false, "the store cannot tell: %s",
                     answer->why != NULL ? answer->why : "it does not say why");
        free(all);
        return;
    }
    for (uint64_t i = 0; answer->status == STORE_OK && wanted && i < answer->count; i++)
        if (!expired(&answer->entry[i], now))
            wanted = command_item(all->call, list_entry_json(&answer->entry[i]));
    all->next = answer->next;
    if (wanted && all->next != 0) {
        command_pace(all->call, ask_page, all);
        return;
    }
    command_done(all->call, NULL);
    free(all);
}

static void ask_page(void *arg)
{
    struct all *all = arg;
    const struct store_question question = {
        .op = STORE_ENTRY_PAGE,
        .now = all->desk->wall(),
        .page = {.cursor = all->next, .most = STORE_PAGE_MOST},
        .entry = {.list = all->list, .kind = all->kind},
    };
    all->request = store_ask(all->desk->store, all->desk->loop, &question, on_page, all);
}

void list_command_all(struct command_call *call, void *arg)
{
    const struct list_desk *desk = arg;
    enum entry_list list;
    enum entry_kind kind;
    const char *text = command_text(call, "kind");
    bool listed = command_text(call, "list") != NULL;
    if (listed && !list_command_list(call, &list))
        return;
    if (text != NULL && !entry_kind_parse(text, &kind)) {
        command_fail(call, true, "a kind is client, helo, reverse, sender or recipient");
        return;
    }
    if (desk->store == NULL) {
        command_done(call, NULL);
        return;
    }
    struct all *all = mem_alloc(sizeof *all);
    *all = (struct all){.desk = desk, .call = call};
    all->list = listed ? (int)list : -1;
    all->kind = text != NULL ? (int)kind : -1;
    command_on_gone(call, all_gone, all);
    ask_page(all);
}

/* ---- entry-show ---------------------------------------------------------------------------------
 */

/* What the table has, in groups of one key; or keys that may be stored, where there is no table. */
struct found {
    struct entry entry;
    char key[ENTRY_KEY_MOST];
    bool known; /* the table has it */
    bool told;  /* the store had more of it */
};

struct show {
    const struct list_desk *desk;
    struct command_call *call;
    struct store_request *request;
    int list;
    enum entry_kind kind;
    struct found *found;
    size_t count, room;
    size_t at; /* the group that is asked about */
};

static void show_free(struct show *show)
{
    store_cancel(show->request);
    free(show->found);
    free(show);
}

static void show_gone(void *arg)
{
    show_free(arg);
}

static struct found *add_found(struct show *show, const char *key)
{
    if (show->count == show->room) {
        show->room = show->room * 2 + 16;
        show->found = mem_grow(show->found, show->room, sizeof *show->found);
    }
    struct found *f = &show->found[show->count++];
    *f = (struct found){.known = false};
    memcpy(f->key, key, strnlen(key, sizeof f->key - 1));
    return f;
}

static void note(const struct entry *entry, void *arg)
{
    struct show *show = arg;
    struct found *f = add_found(show, entry->key);
    f->entry = *entry;
    f->known = true;
}

/* Every key that could cover this one. */
static void add_possible(struct show *show, const char *key)
{
    struct cidr net;
    const char *why;
    char text[ENTRY_KEY_MOST];
    if (show->kind == ENTRY_CLIENT && cidr_parse(key, &net, &why)) {
        const struct hash_key seed = {{0, 0}};
        for (int bits = net.bits; bits >= 0; bits--) {
            struct list_key one;
            list_key_net(&one, &seed, net.net.family, net.net.ip, (unsigned)bits);
            list_key_text(&one, text);
            add_found(show, text);
        }
        return;
    }
    const char *at = strrchr(key, '@');
    add_found(show, key);
    for (const char *p = at != NULL ? at + 1 : key; p != NULL;) {
        if (p != key)
            add_found(show, p);
        p = *p != '[' ? strchr(p, '.') : NULL;
        p = p != NULL ? p + 1 : NULL;
    }
}

/* Behind the group at `at`. */
static size_t group_end(const struct show *show, size_t at)
{
    size_t end = at + 1;
    while (end < show->count && strcmp(show->found[end].key, show->found[at].key) == 0)
        end++;
    return end;
}

static bool say(const struct show *show, const struct entry *entry)
{
    if ((show->list >= 0 && (int)entry->list != show->list) || expired(entry, show->desk->wall()))
        return true;
    return command_item(show->call, list_entry_json(entry));
}

static void mark_told(struct show *show, size_t end, const struct entry *entry)
{
    for (size_t i = show->at; i < end; i++) {
        struct found *f = &show->found[i];
        if (f->known && f->entry.list == entry->list && f->entry.origin == entry->origin)
            f->told = true;
    }
}

/* Says what the store has not. False: nobody reads on. */
static bool say_rest(const struct show *show, size_t end)
{
    bool wanted = true;
    for (size_t i = show->at; wanted && i < end; i++) {
        struct entry entry = show->found[i].entry;
        entry.key = show->found[i].key; /* the array may have moved */
        if (show->found[i].known && !show->found[i].told)
            wanted = say(show, &entry);
    }
    return wanted;
}

static void ask_next(struct show *show);

static void on_group(const struct store_answer *answer, void *arg)
{
    struct show *show = arg;
    size_t end = group_end(show, show->at);
    bool wanted = true;
    show->request = NULL;
    if (answer->status == STORE_DOWN && show->desk->table == NULL) {
        command_fail(show->call, false, "the store cannot tell: %s",
                     answer->why != NULL ? answer->why : "it does not say why");
        show_free(show);
        return;
    }
    for (uint64_t i = 0; answer->status == STORE_OK && wanted && i < answer->count; i++) {
        mark_told(show, end, &answer->entry[i]);
        wanted = say(show, &answer->entry[i]);
    }
    if (wanted && say_rest(show, end)) {
        show->at = end;
        ask_next(show);
        return;
    }
    command_done(show->call, NULL);
    show_free(show);
}

static void ask_next(struct show *show)
{
    const struct list_desk *desk = show->desk;
    while (desk->store == NULL && show->at < show->count) {
        size_t end = group_end(show, show->at);
        if (!say_rest(show, end))
            break;
        show->at = end;
    }
    if (show->at >= show->count || desk->store == NULL) {
        command_done(show->call, NULL);
        show_free(show);
        return;
    }
    const struct store_question question = {
        .op = STORE_ENTRY_PAGE,
        .now = desk->wall(),
        .page = {.most = STORE_PAGE_MOST},
        .entry = {.list = show->list, .kind = (int)show->kind, .key = show->found[show->at].key},
    };
    show->request = store_ask(desk->store, desk->loop, &question, on_group, show);
}

void list_command_show(struct command_call *call, void *arg)
{
    const struct list_desk *desk = arg;
    enum entry_list list = ENTRY_ALLOW;
    enum entry_kind kind;
    char key[ENTRY_KEY_MOST];
    bool listed = command_text(call, "list") != NULL;
    if ((listed && !list_command_list(call, &list)) || !list_command_key(call, list, &kind, key))
        return;
    struct show *show = mem_alloc(sizeof *show);
    *show =
        (struct show){.desk = desk, .call = call, .list = listed ? (int)list : -1, .kind = kind};
    if (desk->table != NULL)
        list_table_covering(desk->table, kind, key, note, show);
    else
        add_possible(show, key);
    command_on_gone(call, show_gone, show);
    ask_next(show);
}
