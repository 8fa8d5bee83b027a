/* SPDX-License-Identifier: ISC */
/*
 * dkim: which domains have signed this message? (RFC 6376)
 */
#include "policy/auth/dkim.h"

const char *dkim_result_name(enum dkim_result result)
{
    static const char *const name[] = {
        [DKIM_NONE] = "none",           [DKIM_PASS] = "pass",
        [DKIM_FAIL] = "fail",           [DKIM_POLICY] = "policy",
        [DKIM_NEUTRAL] = "neutral",     [DKIM_TEMPERROR] = "temperror",
        [DKIM_PERMERROR] = "permerror",
    };
    return name[result];
}
