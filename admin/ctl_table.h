/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_TABLE_H
#define ADMIN_CTL_TABLE_H
/*
 * gatepostctl's commands and options, as rows. Parsing, help, `help --json` (from which lint checks
 * the manual and the completions) and what is run all come from here; there is no second list.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

enum ctl_option {
    CTL_FOR,
    CTL_REASON,
    CTL_ACTION,
    CTL_UNPROVEN,
    CTL_FORMAT,
    CTL_SKIP_FAULTS,
    CTL_KIND,
    CTL_CLIENT,
    CTL_SENDER,
    CTL_RECIPIENT,
    CTL_STATE,
    CTL_HELO,
    CTL_FROM,
    CTL_TO,
    CTL_BY,
    CTL_MOST,
    CTL_DAYS,
    CTL_IP,
    CTL_HOST,
    CTL_SELECTOR,
    CTL_MODE,
    /* of every command */
    CTL_CONFIG,
    CTL_SOCKET,
    CTL_JSON,
    CTL_NO_COLOR,
    CTL_YES,
    CTL_HELP,
    CTL_VERSION,
    CTL_OPTIONS,
};
#define CTL_BIT(option)   (UINT32_C(1) << (option))
#define CTL_OPTION_COMMON CTL_CONFIG /* from here on */

/* What an option's value becomes as an argument of a request. */
enum ctl_value { CTL_VALUE_NONE, CTL_VALUE_TEXT, CTL_VALUE_NUMBER, CTL_VALUE_DURATION };

struct ctl_option_row {
    const char *name;  /* without its dashes */
    char letter;       /* 0: none */
    const char *value; /* what stands for it in the usage, NULL: takes none */
    const char *help;
    const char *argument; /* of a request, NULL: gatepostctl's own */
    enum ctl_value form;
    bool (*good)(const char *value); /* NULL: any text */
    const char *right;               /* what would be: "--for takes ..." */
    bool many;                       /* may be given more than once */
};
extern const struct ctl_option_row ctl_options[CTL_OPTIONS];

enum ctl_answer {
    CTL_OBJECT, /* one object */
    CTL_ITEMS,  /* many, shown as a table */
    CTL_LIVE,   /* many without an end, each shown at once */
};

struct ctl_command {
    const char *words;           /* "allow|deny|trap add": one of each group */
    const char *operands;        /* as the usage has them, "" for none */
    unsigned least, most;        /* operands */
    uint32_t options;            /* CTL_BITs beside those of every command */
    const char *help;            /* one line */
    int (*run)(struct ctl *ctl); /* the exit status */
    bool local;                  /* works while the daemon is down */
    /* For ctl_simple, which most of them are: */
    const char *ask;     /* the request */
    const char *operand; /* the argument that the operand becomes */
    enum ctl_answer answer;
    const char *columns; /* members of an item, NULL: all of the first */
    const char *done;    /* said to people where the answer is empty */
    const char *none;    /* the same of no items */
    unsigned patience;   /* seconds without a byte of an answer; 0: CTL_PATIENCE */
};
#define CTL_PATIENCE   30
#define CTL_WORDS_MOST 2

extern const struct ctl_command ctl_commands[]; /* ends with words NULL */

/* Does `word` stand in the `index`-th group of the command's words? False, too, where there is no
 * such group. */
bool ctl_command_word(const struct ctl_command *command, size_t index, const char *word);
/* How many groups. */
size_t ctl_command_words(const struct ctl_command *command);
/* "gatepostctl allow|deny|trap add KEY... [--for DURATION]": fresh, the caller frees. */
char *ctl_command_usage(const struct ctl_command *command) __attribute__((warn_unused_result));

#endif
