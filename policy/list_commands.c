/* SPDX-License-Identifier: ISC */
/*
 * list_commands: entry-add, entry-delete, entry-import. The rows that only show are in
 * list_show.c.
 *
 * Promises: first the store, then the table: what is answered as done is on disk and in force.
 * While the store cannot, nothing is changed and the answer says so. A change that has been asked
 * for is carried out though its asker has gone, so that disk and memory say the same.
 */
#include "policy/list_commands_int.h"

#include "lib/mem.h"
#include "policy/entry_text.h"
#include "policy/list_table.h"

#include <stdlib.h>
#include <string.h>

#define REASON_MOST 500
#define FOR_MOST    ((json_int_t)3653 * 86400) /* as entry_duration_parse */

/* What is asked for of one entry; NULL and 0 where nothing is said. */
struct wish {
    const char *key, *action, *reason;
    json_int_t seconds;
    bool timed;
    bool unproven;
};

/* One change on its way. */
struct change {
    const struct list_desk *desk;
    struct command_call *call;
    bool import;
    size_t count;
    struct entry *entry;
    char (*key)[ENTRY_KEY_MOST];
};

static struct change *change_new(const struct list_desk *desk, struct command_call *call,
                                 size_t count)
{
    struct change *change = mem_alloc(sizeof *change);
    change->desk = desk;
    change->call = call;
    change->count = count;
    change->entry = mem_alloc((count + 1) * sizeof *change->entry);
    change->key = mem_alloc((count + 1) * sizeof *change->key);
    return change;
}

static void change_free(struct change *change)
{
    free(change->entry);
    free(change->key);
    free(change);
}

/* ---- arguments ----------------------------------------------------------------------------------
 */

bool list_command_list(struct command_call *call, enum entry_list *out)
{
    const char *text = command_text(call, "list");
    if (text != NULL && entry_list_parse(text, out))
        return true;
    command_fail(call, true, "a list is allow, deny or trap");
    return false;
}

bool list_command_key(struct command_call *call, enum entry_list list, enum entry_kind *kind,
                      char key[static ENTRY_KEY_MOST])
{
    const char *why = NULL;
    const char *text = command_need(call, "key");
    if (text == NULL)
        return false;
    if (entry_key_parse(list, text, kind, key, &why))
        return true;
    command_fail(call, true, "\"%.100s\": %s", text, why);
    return false;
}

/* NULL: it is in the change; else what is wrong. */
static const char *fill(struct change *change, size_t i, enum entry_list list,
                        const struct wish *wish)
{
    struct entry *entry = &change->entry[i];
    const char *why = NULL;
    int64_t now = change->desk->wall();
    *entry = (struct entry){.list = list,
                            .origin = ENTRY_MANUAL,
                            .unproven = wish->unproven,
                            .key = change->key[i],
                            .reason = wish->reason != NULL ? wish->reason : "",
                            .author = change->call->author,
                            .created = now};
    if (wish->key == NULL)
        return "an entry has a key, a string";
    if (!entry_key_parse(list, wish->key, &entry->kind, change->key[i], &why))
        return why;
    if (wish->action != NULL && list != ENTRY_DENY)
        return "only deny entries have an action";
    if (wish->action != NULL && !entry_action_parse(wish->action, &entry->action))
        return "an action is reject, tarpit or defer";
    if (strlen(entry->reason) > REASON_MOST)
        return "a reason has 500 octets at most";
    if (wish->unproven && list != ENTRY_ALLOW)
        return "only allow entries are proven or not";
    if (wish->timed && (wish->seconds < 1 || wish->seconds > FOR_MOST))
        return "\"for\" is a number of seconds, from 1 to ten years";
    entry->expires = wish->timed ? now + wish->seconds : 0;
    return NULL;
}

/* ---- entry-add, entry-import --------------------------------------------------------------------
 */

static void on_put(const struct store_answer *answer, void *arg)
{
    struct change *change = arg;
    if (answer->status != STORE_OK) {
        list_command_down(change->call, answer);
    } else {
        if (change->desk->table != NULL)
            list_table_put_all(change->desk->table, change->entry, change->count);
        command_done(change->call, change->import ? json_pack("{s:I, s:[]}", "imported",
                                                              (json_int_t)change->count, "faults")
                                                  : list_entry_json(&change->entry[0]));
    }
    change_free(change);
}

/* The change is taken over. */
static void put(struct change *change)
{
    const struct list_desk *desk = change->desk;
    const struct store_question question = {
        .op = STORE_ENTRY_PUT,
        .now = desk->wall(),
        .put = {.count = change->count, .entry = change->entry},
    };
    if (desk->store != NULL) {
        store_ask(desk->store, desk->loop, &question, on_put, change);
        return;
    }
    list_command_down(change->call, NULL);
    change_free(change);
}

static void add(struct command_call *call, void *arg)
{
    enum entry_list list;
    if (!list_command_list(call, &list))
        return;
    struct change *change = change_new(arg, call, 1);
    const struct wish wish = {
        .key = command_text(call, "key"),
        .action = command_text(call, "action"),
        .reason = command_text(call, "reason"),
        .seconds = command_number(call, "for", 0),
        .timed = json_object_get(call->args, "for") != NULL,
        .unproven = command_flag(call, "unproven"),
    };
    const char *why = fill(change, 0, list, &wish);
    if (why == NULL) {
        put(change);
        return;
    }
    command_fail(call, true, "\"%.100s\": %s", wish.key != NULL ? wish.key : "", why);
    change_free(change);
}

