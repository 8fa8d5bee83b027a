#!/bin/bash
# SPDX-License-Identifier: ISC
# Every C file opens with its licence in one line and then its manual: in a .c from line 2, in a .h
# right behind the guard, and no manual over 25 lines. Scripts carry the licence line too.
set -euo pipefail
bad=0
complain() {
    echo "$1"
    bad=1
}
for file in $(find lib dns db policy proxy admin tests -name '*.[ch]' | sort); do
    [[ $(sed -n 1p "$file") == '/* SPDX-License-Identifier: ISC */' ]] ||
        complain "$file:1: must be /* SPDX-License-Identifier: ISC */"
    line=2
    [[ $file == *.h ]] && line=4
    if [[ $(sed -n "${line}p" "$file") != '/*'* ]]; then
        complain "$file:$line: the manual of the file must begin here"
        continue
    fi
    length=$(awk -v from="$line" 'NR >= from && /\*\// { print NR - from + 1; exit }' "$file")
    if ((${length:-99} > 25)) && [[ $file != tests/* ]]; then
        complain "$file:$line: a manual of ${length:-?} lines, at most 25"
    fi
done
while read -r file; do
    grep -q 'SPDX-License-Identifier: ISC' "$file" || complain "$file:2: the licence line is missing"
done < <(find tests quickstart .ci/run -name __pycache__ -prune -o -type f -not -path '*/corpus/*' -print0 |
    xargs -0 grep -lE '^#!|^"""|^import ' 2>/dev/null || true)
exit "$bad"
