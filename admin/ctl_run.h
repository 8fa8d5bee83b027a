/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CTL_RUN_H
#define ADMIN_CTL_RUN_H
/*
 * What runs a command of gatepostctl, and what all of them stand on. A run returns the exit status:
 * 0 fine, 1 it could not, or there is no such thing, 2 wrong usage.
 */

#include "admin/ctl_args.h"
#include "admin/ctl_call.h"
#include "admin/ctl_config.h"

#include <jansson.h>
#include <stdbool.h>

struct ctl {
    struct ctl_args args;
    struct ctl_config config;
    struct ctl_link *link; /* NULL as long as nothing was asked */
    const char *version;
    bool json;
    bool colour;
};

/* One sentence to stderr: what is wrong, what would be right. Returns `status`. */
int ctl_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A note for people to stderr, which is none where programs read. */
void ctl_note(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Where there is a terminal and no --yes: asks. True: go on. */
bool ctl_confirm(const struct ctl *ctl, const char *question);

/* Asks the daemon, or where it is down and the command's row is `local` ourselves. Takes over
 * `args`; each item goes to item(arg). What failed was said when this returns not 0. `result` may
 * be NULL; else *result is the caller's reference, or NULL where it failed. */
int ctl_ask(struct ctl *ctl, const char *command, json_t *args, ctl_item_fn item, void *arg,
            json_t **result);

/* The commands, by their rows in ctl_table.c. */
int ctl_simple(struct ctl *ctl);
int ctl_list_add(struct ctl *ctl);
int ctl_list_del(struct ctl *ctl);
int ctl_list_list(struct ctl *ctl);
int ctl_list_show(struct ctl *ctl);
int ctl_list_import(struct ctl *ctl);
int ctl_list_export(struct ctl *ctl);
int ctl_grey_list(struct ctl *ctl);
int ctl_grey_show(struct ctl *ctl);
int ctl_grey_pass(struct ctl *ctl);
int ctl_grey_del(struct ctl *ctl);
int ctl_check_config(struct ctl *ctl);
int ctl_backup(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_test(struct ctl *ctl);
int ctl_replay(struct ctl *ctl);
int ctl_verify(struct ctl *ctl);
int ctl_spf(struct ctl *ctl);
int ctl_domain(struct ctl *ctl);
int ctl_tlsa(struct ctl *ctl);
int ctl_mta_sts(struct ctl *ctl);
int ctl_privacy_forget(struct ctl *ctl);
int ctl_privacy_export(struct ctl *ctl);
int ctl_help(struct ctl *ctl);

#endif
