/* SPDX-License-Identifier: ISC */
/*
 * auth_config: the section authentication { ... }, and sets of names as it and the checks take
 * them.
 *
 * Promises: what is written into messages cannot break them: an authserv-id is a token (RFC 8601
 * 2.2, RFC 2045 5.1), a field's name one of RFC 5322 2.2 that no message has for itself, its value
 * one line.
 */
#include "policy/auth_config.h"

#include "lib/mem.h"
#include "policy/auth/arc.h"
#include "policy/auth/dkim.h"
#include "policy/domain_form.h"
#include "policy/name_set.h"
#include "policy/relay.h"

#include <string.h>
#include <strings.h>

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))
#define TOKEN_MOST       255
#define FIELD_NAME_MOST  64
#define FIELD_VALUE_MOST 200
#define SIGNATURES       10
#define BITS_LEAST       1024

static const struct conf_row rows[] = {
    {.name = "authserv-id",
     .type = CONF_STRING,
     .offset = offsetof(struct auth_config, authserv_id),
     .help = "who speaks in Authentication-Results; without it the hostname"},
    {.name = "forwarders",
     .type = CONF_STRINGS,
     .offset = offsetof(struct auth_config, forwarder_text),
     .count_offset = offsetof(struct auth_config, forwarder_count),
     .help =
         "confirmed reverse names (\".example.org\": all below) of hosts that forward our mail, "
         "for whom SPF and DMARC only count"},
    {.name = "received-spf",
     .type = CONF_BOOL,
     .offset = offsetof(struct auth_config, received_spf),
     .initial = "no",
     .help = "write Received-SPF, too, for filters that do not read Authentication-Results"},
    {.name = "score-header",
     .type = CONF_STRING,
     .offset = offsetof(struct auth_config, score_header),
     .help = "the name of a field that tells the score to filters behind; without it none is "
             "written"},
    {.name = "mark-header",
     .type = CONF_STRING,
     .offset = offsetof(struct auth_config, mark_name),
     .initial = "X-Gatepost-Verdict",
     .help = "the name of the field that marks a message as suspicious"},
    {.name = "mark-value",
     .type = CONF_STRING,
     .offset = offsetof(struct auth_config, mark_value),
     .initial = "quarantine",
     .help = "what that field says"},
};

const struct conf_section auth_section = {.name = "authentication",
                                          .row = rows,
                                          .rows = COUNT(rows),
                                          .help =
                                              "what is told of messages, and who forwards ours"};

/* ---- sets of names -----------------------------------------------------------------------------
 */

static bool add_name(struct name_set *set, const char *text)
{
    char normal[1 + 256]; /* behind the dot of one for all below */
    bool below = text[0] == '.';
    normal[0] = '.';
    if (!relay_domain_normal(text + below, normal + 1, sizeof normal - 1) ||
        !domain_form_host(normal + 1))
        return false;
    const char *key = below ? normal : normal + 1;
    return name_set_add(set, key, strlen(key));
}

struct name_set *auth_names_new(char *const *text, size_t count, struct conf *conf,
                                const struct conf_part *part, const char *option)
{
    if (count == 0)
        return NULL;
    struct name_set *set = name_set_new();
    for (size_t i = 0; i < count; i++) {
        if (!add_name(set, text[i]))
            conf_fault(conf, conf_line(part, option, i),
                       "%s: \"%s\" is not a name like \"example.org\" or \".example.org\"", option,
                       text[i]);
    }
    return set;
}

bool auth_names_have(const struct name_set *set, const char *name)
{
    if (set == NULL || name[0] == '\0')
        return false;
    if (name_set_has(set, name, strlen(name)))
        return true;
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        if (dot != name && name_set_has(set, dot, strlen(dot)))
            return true;
    }
    return false;
}

/* ---- rules of the evaluators -------------------------------------------------------------------
 */

