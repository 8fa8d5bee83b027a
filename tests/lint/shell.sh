#!/bin/bash
# SPDX-License-Identifier: ISC
# Nothing that shellcheck knows of is in any script of ours.
set -euo pipefail
if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not here"
    exit 77
fi
find tests quickstart .ci -type f -not -path '*/corpus/*' -print0 |
    xargs -0 grep -lE -m 1 '^#!(/bin/|/usr/bin/env )(ba)?sh' | xargs shellcheck
