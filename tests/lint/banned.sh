#!/bin/bash
# SPDX-License-Identifier: ISC
# Calls that have bitten others, and marks of unfinished work. Allocation goes through lib/mem.
set -euo pipefail
bad=0
seek() { # why, pattern, files...
    local why=$1 pattern=$2
    shift 2
    if grep -nE "$pattern" "$@"; then
        echo "  ^ $why"
        bad=1
    fi
}
mapfile -t sources < <(find lib dns db policy proxy admin -name '*.[ch]' | sort)
mapfile -t others < <(find lib dns db policy proxy admin -name '*.[ch]' -not -path 'lib/mem.c' | sort)
mapfile -t all < <(find lib dns db policy proxy admin tests systemd man .ci quickstart -type f \
    -not -path '*/corpus/*' -not -path '*/__pycache__/*' -not -name banned.sh | sort)
seek 'unbounded or ambiguous: use snprintf, lib/str.h, strtol with a check' \
    '(^|[^_[:alnum:]])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|atoi|atol|alloca|rand|srand)\([^)]' \
    "${sources[@]}"
seek 'allocation goes through lib/mem.h' \
    '(^|[^_[:alnum:]>.])(malloc|calloc|realloc|strdup|strndup|asprintf)\([^)]' "${others[@]}"
seek 'finish it or open an issue' '(^|[^[:alpha:]])(TODO|FIXME)([^[:alpha:]]|$)' "${all[@]}"
seek 'the Makefile defines it' '#[[:space:]]*define _GNU_SOURCE' "${all[@]}"
exit "$bad"
