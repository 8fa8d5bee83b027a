#!/bin/bash
# SPDX-License-Identifier: ISC
# cppcheck finds nothing.
set -euo pipefail
if ! command -v cppcheck >/dev/null; then
    echo "cppcheck is not here"
    exit 77
fi
cache=$OBJDIR/lint/cppcheck
mkdir -p "$cache"
# cppcheck reads no system header; without the macros of this one it cannot parse ours.
queue=$(echo '#include <sys/queue.h>' | $CC -E - | sed -n 's/^# 1 "\(.*queue\.h\)".*/\1/p')
cppcheck --quiet -j 2 --std=c11 --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
    --cppcheck-build-dir="$cache" --error-exitcode=1 --include="$queue" -I . lib dns db policy proxy admin
