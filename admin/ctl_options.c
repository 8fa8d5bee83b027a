/* SPDX-License-Identifier: ISC */
/* ctl_options: every option of gatepostctl; which command takes which is in ctl_table.c. */
#include "admin/ctl_table.h"

#include "dns/name.h"
#include "lib/addr.h"
#include "policy/entry_text.h"

#include <stdlib.h>
#include <string.h>

static bool is_duration(const char *value)
{
    int64_t seconds;
    return entry_duration_parse(value, &seconds);
}

static bool is_action(const char *value)
{
    enum entry_action action;
    return entry_action_parse(value, &action);
}

static bool is_number(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    return digits > 0 && digits < 7 && value[digits] == '\0' && strtol(value, NULL, 10) > 0;
}

static bool is_kind(const char *value)
{
    enum entry_kind kind;
    return entry_kind_parse(value, &kind);
}

static bool is_state(const char *value)
{
    return strcmp(value, "waiting") == 0 || strcmp(value, "white") == 0;
}

static bool is_ip(const char *value)
{
    struct addr address;
    return addr_parse_ip(value, &address);
}

static bool is_mode(const char *value)
{
    return strcmp(value, "testing") == 0 || strcmp(value, "enforce") == 0 ||
           strcmp(value, "none") == 0;
}

/* A name as it stands in front of another one. */
static bool is_label(const char *value)
{
    char name[DNS_NAME_MAX + 1];
    return dns_name_normal(value, name);
}

static bool is_given(const char *value)
{
    return value[0] != '\0';
}

const struct ctl_option_row ctl_options[CTL_OPTIONS] = {
    [CTL_FOR] = {.name = "for",
                 .value = "DURATION",
                 .help = "the entry ends after that time: 30m, 12h, 7d, 4w",
                 .argument = "for",
                 .form = CTL_VALUE_DURATION,
                 .good = is_duration,
                 .right = "a duration of at most ten years such as 30m, 12h, 7d or 4w"},
    [CTL_REASON] = {.name = "reason",
                    .value = "TEXT",
                    .help = "why, for those who look at the entry later",
                    .argument = "reason",
                    .form = CTL_VALUE_TEXT},
    [CTL_ACTION] = {.name = "action",
                    .value = "ACTION",
                    .help = "what a deny entry does: reject (the default), tarpit or defer",
                    .argument = "action",
                    .form = CTL_VALUE_TEXT,
                    .good = is_action,
                    .right = "reject, tarpit or defer"},
    [CTL_UNPROVEN] = {.name = "unproven",
                      .help = "an allow entry counts even where nothing proves the name",
                      .argument = "unproven"},
    [CTL_FORMAT] = {.name = "format",
                    .value = "FORMAT",
                    .help = "the form of the file",
                    .good = is_given,
                    .right = "the name of a format"},
    [CTL_SKIP_FAULTS] = {.name = "skip-faults",
                         .help = "import what is right in a file that has faults"},
    [CTL_KIND] =
        {.name = "kind",
         .value = "KIND",
         .help = "only entries of that kind; in an imported access table the kind of its names",
         .argument = "kind",
         .form = CTL_VALUE_TEXT,
         .good = is_kind,
         .right = "client, helo, reverse, sender or recipient"},
    [CTL_CLIENT] = {.name = "client",
                    .value = "CLIENT",
                    .help = "an address, or the identity of a client",
                    .argument = "client",
                    .form = CTL_VALUE_TEXT,
                    .good = is_given,
                    .right = "a client"},
    [CTL_SENDER] = {.name = "sender",
                    .value = "SENDER",
                    .help = "a sender's address or domain",
                    .argument = "sender",
                    .form = CTL_VALUE_TEXT},
    [CTL_RECIPIENT] = {.name = "recipient",
                       .value = "RECIPIENT",
                       .help = "a recipient's address or domain",
                       .argument = "recipient",
                       .form = CTL_VALUE_TEXT,
                       .good = is_given,
                       .right = "an address or a domain"},
    [CTL_STATE] = {.name = "state",
                   .value = "STATE",
                   .help = "only triplets that are waiting, or white",
                   .argument = "state",
                   .form = CTL_VALUE_TEXT,
                   .good = is_state,
                   .right = "waiting or white"},
    [CTL_HELO] = {.name = "helo",
                  .value = "NAME",
                  .help = "what the client says in HELO",
                  .argument = "helo",
                  .form = CTL_VALUE_TEXT},
    [CTL_FROM] = {.name = "from",
                  .value = "SENDER",
                  .help = "the sender's address",
                  .argument = "sender",
                  .form = CTL_VALUE_TEXT},
    [CTL_TO] = {.name = "to",
                .value = "RECIPIENT",
                .help = "the recipient's address",
                .argument = "recipient",
                .form = CTL_VALUE_TEXT,
                .good = is_given,
                .right = "an address"},
    [CTL_BY] = {.name = "by",
                .value = "WHAT",
                .help = "client (the default), network, helo, sender, listener or state",
                .argument = "by",
                .form = CTL_VALUE_TEXT,
                .good = is_given,
                .right = "the name of something that is counted"},
    [CTL_MOST] = {.name = "most",
                  .value = "NUMBER",
                  .help = "at most so many",
                  .argument = "most",
                  .form = CTL_VALUE_NUMBER,
                  .good = is_number,
                  .right = "a number from 1 to 999999"},
    [CTL_DAYS] = {.name = "days",
                  .value = "NUMBER",
                  .help = "what was recorded in so many days (default 7)",
                  .form = CTL_VALUE_NUMBER,
                  .good = is_number,
                  .right = "a number of days"},
    [CTL_IP] = {.name = "ip",
                .value = "IP",
                .help = "the address that the message came from, for SPF",
                .good = is_ip,
                .right = "an IP address"},
    [CTL_HOST] = {.name = "host",
                  .value = "NAME",
                  .help = "the mail server's name (default: the configuration's hostname)",
                  .good = is_label,
                  .right = "a host name"},
    [CTL_SELECTOR] = {.name = "selector",
                      .value = "SELECTOR",
                      .help = "a DKIM selector of the domain; may be given more than once",
                      .good = is_label,
                      .right = "a selector, as in s= of a signature",
                      .many = true},
    [CTL_MODE] = {.name = "mode",
                  .value = "MODE",
                  .help = "of the policy: testing (the default), enforce or none",
                  .good = is_mode,
                  .right = "testing, enforce or none"},
    [CTL_CONFIG] = {.name = "config",
                    .letter = 'c',
                    .value = "FILE",
                    .help = "the daemon's configuration",
                    .good = is_given,
                    .right = "a file"},
    [CTL_SOCKET] = {.name = "socket",
                    .value = "PATH",
                    .help = "the control socket, instead of the configuration's",
                    .good = is_given,
                    .right = "a path"},
    [CTL_JSON] = {.name = "json", .help = "answers for programs: JSON as the manual has it"},
    [CTL_NO_COLOR] = {.name = "no-color", .help = "no colour on a terminal either"},
    [CTL_YES] = {.name = "yes", .help = "do not ask before much is deleted"},
    [CTL_HELP] = {.name = "help", .letter = 'h', .help = "help, of the command where one is named"},
    [CTL_VERSION] = {.name = "version", .letter = 'V', .help = "the version"},
};
