/* SPDX-License-Identifier: ISC */
/*
 * ctl_table: every command and every option of gatepostctl.
 *
 * A new command is a row here, a paragraph in gatepostctl(1) and a line in the two completions;
 * lint compares them. Most commands are one request that is shown as it comes: `ask` names it.
 */
#include "admin/ctl_table.h"

#include "admin/ctl_run.h"
#include "lib/mem.h"

#include <stdlib.h>
#include <string.h>

#define LISTS "allow|deny|trap "
#define GREY_FILTER                                                                                \
    (CTL_BIT(CTL_CLIENT) | CTL_BIT(CTL_SENDER) | CTL_BIT(CTL_RECIPIENT) | CTL_BIT(CTL_STATE))
#define ENTRY_FIELDS                                                                               \
    (CTL_BIT(CTL_FOR) | CTL_BIT(CTL_REASON) | CTL_BIT(CTL_ACTION) | CTL_BIT(CTL_UNPROVEN))
#define ANY UINT32_MAX

const struct ctl_command ctl_commands[] = {
    {.words = LISTS "add",
     .operands = "KEY...",
     .least = 1,
     .most = ANY,
     .options = ENTRY_FIELDS,
     .help = "put in entries, or replace them",
     .run = ctl_list_add,
     .local = true},
    {.words = LISTS "del",
     .operands = "KEY...",
     .least = 1,
     .most = ANY,
     .help = "take out entries, automatic bans too",
     .run = ctl_list_del,
     .local = true},
    {.words = LISTS "list",
     .operands = "",
     .options = CTL_BIT(CTL_KIND),
     .help = "show a whole list",
     .run = ctl_list_list,
     .local = true},
    {.words = LISTS "show",
     .operands = "KEY",
     .least = 1,
     .most = 1,
     .help = "show the entry of a key and those that cover it",
     .run = ctl_list_show,
     .local = true},
    {.words = LISTS "import",
     .operands = "[FILE]",
     .most = 1,
     .options = ENTRY_FIELDS | CTL_BIT(CTL_FORMAT) | CTL_BIT(CTL_KIND) | CTL_BIT(CTL_SKIP_FAULTS),
     .help = "put in the entries of a file or of standard input",
     .run = ctl_list_import,
     .local = true},
    {.words = LISTS "export",
     .operands = "",
     .options = CTL_BIT(CTL_FORMAT),
     .help = "write a list for import here or elsewhere",
     .run = ctl_list_export,
     .local = true},
    {.words = "greylist list",
     .operands = "[WHOM]",
     .most = 1,
     .options = GREY_FILTER,
     .help = "show the triplets, with the time left",
     .run = ctl_grey_list},
    {.words = "greylist show",
     .operands = "[WHOM]",
     .most = 1,
     .options = GREY_FILTER,
     .help = "the same of somebody, who must be there",
     .run = ctl_grey_show},
    {.words = "greylist pass",
     .operands = "[WHOM]",
     .most = 1,
     .options = GREY_FILTER,
     .help = "let waiting triplets pass at once",
     .run = ctl_grey_pass},
    {.words = "greylist del",
     .operands = "[WHOM]",
     .most = 1,
     .options = GREY_FILTER,
     .help = "forget triplets",
     .run = ctl_grey_del},
    {.words = "status",
     .operands = "",
     .help = "how the daemon is",
     .run = ctl_simple,
     .ask = "status"},
    {.words = "stats", .operands = "", .help = "the counters", .run = ctl_simple, .ask = "stats"},
    {.words = "sessions",
     .operands = "",
     .help = "who is connected",
     .run = ctl_simple,
     .ask = "sessions",
     .answer = CTL_ITEMS,
     .columns = "id client listener state age helo sender accepted refused messages",
     .none = "nobody is connected"},
    {.words = "kill",
     .operands = "ID",
     .least = 1,
     .most = 1,
     .help = "end a session",
     .run = ctl_simple,
     .ask = "kill",
     .operand = "id",
     .done = "the session is ended"},
    {.words = "top",
     .operands = "",
     .options = CTL_BIT(CTL_BY) | CTL_BIT(CTL_MOST),
     .help = "who does most",
     .run = ctl_simple,
     .ask = "top",
     .answer = CTL_ITEMS,
     .none = "nobody is connected"},
    {.words = "tail",
     .operands = "",
     .help = "show verdicts as they fall, until interrupted",
     .run = ctl_simple,
     .ask = "tail",
     .answer = CTL_LIVE,
     .columns = "time id client sender recipients verdict score by refused"},
    {.words = "dns-lists",
     .operands = "",
     .help = "each DNS list's health and latency",
     .run = ctl_simple,
     .ask = "dns-lists",
     .answer = CTL_ITEMS,
     .columns = "list kind mode state asked listed timeouts errors latency latency-most probed why",
     .none = "no DNS list is configured"},
    {.words = "reload",
     .operands = "",
     .help = "read the configuration again",
     .run = ctl_simple,
     .ask = "reload",
     .done = "the new configuration is in force"},
    {.words = "drain",
     .operands = "",
     .help = "let sessions end, then stop",
     .run = ctl_simple,
     .ask = "drain",
     .done = "no new session is let in; the daemon stops when the last one has ended"},
    {.words = "check-config",
     .operands = "",
     .help = "check the configuration, as gatepostd -t",
     .run = ctl_check_config},
    {.words = "backup",
     .operands = "FILE",
     .least = 1,
     .most = 1,
     .help = "copy the database while it is in use",
     .run = ctl_backup,
     .patience = 3600},
    {.words = "explain",
     .operands = "[ID|IP]",
     .most = 1,
     .options = CTL_BIT(CTL_FROM) | CTL_BIT(CTL_TO) | CTL_BIT(CTL_MOST),
     .help = "why it was decided so, and what would have changed it",
     .run = ctl_explain},
    {.words = "test",
     .operands = "",
     .options = CTL_BIT(CTL_CLIENT) | CTL_BIT(CTL_HELO) | CTL_BIT(CTL_FROM) | CTL_BIT(CTL_TO),
     .help = "run the policy on the spot, without a session",
     .run = ctl_test,
     .patience = 60},
    {.words = "lookup",
     .operands = "IP",
     .least = 1,
     .most = 1,
     .help = "ask every configured zone about an address",
     .run = ctl_simple,
     .ask = "lookup",
     .operand = "client",
     .answer = CTL_ITEMS,
     .columns = "zone answer meaning score ms",
     .none = "no DNS list is configured that is asked about such an address",
     .patience = 60},
    {.words = "replay",
     .operands = "NEW.conf",
     .least = 1,
     .most = 1,
     .options = CTL_BIT(CTL_DAYS),
     .help = "judge what was recorded under another configuration",
     .run = ctl_replay,
     .patience = 120},
    {.words = "verify",
     .operands = "",
     .options = CTL_BIT(CTL_IP) | CTL_BIT(CTL_HELO) | CTL_BIT(CTL_FROM),
     .help = "who a message on standard input is really from: SPF, DKIM, ARC, DMARC",
     .run = ctl_verify,
     .local = true},
    {.words = "spf",
     .operands = "IP SENDER [HELO]",
     .least = 2,
     .most = 3,
     .help = "evaluate SPF step by step",
     .run = ctl_spf,
     .local = true},
    {.words = "domain",
     .operands = "NAME",
     .least = 1,
     .most = 1,
     .options = CTL_BIT(CTL_SELECTOR),
     .help = "what the world sees of a domain, and what is wrong with it",
     .run = ctl_domain,
     .local = true},
    {.words = "tlsa",
     .operands = "CERTIFICATE",
     .least = 1,
     .most = 1,
     .options = CTL_BIT(CTL_HOST),
     .help = "the DANE record of a certificate's key",
     .run = ctl_tlsa,
     .local = true},
    {.words = "mta-sts",
     .operands = "[DOMAIN]",
     .most = 1,
     .options = CTL_BIT(CTL_MODE),
     .help = "an MTA-STS policy for the own domains",
     .run = ctl_mta_sts,
     .local = true},
    {.words = "privacy forget",
     .operands = "ADDRESS",
     .least = 1,
     .most = 1,
     .help = "delete all that is stored of an address",
     .run = ctl_privacy_forget,
     .patience = 600},
    {.words = "privacy export",
     .operands = "ADDRESS",
     .least = 1,
     .most = 1,
     .help = "all that is stored of an address, as JSON",
     .run = ctl_privacy_export,
     .patience = 120},
    {.words = "help",
     .operands = "[COMMAND]",
     .most = CTL_WORDS_MOST,
     .help = "what there is",
     .run = ctl_help},
    {.words = NULL},
};

