/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_ARGS_H
#define ADMIN_CTL_ARGS_H
/* gatepostctl's command line, by the rows of ctl_table.h. Pure. */

#include "admin/ctl_table.h"

#include <jansson.h>

struct ctl_args {
    const struct ctl_command *command; /* NULL: only options were given */
    const char *word[CTL_WORDS_MOST];  /* as chosen: "deny", "add" */
    const char *option[CTL_OPTIONS];   /* the value, "" of one that takes none, NULL: not given */
    const char **many;                 /* all values of the one option that may have more */
    size_t many_count;
    const char **operand; /* all point into argv */
    size_t operands;
};

/* Options may stand anywhere; behind "--" all are operands. False: *why is one sentence, the caller
 * frees. Free `out` in both cases. */
bool ctl_args_parse(int argc, char *const *argv, struct ctl_args *out, char **why)
    __attribute__((warn_unused_result));
void ctl_args_free(struct ctl_args *args);

/* The request's arguments that options and the row's operand give; a new reference. */
json_t *ctl_args_request(const struct ctl_args *args) __attribute__((warn_unused_result));

#endif
