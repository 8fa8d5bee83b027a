/* SPDX-License-Identifier: ISC */
/*
 * arc: is the chain of those who handled this message whole? (RFC 8617)
 */
#include "policy/auth/arc.h"

const char *arc_result_name(enum arc_result result)
{
    static const char *const name[] = {[ARC_NONE] = "none",
                                       [ARC_PASS] = "pass",
                                       [ARC_FAIL] = "fail",
                                       [ARC_TEMPERROR] = "temperror"};
    return name[result];
}
