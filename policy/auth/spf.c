/* SPDX-License-Identifier: ISC */
/*
 * spf: may this client send for this domain? (RFC 7208)
 */
#include "policy/auth/spf.h"

const char *spf_result_name(enum spf_result result)
{
    static const char *const name[] = {"none",     "neutral",   "pass",     "fail",
                                       "softfail", "temperror", "permerror"};
    return name[result];
}
