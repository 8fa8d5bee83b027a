/* SPDX-License-Identifier: ISC */
/* ctl_block: a check's block of the configuration. */
#include "admin/ctl_block.h"

#include "admin/ctl_run.h"
#include "policy/policy.h"

#include <string.h>

const struct check_config *ctl_block(const struct ctl *ctl, const char *name)
{
    const struct policy *policy = ctl->config.settings.policy;
    const struct check_config *const *config = policy != NULL ? policy_checks(policy) : NULL;
    while (config != NULL && *config != NULL && strcmp((*config)->check->name, name) != 0)
        config++;
    return config != NULL ? *config : NULL;
}

enum dmarc_discovery ctl_block_discovery(const struct ctl *ctl)
{
    const struct dmarc_config *dmarc = (const void *)ctl_block(ctl, "dmarc");
    return dmarc != NULL ? dmarc->discovery : DMARC_TREE_WALK;
}
