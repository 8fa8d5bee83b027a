/* SPDX-License-Identifier: ISC */
/*
 * list_parse: one line of a list, in each of the formats.
 *
 * What an entry cannot say is a fault, named with what would be right: patterns, negation and
 * if/endif, the null sender, a local part at any domain, actions of Postfix that are no verdict.
 * DUNNO and what comes too late in a table where the first line counts are left out with a note.
 *
 * access(5): OK, RELAY (which allows, and relays nothing), PERMIT and all-numerical results allow;
 * REJECT and 5xx, DEFER and 4xx deny, their text is the reason; names match what is below them, too
 * (parent_domain_matches_subdomains, Postfix's default). postgrey(8): names match what is below
 * them; the start of an address stands for its network.
 */
#include "policy/list_format_int.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- words of Postfix
 * ----------------------------------------------------------------------------
 */

enum ruling { RULING_NONE, RULING_ALLOW, RULING_DENY, RULING_SKIP, RULING_OTHER };

static const struct result_word {
    const char *name;
    enum ruling ruling;
    enum entry_action action;
} result_words[] = {
    {"OK", RULING_ALLOW, ENTRY_REJECT},
    {"RELAY", RULING_ALLOW, ENTRY_REJECT},
    {"PERMIT", RULING_ALLOW, ENTRY_REJECT},
    {"REJECT", RULING_DENY, ENTRY_REJECT},
    {"DEFER", RULING_DENY, ENTRY_DEFER},
    {"DEFER_IF_PERMIT", RULING_DENY, ENTRY_DEFER},
    {"DEFER_IF_REJECT", RULING_DENY, ENTRY_DEFER},
    {"DUNNO", RULING_SKIP, ENTRY_REJECT},
    {"DISCARD", RULING_OTHER, ENTRY_REJECT},
    {"HOLD", RULING_OTHER, ENTRY_REJECT},
    {"FILTER", RULING_OTHER, ENTRY_REJECT},
    {"REDIRECT", RULING_OTHER, ENTRY_REJECT},
    {"PREPEND", RULING_OTHER, ENTRY_REJECT},
    {"BCC", RULING_OTHER, ENTRY_REJECT},
    {"WARN", RULING_OTHER, ENTRY_REJECT},
    {"INFO", RULING_OTHER, ENTRY_REJECT},
};

/* The result of a table: its first word and whether text follows. */
static enum ruling result_of(const char *word, size_t len, bool text, enum entry_action *action)
{
    bool code = len == 3 && (word[0] == '4' || word[0] == '5');
    *action = ENTRY_REJECT;
    for (size_t i = 0; i < COUNT(result_words); i++) {
        if (strlen(result_words[i].name) == len &&
            strncasecmp(word, result_words[i].name, len) == 0) {
            *action = result_words[i].action;
            return result_words[i].ruling;
        }
    }
    if (len == 0 || strspn(word, "0123456789") < len)
        return RULING_NONE;
    if (!code)
        return RULING_ALLOW;
    if (!text)
        return RULING_OTHER; /* a number alone means OK, but hardly here */
    *action = word[0] == '4' ? ENTRY_DEFER : ENTRY_REJECT;
    return RULING_DENY;
}

/* ---- which format?
 * -------------------------------------------------------------------------------
 */

static bool is_network(const char *word, size_t len)
{
    char text[ADDR_TEXT_MAX + 8];
    struct cidr net;
    const char *why;
    if (len >= sizeof text)
        return false;
    memcpy(text, word, len);
    text[len] = '\0';
    return cidr_parse(text, &net, &why);
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(text, word, len) == 0;
}

static enum list_format detect_network(const char *rest)
{
    size_t len = strcspn(rest, " \t");
    enum entry_action action;
    if (*rest == ';')
        return strncmp(rest + 1 + strspn(rest + 1, " \t"), "SBL", 3) == 0 ? LIST_FORMAT_DROP
                                                                          : LIST_FORMAT_CIDR;
    if (*rest == '\0' || *rest == '#')
        return LIST_FORMAT_CIDR;
    if (is_word(rest, strlen(rest), "permit") || is_word(rest, strlen(rest), "reject") ||
        is_word(rest, strlen(rest), "dunno"))
        return LIST_FORMAT_POSTSCREEN;
    return result_of(rest, len, rest[len] != '\0', &action) != RULING_NONE ? LIST_FORMAT_ACCESS
                                                                           : LIST_FORMAT_AUTO;
}

