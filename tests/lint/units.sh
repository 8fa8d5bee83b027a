#!/bin/bash
# SPDX-License-Identifier: ISC
# The systemd units hold together, and the service exposes at most 1.6 by systemd's own measure.
set -euo pipefail
if ! command -v systemd-analyze >/dev/null; then
    echo "systemd-analyze is not here"
    exit 77
fi
work=$OBJDIR/lint/units
rm -rf "$work"
mkdir -p "$work"
for unit in systemd/*.service systemd/*.socket; do
    # /bin/true stands for the program: it must exist for the check.
    sed -e 's,@sbindir@/gatepostd,/bin/true,' -e 's,@sysconfdir@,/etc,' "$unit" >"$work/${unit##*/}"
done
bad=0
said=$(systemd-analyze verify --recursive-errors=no --man=no "$work"/* 2>&1 | grep "$work" || true)
if [[ -n $said ]]; then
    echo "$said"
    bad=1
fi
for unit in "$work"/*.service; do
    score=$(systemd-analyze security --offline=true --no-pager "$unit" |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p')
    echo "${unit##*/}: exposure $score"
    if ! awk -v s="$score" 'BEGIN { exit !(s != "" && s <= 1.6) }'; then
        echo "${unit##*/}: exposure must be at most 1.6"
        bad=1
    fi
done
exit "$bad"
