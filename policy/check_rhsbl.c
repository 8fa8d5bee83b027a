/* SPDX-License-Identifier: ISC */
/*
 * check_rhsbl: is a name of the client in a DNS list of names: that of its HELO, of its sender's
 * domain, of its address in DNS?
 *
 * Names are asked for as they are; lists answer for what is below a listed domain. Address
 * literals, bare addresses and names of one label are never asked for (some lists punish that with
 * an answer). What one list says of several names is said of one client, so it counts once, the
 * strongest. An allow zone believes only the address's name in DNS, and only a confirmed one:
 * anybody can claim the others. RFC 5782 2.2, 5 (test entries).
 */
#include "policy/check_dnsbl.h"

#include "dns/name.h"
#include "policy/dnsbl_config.h"
#include "policy/dnsbl_lookup.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct conf_row rows[] = {
    DNSBL_ROWS("2", "TEST", "INVALID"),
    {.name = "of",
     .type = CONF_STRINGS,
     .offset = offsetof(struct dnsbl_config, of_text),
     .count_offset = offsetof(struct dnsbl_config, of_count),
     .help = "which names: helo, sender, reverse; none: all"},
};

static const struct conf_section section = {
    .name = "rhsbl", .many = true, .row = rows, .rows = COUNT(rows), .help = "a DNS list of names"};

static const struct {
    const char *word;
    enum check_stage stage;
} names[] = {{"helo", CHECK_AT_HELO}, {"sender", CHECK_AT_SENDER}, {"reverse", CHECK_AT_REVERSE}};

static void check_canary(struct conf *conf, const struct conf_part *part, const char *option,
                         const char *value)
{
    char normal[DNS_NAME_MAX + 1];
    if (!dnsbl_is_off(value) && (!dns_name_normal(value, normal) || strchr(normal, ' ') != NULL))
        conf_fault(conf, conf_line(part, option, 0),
                   "%s is not a name; give one such as dbltest.example, or off", option);
}

static void add_name(struct dnsbl_config *config, struct conf *conf, const struct conf_part *part,
                     size_t index)
{
    const char *text = config->of_text[index];
    unsigned line = conf_line(part, "of", index);
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(text, names[i].word) != 0)
            continue;
        if (config->common.allows && names[i].stage != CHECK_AT_REVERSE)
            conf_fault(conf, line,
                       "of = %s earns no trust, since anybody can claim it; an allow zone takes "
                       "reverse",
                       text);
        config->of |= CHECK_BIT(names[i].stage);
        return;
    }
    conf_fault(conf, line, "of = %s is not known; give one of helo, sender, reverse", text);
}

static void prepare(struct check_config *common, struct conf *conf, const struct conf_part *part)
{
    struct dnsbl_config *config = (struct dnsbl_config *)common;
    dnsbl_config_prepare(config, conf, part, 1);
    check_canary(conf, part, "listed", config->listed);
    check_canary(conf, part, "clean", config->clean);
    for (size_t i = 0; i < config->of_count; i++)
        add_name(config, conf, part, i);
    if (config->of_count > 0)
        return;
    config->of = CHECK_BIT(CHECK_AT_REVERSE);
    if (!common->allows)
        config->of |= CHECK_BIT(CHECK_AT_HELO) | CHECK_BIT(CHECK_AT_SENDER);
}

static void bind_health(struct check_config *config, struct policy_state *state)
{
    dnsbl_config_bind((struct dnsbl_config *)config, state, "rhsbl ");
}

/* Which name the run is about; "": none. */
static const char *name_of(const struct check_run *run)
{
    const struct check_facts *facts = check_facts(run);
    switch (run->stage) {
    case CHECK_AT_REVERSE:
        return run->config->allows && !facts->reverse_confirmed ? "" : facts->reverse_name;
    case CHECK_AT_HELO:
        return facts->helo;
    case CHECK_AT_SENDER:
        return facts->sender_domain;
    case CHECK_AT_CONNECT:
    case CHECK_AT_MESSAGE:
    case CHECK_STAGES:
        break;
    }
    return "";
}

/* Two labels at least, and no address: the last is not all digits, no colon, bracket or blank. */
static bool is_domain(const char *name)
{
    const char *last = strrchr(name, '.');
    return last != NULL && strspn(last + 1, "0123456789") < strlen(last + 1) &&
           strpbrk(name, "[]: ") == NULL;
}

static void start(struct check_run *run)
{
    char name[DNS_NAME_MAX + 1];
    const struct dnsbl_config *config = (const struct dnsbl_config *)run->config;
    const char *said = name_of(run);
    if ((config->of & CHECK_BIT(run->stage)) == 0)
        check_skipped(run);
    if (!check_facts(run)->lookup || (config->of & CHECK_BIT(run->stage)) == 0 ||
        !dns_name_normal(said, name) || !is_domain(name)) {
        check_done(run);
        return;
    }
    /* A good client carries mail of many senders, so that a sender's listing says nothing of the
     * list; and good names are what an allow zone should list. */
    bool telling = run->stage != CHECK_AT_SENDER && !config->common.allows;
    dnsbl_lookup_start(run, name, said, telling);
}

static bool looks(const struct check_config *common, enum check_stage stage,
                  const struct addr *client)
{
    (void)client;
    return (((const struct dnsbl_config *)common)->of & CHECK_BIT(stage)) != 0;
}

static bool rescore(const struct check_config *common, const struct check_past *past, score_t *out)
{
    return looks(common, past->stage, past->client) && (!common->allows || past->confirmed) &&
           dnsbl_lookup_rescore(common, past, out);
}

const struct check check_rhsbl = {
    .name = "rhsbl",
    .section = &section,
    .config_size = sizeof(struct dnsbl_config),
    .prepare = prepare,
    .release = dnsbl_config_release,
    .bind = bind_health,
    .stages = CHECK_BIT(CHECK_AT_REVERSE) | CHECK_BIT(CHECK_AT_HELO) | CHECK_BIT(CHECK_AT_SENDER),
    .allows = true,
    .once = true,
    .state_size = sizeof(struct dnsbl_lookup),
    .start = start,
    .stop = dnsbl_lookup_stop,
    .rescore = rescore,
    .looks = looks,
};
