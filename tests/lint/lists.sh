#!/bin/bash
# SPDX-License-Identifier: ISC
# The modules named in Makefile.in are exactly the C files of the rooms.
set -euo pipefail
diff <(tr ' ' '\n' <<<"$MAKE_LISTS" | grep . | sort) \
    <(find lib dns db policy proxy admin -name '*.c' | sed 's/\.c$//' | sort) |
    sed -n 's/^< \(.*\)/Makefile.in: \1.c is named but not there/p
            s/^> \(.*\)/\1.c:1: is not named in Makefile.in/p' | {
    bad=0
    while read -r line; do
        echo "$line"
        bad=1
    done
    exit "$bad"
}
