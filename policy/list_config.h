/* SPDX-License-Identifier: ISC */
#ifndef POLICY_LIST_CONFIG_H
#define POLICY_LIST_CONFIG_H
/* The section lists { ... }: entries of origin ENTRY_FILE, written there or in files it names. */

#include "lib/addr.h"
#include "lib/conf.h"

struct list_paths {
    char **item;
    size_t count;
};

struct policy_lists {                                        /* plain data, filled by the section */
    struct cidr_set allow;                                   /* past every check */
    struct cidr_set deny;                                    /* 550 at RCPT */
    struct cidr_set tarpit;                                  /* taken to the tarpit at once */
    struct list_paths allow_files, deny_files, tarpit_files; /* policy/list_files.h */
};

extern const struct conf_section list_section;

/* Fills it from `conf` (conf_clear frees), and warns of what was hardly meant. */
void list_config_read(struct policy_lists *lists, struct conf *conf);

#endif
