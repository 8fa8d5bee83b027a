#!/bin/bash
# SPDX-License-Identifier: ISC
# Small files and small functions: no file of the rooms over 600 lines, no function over 90 (from
# its opening to its closing brace, both in the first column).
set -euo pipefail
# shellcheck disable=SC2046 # no spaces in our names
awk '
    FNR == 1 { if (lines > 600) { print last ":1: " lines " lines, at most 600"; bad = 1 } }
    { last = FILENAME; lines = FNR }
    /^{/ { start = FNR }
    /^}/ && start {
        size = FNR - start + 1
        if (size > 90) { print FILENAME ":" start ": function of " size " lines, at most 90"; bad = 1 }
        start = 0
    }
    END {
        if (lines > 600) { print last ":1: " lines " lines, at most 600"; bad = 1 }
        exit bad
    }' $(find lib dns db policy proxy admin -name '*.[ch]' | sort)