size_t ctl_command_words(const struct ctl_command *command)
{
    size_t words = 1;
    for (const char *p = command->words; (p = strchr(p, ' ')) != NULL; p++)
        words++;
    return words;
}

bool ctl_command_word(const struct ctl_command *command, size_t index, const char *word)
{
    const char *p = command->words;
    for (; index > 0 && p != NULL; index--)
        p = (p = strchr(p, ' ')) != NULL ? p + 1 : NULL;
    size_t len = strlen(word);
    while (p != NULL) {
        size_t here = strcspn(p, "| ");
        if (here == len && memcmp(p, word, len) == 0)
            return true;
        p = p[here] == '|' ? p + here + 1 : NULL;
    }
    return false;
}

char *ctl_command_usage(const struct ctl_command *command)
{
    char *text = mem_printf("gatepostctl %s%s%s", command->words,
                            command->operands[0] != '\0' ? " " : "", command->operands);
    for (unsigned i = 0; i < CTL_OPTION_COMMON; i++) {
        if ((command->options & CTL_BIT(i)) == 0)
            continue;
        const struct ctl_option_row *row = &ctl_options[i];
        char *more = mem_printf("%s [--%s%s%s]", text, row->name, row->value != NULL ? " " : "",
                                row->value != NULL ? row->value : "");
        free(text);
        text = more;
    }
    return text;
}