enum list_format list_detect(const char *line)
{
    char net[ENTRY_KEY_MOST];
    enum entry_action action;
    size_t len = strcspn(line, " \t");
    const char *rest = line + len + strspn(line + len, " \t");
    size_t rest_len = strcspn(rest, " \t");
    if (line[0] == '{')
        return LIST_FORMAT_DROP;
    if (line[0] == '!' || is_word(line, len, "if"))
        return LIST_FORMAT_POSTSCREEN;
    if (*rest != '\0' &&
        (is_word(line, len, "allow") || is_word(line, len, "deny") || is_word(line, len, "trap")))
        return LIST_FORMAT_NATIVE;
    if (is_network(line, strcspn(line, " \t;")))
        return detect_network(line + strcspn(line, " \t;") +
                              strspn(line + strcspn(line, " \t;"), " \t"));
    if (result_of(rest, rest_len, rest[rest_len] != '\0', &action) != RULING_NONE)
        return LIST_FORMAT_ACCESS;
    return *rest == '\0' && list_prefix(line, net) ? LIST_FORMAT_POSTGREY_CLIENTS
                                                   : LIST_FORMAT_AUTO;
}

/* ---- our own
 * -------------------------------------------------------------------------------------
 */

/* One NAME=VALUE or word behind the key. False: it is none, which has been said. */
static bool native_option(struct list_reader *r, struct list_line *line, const char *word)
{
    if (strcmp(word, "unproven") == 0) {
        line->unproven = true;
        return true;
    }
    if (strncmp(word, "action=", 7) == 0) {
        if (entry_action_parse(word + 7, &line->action))
            return true;
        list_fault(r, "\"%.40s\": an action is reject, tarpit or defer", word);
        return false;
    }
    if (strncmp(word, "expires=", 8) == 0) {
        if (list_time_parse(word + 8, &line->expires))
            return true;
        list_fault(r, "\"%.40s\": a time is like 2026-11-22T17:00:00Z", word);
        return false;
    }
    list_fault(
        r, "\"%.40s\": behind the key stand action=, unproven, expires= and last reason=", word);
    return false;
}

void list_parse_native(struct list_reader *r, char *text)
{
    struct list_line line = {.kind = -1, .reason = ""};
    char *key = list_word(text);
    char *rest = list_word(key);
    if (!entry_list_parse(text, &line.list)) {
        list_fault(r, "\"%.40s\": a line begins with allow, deny or trap", text);
        return;
    }
    line.key = key;
    while (*rest != '\0') {
        char *word = rest;
        if (strncmp(word, "reason=", 7) == 0) {
            line.reason = word + 7;
            break;
        }
        rest = list_word(word);
        if (!native_option(r, &line, word))
            return;
    }
    list_emit(r, &line);
}

/* ---- networks
 * ------------------------------------------------------------------------------------
 */

static void emit_network(struct list_reader *r, const char *key, const char *reason)
{
    struct list_line line = {.list = r->how.list,
                             .kind = ENTRY_CLIENT,
                             .key = key,
                             .action = r->how.action,
                             .reason = reason};
    list_emit(r, &line);
}

void list_parse_cidr(struct list_reader *r, char *text)
{
    char *end = text + strcspn(text, " \t;#");
    char *rest = end + strspn(end, " \t");
    if (*rest != '\0' && *rest != ';' && *rest != '#') {
        list_fault(r, "\"%.60s\": one address or network a line, comments behind \"#\" or \";\"",
                   text);
        return;
    }
    *end = '\0';
    emit_network(r, text, "");
}

