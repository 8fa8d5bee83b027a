#!/bin/bash
# SPDX-License-Identifier: ISC
# The session's state has one door: `->state =` stands once in proxy/session*.c and cmd_*.c, in
# session_enter().
set -euo pipefail
shopt -s nullglob
files=(proxy/session*.c proxy/cmd_*.c)
if ((${#files[@]} == 0)); then
    echo "proxy/session*.c: no such file"
    exit 1
fi
hits=$(grep -nE -- '(->|\.)state = ' /dev/null "${files[@]}" || true)
count=$(grep -c . <<<"$hits" || true)
if ((count != 1)); then
    echo "the state is written $count times, must be once:"
    echo "$hits"
    exit 1
fi
