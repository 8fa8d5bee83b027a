#!/bin/bash
# SPDX-License-Identifier: ISC
# Every C file is as clang-format 14 (Debian 12's) writes it. Other versions format differently, so
# they are not asked.
set -euo pipefail
tool=$(command -v clang-format-14 || command -v clang-format || true)
if [[ -z $tool ]] || ! "$tool" --version | grep -q 'version 14\.'; then
    echo "clang-format 14 is not here"
    exit 77
fi
find lib dns db policy proxy admin tests -name '*.[ch]' -print0 | xargs -0 "$tool" --dry-run -Werror