static void parse_drop_json(struct list_reader *r, const char *text)
{
    char reason[64];
    json_error_t error;
    json_t *object = json_loads(text, 0, &error);
    const char *net = json_string_value(json_object_get(object, "cidr"));
    const char *id = json_string_value(json_object_get(object, "sblid"));
    if (net != NULL) {
        snprintf(reason, sizeof reason, "Spamhaus DROP%s%.32s", id != NULL ? " " : "",
                 id != NULL ? id : "");
        emit_network(r, net, reason);
    } else if (json_object_get(object, "type") == NULL) { /* the last line is {"type":"metadata"} */
        list_fault(r, "not an object with a \"cidr\", as DROP has them");
    }
    json_decref(object);
}

void list_parse_drop(struct list_reader *r, char *text)
{
    char reason[64];
    if (text[0] == '{') {
        parse_drop_json(r, text);
        return;
    }
    char *end = text + strcspn(text, " \t;");
    char *rest = end + strspn(end, " \t");
    if (*rest != '\0' && *rest != ';') {
        list_fault(r, "\"%.60s\": a network, and behind \";\" its SBL number", text);
        return;
    }
    const char *id = *rest == ';' ? rest + 1 + strspn(rest + 1, " \t") : "";
    snprintf(reason, sizeof reason, "Spamhaus DROP%s%.32s", *id != '\0' ? " " : "", id);
    *end = '\0';
    emit_network(r, text, reason);
}

/* ---- access(5)
 * -----------------------------------------------------------------------------------
 */

/* The key as ours. False: it has none, which has been said. */
static bool access_key(struct list_reader *r, const char *key, struct list_line *line,
                       char net[static ENTRY_KEY_MOST])
{
    line->key = key;
    line->kind = r->how.kind == ENTRY_CLIENT ? ENTRY_REVERSE : r->how.kind;
    size_t len = strlen(key);
    if (key[0] == '/' || strcmp(key, "<>") == 0) {
        list_fault(r, "\"%.60s\": %s", key,
                   key[0] == '/' ? "a pattern, which no entry can be; list the names"
                                 : "the null sender cannot be listed");
        return false;
    }
    if (len > 0 && key[len - 1] == '@') {
        list_fault(r, "\"%.60s\": an address of any domain; list it with each domain it has", key);
        return false;
    }
    if (strchr(key, '/') != NULL || is_network(key, len)) {
        line->kind = ENTRY_CLIENT;
    } else if (list_prefix(key, net)) {
        line->kind = ENTRY_CLIENT;
        line->key = net;
    } else if (strchr(key, '@') != NULL) {
        line->kind = r->how.kind == ENTRY_RECIPIENT ? ENTRY_RECIPIENT : ENTRY_SENDER;
    } else if (r->how.kind < 0) {
        list_fault(r,
                   "\"%.60s\": a name of whom? say whether the table is of clients, helo, senders "
                   "or recipients",
                   key);
        return false;
    }
    if (key[0] == '.') {
        list_note(r, "\"%.60s\" is taken with the name itself, not only what is below it", key);
        line->key = key + 1;
    }
    return true;
}

/* What the result leads to. False: to no entry, which has been said. */
static bool access_result(struct list_reader *r, char *result, struct list_line *line)
{
    size_t len = strcspn(result, " \t");
    char *text = result + len + strspn(result + len, " \t");
    switch (result_of(result, len, *text != '\0', &line->action)) {
    case RULING_ALLOW:
        line->list = ENTRY_ALLOW;
        return true;
    case RULING_DENY:
        line->list = ENTRY_DENY;
        line->reason = text;
        return true;
    case RULING_SKIP:
        list_note(r,
                  "%.*s is left out: an entry allows or denies; where it makes an exception, write "
                  "OK",
                  (int)len, result);
        return false;
    case RULING_NONE:
    case RULING_OTHER:
        break;
    }
    list_fault(r,
               "\"%.40s\": not a result an entry can have; right would be OK, REJECT text, DEFER "
               "text, 4xx text, 5xx text or DUNNO",
               result);
    return false;
}

void list_parse_access(struct list_reader *r, char *text)
{
    char net[ENTRY_KEY_MOST];
    struct list_line line = {.reason = ""};
    char *result = list_word(text);
    if (*result == '\0')
        list_fault(r, "\"%.60s\": a key without its result", text);
    else if (access_result(r, result, &line) && access_key(r, text, &line, net))
        list_emit(r, &line);
}

