#!/bin/bash
# SPDX-License-Identifier: ISC
# Each header compiles alone and has the guard FOLDER_FILE_H.
set -euo pipefail
bad=0
work=$OBJDIR/lint
mkdir -p "$work"
for header in $(find lib dns db policy proxy admin -name '*.h' | sort); do
    guard=$(tr 'a-z/.' 'A-Z__' <<<"$header")
    if ! grep -qx "#ifndef $guard" "$header" || ! grep -qx "#define $guard" "$header"; then
        echo "$header:2: the guard must be $guard"
        bad=1
    fi
    printf '#include "%s"\n' "$header" >"$work/alone.c"
    # shellcheck disable=SC2086 # lists of flags
    if ! $CC -I. $LINT_CFLAGS $LINT_WARNINGS -Werror -fsyntax-only "$work/alone.c"; then
        echo "$header:1: does not compile alone"
        bad=1
    fi
done
exit "$bad"