/* Has the object only members an entry has, of their types? */
static bool is_wish(const json_t *object)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return false;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        bool text =
            strcmp(name, "key") == 0 || strcmp(name, "action") == 0 || strcmp(name, "reason") == 0;
        if (!(text && json_is_string(value)) &&
            !(strcmp(name, "for") == 0 && json_is_integer(value)) &&
            !(strcmp(name, "unproven") == 0 && json_is_boolean(value)))
            return false;
    }
    return true;
}

/* What the item says, over what the arguments say. */
static const char *fill_item(struct change *change, size_t i, enum entry_list list,
                             const json_t *item)
{
    const struct command_call *call = change->call;
    if (!is_wish(item))
        return "an entry is an object of key, action, reason (strings), for (an integer) and "
               "unproven (true or false)";
    const char *action = json_string_value(json_object_get(item, "action"));
    const char *reason = json_string_value(json_object_get(item, "reason"));
    const json_t *seconds = json_object_get(item, "for");
    const struct wish wish = {
        .key = json_string_value(json_object_get(item, "key")),
        .action = action != NULL ? action : command_text(call, "action"),
        .reason = reason != NULL ? reason : command_text(call, "reason"),
        .seconds = seconds != NULL ? json_integer_value(seconds) : command_number(call, "for", 0),
        .timed = seconds != NULL || json_object_get(call->args, "for") != NULL,
        .unproven = json_is_true(json_object_get(item, "unproven")),
    };
    return fill(change, i, list, &wish);
}

static void import(struct command_call *call, void *arg)
{
    enum entry_list list;
    const json_t *entries = command_list(call, "entries");
    size_t count = json_array_size(entries);
    if (!list_command_list(call, &list))
        return;
    if (count > LIST_IMPORT_MOST) {
        command_fail(call, true, "%zu entries at once; at most %d, and then the next", count,
                     LIST_IMPORT_MOST);
        return;
    }
    struct change *change = change_new(arg, call, count);
    json_t *faults = json_array();
    change->import = true;
    for (size_t i = 0; i < count; i++) {
        const char *why = fill_item(change, i, list, json_array_get(entries, i));
        if (why != NULL)
            json_array_append_new(faults,
                                  json_pack("{s:I, s:s}", "index", (json_int_t)i, "why", why));
    }
    if (json_array_size(faults) == 0 && count > 0) {
        json_decref(faults);
        put(change);
        return;
    }
    command_done(call, json_pack("{s:i, s:o}", "imported", 0, "faults", faults));
    change_free(change);
}

/* ---- entry-delete -------------------------------------------------------------------------------
 */

static void on_deleted(const struct store_answer *answer, void *arg)
{
    struct change *change = arg;
    const struct entry *entry = &change->entry[0];
    uint64_t count = answer->status == STORE_OK ? answer->count : 0;
    if (answer->status == STORE_DOWN) {
        list_command_down(change->call, answer);
    } else {
        /* A ban that never reached the store is in the table alone. */
        unsigned removed = 0;
        if (change->desk->table != NULL)
            removed = list_table_remove(change->desk->table, entry->list, entry->kind, entry->key);
        command_done(change->call, json_pack("{s:I}", "deleted",
                                             (json_int_t)(removed > count ? removed : count)));
    }
    change_free(change);
}

static void delete (struct command_call *call, void *arg)
{
    struct list_desk *desk = arg;
    struct entry entry = {.reason = "", .author = ""};
    char key[ENTRY_KEY_MOST];
    if (!list_command_list(call, &entry.list) ||
        !list_command_key(call, entry.list, &entry.kind, key))
        return;
    if (desk->store == NULL) {
        list_command_down(call, NULL);
        return;
    }
    struct change *change = change_new(desk, call, 1);
    memcpy(change->key[0], key, sizeof key);
    entry.key = change->key[0];
    change->entry[0] = entry;
    const struct store_question question = {
        .op = STORE_ENTRY_DELETE,
        .now = desk->wall(),
        .entry = {.list = (int)entry.list, .kind = (int)entry.kind, .key = entry.key},
    };
    store_ask(desk->store, desk->loop, &question, on_deleted, change);
}

const struct command list_command_rows[] = {
    {"entry-add", "list key [action] [reason] [for:number] [unproven:flag]",
     "puts an entry into a list, or replaces it", COMMAND_ADMIN, add},
    {"entry-delete", "list key", "takes an entry out, an automatic one, too", COMMAND_ADMIN,
     delete},
    {"entry-list", "[list] [kind]", "the entries that are stored", COMMAND_READ, list_command_all},
    {"entry-show", "key [list]", "the entries that have or cover a key", COMMAND_READ,
     list_command_show},
    {"entry-import", "list entries:list [action] [reason] [for:number]",
     "puts many entries into a list, all or none", COMMAND_ADMIN, import},
    {NULL, NULL, NULL, COMMAND_READ, NULL},
};