/* ---- cidr tables of postscreen
 * -------------------------------------------------------------------
 */

/* Has an earlier line decided about all of it? If not, it has been noted as seen. */
static bool decided(struct list_reader *r, const char *text)
{
    struct list_key key;
    struct cidr net;
    const char *why;
    if (!cidr_parse(text, &net, &why))
        return false; /* which is said where the entry is read */
    if (r->seen == NULL) {
        struct hash_key seed;
        hash_key_new(&seed);
        r->seen = list_store_new(&seed);
    }
    for (int bits = net.bits; bits >= 0; bits--) {
        list_key_net(&key, &r->seen->seed, net.net.family, net.net.ip, (unsigned)bits);
        if (list_store_next(r->seen, &key, &(size_t){0}) != NULL)
            return true;
    }
    list_store_put(r->seen, &(struct entry){.kind = ENTRY_CLIENT, .key = text});
    return false;
}

/* if ... endif around lines. Is the line one of those, or within? */
static bool in_block(struct list_reader *r, const char *word)
{
    if (strcasecmp(word, "if") == 0) {
        if (r->depth++ == 0)
            list_fault(r, "\"if\" is not supported; the lines up to its \"endif\" are left out");
        return true;
    }
    if (strcasecmp(word, "endif") == 0) {
        if (r->depth == 0)
            list_fault(r, "\"endif\" without its \"if\"");
        else
            r->depth--;
        return true;
    }
    return r->depth > 0;
}

void list_parse_postscreen(struct list_reader *r, char *text)
{
    struct list_line line = {.kind = ENTRY_CLIENT, .key = text, .reason = ""};
    char *result = list_word(text);
    if (in_block(r, text))
        return;
    if (text[0] == '!') {
        list_fault(r, "\"%.60s\": negation is not supported; list what is meant", text);
    } else if (*result == '\0') {
        list_fault(r, "\"%.60s\": a network without permit, reject or dunno", text);
    } else if (decided(r, text)) {
        list_note(r, "\"%.60s\" is left out: a line above covers it, and the first one counts",
                  text);
    } else if (access_result(r, result, &line)) {
        list_emit(r, &line);
    }
}

/* ---- postgrey
 * ------------------------------------------------------------------------------------
 */

static void postgrey_recipient(struct list_reader *r, const char *text, struct list_line *line)
{
    size_t len = strlen(text);
    line->kind = ENTRY_RECIPIENT;
    if (strcasecmp(text, "postmaster@") == 0 || strcasecmp(text, "abuse@") == 0) {
        list_note(r, "\"%s\" is left out: its mail passes in any case", text);
    } else if (text[len - 1] == '@') {
        list_fault(r, "\"%.60s\": an address of any domain; list it with each domain it has", text);
    } else {
        list_emit(r, line);
    }
}

void list_parse_postgrey(struct list_reader *r, char *text, bool recipients)
{
    char net[ENTRY_KEY_MOST];
    struct list_line line = {
        .list = r->how.list, .key = text, .action = r->how.action, .reason = ""};
    char *hash = strchr(text, '#');
    if (hash != NULL && text[0] != '/')
        *hash = '\0';
    if (text[0] == '/') {
        list_fault(r, "\"%.60s\": a pattern, which no entry can be; list the names", text);
        return;
    }
    const char *rest = list_word(text);
    if (*rest != '\0') {
        list_fault(r, "\"%.60s\": one name or address a line", rest);
    } else if (recipients) {
        postgrey_recipient(r, text, &line);
    } else if (is_network(text, strlen(text)) || strchr(text, '/') != NULL) {
        line.kind = ENTRY_CLIENT;
        list_emit(r, &line);
    } else if (list_prefix(text, net)) {
        line.kind = ENTRY_CLIENT;
        line.key = net;
        list_emit(r, &line);
    } else {
        line.kind = ENTRY_REVERSE;
        list_emit(r, &line);
    }
}