void auth_rules(const struct dkim_config *dkim, const struct arc_config *arc, int64_t now,
                struct dkim_rules *dkim_rules, struct arc_rules *arc_rules)
{
    unsigned least = dkim != NULL ? (unsigned)dkim->least_bits : BITS_LEAST;
    *dkim_rules = (struct dkim_rules){.signatures = dkim != NULL ? dkim->signatures : SIGNATURES,
                                      .least_bits = least,
                                      .partial = dkim != NULL && dkim->partial,
                                      .now = now};
    *arc_rules = (struct arc_rules){
        .sets = arc != NULL ? (unsigned)arc->sets : ARC_SETS_MOST, .least_bits = least, .now = now};
}

/* ---- what is written into messages -------------------------------------------------------------
 */

static bool is_token(const char *text)
{
    size_t len = strnlen(text, TOKEN_MOST + 1);
    if (len == 0 || len > TOKEN_MOST)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?=", text[i]) != NULL)
            return false;
    return true;
}

static bool is_field_name(const char *text)
{
    size_t len = strnlen(text, FIELD_NAME_MOST + 1);
    if (len == 0 || len > FIELD_NAME_MOST)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == ':')
            return false;
    return true;
}

/* Fields of that name that come with a message are removed: none that a message needs. */
static bool is_the_messages_own(const char *name)
{
    static const char *const own[] = {
        "Date",         "From",         "Sender",       "Reply-To",      "To",
        "Cc",           "Bcc",          "Message-ID",   "In-Reply-To",   "References",
        "Subject",      "Comments",     "Keywords",     "Received",      "Return-Path",
        "MIME-Version", "Received-SPF", "Delivered-To", "Auto-Submitted"};
    static const char *const families[] = {"Resent-", "Content-", "List-",
                                           "DKIM-",   "ARC-",     "Authentication-"};
    for (size_t i = 0; i < COUNT(own); i++)
        if (strcasecmp(name, own[i]) == 0)
            return true;
    for (size_t i = 0; i < COUNT(families); i++)
        if (strncasecmp(name, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

static void check_field(struct conf *conf, const struct conf_part *part, const char *option,
                        const char *name)
{
    if (name == NULL)
        return;
    if (!is_field_name(name))
        conf_fault(conf, conf_line(part, option, 0),
                   "%s: \"%s\" is not the name of a field, like \"X-Gatepost-Score\"", option,
                   name);
    else if (is_the_messages_own(name))
        conf_fault(conf, conf_line(part, option, 0),
                   "%s: \"%s\" is a field of the message itself, whose own would be removed; give "
                   "a name like \"X-Gatepost-Score\"",
                   option, name);
}

static bool is_field_value(const char *text)
{
    size_t len = strnlen(text, FIELD_VALUE_MOST + 1);
    if (len == 0 || len > FIELD_VALUE_MOST || text[0] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] >= 0x7f)
            return false;
    return true;
}

void auth_config_read(struct auth_config *config, struct conf *conf)
{
    const struct conf_part *part = conf_part(conf, &auth_section, 0);
    conf_fill(conf, part, config);
    config->forwarders =
        auth_names_new(config->forwarder_text, config->forwarder_count, conf, part, "forwarders");
    if (config->authserv_id != NULL && !is_token(config->authserv_id))
        conf_fault(conf, conf_line(part, "authserv-id", 0),
                   "authserv-id: \"%s\" is not one word like \"mx.example.org\"",
                   config->authserv_id);
    check_field(conf, part, "score-header", config->score_header);
    check_field(conf, part, "mark-header", config->mark_name);
    if (config->mark_value != NULL && !is_field_value(config->mark_value))
        conf_fault(conf, conf_line(part, "mark-value", 0),
                   "mark-value: not 1 to %d printable ASCII characters", FIELD_VALUE_MOST);
    if (config->score_header != NULL && config->mark_name != NULL &&
        strcasecmp(config->score_header, config->mark_name) == 0)
        conf_fault(conf, conf_line(part, "score-header", 0),
                   "score-header and mark-header have one name; give each its own");
}

void auth_config_free(struct auth_config *config)
{
    name_set_free(config->forwarders);
    conf_clear(&auth_section, config);
    config->forwarders = NULL;
}
