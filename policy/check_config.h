/* SPDX-License-Identifier: ISC */
#ifndef POLICY_CHECK_CONFIG_H
#define POLICY_CHECK_CONFIG_H
/* The configurations of the checks in the table: one per block of the file, and one for each check
 * that has no block. Main thread. */

#include "policy/check.h"

struct check_config_list {
    struct check_config **item; /* in the order of the table, then of the file */
    size_t count;
};

/* Reads all of them; faults are noted in `conf`. Free with check_config_free either way. */
void check_config_read(struct check_config_list *list, struct conf *conf);
void check_config_free(struct check_config_list *list);

#endif
