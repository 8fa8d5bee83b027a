#!/bin/bash
# SPDX-License-Identifier: ISC
# The event words the program logs are exactly those in the list of gatepostd(8).
set -euo pipefail
# The event is the first string in the call, always a literal, perhaps on the next line.
in_code=$(find lib dns db policy proxy admin -name '*.c' -print0 | xargs -0 cat | tr '\n' ' ' |
    grep -oE 'log_(begin|event|lines)\([^;"]*"[a-z-]+"' | sed 's/.*"\(.*\)"/\1/' | sort -u || true)
in_manual=$(sed -n '/events-begin/,/events-end/p' man/gatepostd.8 | sed -n 's/^\.It Cm //p' |
    tr -d ',' | tr ' ' '\n' | grep . | sort -u)
diff <(echo "$in_code") <(echo "$in_manual") |
    sed -n 's/^< \(.*\)/man\/gatepostd.8: event \1 is logged but not described/p
            s/^> \(.*\)/man\/gatepostd.8: event \1 is described but not logged/p' | {
    bad=0
    while read -r line; do
        echo "$line"
        bad=1
    done
    exit "$bad"
}
