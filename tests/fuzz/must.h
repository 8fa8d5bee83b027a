/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_MUST_H
#define FUZZ_MUST_H
/* What a fuzz target promises: MUST(condition) says where it does not hold, and aborts. */

#include <stdio.h>
#include <stdlib.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
